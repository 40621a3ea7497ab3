"""Any text as words of upper-case ASCII letters and digits. Knows nothing of names.

Letters of other scripts are written in Latin ones by anyascii; symbols, pictures, control and direction
characters are dropped first, so that nothing invisible can set two names apart.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from anyascii import anyascii

LONGEST: Final = 400
"""Characters of a text that are looked at; a longer one is cut, so that no text can stall the work."""

_CHINESE: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_SEPARATORS: Final = re.compile(r"[^A-Z0-9]+")


def composed(text: str) -> str:
    """The first characters of a text in one Unicode form (NFKC), without what cannot be read."""
    text = text[:LONGEST]
    if text.isascii():
        return text
    return "".join(map(_readable, unicodedata.normalize("NFKC", text)[:LONGEST]))


def words(text: str) -> str:
    """The words of a text in upper-case ASCII, one space between two; "" where it has none."""
    ascii_text = text if text.isascii() else anyascii(text)
    return _SEPARATORS.sub(" ", ascii_text.upper())[:LONGEST].strip()


def foreign(text: str) -> bool:
    """Whether more letters of a text are of a script other than Latin than are Latin."""
    if text.isascii():
        return False
    letters = [character for character in text[:LONGEST] if character.isalpha()]
    other = sum(not c.isascii() and not unicodedata.name(c, "").startswith("LATIN") for c in letters)
    return 2 * other > len(letters)


def chinese(text: str) -> str:
    """The Chinese characters of a text."""
    return "".join(_CHINESE.findall(text[:LONGEST]))


def _readable(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cf":
        return ""
    # Separators and control characters part words; symbols and what is unassigned say nothing.
    return character if kind[0] in "LMNP" else " "
