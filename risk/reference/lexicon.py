"""Words for protected species and their products in the languages of trade documents (`data/lexicon.csv`).

A word counts where it stands as a word; in scripts written without spaces, wherever it occurs. Case and
accents do not matter, so that "VAY TE TE" is found as well as "vảy tê tê". A plural s is accepted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from risk.reference import tables

_BETWEEN_WORDS: Final = re.compile("[\\s\\-_'\u2019]+")


@dataclass(frozen=True)
class Term:
    """A word and the species group it points to.

    kind         species, product or code (a word used in its place)
    precision    high when the word hardly ever means something else in a description of goods, else low
    """

    term: str
    language: str
    group: str
    kind: str
    precision: str
    source: str
    status: str


@cache
def terms() -> tuple[Term, ...]:
    """All terms, in the order of the table."""
    return tuple(Term(**row) for row in tables.rows("lexicon"))


def hits(text: str) -> tuple[Term, ...]:
    """The terms that occur in a text, in the order of the table."""
    folded = _fold(text)
    anywhere, patterns = _patterns()
    if not any(pattern.search(folded) for pattern in anywhere):
        return ()
    return tuple(term for pattern, term in patterns if pattern.search(folded))


def mask(texts: Iterable[object], precision: str | None = None) -> npt.NDArray[np.bool_]:
    """Whether each of the distinct texts holds a term, of the precision if one is given; missing is False."""
    return np.fromiter(
        (
            isinstance(text, str) and any(precision is None or term.precision == precision for term in hits(text))
            for text in texts
        ),
        dtype=np.bool_,
    )


def _fold(text: str) -> str:
    bare = text.casefold()
    if not bare.isascii():
        decomposed = unicodedata.normalize("NFKD", bare)
        bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _BETWEEN_WORDS.sub(" ", bare)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], ...], tuple[tuple[re.Pattern[str], Term], ...]]:
    folded = {term: _fold(term.term) for term in terms()}
    spaced = [re.escape(word) for word in folded.values() if word.isascii()]
    joined = [re.escape(word) for word in folded.values() if not word.isascii()]
    anywhere = (re.compile(_as_word("|".join(spaced))), re.compile("|".join(joined)))
    single = tuple(
        (re.compile(_as_word(re.escape(word)) if word.isascii() else re.escape(word)), term)
        for term, word in folded.items()
    )
    return anywhere, single


def _as_word(pattern: str) -> str:
    return rf"(?<![^\W\d_])(?:{pattern})s?(?![^\W\d_])"
