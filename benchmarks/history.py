"""Speed of the fold: against pandas, Polars and DuckDB, against random memory access, by size; and its memory.

    python -m benchmarks.history                       everything (about a quarter of an hour)
    python -m benchmarks.history fold --lines 10000000
    python -m benchmarks.history compare --lines 1000000
    python -m benchmarks.history floor --lines 1000000         only against random memory access
    python -m benchmarks.history load --keys 5000000           from the tables of a store (SQLite, or --store URL)

All times of one `compare` are taken in one process, one after the other, on the same arrays. What is timed is from
integer keys to features in memory; making keys from text is not. Seconds are by the clock and, in brackets, of the
processor, all threads together: on a machine with other work only these can be compared.

The floor moves the bytes that any such fold must move, and computes nothing: of every line and kind of key it reads
the key, reads one row at random and writes it back, and writes as many figures into the matrix as the fold does. How
a key finds its row is given to it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from features.compiled import compiled
from features.history import Events, Matrix, fold, fold_into
from features.keys import KEYS, KINDS
from features.profiles import profile_features, profile_places
from features.row import READS, fresh_rows
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
def _change(keys, rows, slots):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    for e in range(len(slots)):
        total ^= keys[e]
        row = rows[slots[e]]
        for i in range(len(row)):
            row[i] += 1
    return total


@compiled
def _write(out, columns):  # type: ignore[no-untyped-def]
    for e in range(len(out)):
        for column in columns:
            out[e, column] = np.float32(e)


Seconds = tuple[float, float]
"""By the clock, and of the processor."""


def floor(events: Events) -> tuple[Seconds, Seconds]:
    """Seconds to change one row at random for each line and key, and to write as many figures as the fold does."""
    out = np.zeros((events.readers, len(COLUMNS)), np.float32, order="F")
    places = profile_places(COLUMNS)

    def one(name: str) -> list[float]:
        hashes = events.filings.keys[name]
        unique, slots = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.int32)
        rows = fresh_rows(number(hashes, unique, slots), KINDS[name].words)
        slots = np.random.default_rng(1).permutation(len(rows)).astype(np.int32)[slots]  # no order of appearance
        columns = places[name][places[name] >= 0]
        times = [(time.perf_counter(), time.thread_time())]
        for work, given in ((_change, (hashes, rows, slots)), (_write, (out, columns))):
            work(*given)
            times.append((time.perf_counter(), time.thread_time()))
        return np.diff(times, axis=0).ravel().tolist()

    with ThreadPoolExecutor(2) as pool:
        changed, changed_cpu, written, written_cpu = np.sum(list(pool.map(one, KINDS)), axis=0).tolist()
    return (changed / 2, changed_cpu), (written / 2, written_cpu)


def against_floor(whole: list[Events], repeats: int = 3) -> Seconds:
    """The fold and the floor in turn on the same lines; the best seconds of the fold."""
    fold_all(batches(20_000, 10_000))  # compile
    floor(next(batches(10_000, 10_000)))
    folds, floors = [], []
    for _ in range(repeats):
        begin = time.process_time()
        folds.append((fold_all(whole)[0], time.process_time() - begin))
        floors.append(floor(whole[0]))
    (best, cpu), (change, write) = np.min(folds, axis=0), np.min(floors, axis=0)
    print(f"{len(whole[0].filings.time):,} lines, {len(KINDS)} keys, {len(COLUMNS)} features: "
          f"fold {best:.2f} s (CPU {cpu:.2f})")  # fmt: skip
    print(f"floor: change the rows {change[0]:.2f} s (CPU {change[1]:.2f}), write the features {write[0]:.2f} s "
          f"(CPU {write[1]:.2f}); the fold takes {best / (change[0] + write[0]):.1f} times both "
          f"(CPU {cpu / (change[1] + write[1]):.1f})", flush=True)  # fmt: skip
    return float(best), float(cpu)


def compare(lines: int) -> None:
    """The fold against the yardsticks and the floor on the same lines, in one run."""
    from .history_yardsticks import YARDSTICKS, tables

    whole = list(batches(lines, lines))
    best = against_floor(whole)
    seconds = {name: np.zeros(2) for name in YARDSTICKS}
    for key in KEYS:
        given = tables(whole[0], key.name, key.measured)
        reads, _ = fold(State(), whole[0], {name: KINDS[name] for name in _with_parents(key.name)})
        for name, run in YARDSTICKS.items():
            begin, cpu = time.perf_counter(), time.process_time()
            block = run(*given)
            seconds[name] += time.perf_counter() - begin, time.process_time() - cpu
            np.testing.assert_array_equal(block[:, 0], reads[key.name][:, 0].astype(np.float32))
            close = reads[key.name][:, READS.index("filings_180d")]
            np.testing.assert_allclose(block[:, 2], close, rtol=1e-4, atol=1e-4)
    for name, spent in seconds.items():
        times = spent / best
        print(f"{name}: {spent[0]:.1f} s (CPU {spent[1]:.1f}), {times[0]:.1f} x the fold (CPU {times[1]:.1f})")
    times = np.min(list(seconds.values()), axis=0) / best
    print(f"best of the three: {times[0]:.1f} x the fold (CPU {times[1]:.1f})")


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


def load(keys: int, url: str | None) -> None:
    """Seconds to read the whole history from the tables of a store that is made for it, and the peak memory."""
    from serving.history_tables import layout_text, state_of
    from serving.store import Store, history

    random, each = np.random.default_rng(1), keys // len(KINDS)
    with tempfile.TemporaryDirectory() as folder, Store.open(url or f"sqlite:///{folder}/store.db") as store:
        with store.transaction() as connection:
            history.clear(connection)
            for name, kind in KINDS.items():
                hashes = np.unique(random.integers(1, 2**64 - 1, each, np.uint64))
                rows = random.integers(0, 2**62, (len(hashes), kind.words))
                is_open = random.random(len(hashes)) < 0.1  # touched since the tables were made anew
                open_at = np.zeros(len(hashes), np.int64)
                history.fill(connection, name, history.Rows(hashes, rows, rows, open_at, is_open))
            history.set_head(connection, history.Head("{}", layout_text(), as_of=1))
        begin, cpu = time.perf_counter(), time.process_time()
        with store.reading() as connection:
            head = history.head(connection)
            assert head is not None
            state = state_of(connection, head)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        n = sum(len(layer) for key in state.keys.values() for layer in key.layers)
        if url:
            with store.transaction() as connection:
                history.clear(connection)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{n:,} keys loaded in {seconds:.1f} s (CPU {cpu:.1f}), peak {peak:.2f} GiB", flush=True)


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("fold", "compare", "floor", "load", "all"), default="all")
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--store", help="an empty store to fill with keys and empty again")
    given = parser.parse_args()
    if given.what == "fold":
        measure(given.lines)
    if given.what == "compare":
        compare(given.lines)
    if given.what == "floor":
        against_floor(list(batches(given.lines, given.lines)))
    if given.what == "load":
        load(given.keys, given.store)
    if given.what == "all":
        steps = (("fold", 1_000_000), ("fold", 10_000_000), ("fold", 1_000_000), ("compare", given.lines))
        for what, lines in steps:  # each in a process of its own, for its peak memory
            command = [sys.executable, "-m", "benchmarks.history", what, "--lines", str(lines)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
