"""The console's words in the languages of its users: gettext catalogues, English being the text in the program."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

LANGUAGES: Final = {"en": "English", "fr": "Français", "vi": "Tiếng Việt", "zh": "中文"}
DIRECTIONS: Final = {"ar": "rtl", "fa": "rtl", "he": "rtl", "ur": "rtl"}
"""Languages written from right to left; pages follow when one of them is added."""
Say = Callable[..., str]
FOLDER: Final = Path(__file__).parent / "locale"


@cache
def catalogue(language: str) -> dict[str, str]:
    """The messages of a language by their English text; empty for English itself."""
    path = FOLDER / f"{language}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id and entry.string}


def words(language: str) -> Say:
    """Gives a message in a language, its `{names}` filled in; English where a translation is missing."""
    found = catalogue(language)

    def say(text: str, **values: object) -> str:
        message = found.get(text, text)
        return message.format(**values) if values else message

    return say
