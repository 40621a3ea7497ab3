"""Which mentions are worth comparing: the keys two of them must share one of.

Identifiers first, then names and places: number, address, phone and e-mail, the whole name, the name with any
one character left out (so that one slip of the pen cannot part two names), pairs of its words. No key is made
of sounds. The work is bounded: a mention has at most KEYS_MOST keys, meets at most WINDOW neighbours in each
large block of the kinds it may not miss, and keys that a crowd shares tell nothing and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from risk.parties.mentions import Ints, Mentions, UInt64, hashes

WINDOW: Final = 10
"""Neighbours compared with within a block, in the order that puts like beside like."""
BLOCK_MOST: Final = 32
"""A block of names with a slip or of word pairs that has more mentions is left out."""
NUMBER, PLACE, PHONE, EMAIL, NAME, SLIP, WORDS = range(7)
OPEN: Final = (NUMBER, PLACE, PHONE, EMAIL, NAME)
"""Kinds of which no block is left out; the others are capped at BLOCK_MOST."""
SLIP_LENGTHS: Final = (4, 40)
"""Shortest and longest name, spaces taken out, that is looked up with a character left out."""
KEYS_MOST: Final = 5 + SLIP_LENGTHS[1] + 1 + 6

_SALT: Final = np.array([0x9E3779B97F4A7C15 * (kind + 1) & (1 << 64) - 1 for kind in range(7)], np.uint64)


@dataclass(frozen=True)
class Keys:
    """Keys of mentions of one kind: `key` (uint64), the `row` that has it, and `near` to order a block by."""

    key: UInt64
    row: Ints
    near: UInt64


def keys(mentions: Mentions, kind: int) -> Keys:
    """The keys of one kind, in no order; mentions of nobody have none."""
    rows = np.flatnonzero(mentions.form)
    first = beginnings(mentions.core)
    if kind == SLIP:
        return _slips(mentions, rows, first)
    if kind == WORDS:
        return _word_pairs(mentions, rows, first)
    values, near = {
        NUMBER: (mentions.identifier, first),
        PLACE: (mentions.place, first),
        PHONE: (mentions.phone, first),
        EMAIL: (mentions.email, first),
        NAME: (mentions.form, _by_place(mentions)),
    }[kind]
    rows = rows[values[rows] > 0]
    return Keys(mix(values[rows], _SALT[kind]), rows, near[rows])


def in_order(found: Keys) -> Keys:
    """Keys sorted, those of one block by what is near."""
    order = np.lexsort((found.near, found.key))
    return Keys(found.key[order], found.row[order], found.near[order])


def pairs(mentions: Mentions) -> tuple[Ints, Ints]:
    """The pairs (i < j) of mentions worth comparing, each once, in order."""
    packed = np.zeros(0, np.uint64)
    for kind in range(7):
        found = in_order(keys(mentions, kind))
        most = len(found.key) + 1 if kind in OPEN else BLOCK_MOST
        packed = np.union1d(packed, _neighbours(found.key, found.row, WINDOW, most))
    return (packed >> np.uint64(32)).astype(np.int64), (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)


def beginnings(texts: list[str]) -> UInt64:
    """The first eight characters of each ASCII text as a number, in the order of the alphabet."""
    short = np.array(texts, dtype="S8") if texts else np.zeros(0, "S8")
    return np.frombuffer(short.tobytes(), ">u8").astype(np.uint64)


def mix(a: UInt64, b: UInt64 | np.uint64) -> UInt64:
    """One hash of two numbers (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        x = a * np.uint64(0x9E3779B97F4A7C15) + b
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)), np.uint64)


def _by_place(mentions: Mentions) -> UInt64:
    """An order that puts the same countries together, and in each the same places."""
    half = np.uint64(32)
    return (mentions.country >> half << half) | (mentions.place >> half)


def _slips(mentions: Mentions, rows: Ints, first: UInt64) -> Keys:
    joined = [mentions.core[row].replace(" ", "") for row in rows.tolist()]
    length = np.array([len(text) for text in joined], np.int64)
    fits = (length >= SLIP_LENGTHS[0]) & (length <= SLIP_LENGTHS[1])
    rows, length = rows[fits], length[fits]
    letters = np.frombuffer("".join(t for t, fit in zip(joined, fits, strict=True) if fit).encode("ascii"), np.uint8)
    key, owner = _left_out(letters, length)
    trade_country = mix(mentions.trade.astype(np.uint64), mentions.country)
    of = rows[owner]
    return Keys(mix(mix(key, trade_country[of]), _SALT[SLIP]), of, first[of])


def _word_pairs(mentions: Mentions, rows: Ints, first: UInt64) -> Keys:
    texts, owners = [], []
    for row in rows.tolist():
        tokens = sorted({token for token in mentions.core[row].split() if len(token) > 2}, key=lambda t: (-len(t), t))
        for pair in combinations(sorted(tokens[:4]), 2):
            texts.append(" ".join(pair))
            owners.append(row)
    of = np.array(owners, np.int64)
    return Keys(mix(mix(hashes(texts), mentions.country[of]), _SALT[WORDS]), of, first[of])


@njit(cache=True, nogil=True)
def _left_out(letters: NDArray[np.uint8], length: Ints) -> tuple[UInt64, Ints]:
    """Hashes of each text and of it with each one character left out, and which text they are of."""
    total = len(letters) + len(length)
    key, owner = np.empty(total, np.uint64), np.empty(total, np.int64)
    base = np.uint64(0x100000001B3)
    start, at = 0, 0
    tail = np.empty(64, np.uint64)
    power = np.empty(64, np.uint64)
    power[0] = np.uint64(1)
    for place in range(1, 64):
        power[place] = power[place - 1] * base
    for text in range(len(length)):
        n = length[text]
        tail[n] = np.uint64(0)
        for place in range(n - 1, -1, -1):
            tail[place] = tail[place + 1] + np.uint64(letters[start + place] + 1) * power[n - 1 - place]
        key[at], owner[at] = tail[0], text
        at += 1
        head = np.uint64(0)
        for place in range(n):
            key[at] = head * power[n - 1 - place] + tail[place + 1]
            owner[at] = text
            at += 1
            head = head * base + np.uint64(letters[start + place] + 1)
        start += n
    return key, owner


@njit(cache=True, nogil=True)
def _neighbours(key: UInt64, row: Ints, window: int, most: int) -> UInt64:
    """Pairs of rows within each block of equal keys, at most `window` places apart, packed as i << 32 | j."""
    count = 0
    found = np.empty(max(16, len(key)), np.uint64)
    start = 0
    while start < len(key):
        end = start + 1
        while end < len(key) and key[end] == key[start]:
            end += 1
        if end - start <= most:
            for left in range(start, end):
                for right in range(left + 1, min(end, left + window + 1)):
                    a, b = min(row[left], row[right]), max(row[left], row[right])
                    if a == b:
                        continue
                    if count == len(found):
                        larger = np.empty(2 * count, np.uint64)
                        larger[:count] = found
                        found = larger
                    found[count] = np.uint64(a) << np.uint64(32) | np.uint64(b)
                    count += 1
        start = end
    return found[:count]
