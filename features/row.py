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
from numpy.typing import NDArray

from features.compiled import compiled, compiled_lean, inlined, prefetch

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
_SHORT, _LONG = _HALF_LIVES_US
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


@compiled_lean
def _weight(time, half_life):  # type: ignore[no-untyped-def]
    part = time - (time // half_life) * half_life
    return np.int64(2.0 ** (part / half_life) * _UNIT + 0.5)


@compiled
def clock_of(time):  # type: ignore[no-untyped-def]
    """What the rows need to know of each time, for each half-life (n, half-lives).

    Returns what an event weighs (int64), one over it (float64), and the number of the half-life that the time lies in.
    """
    shape = (len(time), N_HALF_LIVES)
    weights, units, numbers = np.empty(shape, np.int64), np.empty(shape, np.float64), np.empty(shape, np.int64)
    for e in range(len(time)):
        for h in range(N_HALF_LIVES):
            weights[e, h] = _weight(time[e], _HALF_LIVES_US[h])
            units[e, h] = 1.0 / weights[e, h]
            numbers[e, h] = time[e] // _HALF_LIVES_US[h]
    return weights, units, numbers


@compiled_lean
def _places(since, now, half_life):  # type: ignore[no-untyped-def]
    """By how many places a sum is shifted right between two times."""
    return min(now // half_life - since // half_life, 63)


@inlined
def _behind(last, numbers, g):  # type: ignore[no-untyped-def]
    """By how many places the sums of a row that changed last at `last` are shifted at moment g, for each half-life.

    A division by a constant is a multiplication; of a row that never changed the sums are 0, however far they shift.
    """
    return min(numbers[g, 0] - last // _SHORT, 63), min(numbers[g, 1] - last // _LONG, 63)


@compiled_lean
def _advance(row, time):  # type: ignore[no-untyped-def]
    """Bring the decayed sums of the row to a later time."""
    if row[LAST] != NEVER:
        for h in range(N_HALF_LIVES):
            places = _places(row[LAST], time, _HALF_LIVES_US[h])
            if places > 0:
                for at in range(DECAYED + h, BASE, N_HALF_LIVES):
                    row[at] >>= places
    row[LAST] = time


_AHEAD: Final = 24
"""So many lines ahead a row is fetched."""
BLOCK: Final = 64
"""So many lines are read before what they saw is made into numbers: enough for vectors, few enough for the cache."""


def block_of(words: int) -> tuple[Any, ...]:
    """Room for the block of lines that `fold_key` has read last, arrays with one column a line.

    The words of the rows; the time, and by how many places the sums of each half-life are shifted; what one over the
    weight is; the line, its output row, and whether it has the key; READS of the lines; a feature on its way.
    """
    return (
        np.zeros((words, BLOCK), np.int64), np.zeros((1 + N_HALF_LIVES, BLOCK), np.int64),
        np.ones((N_HALF_LIVES, BLOCK)), np.zeros((3, BLOCK), np.int64), np.full((_N_READS, BLOCK), np.nan),
        np.zeros(BLOCK),
    )  # fmt: skip


@inlined
def _take(rows, slot, time, g, units, numbers, block, i):  # type: ignore[no-untyped-def]
    """Column i of the block is the row of a key as it stands at moment g."""
    words, clock, unit = block[0], block[1], block[2]
    for at in range(rows.shape[1]):
        words[at, i] = rows[slot, at]
    clock[0, i] = time
    clock[1, i], clock[2, i] = _behind(rows[slot, LAST], numbers, g)
    unit[0, i], unit[1, i] = units[g, 0], units[g, 1]


@compiled_lean
def _read(block, n, chapters, sketch_at, measure_at):  # type: ignore[no-untyped-def]  # noqa: PLR0912
    """Make READS of the rows of the block. Each loop is over its lines, so that the processor does several at once."""
    words, clock, unit, who, seen = block[0], block[1], block[2], block[3], block[4]
    for c in range(N_COUNTS):
        at, half = COUNTED + (c >> 1), (c & 1) << 5
        for i in range(n):
            seen[c, i] = np.int32(words[at, i] >> half)
        for h in range(N_HALF_LIVES):
            at, to = DECAYED + N_HALF_LIVES * c + h, N_COUNTS + N_HALF_LIVES * c + h
            for i in range(n):
                seen[to, i] = (words[at, i] >> clock[1 + h, i]) * unit[h, i]
    for i in range(n):
        last = words[LAST_FILING, i]
        seen[_SINCE, i] = (clock[0, i] - last) / _DAY_US if last != NEVER else np.nan
    for i in range(n):
        last = words[LAST_HIT, i]
        seen[_SINCE + 1, i] = (clock[0, i] - last) / _DAY_US if last != NEVER and seen[_HITS, i] > 0 else np.nan
    if measure_at > 0:
        for m in range(N_MEASUREMENTS):
            how_many, half = measure_at + (m >> 1), (m & 1) << 5
            sums, to = measure_at + _SUMS + 2 * m, _MOMENTS + 3 * m
            for i in range(n):
                known = (words[how_many, i] >> half) & 0xFFFFFFFF
                mean = words[sums, i] / known
                spread = words[sums + 1, i] / known - mean * mean
                spread = 0.0 if spread < 0.0 else spread
                seen[to, i] = known
                seen[to + 1, i] = mean / FIXED_POINT if known > 0 else np.nan
                seen[to + 2, i] = np.sqrt(spread) / FIXED_POINT if known > 0 else np.nan
    if sketch_at > 0:
        for s in range(N_SKETCHES):
            for i in range(n):
                seen[_PARTNERS + s, i] = _HOW_MANY[_bits_set(words[sketch_at + s, i])]
        for i in range(n):
            chapter = chapters[who[0, i]]
            new = (words[sketch_at + 1, i] & _bit(chapter)) == 0
            seen[_PARTNERS + N_SKETCHES, i] = new if chapter != 0 else np.nan
    for i in range(n):
        if who[2, i] == 0:
            for at in range(_N_READS):
                seen[at, i] = np.nan


@inlined
def _bits_set(word):  # type: ignore[no-untyped-def]
    x = np.uint64(word)
    x -= (x >> np.uint64(1)) & _PAIRS
    x = (x & _FOURS) + ((x >> np.uint64(2)) & _FOURS)
    x = (x + (x >> np.uint64(4))) & _BYTES
    return np.int64((x * _ONES) >> np.uint64(56))


@inlined
def _bit(hashed):  # type: ignore[no-untyped-def]
    return np.int64(np.uint64(1) << (np.uint64(hashed) >> np.uint64(58)))


@compiled_lean
def _put(values, n, out, reader, straight, column):  # type: ignore[no-untyped-def]
    if straight:
        first = reader[0]
        for i in range(n):
            out[first + i, column] = values[i]
    else:
        for i in range(n):
            out[reader[i], column] = values[i]


@compiled_lean
def _profile(block, n, measurements, parent, out, places, copied):  # type: ignore[no-untyped-def]  # noqa: PLR0912
    """Write the features of the lines of the block into the matrix; `places` is the column of each feature or -1.

    `copied` (n, 2) says what is written as it was read: column and place in READS. For the rest only sums, products,
    quotients and square roots, which IEEE arithmetic rounds alike for one line and a million; and for the usual range
    the exponential of one number at a time, never of several at once.
    """
    line, reader, seen, made = block[3][0], block[3][1], block[4], block[5]
    straight = True  # lines in the order of the table, the usual case
    for i in range(n):
        straight &= reader[i] == reader[0] + i
    for c in range(len(copied)):
        _put(seen[copied[c, 1]], n, out, reader, straight, copied[c, 0])
    at, above, below = _TARGETED
    if places[at] >= 0:
        for i in range(n):
            made[i] = seen[above, i] - seen[below, i]
        _put(made, n, out, reader, straight, places[at])
    at, above, below = _BURST
    if places[at] >= 0:
        for i in range(n):
            made[i] = (seen[above, i] * 6.0 + 1.0) / (seen[below, i] + 1.0)
        _put(made, n, out, reader, straight, places[at])
    for k in range(_N_RATES):
        at, above, below = _RATES[k]
        for i in range(n):
            made[i] = np.float64(out[reader[i], parent[k]]) if parent[k] >= 0 else PRIOR_RATE
        for i in range(n):
            prior = made[i]
            rate = (seen[above, i] + PRIOR_INSPECTIONS * prior) / (seen[below, i] + PRIOR_INSPECTIONS)
            made[i] = prior if np.isnan(rate) else rate  # a line without the key takes the parent's rate
        _put(made, n, out, reader, straight, places[at])
    if places[_DEVIATION] >= 0:
        for m in range(N_MEASUREMENTS):
            at = _MOMENTS + 3 * m
            for i in range(n):
                own, known, sd = measurements[line[i], m], seen[at, i], seen[at + 2, i]
                spread = np.sqrt((known * sd * sd + 4.0 * USUAL_SPREAD * USUAL_SPREAD) / (known + 4.0))
                made[i] = (own / FIXED_POINT - seen[at + 1, i]) / spread if own != NO_MEASUREMENT else np.nan
            _put(made, n, out, reader, straight, places[_DEVIATION + m])
            if places[_USUAL + 3 * m] >= 0:
                _usual(block, n, m, out, places)


@compiled_lean
def _usual(block, n, m, out, places):  # type: ignore[no-untyped-def]
    reader, seen = block[3][1], block[4]
    low, high, known = places[_USUAL + 3 * m], places[_USUAL + 3 * m + 1], places[_USUAL + 3 * m + 2]
    at = _MOMENTS + 3 * m
    for i in range(n):
        if reader[i] < 0:
            break  # never, but a loop that may stop is not done several at a time
        many, mean, sd = seen[at, i], seen[at + 1, i], seen[at + 2, i]
        spread = np.sqrt((many * sd * sd + 4.0 * USUAL_SPREAD * USUAL_SPREAD) / (many + 4.0))
        out[reader[i], low], out[reader[i], high] = math.exp(mean - spread), math.exp(mean + spread)
        out[reader[i], known] = many


def copied_columns(places: Int64) -> Int64:
    """For the columns of PROFILE: those that are written as they were read, int64 (n, 2), column and place in READS."""
    pairs = [(places[at], read) for at, read in _COPIED if places[at] >= 0]
    return np.array(pairs, np.int64).reshape(-1, 2)


@compiled_lean
def _find(row, time, count, change, dated):  # type: ignore[no-untyped-def]
    _advance(row, time)
    row[COUNTED + count // 2] += np.int64(change) << (32 * (count % 2))
    for h in range(N_HALF_LIVES):
        half_life = _HALF_LIVES_US[h]
        weight = _weight(dated, half_life) >> _places(dated, time, half_life)
        row[DECAYED + N_HALF_LIVES * count + h] += change * weight
    if count == _HITS and change > 0:
        row[LAST_HIT] = max(row[LAST_HIT], dated)


@inlined
def _add(  # type: ignore[no-untyped-def]
    rows, slot, time, g, weights, numbers, counted, measurements, e, partner, chapter, sketch_at, measure_at,
):  # fmt: skip
    if counted:
        short, long = _behind(rows[slot, LAST], numbers, g)
        if short + long > 0:
            for at in range(DECAYED, BASE, N_HALF_LIVES):
                rows[slot, at] >>= short
                rows[slot, at + 1] >>= long
        rows[slot, LAST] = time
        rows[slot, LAST_FILING] = time
        rows[slot, COUNTED + _FILINGS // 2] += np.int64(1) << (32 * (_FILINGS % 2))
        rows[slot, DECAYED + N_HALF_LIVES * _FILINGS] += weights[g, 0]
        rows[slot, DECAYED + N_HALF_LIVES * _FILINGS + 1] += weights[g, 1]
    if sketch_at > 0:
        if partner != 0:
            rows[slot, sketch_at] |= _bit(partner)
        if chapter != 0:
            rows[slot, sketch_at + 1] |= _bit(chapter)
    if measure_at > 0:
        for m in range(N_MEASUREMENTS):
            own = measurements[e, m]
            known = own != NO_MEASUREMENT
            x = np.int64(own) if known else 0
            rows[slot, measure_at + (m >> 1)] += np.int64(known) << ((m & 1) << 5)
            rows[slot, measure_at + _SUMS + 2 * m] += x
            rows[slot, measure_at + _SUMS + 2 * m + 1] += x * x


@compiled_lean
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


@compiled_lean
def settle_rows(rows, deltas, places, sketch_at, measure_at):  # type: ignore[no-untyped-def]
    """The same for the rows at these places, each with the delta at its place."""
    for i in range(len(places)):
        settle(rows[places[i]], deltas[places[i]], sketch_at, measure_at)


@inlined
def _copy(rows, slot, into):  # type: ignore[no-untyped-def]
    for i in range(rows.shape[1]):
        into[0, i] = rows[slot, i]


@compiled_lean
def _show(  # type: ignore[no-untyped-def]
    block, n, chapters, sketch_at, measure_at, measurements, parent, seen, out, places, copied,
):  # fmt: skip
    _read(block, n, chapters, sketch_at, measure_at)
    if len(seen) > 0:
        for i in range(n):
            for at in range(_N_READS):
                seen[block[3][1, i], at] = block[4][at, i]
    else:
        _profile(block, n, measurements, parent, out, places, copied)


@compiled_lean
def fold_key(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    starts, times, weights, units, numbers, reader, counted, measured, measurements, partners, chapters, slots,
    other_starts, other_slots, f_time, f_slot, f_count, f_change, f_dated, open_time, open_slot, open_rows, rows, end,
    sketch_at, measure_at, seen, out, places, copied, parent, joined, other, block,
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
    parties = len(other_starts) > 0
    who, n = block[3], 0
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
            slot = slots[e]
            if e + _AHEAD < len(slots) and slots[e + _AHEAD] >= 0:
                prefetch(rows, slots[e + _AHEAD])
            if reader[e] < 0:
                continue
            who[0, n], who[1, n], who[2, n] = e, reader[e], slot >= 0
            if slot >= 0 and parties and other_starts[e + 1] > other_starts[e]:
                _copy(rows, slot, joined)
                for p in range(other_starts[e], other_starts[e + 1]):
                    _copy(rows, other_slots[p], other)
                    if other[0, LAST] != NEVER:
                        _advance(other[0], t)
                    settle(joined[0], other[0], sketch_at, measure_at)
                _take(joined, 0, t, g, units, numbers, block, n)
            elif slot >= 0:
                _take(rows, slot, t, g, units, numbers, block, n)
            n += 1
            if n == BLOCK:
                _show(block, n, chapters, sketch_at, measure_at, measurements, parent, seen, out, places, copied)
                n = 0
        if t == end:
            break
        for e in range(starts[g], starts[g + 1]):
            if slots[e] >= 0 and measured[e]:  # nothing of an amendment enters
                _add(
                    rows, slots[e], t, g, weights, numbers, counted[e], measurements, e, partners[e],
                    chapters[e], sketch_at, measure_at,
                )  # fmt: skip
    if n > 0:
        _show(block, n, chapters, sketch_at, measure_at, measurements, parent, seen, out, places, copied)


@compiled_lean
def open_end(  # type: ignore[no-untyped-def]
    weights, units, numbers, counted, measured, measurements, partners, chapters, slots,
    f_slot, f_count, f_change, f_dated, rows, end, sketch_at, measure_at,
):  # fmt: skip
    """Write what happens at the time `end`, lines and findings, into `rows`; the clock is that of `end` alone."""
    for e in range(len(slots)):
        if slots[e] >= 0 and measured[e]:
            _add(
                rows, slots[e], end, 0, weights, numbers, counted[e], measurements, e, partners[e], chapters[e],
                sketch_at, measure_at,
            )  # fmt: skip
    for f in range(len(f_slot)):
        _find(rows[f_slot[f]], end, f_count[f], f_change[f], f_dated[f])
