"""How long all indicators take beside the model: the same simulated lines, scored and then tested.

    python -m benchmarks.indicators [--lines 1000000] [--part 250000] [--trained-on 100000]

A model is trained on a world of its own; then worlds of `--part` lines are simulated one after the other until there
are `--lines`, because a table of a million lines with all its features would not leave room for anything else. Timed
are `model.score` with two threads and `evaluate` of the packaged pack, in one process, with reference statistics of
the first fifth of each world, which is not scored; making
worlds and features is not. Memory is what the process holds at most while it evaluates, above what it held before.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from features.build import build
from features.state import State
from risk.indicators import Findings, evaluate, learn, load_pack
from risk.indicators.evaluation import FIRED, NOT_EVALUABLE
from training.simulation.world import simulate
from training.train import train


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.indicators", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--part", type=int, default=250_000)
    parser.add_argument("--trained-on", type=int, default=100_000)
    given = parser.parse_args()
    pack = load_pack()
    world = simulate(given.trained_on, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        model = train(world.consignments, world.outcomes, Path(folder), seed=0, simulated=True).model
    parameters = model.facts["parameters"]
    print(f"{len(pack.indicators)} indicators; a model of {parameters['shape']} trees on {parameters['feature_set']}, "
          f"{model.trees.count('Tree=')} trees", flush=True)  # fmt: skip
    learning = scoring = testing = scoring_cpu = testing_cpu = most = 0.0
    done = 0
    while given.lines - done >= 1000:
        world = simulate(min(given.part, given.lines - done) * 5 // 4, seed=1 + done // given.part)
        lines = world.consignments
        moment = lines["filed_at"].sort_values().iloc[len(lines) // 5]
        later = (lines["filed_at"] >= moment).to_numpy()
        table, _ = build(lines, State(), outcomes=world.outcomes, reads=later)
        begin = time.perf_counter()
        learnt = learn(lines, world.outcomes, moment)
        learning += time.perf_counter() - begin
        lines = lines[later].reset_index(drop=True)
        begin, busy = time.perf_counter(), time.process_time()
        model.score(table, threads=2)
        scoring, scoring_cpu = scoring + time.perf_counter() - begin, scoring_cpu + time.process_time() - busy
        with _Memory() as memory:
            begin, busy = time.perf_counter(), time.process_time()
            found = evaluate(pack, lines, table, learnt)
            testing, testing_cpu = testing + time.perf_counter() - begin, testing_cpu + time.process_time() - busy
        most = max(most, memory.gained)
        done += len(lines)
        print(f"{done:,} lines: scored {scoring:.1f} s, tested {testing:.1f} s, "
              f"ratio {testing / scoring:.2f}; {_states(found)}; {most:.0f} MB more; learnt in {learning:.1f} s",
              flush=True)  # fmt: skip
    print(f"by clock: indicators {1e6 * testing / done:.1f} us a line, model {1e6 * scoring / done:.1f} us a line, "
          f"ratio {testing / scoring:.2f}; largest process {_largest():,.0f} MB")  # fmt: skip
    print(f"of the processor: indicators {1e6 * testing_cpu / done:.1f} us a line, model "
          f"{1e6 * scoring_cpu / done:.1f} us a line, ratio {testing_cpu / scoring_cpu:.2f}")  # fmt: skip


class _Memory:
    """The most that the process held above what it held at first, in megabytes."""

    def __enter__(self) -> _Memory:
        self._start, self.gained, self._over = _held(), 0.0, threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.gained = max(self.gained, _held() - self._start)


def _held() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _largest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _states(found: Findings) -> str:
    fired, silent = np.mean(found.status == FIRED), np.mean(found.status == NOT_EVALUABLE)
    return f"{fired:.1%} fired, {silent:.1%} not evaluable"


if __name__ == "__main__":
    main()
