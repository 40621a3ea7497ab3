"""The tables in `data/`: legal forms, trade words, address words and the names that stand for nobody.

Owns their reading and nothing else. Each row says where it comes from (`source`) and how far it is supported
(`status`, in the words of `risk.reference.tables`). Spellings in other scripts stand beside the Latin ones.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"
TABLES: Final = ("legal_forms", "trade_words", "address_words", "nobody")


@cache
def rows(table: str) -> tuple[dict[str, str], ...]:
    """The rows of `data/<table>.csv` as text in the Unicode form NFKC, in the order of the file."""
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(unicodedata.normalize("NFKC", line) for line in file))


@cache
def forms_behind() -> frozenset[tuple[str, ...]]:
    """Legal forms that stand behind a name, each as its words."""
    return frozenset(tuple(row["written"].split()) for row in rows("legal_forms") if row["place"] in ("end", "both"))


@cache
def forms_in_front() -> frozenset[tuple[str, ...]]:
    """Legal forms that stand before a name, each as its words."""
    return frozenset(tuple(row["written"].split()) for row in rows("legal_forms") if row["place"] in ("front", "both"))


@cache
def native_forms() -> re.Pattern[str]:
    """Legal forms in scripts other than Latin, the longest first."""
    written = sorted((row["written"] for row in rows("legal_forms") if row["place"] == "native"), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, written)), re.IGNORECASE)


@cache
def trades() -> tuple[str, ...]:
    """The single words that trades are told by; the place of a word is its bit in a set of trades."""
    return tuple(row["word"] for row in rows("trade_words") if " " not in row["word"])


@cache
def trade_bits() -> dict[tuple[str, ...], int]:
    """From the words a trade is written with, in Latin letters, to the set of trades as bits."""
    bit = {word: 1 << place for place, word in enumerate(trades())}
    return {
        tuple(written.split()): sum(bit[word] for word in row["word"].split())
        for row in rows("trade_words")
        for written in row["written"].split("|")
        if written.isascii()
    }


@cache
def native_trades() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of trades written in other scripts, the longest first, and the Latin word for each, by lower case."""
    words = {
        written.lower(): row["word"]
        for row in rows("trade_words")
        for written in row["written"].split("|")
        if not written.isascii()
    }
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))), re.IGNORECASE), words


@cache
def address_words() -> dict[str, str]:
    """From the way a word of an address is written to the word."""
    return {written: row["word"] for row in rows("address_words") for written in row["written"].split("|")}


@cache
def nobody() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Roles that are no party, each with a pattern of names in upper-case ASCII that have it."""
    return tuple((row["role"], re.compile(row["pattern"])) for row in rows("nobody") if row["pattern"].isascii())


@cache
def native_nobody() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The same for names in other scripts, as they were written."""
    patterns = [(row["role"], row["pattern"]) for row in rows("nobody") if not row["pattern"].isascii()]
    return tuple((role, re.compile(pattern, re.IGNORECASE)) for role, pattern in patterns)
