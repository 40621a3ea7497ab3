"""Addresses in the form in which they are compared."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from risk.parties import facts
from risk.parties.letters import composed, words

_NUMBER: Final = re.compile(r"\d")


@lru_cache(maxsize=200_000)
def normalise_address(address: str) -> str:
    """The comparable form of an address: its tokens in upper-case ASCII, sorted, each once."""
    return " ".join(sorted(set(words(composed(address)).split())))


def comparable_address(address: str) -> str:
    """The normalised address with abbreviations written out (Rd, Jln, Q., TP); "" without two words."""
    written = facts.address_words()
    tokens = {written.get(token, token) for token in words(composed(address)).split()}
    return " ".join(sorted(tokens)) if len(tokens) > 1 else ""


def numbers(address: str) -> str:
    """The tokens with a digit of a normalised address: house, room, postcode."""
    return " ".join(token for token in address.split() if _NUMBER.search(token))
