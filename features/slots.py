"""Hashes to places: numbers the distinct keys of a batch and merges sorted keys. Compiled; knows no row's meaning."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.compiled import compiled

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_ZERO: Final = np.uint64(0)
_PILE: Final = 64
"""Higher piles are not sorted by insertion; of as many even hashes as piles times four none comes near."""


@compiled
def number(hashes, unique, slots):  # type: ignore[no-untyped-def]
    """Number the distinct hashes in order of first appearance; returns how many there are.

    Writes the number of each hash into `slots` (int32, -1 for the hash 0) and the distinct ones into `unique`, which
    must be as long as there can be.
    """
    bits = 10
    table = np.zeros((1 << bits, 2), np.uint64)  # a hash and its number side by side, so that one look fetches both
    n = 0
    for i in range(len(hashes)):
        hashed = hashes[i]
        if hashed == _ZERO:
            slots[i] = -1
            continue
        if 2 * n >= len(table):
            bits += 2
            table = np.zeros((1 << bits, 2), np.uint64)
            for k in range(n):
                at = _place(table, unique[k], bits)
                table[at, 0], table[at, 1] = unique[k], k
        at = _place(table, hashed, bits)
        if table[at, 0] == _ZERO:
            table[at, 0], table[at, 1] = hashed, n
            unique[n] = hashed
            n += 1
        slots[i] = table[at, 1]
    return n


def ascending(hashes: Any) -> Any:
    """The places of the hashes in ascending order; quicker than a sort of any numbers, since hashes lie evenly."""
    order = np.empty(len(hashes), np.int64)
    bits = max(len(hashes).bit_length() - 2, 1)
    return order if _ascending(hashes, order, bits) else np.argsort(hashes)


@compiled
def _ascending(hashes, order, bits):  # type: ignore[no-untyped-def]
    """Deal the hashes into piles by their first bits, then sort each pile; False when a pile is too high for that."""
    shift = np.uint64(64 - bits)
    begins = np.zeros((1 << bits) + 1, np.int64)
    for i in range(len(hashes)):
        begins[np.int64(hashes[i] >> shift) + 1] += 1
    if begins.max() > _PILE:
        return False
    for pile in range(1 << bits):
        begins[pile + 1] += begins[pile]
    for i in range(len(hashes)):  # a pile's begin moves on to its end
        first = np.int64(hashes[i] >> shift)
        order[begins[first]] = i
        begins[first] += 1
    start = 0
    for pile in range(1 << bits):
        for i in range(start + 1, begins[pile]):
            moved = order[i]
            at = i
            while at > start and hashes[order[at - 1]] > hashes[moved]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = moved
        start = begins[pile]
    return True


def renumber(slots: Any, order: Any) -> None:
    """Let the slots of keys that come in this order when sorted be their places among the sorted ones."""
    places = np.empty(len(order), np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    _renumber(slots, places)


@compiled
def _renumber(slots, places):  # type: ignore[no-untyped-def]
    for i in range(len(slots)):
        if slots[i] >= 0:
            slots[i] = places[slots[i]]


@compiled
def _place(table, hashed, bits):  # type: ignore[no-untyped-def]
    at = np.int64((hashed * _MIX) >> np.uint64(64 - bits))
    while table[at, 0] != _ZERO and table[at, 0] != hashed:
        at = (at + 1) & (len(table) - 1)
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
