"""The row of a key: what it remembers, how an event changes it and what a filing reads of it.

A row is short and holds whole numbers only, so that sums come out the same in any order. A decayed sum is one
too. With x = time / half-life, an event weighs 2^(x - floor(x)) in units of 2^-32, and when the whole part of
x moves on, the sum is shifted right by as many places. Two shifts are the same as one, so any cut of the events
into batches gives the same bits; nothing overflows, in a thousand years or before a billion events a half-life.

A row changes only when something happens to its key; reading leaves it as it is. Layout and compiled code of
rows stand in one file because the compiler's cache notices changes of this file only.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

COUNTS: Final = ("filings", "inspections", "random_inspections", "hits", "offences")
MEASUREMENTS: Final = ("weight", "value", "container")
"""Logarithms of weight per package, value per kilogram and weight per container."""
HALF_LIVES_DAYS: Final = (30, 180)
FIXED_POINT: Final = 4096
"""Measurements are kept as whole multiples of 1/4096, so that their sums are exact in any order."""
NO_MEASUREMENT: Final = np.iinfo(np.int32).min
NEVER: Final = np.iinfo(np.int64).min

# A row in words of 64 bits: the time of the last change, of the last filing and of the last hit (microseconds
# since 1970, UTC); the counts, two in a word; for each count its decayed sum at each half-life. Two cache lines.
# Kinds of key that ask for it have more behind: a sketch of distinct partners and one of HS chapters, then for
# the measurements n (two in a word), and for each its sum and sum of squares.
LAST: Final = 0
LAST_FILING: Final = 1
LAST_HIT: Final = 2
COUNTED: Final = 3
N_COUNTS: Final = len(COUNTS)
N_HALF_LIVES: Final = len(HALF_LIVES_DAYS)
DECAYED: Final = COUNTED + (N_COUNTS + 1) // 2
BASE: Final = DECAYED + N_COUNTS * N_HALF_LIVES
SKETCHES: Final = ("partners", "chapters")
N_SKETCHES: Final = len(SKETCHES)
N_MEASUREMENTS: Final = len(MEASUREMENTS)
_SUMS: Final = (N_MEASUREMENTS + 1) // 2
MEASURED: Final = _SUMS + 2 * N_MEASUREMENTS

READS: Final = (
    *COUNTS,
    *(f"{count}_{days}d" for count in COUNTS for days in HALF_LIVES_DAYS),
    "days_since_filing",
    "days_since_hit",
    *(f"{name}_{part}" for name in MEASUREMENTS for part in ("n", "mean", "sd")),
    *SKETCHES,
    "new_chapter",
)
"""What a filing reads of each of its keys, in order. Counts and sums are 0 for an unseen key; times and
measurements are NaN. All NaN when the line has no such key, or the kind of key does not keep it."""

PROFILE: Final = (
    "filings", "inspections", "hits", "random_inspections_180d", "targeted_inspections_180d", "hits_30d",
    "offences_180d", "days_since_filing", "days_since_hit", "partners", "chapters", "new_chapter", "burst", "hit_rate",
    "hit_rate_180d", "offence_rate", "weight_deviation", "value_deviation", "container_deviation",
    *(f"{name}_usual_{part}" for name in MEASUREMENTS for part in ("low", "high", "n")),
)  # fmt: skip
"""The features made of what was read, in order; `features.profiles` says which kind of key has which."""

PRIOR_INSPECTIONS: Final = 10.0
"""How many inspections the parent's rate is worth."""
PRIOR_RATE: Final = 0.005
"""The rate of everything before anything was inspected; a default, soon outweighed."""
USUAL_SPREAD: Final = 0.3
"""Standard deviation of a logarithm assumed before it is known; worth four consignments."""

_DAY_US: Final = 86_400_000_000
_HALF_LIVES_US: Final = tuple(days * _DAY_US for days in HALF_LIVES_DAYS)
_UNIT: Final = 2.0**32
_FILINGS: Final = COUNTS.index("filings")
_HITS: Final = COUNTS.index("hits")
_R: Final = {name: place for place, name in enumerate(READS)}
_N_READS: Final = len(READS)
_SINCE: Final = _R["days_since_filing"]
_MOMENTS: Final = _R["weight_n"]
_PARTNERS: Final = _R["partners"]
_COPIED: Final = tuple((PROFILE.index(name), _R[name]) for name in PROFILE if name in _R)
_PLACE: Final = {name: place for place, name in enumerate(PROFILE)}
_TARGETED: Final = (_PLACE["targeted_inspections_180d"], _R["inspections_180d"], _R["random_inspections_180d"])
_BURST: Final = (_PLACE["burst"], _R["filings_30d"], _R["filings_180d"])
_RATES: Final = tuple(
    (_PLACE[name], _R[found], _R[tried])
    for name, found, tried in (
        ("hit_rate", "hits", "inspections"),
        ("hit_rate_180d", "hits_180d", "inspections_180d"),
        ("offence_rate", "offences", "inspections"),
    )
)
RATES: Final = ("hit_rate", "hit_rate_180d", "offence_rate")
_N_RATES: Final = len(_RATES)
_DEVIATION: Final = _PLACE["weight_deviation"]
_USUAL: Final = _PLACE["weight_usual_low"]
_HOW_MANY: Final = np.array([round(64 * math.log(64 / max(64 - bits, 0.5))) for bits in range(65)], np.float64)
"""How many distinct things likely set so many of 64 bits (linear counting)."""

_PAIRS, _FOURS, _BYTES, _ONES = (np.uint64(int(two * 8, 16)) for two in ("55", "33", "0f", "01"))
"""Masks that count the bits of a word in parallel, by twos, fours and bytes."""


def width(*, sketched: bool, measured: bool) -> int:
    """How many words a row has."""
    return BASE + N_SKETCHES * sketched + MEASURED * measured


def fresh_rows(n: int, words: int = BASE) -> Int64:
    """Rows of keys that were never seen."""
    rows = np.zeros((n, words), np.int64)
    rows[:, :COUNTED] = NEVER
    return rows


def compiled(function: Any) -> Any:
    """The function compiled to machine code, kept on disk, running without the interpreter's lock."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


@compiled
def _weight(time, half_life):  # type: ignore[no-untyped-def]
    part = time - (time // half_life) * half_life
    return np.int64(2.0 ** (part / half_life) * _UNIT + 0.5)


@compiled
def clock_of(time):  # type: ignore[no-untyped-def]
    """What the rows need to know of each time, for each half-life (n, half-lives).

    Returns what an event weighs (int64), one over it (float64), the number of the half-life that the time lies in and
    its first moment (int64): while a key changed since then, its sums need no shift, and no division to find it out.
    """
    shape = (len(time), N_HALF_LIVES)
    weights, units = np.empty(shape, np.int64), np.empty(shape, np.float64)
    numbers, begins = np.empty(shape, np.int64), np.empty(shape, np.int64)
    for e in range(len(time)):
        for h in range(N_HALF_LIVES):
            weights[e, h] = _weight(time[e], _HALF_LIVES_US[h])
            units[e, h] = 1.0 / weights[e, h]
            numbers[e, h] = time[e] // _HALF_LIVES_US[h]
            begins[e, h] = numbers[e, h] * _HALF_LIVES_US[h]
    return weights, units, numbers, begins


@compiled
def _places(since, now, half_life):  # type: ignore[no-untyped-def]
    """By how many places a sum is shifted right between two times."""
    return min(now // half_life - since // half_life, 63)


@compiled
def _count(row, count):  # type: ignore[no-untyped-def]
    word = row[COUNTED + count // 2]
    low = np.int64(np.int32(word & 0xFFFFFFFF))
    return low if count % 2 == 0 else (word - low) >> 32


@compiled
def _advance(row, time):  # type: ignore[no-untyped-def]
    """Bring the decayed sums of the row to a later time."""
    if row[LAST] != NEVER:
        for h in range(N_HALF_LIVES):
            places = _places(row[LAST], time, _HALF_LIVES_US[h])
            if places > 0:
                for at in range(DECAYED + h, BASE, N_HALF_LIVES):
                    row[at] >>= places
    row[LAST] = time


@compiled
def _read(rows, slot, time, g, units, numbers, begins, chapter, sketch_at, measure_at, seen):  # type: ignore[no-untyped-def]
    row = rows[slot]
    for c in range(N_COUNTS):
        seen[c] = _count(row, c)
    last = row[LAST]
    for h in range(N_HALF_LIVES):
        places = 0
        if last < begins[g, h] and last != NEVER:
            places = min(numbers[g, h] - last // _HALF_LIVES_US[h], 63)
        unit = units[g, h]
        for c in range(N_COUNTS):
            seen[N_COUNTS + N_HALF_LIVES * c + h] = (row[DECAYED + N_HALF_LIVES * c + h] >> places) * unit
    seen[_SINCE] = (time - row[LAST_FILING]) / _DAY_US if row[LAST_FILING] != NEVER else np.nan
    seen[_SINCE + 1] = (time - row[LAST_HIT]) / _DAY_US if row[LAST_HIT] != NEVER and seen[_HITS] > 0 else np.nan
    if measure_at > 0:
        for m in range(N_MEASUREMENTS):
            n = (row[measure_at + m // 2] >> (32 * (m % 2))) & 0xFFFFFFFF
            at = _MOMENTS + 3 * m
            seen[at], seen[at + 1], seen[at + 2] = n, np.nan, np.nan
            if n > 0:
                mean = row[measure_at + _SUMS + 2 * m] / n
                spread = row[measure_at + _SUMS + 2 * m + 1] / n - mean * mean
                seen[at + 1] = mean / FIXED_POINT
                seen[at + 2] = np.sqrt(max(spread, 0.0)) / FIXED_POINT
    if sketch_at > 0:
        for s in range(N_SKETCHES):
            seen[_PARTNERS + s] = _HOW_MANY[_bits_set(row[sketch_at + s])]
        seen[_PARTNERS + N_SKETCHES] = np.nan
        if chapter != 0:
            seen[_PARTNERS + N_SKETCHES] = (row[sketch_at + 1] & _bit(chapter)) == 0


@compiled
def _bits_set(word):  # type: ignore[no-untyped-def]
    x = np.uint64(word)
    x -= (x >> np.uint64(1)) & _PAIRS
    x = (x & _FOURS) + ((x >> np.uint64(2)) & _FOURS)
    x = (x + (x >> np.uint64(4))) & _BYTES
    return np.int64((x * _ONES) >> np.uint64(56))


@compiled
def _bit(hashed):  # type: ignore[no-untyped-def]
    return np.int64(np.uint64(1) << (np.uint64(hashed) >> np.uint64(58)))


@compiled
def _profile(seen, measurements, e, parent, out, r, places, copied):  # type: ignore[no-untyped-def]
    """Write the features of line e into row r of the matrix `out`; `places` is the column of each feature or -1.

    `copied` (n, 2) says what is written as it was read: column and place in `seen`. For the rest only sums, products,
    quotients and square roots, which IEEE arithmetic rounds alike for one line and a million; and for the usual range
    the exponential of one number at a time, never of several at once.
    """
    for i in range(len(copied)):
        out[r, copied[i, 0]] = seen[copied[i, 1]]
    at, above, below = _TARGETED
    if places[at] >= 0:
        out[r, places[at]] = seen[above] - seen[below]
    at, above, below = _BURST
    if places[at] >= 0:
        out[r, places[at]] = (seen[above] * 6.0 + 1.0) / (seen[below] + 1.0)
    for i in range(_N_RATES):
        at, above, below = _RATES[i]
        prior = np.float64(out[r, parent[i]]) if parent[i] >= 0 else PRIOR_RATE
        rate = (seen[above] + PRIOR_INSPECTIONS * prior) / (seen[below] + PRIOR_INSPECTIONS)
        out[r, places[at]] = prior if np.isnan(rate) else rate  # a line without the key takes the parent's rate
    if places[_DEVIATION] >= 0:
        for m in range(N_MEASUREMENTS):
            deviation = np.nan
            own = measurements[e, m]
            n, mean, sd = seen[_MOMENTS + 3 * m], seen[_MOMENTS + 3 * m + 1], seen[_MOMENTS + 3 * m + 2]
            spread = np.sqrt((n * sd * sd + 4.0 * USUAL_SPREAD * USUAL_SPREAD) / (n + 4.0))
            if own != NO_MEASUREMENT:
                deviation = (own / FIXED_POINT - mean) / spread
            out[r, places[_DEVIATION + m]] = deviation
            low, high, known = places[_USUAL + 3 * m], places[_USUAL + 3 * m + 1], places[_USUAL + 3 * m + 2]
            if known >= 0:
                out[r, low], out[r, high], out[r, known] = math.exp(mean - spread), math.exp(mean + spread), n


def copied_columns(places: Int64) -> Int64:
    """For the columns of PROFILE: those that are written as they were read, int64 (n, 2), column and place in READS."""
    pairs = [(places[at], read) for at, read in _COPIED if places[at] >= 0]
    return np.array(pairs, np.int64).reshape(-1, 2)


@compiled
def _find(row, time, count, change, dated):  # type: ignore[no-untyped-def]
    _advance(row, time)
    row[COUNTED + count // 2] += np.int64(change) << (32 * (count % 2))
    for h in range(N_HALF_LIVES):
        half_life = _HALF_LIVES_US[h]
        weight = _weight(dated, half_life) >> _places(dated, time, half_life)
        row[DECAYED + N_HALF_LIVES * count + h] += change * weight
    if count == _HITS and change > 0:
        row[LAST_HIT] = max(row[LAST_HIT], dated)


@compiled
def _add(  # type: ignore[no-untyped-def]
    rows, slot, time, g, weights, numbers, begins, counted, measurements, e, partner, chapter, sketch_at, measure_at,
):  # fmt: skip
    row = rows[slot]
    if counted:
        last = row[LAST]
        if last != NEVER:
            for h in range(N_HALF_LIVES):
                if last < begins[g, h]:
                    places = min(numbers[g, h] - last // _HALF_LIVES_US[h], 63)
                    for at in range(DECAYED + h, BASE, N_HALF_LIVES):
                        row[at] >>= places
        row[LAST] = time
        row[LAST_FILING] = time
        row[COUNTED + _FILINGS // 2] += np.int64(1) << (32 * (_FILINGS % 2))
        for h in range(N_HALF_LIVES):
            row[DECAYED + N_HALF_LIVES * _FILINGS + h] += weights[g, h]
    if sketch_at > 0:
        if partner != 0:
            row[sketch_at] |= _bit(partner)
        if chapter != 0:
            row[sketch_at + 1] |= _bit(chapter)
    if measure_at > 0:
        for m in range(N_MEASUREMENTS):
            x = np.int64(measurements[e, m])
            if x != NO_MEASUREMENT:
                row[measure_at + m // 2] += np.int64(1) << (32 * (m % 2))
                row[measure_at + _SUMS + 2 * m] += x
                row[measure_at + _SUMS + 2 * m + 1] += x * x


@compiled
def settle(row, delta, sketch_at, measure_at):  # type: ignore[no-untyped-def]
    """Add to the row what happened to its key at a moment that has passed."""
    if delta[LAST] != NEVER:
        _advance(row, delta[LAST])
        row[LAST_FILING] = max(row[LAST_FILING], delta[LAST_FILING])
        row[LAST_HIT] = max(row[LAST_HIT], delta[LAST_HIT])
        for i in range(COUNTED, BASE):
            row[i] += delta[i]
    if sketch_at > 0:
        for s in range(N_SKETCHES):
            row[sketch_at + s] |= delta[sketch_at + s]
    if measure_at > 0:
        for i in range(measure_at, measure_at + MEASURED):
            row[i] += delta[i]


@compiled
def settle_rows(rows, deltas, places, sketch_at, measure_at):  # type: ignore[no-untyped-def]
    """The same for the rows at these places, each with the delta at its place."""
    for i in range(len(places)):
        settle(rows[places[i]], deltas[places[i]], sketch_at, measure_at)


@compiled
def fold_key(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    starts, times, weights, units, numbers, begins, reader, counted, measured, measurements, partners, chapters, slots,
    other_starts, other_slots, f_time, f_slot, f_count, f_change, f_dated, open_time, open_slot, open_rows, rows, end,
    sketch_at, measure_at, seen, out, places, copied, parent,
):  # fmt: skip
    """Fold the events of one kind of key into `rows` and write what each reader saw.

    Lines of moment g are starts[g] to starts[g + 1], at times[g], with what `clock_of` says of it; other arrays as in
    `features.history.Filings`. `f_*` are the findings; `open_*` is what happened at the end of the history before.
    `slots`, `f_slot` and `open_slot` are the rows of their keys, -1 for none. At each moment all lines read before
    anything is written. What happens at the time `end` is written by `open_end`, not here.

    Line e reads its key's row and those of other keys of its party together: other_slots[other_starts[e]] and on;
    `other_starts` is empty when no line has any.

    `seen` (readers, READS) takes what was read as it is, unless it has no rows; then `out` (readers, features) takes
    the features in the columns `places`, leaning on the rates in the columns `parent`.
    """
    raw = len(seen) > 0
    parties = len(other_starts) > 0
    joined, other = np.empty((2, 1, rows.shape[1]), np.int64)
    one = np.full(_N_READS, np.nan)
    none = np.full(_N_READS, np.nan)
    f = 0
    waiting = len(open_slot) > 0
    for g in range(len(times) + 1):
        t = times[g] if g < len(times) else end
        if waiting and open_time < t:
            waiting = False
            for p in range(len(open_slot)):
                settle(rows[open_slot[p]], open_rows[p], sketch_at, measure_at)
        while f < len(f_time) and f_time[f] < t:
            _find(rows[f_slot[f]], f_time[f], f_count[f], f_change[f], f_dated[f])
            f += 1
        if g == len(times):
            break
        for e in range(starts[g], starts[g + 1]):
            r, slot = reader[e], slots[e]
            if r < 0:
                continue
            if slot >= 0 and parties and other_starts[e + 1] > other_starts[e]:
                joined[0, :] = rows[slot]
                for p in range(other_starts[e], other_starts[e + 1]):
                    other[0, :] = rows[other_slots[p]]
                    if other[0, LAST] != NEVER:
                        _advance(other[0], t)
                    settle(joined[0], other[0], sketch_at, measure_at)
                _read(joined, 0, t, g, units, numbers, begins, chapters[e], sketch_at, measure_at, one)
            elif slot >= 0:
                _read(rows, slot, t, g, units, numbers, begins, chapters[e], sketch_at, measure_at, one)
            if raw:
                seen[r, :] = one if slot >= 0 else none
            else:
                _profile(one if slot >= 0 else none, measurements, e, parent, out, r, places, copied)
        if t == end:
            break
        for e in range(starts[g], starts[g + 1]):
            if slots[e] >= 0 and measured[e]:  # nothing of an amendment enters
                _add(
                    rows, slots[e], t, g, weights, numbers, begins, counted[e], measurements, e, partners[e],
                    chapters[e], sketch_at, measure_at,
                )  # fmt: skip


@compiled
def open_end(  # type: ignore[no-untyped-def]
    weights, units, numbers, begins, counted, measured, measurements, partners, chapters, slots,
    f_slot, f_count, f_change, f_dated, rows, end, sketch_at, measure_at,
):  # fmt: skip
    """Write what happens at the time `end`, lines and findings, into `rows`; the clock is that of `end` alone."""
    for e in range(len(slots)):
        if slots[e] >= 0 and measured[e]:
            _add(
                rows, slots[e], end, 0, weights, numbers, begins, counted[e], measurements, e, partners[e], chapters[e],
                sketch_at, measure_at,
            )  # fmt: skip
    for f in range(len(f_slot)):
        _find(rows[f_slot[f]], end, f_count[f], f_change[f], f_dated[f])
