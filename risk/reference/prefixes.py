"""Matching of Harmonized System codes against tables keyed by prefix.

A code matches an entry when it lies under it: the entry 4403 covers 440349 and the national 44034910. A
code shorter than an entry does not match it: 05 says too little to be ivory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Entry = TypeVar("Entry")


def longest(code: str, table: Mapping[str, Entry]) -> Entry | None:
    """The entry with the longest prefix that covers the code, or None."""
    for length in range(len(code), 1, -1):
        entry = table.get(code[:length])
        if entry is not None:
            return entry
    return None


def covered(codes: Iterable[object], table: Mapping[str, object]) -> npt.NDArray[np.bool_]:
    """Whether some entry covers each code; missing values (anything that is no text) are False.

    Meant for the distinct codes of a column, a few thousand at most.
    """
    return np.fromiter((isinstance(code, str) and longest(code, table) is not None for code in codes), dtype=np.bool_)
