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

from risk.parties import facts
from risk.parties.addresses import normalise_address
from risk.parties.letters import chinese, composed, foreign, words
from risk.parties.trades import without_trade

__all__ = ["Parted", "is_order", "looks_like_forwarder", "normalise_address", "normalise_name", "parted", "role"]

FORWARDER: Final = re.compile(
    r"\b(LOGISTIC\w*|FREIGHT\w*|FORWARD\w*|SHIPPING|CARGO|TRANSPORT\w*|TRANSIT\w*|EXPRESS|COURIER|NVOCC"
    r"|GIAO NHAN|VAN TAI|CUSTOMS BROK\w*|LINES?)\b"
)
"""Words of forwarders and carriers in a normalised name. Recalled; extend as met."""

_SINGLE_LETTERS: Final = re.compile(r"\b([A-Z0-9]) (?=[A-Z0-9]\b)")
_CARE_OF: Final = re.compile(r"\bC ?/ ?O\b|\bcare of\b", re.IGNORECASE)
_TRADES_AS: Final = re.compile(r"\bT ?/ ?A\b|\bD ?/ ?B ?/ ?A\b|\btrading as\b", re.IGNORECASE)
_PERSONAL: Final = re.compile("[A-Z]+( [A-Z]+){1,3}")
_TO_THE_SIRS: Final = re.compile(r"^\s*M/S\b", re.IGNORECASE)
_NUMBER_BEHIND: Final = re.compile(r"\((?:[^()\d]*\d){5}[^()]*\)\s*$")
_TAX_CODE: Final = re.compile(
    r" (TAX (CODE|ID|NO)|MST|TIN|VAT|GSTIN|REG NO|EORI|USCI|NIF|NIT|RUC|CNPJ|INN|UEN)( NO)?"
    r" [A-Z]{0,3}[0-9][A-Z0-9 ]{4,}$"
)
_BEHALF: Final = re.compile(r"\bO ?/ ?B\b|\b(on|in) behalf of\b|\bas agents? (of|for)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Parted:
    """A normalised name in two parts.

    name    the whole normalised name, "" when it names nobody
    core    its words without those of trade, or all of them where there are no others
    trade   the words of trade as a set of bits, see `facts.trades`
    foreign whether it was written in a script other than Latin
    chinese its Chinese characters without those of legal form and trade: many are read alike
    personal whether it may be a person's name: two to four words, neither legal form nor trade
    role    what the name stands for, see `role`
    """

    name: str
    core: str
    trade: int
    foreign: bool
    chinese: str
    personal: bool
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
    return (_native_nobody(name) or _nobody(_latin(name))) == "order"


def looks_like_forwarder(name: str) -> bool:
    """Whether a name has a word that forwarders and carriers go by."""
    return bool(FORWARDER.search(_latin(name)))


def parted(name: str) -> Parted:
    """A name in the parts that are compared one by one."""
    normalised, stands_for = _normalised(name)
    core, trade = without_trade(normalised)
    personal = not trade and _PERSONAL.fullmatch(normalised) is not None and words(composed(name)) == normalised
    written = chinese(_translated(name)) if foreign(name) else ""
    return Parted(normalised, core, trade, foreign(name), written, personal, stands_for)


def _normalised(name: str) -> tuple[str, str]:
    text = _latin(name)
    found = _native_nobody(name) or _nobody(text)
    if found:
        return "", found
    before = None
    while text != before:  # what is left after a legal form may end in another one
        before = text
        tokens = _without_form(_TAX_CODE.sub("", text).split())
        inner = [token for token in tokens[1:-1] if token not in ("AND", "ET")]
        text = _SINGLE_LETTERS.sub(r"\1", " ".join([*tokens[:1], *inner, *tokens[1:][-1:]]))
    found = _nobody(text)
    if found:
        return "", found
    return text, "forwarder" if FORWARDER.search(text) else "party"


def _latin(name: str) -> str:
    return _SINGLE_LETTERS.sub(r"\1", words(_translated(name)))


def _translated(name: str) -> str:
    """A name as written, but for the party that is not meant, and with legal forms and trades of other scripts taken
    out or put in Latin words."""
    text = _NUMBER_BEHIND.sub("", _TO_THE_SIRS.sub("", composed(name))).replace("&", " AND ")
    if "/" in text or any(hint in text.lower() for hint in ("half", "care", "agent", "trading as")):
        text = _principal(text)
    if not text.isascii():
        pattern, latin = facts.native_trades()
        text = facts.native_forms().sub(" ", text)
        text = pattern.sub(lambda match: f" {latin[match[0].lower()]} ", text)
    return text


def _principal(text: str) -> str:
    """Of two parties in one name the one that is meant: before "c/o" or "t/a", behind "on behalf of"."""
    behind = _TRADES_AS.split(_BEHALF.split(text)[-1])[0]
    parts = [part for part in _CARE_OF.split(behind) if words(part)]
    return parts[0] if parts else text


def _native_nobody(name: str) -> str:
    if name.isascii():
        return ""
    text = composed(name)
    return next((kind for kind, pattern in facts.native_nobody() if pattern.search(text)), "")


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
