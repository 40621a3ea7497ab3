"""Names and addresses in the form in which they are compared.

A normalised name is upper-case ASCII without punctuation, with the legal form (Co., Ltd., JSC, TNHH, ...)
taken off the end or the front. Placeholders such as "to order" or "same as consignee" are nobody: they
normalise to the empty text, so that they can never become one giant consignee.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from anyascii import anyascii

# Legal forms of the corridors served, as the tokens left after normalising. Recalled; extend as met.
LEGAL_FORMS: Final = frozenset(
    "CO COMPANY CORP CORPORATION INC INCORPORATED LTD LIMITED LLC LLP PLC PTE PTY PVT PRIVATE PUBLIC JSC "
    "JS SDN BHD BERHAD SARL SA SAS SPA SRL LDA LTDA GMBH AG BV NV OY AB FZE FZCO FZ TNHH CP CONG TY CTY OOO ZAO "
    "PT CV KK KG EIRL EURL".split()
)

# Some of them also stand in front. Others do not: SA GIANG, AB and CO are beginnings of names.
IN_FRONT: Final = re.compile(
    r"^((CONG TY|CTY)( (TNHH|CP|CO PHAN|MTV|MOT THANH VIEN|HUU HAN))*|TNHH|PT|CV|OOO|OAO|PAO|ZAO|TOO)(?= \w)"
)

FORWARDER: Final = re.compile(
    r"\b(LOGISTIC\w*|FREIGHT\w*|FORWARD\w*|SHIPPING|CARGO|TRANSPORT\w*|TRANSIT\w*|EXPRESS|COURIER|NVOCC"
    r"|GIAO NHAN|VAN TAI|CUSTOMS BROK\w*|LINES?)\b"
)
"""Words of forwarders and carriers in a normalised name. Recalled; extend as met."""

NOBODY: Final = re.compile(
    r"^(TO (THE )?ORDER( OF)?( .*)?|ORDER( OF .*)?|SAME AS .*|AS (ABOVE|CONSIGNEE|SHIPPER|AGREED)|UNKNOWN"
    r"|NONE|NIL|NA|N A|NO NAME|NOT (AVAILABLE|KNOWN|APPLICABLE|STATED)|TBA|TBC|TBD|XX+|TEST)$"
)

ORDER: Final = re.compile(r"^(TO (THE )?)?ORDER( OF .*)?$|^TO (THE )?ORDER\b")

_SEPARATORS: Final = re.compile(r"[^A-Z0-9]+")
_SINGLE_LETTERS: Final = re.compile(r"\b([A-Z0-9]) (?=[A-Z0-9]\b)")
LONGEST: Final = 400
"""Characters of a name that are looked at; a longer one is cut, so that no name can stall the work."""


@lru_cache(maxsize=200_000)
def normalise_name(name: str) -> str:
    """The comparable form of a party's name, or "" when it names nobody."""
    text = _SINGLE_LETTERS.sub(r"\1", _ascii(name))
    before = None
    while text != before:  # what is left after a legal form may end in another one
        before = text
        text = IN_FRONT.sub("", text).strip()
        tokens = text.split()
        while len(tokens) > 1 and tokens[-1] in LEGAL_FORMS:
            tokens.pop()
        text = _SINGLE_LETTERS.sub(r"\1", " ".join(tokens))
    return "" if NOBODY.match(text) else text


def is_order(name: str) -> bool:
    """Whether a consignee's name only says that the bill is made out to order."""
    return bool(ORDER.match(_ascii(name)))


def looks_like_forwarder(name: str) -> bool:
    """Whether a name has a word that forwarders and carriers go by."""
    return bool(FORWARDER.search(_ascii(name)))


@lru_cache(maxsize=200_000)
def normalise_address(address: str) -> str:
    """The comparable form of an address: its tokens in upper-case ASCII, sorted, each once."""
    return " ".join(sorted(set(_ascii(address).split())))


def _ascii(text: str) -> str:
    return _SEPARATORS.sub(" ", anyascii(text[:LONGEST]).upper()).strip()
