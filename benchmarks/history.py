"""Speed of the fold: against pandas, Polars and DuckDB, against random memory access, by size; and its memory.

    python -m benchmarks.history                       everything (about a quarter of an hour)
    python -m benchmarks.history fold --lines 10000000
    python -m benchmarks.history compare --lines 1000000

All times of one `compare` are taken in one process, one after the other, on the same arrays. What is timed is from
integer keys to features in memory; making keys from text is not.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from features.history import Events, Matrix, fold, fold_into
from features.keys import KEYS, KINDS
from features.profiles import profile_features, profile_places
from features.row import READS, compiled, fresh_rows
from features.slots import number
from features.state import State

from .history_world import batches

COLUMNS = {feature.name: place for place, feature in enumerate(profile_features())}
BATCH = 1_000_000


def fold_all(parts: Iterable[Events], threads: int = 2) -> tuple[float, State]:
    """Seconds for all batches, without making them, and the state."""
    state, seconds = State(), 0.0
    out = np.zeros((0, 0), np.float32)
    for events in parts:
        if len(out) < events.readers:
            out = np.zeros((events.readers, len(COLUMNS)), np.float32, order="F")
        begin = time.perf_counter()
        matrix = Matrix(out[: events.readers], profile_places(COLUMNS))
        state = fold_into(matrix, state, events, KINDS, threads=threads)
        seconds += time.perf_counter() - begin
    return seconds, state


@compiled
def _gather(rows, slots):  # type: ignore[no-untyped-def]
    total = 0
    for e in range(len(slots)):
        row = rows[slots[e]]
        for i in range(len(row)):
            total += row[i]
    return total


@compiled
def _write(out, columns):  # type: ignore[no-untyped-def]
    for e in range(len(out)):
        for column in columns:
            out[e, column] = np.float32(e)


def floor(events: Events) -> tuple[float, float]:
    """Seconds to read one row at random for each line and key, and to write as many figures as the fold does."""
    gathered = written = 0.0
    out = np.zeros((events.readers, len(COLUMNS)), np.float32, order="F")
    places = profile_places(COLUMNS)

    def one(name: str) -> tuple[float, float]:
        hashes = events.filings.keys[name]
        unique, slots = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.int32)
        rows = fresh_rows(number(hashes, unique, slots), KINDS[name].words)
        slots = np.random.default_rng(1).permutation(len(rows)).astype(np.int32)[slots]  # no order of appearance
        columns = places[name][places[name] >= 0]
        times = [time.perf_counter()]
        _gather(rows, slots)
        times.append(time.perf_counter())
        _write(out, columns)
        times.append(time.perf_counter())
        return times[1] - times[0], times[2] - times[1]

    with ThreadPoolExecutor(2) as pool:
        for gather, write in pool.map(one, KINDS):
            gathered, written = gathered + gather / 2, written + write / 2
    return gathered, written


def compare(lines: int, repeats: int = 3) -> None:
    """The fold against the yardsticks and the floor on the same lines, in one run."""
    from .history_yardsticks import YARDSTICKS, tables

    fold_all(batches(20_000, 10_000))  # compile
    whole = list(batches(lines, lines))
    floor(next(batches(10_000, 10_000)))
    best, sums = np.inf, (np.inf, np.inf)
    for _ in range(repeats):
        best = min(best, fold_all(whole)[0])
        sums = min(sums, floor(whole[0]), key=sum)
    one_thread = fold_all(whole, threads=1)[0]
    print(
        f"{lines:,} lines, {len(KINDS)} keys, {len(COLUMNS)} features: fold {best:.2f} s ({one_thread:.2f} s, 1 thread)"
    )
    print(f"floor: gather {sums[0]:.2f} s, and write the features {sums[1]:.2f} s; "
          f"fold is {best / sums[0]:.1f} x gather, {best / sum(sums):.1f} x both")  # fmt: skip
    seconds = dict.fromkeys(YARDSTICKS, 0.0)
    for key in KEYS:
        given = tables(whole[0], key.name, key.measured)
        reads, _ = fold(State(), whole[0], {name: KINDS[name] for name in _with_parents(key.name)})
        for name, run in YARDSTICKS.items():
            begin = time.perf_counter()
            block = run(*given)
            seconds[name] += time.perf_counter() - begin
            np.testing.assert_array_equal(block[:, 0], reads[key.name][:, 0].astype(np.float32))
            close = reads[key.name][:, READS.index("filings_180d")]
            np.testing.assert_allclose(block[:, 2], close, rtol=1e-4, atol=1e-4)
    for name, spent in seconds.items():
        print(f"{name}: {spent:.1f} s, {spent / best:.1f} x the fold")
    print(f"best of the three: {min(seconds.values()) / best:.1f} x the fold")


def _with_parents(name: str) -> list[str]:
    parent = KINDS[name].parent
    return [*(_with_parents(parent) if parent else []), name]


def measure(lines: int) -> None:
    """The cost of a line and the peak memory, in batches of a million, features of every line written."""
    fold_all(batches(20_000, 10_000))
    seconds, state = fold_all(batches(lines, BATCH))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows = sum(len(key.compact()) for key in state.keys.values())
    print(f"{lines:,} lines in batches of {BATCH:,}: {seconds:.2f} s, {seconds / lines * 1e6:.2f} us a line, "
          f"{rows:,} keys, peak {peak:.2f} GiB", flush=True)  # fmt: skip


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("fold", "compare", "all"), default="all")
    parser.add_argument("--lines", type=int, default=5_000_000)
    given = parser.parse_args()
    if given.what == "fold":
        measure(given.lines)
    if given.what == "compare":
        compare(given.lines)
    if given.what == "all":
        steps = (("fold", 1_000_000), ("fold", 10_000_000), ("fold", 1_000_000), ("compare", given.lines))
        for what, lines in steps:  # each in a process of its own, for its peak memory
            command = [sys.executable, "-m", "benchmarks.history", what, "--lines", str(lines)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
