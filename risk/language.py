"""The languages of reasons and indicators: gettext catalogues, read as they are, and numbers as each writes them.

A catalogue (`risk/locale/LANGUAGE/risk.po`) maps the English message to its translation. A message whose words change
with its number has `msgid_plural` (the same text again) and one `msgstr` for each plural form of the language; English
has a catalogue for these only. What a catalogue lacks is said in English. Copy one to add a language.
"""

from __future__ import annotations

import gettext
import math
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.pofile import read_po

from risk.errors import UsageError
from risk.phrase import Country, Language, Phrase, Value, counted, pieces

FOLDER: Final = Path(__file__).parent / "locale"
ENGLISH: Final = "en"
PLURALS: Final = "n != 1"
NOT_STATED: Final = Phrase("not stated")
"""What stands for a value that is missing."""


def languages() -> tuple[str, ...]:
    """The languages that have a catalogue."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/risk.po")))


class Speaker:
    """Says phrases in one language."""

    def __init__(self, language: str) -> None:
        """Read the catalogue of the language. Raises UsageError when there is none."""
        path = FOLDER / language / "risk.po"
        if not path.is_file():
            raise UsageError(f"no reasons in the language {language!r}; there are {', '.join(languages())}")
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        self._said: dict[str, tuple[str, ...]] = {}
        for entry in catalogue:
            if entry.id and not entry.fuzzy:
                forms = entry.string if isinstance(entry.string, tuple | list) else (str(entry.string or ""),)
                if all(forms):
                    self._said[str(entry.id if isinstance(entry.id, str) else entry.id[0])] = tuple(forms)
        self._form: Callable[[int], int] = gettext.c2py(str(catalogue.plural_expr))
        self.language = language
        locale = Locale.parse(language)
        symbols = locale.number_symbols["latn"]
        self._marks = str.maketrans({",": symbols["group"], ".": symbols["decimal"]})
        self._percent = str(locale.percent_formats[None].pattern.rpartition("0")[2])
        self._countries, self._languages = locale.territories, locale.languages

    def say(self, phrase: Phrase) -> str:
        """The phrase as text."""
        message, values = phrase.message, phrase.values
        forms = self._said.get(message)
        if forms is not None:
            message = forms[0] if len(forms) == 1 else forms[self._form(_count(values.get(counted(message))))]
        return "".join(
            [text + self._shown(values.get(name), form) if name else text for text, name, form in pieces(message)]
        )

    def translated(self, message: str) -> tuple[str, ...]:
        """The forms of a message in this language, none where the catalogue lacks it."""
        return self._said.get(message, ())

    def _shown(self, value: Value, form: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, Phrase):
            return self.say(value)
        if isinstance(value, Country | Language):
            names = self._countries if isinstance(value, Country) else self._languages
            return str(names.get(value.code) or value.code)
        if value is None or math.isnan(value):
            return self.say(NOT_STATED)
        text: str = format(value, form) if form else significant(value)
        if text.endswith("%"):
            return str(text[:-1].translate(self._marks)) + self._percent
        return text if self.language == ENGLISH else str(text.translate(self._marks))


def significant(value: float) -> str:
    """A number with as many decimals as matter: 1,234; 31; 31.2; 0.47."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return format(value, ",.0f")
    return format(value, ",.1f" if size >= 10 else ",.2f").rstrip("0").rstrip(".") if size >= 0.01 else f"{value:.1g}"


def _count(value: Value) -> int:
    return round(abs(value)) if isinstance(value, int | float) and math.isfinite(value) else 0


@cache
def speaker(language: str = ENGLISH) -> Speaker:
    """Who speaks a language. Raises UsageError for one without a catalogue."""
    return Speaker(language)


def joined(phrases: Iterable[Phrase], language: str = ENGLISH) -> str:
    """Several phrases as one text, each said once."""
    return _JOINS.get(language, "; ").join(dict.fromkeys(say(phrase, language) for phrase in phrases))


_JOINS: Final = {"fr": " ; ", "zh": "\uff1b"}


def say(phrase: Phrase, language: str = ENGLISH) -> str:
    """The phrase as text in a language."""
    return speaker(language).say(phrase)
