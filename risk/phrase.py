"""A statement about a consignment as a message and its values, so that it can be said in any language.

The message is English with placeholders, such as "{hits:.0f} seizures in {filings:,.0f} filings"; it is also the key
under which `risk.language` looks up a translation. Values are numbers, texts, countries, languages and
other phrases.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from string import Formatter
from types import MappingProxyType
from typing import Any, Final, NamedTuple


class Country(NamedTuple):
    """A country by its ISO 3166 code, to be named in the reader's language."""

    code: str


class Language(NamedTuple):
    """A language by its ISO 639 code, to be named in the reader's language."""

    code: str


_NO_VALUES: Final[Mapping[str, Any]] = MappingProxyType({})


class Phrase(NamedTuple):
    """A message with its values (of kind Value).

    tactical   whether it tells how consignments are picked for inspection, which is not for everybody
    """

    message: str
    values: Mapping[str, Any] = _NO_VALUES
    tactical: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` reads it again."""
        content: dict[str, Any] = {"message": self.message}
        if self.values:
            content["values"] = {name: _plain(value) for name, value in self.values.items()}
        if self.tactical:
            content["tactical"] = True
        return content


Value = float | str | Country | Language | Phrase | None


def from_json(content: Mapping[str, Any]) -> Phrase:
    """A phrase from its JSON values."""
    values = {name: _value(value) for name, value in content.get("values", {}).items()}
    return Phrase(content["message"], values, content.get("tactical", False))


def _plain(value: Value) -> Any:
    if isinstance(value, Phrase):
        return value.to_json()
    if isinstance(value, Country):
        return {"country": value.code}
    return {"language": value.code} if isinstance(value, Language) else value


def _value(value: Any) -> Value:
    if isinstance(value, dict):
        if "country" in value:
            return Country(value["country"])
        return Language(value["language"]) if "language" in value else from_json(value)
    return value  # type: ignore[no-any-return]


class Piece(NamedTuple):
    """A stretch of a message: text, and the placeholder behind it with its format, if there is one."""

    text: str
    name: str
    form: str


@cache
def pieces(message: str) -> tuple[Piece, ...]:
    """The message taken apart. Raises ValueError for unmatched braces."""
    return tuple(Piece(text, name or "", form or "") for text, name, form, _ in Formatter().parse(message))


_NUMERIC: Final = ("f", "g", "d")


@cache
def counted(message: str) -> str:
    """The placeholder whose number decides between singular and plural: the first that is shown as a number."""
    return next((piece.name for piece in pieces(message) if piece.form.endswith(_NUMERIC)), "")
