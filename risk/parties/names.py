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

NOBODY: Final = re.compile(
    r"^(TO (THE )?ORDER( OF)?( .*)?|ORDER( OF .*)?|SAME AS .*|AS (ABOVE|CONSIGNEE|SHIPPER|AGREED)|UNKNOWN"
    r"|NONE|NIL|NA|N A|NO NAME|NOT (AVAILABLE|KNOWN|APPLICABLE|STATED)|TBA|TBC|TBD|XX+|TEST)$"
)

_SEPARATORS: Final = re.compile(r"[^A-Z0-9]+")
_SINGLE_LETTERS: Final = re.compile(r"\b([A-Z0-9]) (?=[A-Z0-9]\b)")
LONGEST: Final = 400
"""Characters of a name that are looked at; a longer one is cut, so that no name can stall the work."""


@lru_cache(maxsize=200_000)
def normalise_name(name: str) -> str:
    """The comparable form of a party's name, or "" when it names nobody."""
    text = _ascii(name)
    if not text or NOBODY.match(text):
        return ""
    tokens = _SINGLE_LETTERS.sub(r"\1", text).split()
    while len(tokens) > 1 and tokens[-1] in LEGAL_FORMS:
        tokens.pop()
    while len(tokens) > 1 and tokens[0] in LEGAL_FORMS:
        tokens.pop(0)
    return " ".join(tokens)


@lru_cache(maxsize=200_000)
def normalise_address(address: str) -> str:
    """The comparable form of an address: its tokens in upper-case ASCII, sorted, each once."""
    return " ".join(sorted(set(_ascii(address).split())))


def _ascii(text: str) -> str:
    return _SEPARATORS.sub(" ", anyascii(text[:LONGEST]).upper()).strip()
