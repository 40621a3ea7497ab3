"""Hashes to places: numbers the distinct keys of a batch and merges sorted keys. Compiled; knows no row's meaning."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.row import compiled

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_ZERO: Final = np.uint64(0)


@compiled
def number(hashes, unique, slots):  # type: ignore[no-untyped-def]
    """Number the distinct hashes in order of first appearance; returns how many there are.

    Writes the number of each hash into `slots` (int32, -1 for the hash 0) and the distinct ones into `unique`, which
    must be as long as there can be. Early numbers are those of frequent keys, whose rows so lie close together.
    """
    bits = 10
    keys, places = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int32)
    n = 0
    for i in range(len(hashes)):
        hashed = hashes[i]
        if hashed == _ZERO:
            slots[i] = -1
            continue
        if 2 * n >= len(keys):
            bits += 2
            keys, places = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int32)
            for k in range(n):
                at = _place(keys, unique[k], bits)
                keys[at], places[at] = unique[k], k
        at = _place(keys, hashed, bits)
        if keys[at] == _ZERO:
            keys[at], places[at] = hashed, n
            unique[n] = hashed
            n += 1
        slots[i] = places[at]
    return n


@compiled
def _place(keys, hashed, bits):  # type: ignore[no-untyped-def]
    at = np.int64((hashed * _MIX) >> np.uint64(64 - bits))
    while keys[at] != _ZERO and keys[at] != hashed:
        at = (at + 1) & (len(keys) - 1)
    return at


@compiled
def _merge(hashes, rows, more_hashes, more_rows, merged_hashes, merged_rows):  # type: ignore[no-untyped-def]
    i = j = n = 0
    while i < len(hashes) or j < len(more_hashes):
        if j == len(more_hashes) or (i < len(hashes) and hashes[i] < more_hashes[j]):
            merged_hashes[n] = hashes[i]
            merged_rows[n] = rows[i]
            i += 1
        else:
            if i < len(hashes) and hashes[i] == more_hashes[j]:
                i += 1
            merged_hashes[n] = more_hashes[j]
            merged_rows[n] = more_rows[j]
            j += 1
        n += 1
    return n


def merge(hashes: Any, rows: Any, more_hashes: Any, more_rows: Any) -> tuple[Any, Any]:
    """Two sorted arrays of hashes with their rows as one; where both hold a hash, the row of `more_rows` stands."""
    most = len(hashes) + len(more_hashes)
    merged_hashes, merged_rows = np.empty(most, np.uint64), np.empty((most, rows.shape[1]), np.int64)
    n = _merge(hashes, rows, more_hashes, more_rows, merged_hashes, merged_rows)
    return (merged_hashes, merged_rows) if n == most else (merged_hashes[:n].copy(), merged_rows[:n].copy())
