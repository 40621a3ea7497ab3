"""Words of trade set apart from what makes a name its own: Trading, TM, 贸易, Import Export, Foods.

Knows the table `data/trade_words.csv` and nothing of companies.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from risk.parties import facts

_VOWEL: Final = re.compile("[AEIOUY]")
_BETWEEN: Final = frozenset({"E", "ET", "Y", "DAN", "VA", "UND"})
"""Words for "and" that join two trades: Importacao e Exportacao."""
_LONG_TRADES: Final = [words[0] for words in facts.trade_bits() if len(words) == 1 and len(words[0]) >= 7]


def without_trade(name: str) -> tuple[str, int]:
    """A normalised name without its words of trade, and these as bits; the whole name and 0 where it has no others."""
    bits, tokens = facts.trade_bits(), name.split()
    core: list[str] = []
    trade, at, after_trade = 0, 0, False
    while at < len(tokens):
        for size in (4, 3, 2, 1):
            found = bits.get(tuple(tokens[at : at + size]), 0) if at + size <= len(tokens) else 0
            # TRAN, LOG, ENG are names in front and abbreviations only behind; TM, DV, XNK are no names anywhere.
            if found and (at > 0 or len("".join(tokens[:size])) > 4 or not _VOWEL.search(tokens[0])):
                break
        else:
            size, found = 1, _mistyped(tokens[at]) if at > 0 else 0
        if not found and not (after_trade and tokens[at] in _BETWEEN):
            core.append(tokens[at])
        trade, at, after_trade = trade | found, at + size, found > 0
    return (" ".join(core), trade) if core else (name, 0)


@lru_cache(maxsize=100_000)
def _mistyped(token: str) -> int:
    """The trade that a long word means with one slip of the pen, 0 where there is none."""
    if not 6 <= len(token) <= 20:
        return 0
    found = process.extractOne(token, _LONG_TRADES, scorer=OSA.distance, score_cutoff=1)
    return facts.trade_bits()[(found[0],)] if found else 0
