"""Names of parties in the form in which they are compared.

A normalised name is upper-case ASCII without punctuation, with the legal form (Co., Ltd., JSC, TNHH, ...)
taken off the end or the front. Names that stand for nobody ("to order", "same as consignee", banks, dummies)
normalise to the empty text, so that they can never become one giant consignee. `parted` sets the words of
trade apart from what makes a name its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from risk.parties import facts
from risk.parties.addresses import normalise_address
from risk.parties.letters import composed, foreign, words

__all__ = ["Parted", "is_order", "looks_like_forwarder", "normalise_address", "normalise_name", "parted", "role"]

FORWARDER: Final = re.compile(
    r"\b(LOGISTIC\w*|FREIGHT\w*|FORWARD\w*|SHIPPING|CARGO|TRANSPORT\w*|TRANSIT\w*|EXPRESS|COURIER|NVOCC"
    r"|GIAO NHAN|VAN TAI|CUSTOMS BROK\w*|LINES?)\b"
)
"""Words of forwarders and carriers in a normalised name. Recalled; extend as met."""

_SINGLE_LETTERS: Final = re.compile(r"\b([A-Z0-9]) (?=[A-Z0-9]\b)")
_CARE_OF: Final = re.compile(r"\bC ?/ ?O\b|\bcare of\b", re.IGNORECASE)
_BEHALF: Final = re.compile(r"\bO ?/ ?B\b|\b(on|in) behalf of\b|\bas agents? (of|for)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Parted:
    """A normalised name in two parts.

    name    the whole normalised name, "" when it names nobody
    core    its words without those of trade, or all of them where there are no others
    trade   the words of trade as a set of bits, see `facts.trades`
    foreign whether it was written in a script other than Latin
    role    what the name stands for, see `role`
    """

    name: str
    core: str
    trade: int
    foreign: bool
    role: str


@lru_cache(maxsize=200_000)
def normalise_name(name: str) -> str:
    """The comparable form of a party's name, or "" when it names nobody."""
    return _normalised(name)[0]


def role(name: str) -> str:
    """What a name stands for: order, same, dummy, bank (none of them a party), forwarder or party.

    An empty name, one of digits only and one without any letter or digit are dummies.
    """
    return _normalised(name)[1]


def is_order(name: str) -> bool:
    """Whether a consignee's name only says that the bill is made out to order."""
    return _nobody(_latin(name)) == "order"


def looks_like_forwarder(name: str) -> bool:
    """Whether a name has a word that forwarders and carriers go by."""
    return bool(FORWARDER.search(_latin(name)))


def parted(name: str) -> Parted:
    """A name in the parts that are compared one by one."""
    normalised, stands_for = _normalised(name)
    core, trade = _without_trade(normalised)
    return Parted(normalised, core, trade, foreign(name), stands_for)


def _normalised(name: str) -> tuple[str, str]:
    text = _SINGLE_LETTERS.sub(r"\1", _latin(name))
    found = _nobody(text)
    if found:
        return "", found
    before = None
    while text != before:  # what is left after a legal form may end in another one
        before = text
        text = _SINGLE_LETTERS.sub(r"\1", " ".join(_without_form(text.split())))
    found = _nobody(text)
    if found:
        return "", found
    return text, "forwarder" if FORWARDER.search(text) else "party"


def _latin(name: str) -> str:
    text = composed(name)
    if "/" in text or "half" in text.lower() or "care" in text.lower() or "agent" in text.lower():
        text = _principal(text)
    if not text.isascii():
        pattern, latin = facts.native_trades()
        text = facts.native_forms().sub(" ", text)
        text = pattern.sub(lambda match: f" {latin[match[0].lower()]} ", text)
    return words(text)


def _principal(text: str) -> str:
    """Of two parties in one name the one that is meant: before "c/o", behind "on behalf of"."""
    behind = _BEHALF.split(text)[-1]
    before = _CARE_OF.split(behind)[0]
    return before if words(before) else behind


def _nobody(text: str) -> str:
    if not text or text.replace(" ", "").isdigit():
        return "dummy"
    return next((kind for kind, pattern in facts.nobody() if pattern.search(text)), "")


def _without_form(tokens: list[str]) -> list[str]:
    behind, front = facts.forms_behind(), facts.forms_in_front()
    shorter = True
    while shorter:
        shorter = False
        for size in (4, 3, 2, 1):
            if len(tokens) > size and tuple(tokens[-size:]) in behind:
                tokens, shorter = tokens[:-size], True
            if len(tokens) > size and tuple(tokens[:size]) in front and len("".join(tokens[size:])) > 1:
                tokens, shorter = tokens[size:], True
    return tokens


def _without_trade(name: str) -> tuple[str, int]:
    bits, tokens = facts.trade_bits(), name.split()
    core, trade, at = [], 0, 0
    while at < len(tokens):
        for size in (4, 3, 2, 1):
            found = bits.get(tuple(tokens[at : at + size]), 0) if at + size <= len(tokens) else 0
            # TRAN, LOG, ENG are names in front and abbreviations only behind.
            if found and (at > 0 or len("".join(tokens[:size])) > 4):
                break
        else:
            size, found = 1, _mistyped(tokens[at]) if at > 0 else 0
        if not found:
            core.append(tokens[at])
        trade |= found
        at += size
    return (" ".join(core), trade) if core else (name, 0)


@lru_cache(maxsize=100_000)
def _mistyped(token: str) -> int:
    """The trade that a long word means with one slip of the pen, 0 where there is none."""
    if not 6 <= len(token) <= 20:
        return 0
    found = process.extractOne(token, _LONG_TRADES, scorer=OSA.distance, score_cutoff=1)
    return facts.trade_bits()[(found[0],)] if found else 0


_LONG_TRADES: Final = [words[0] for words in facts.trade_bits() if len(words) == 1 and len(words[0]) >= 7]
