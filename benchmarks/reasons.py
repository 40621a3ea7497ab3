"""What reasons cost, and how far the quick ones agree with the exact ones, over shapes of trees.

    python -m benchmarks.reasons [--lines 200000] [--seed 1]
    python -m benchmarks.reasons --whole 100000

On one simulated world, models of several shapes are fitted on what inspections found before the test time. For each:
processor time of one thread a line for scoring, path contributions and exact Shapley values; how many of the three
weightiest concepts the two methods share, and whether they name the same first one, on the riskiest 1 % of the test
time; and what the ranking finds of all smuggling, known to the simulator, with 1 % inspected. Last, scoring of 100,000
lines from features on, without and with quick reasons in words.

With `--whole`: what `risk score` does between reading and writing, with indicators, reference statistics, quick reasons
for all and exact ones for the inspection list, against features and scores alone; with a model of a world of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.events import Context
from features.state import State
from risk.calibration import Logistic
from risk.feature import FeatureTable
from risk.indicators import learn
from risk.inspection import Target
from risk.model import Method, RiskModel
from risk.reasons import explain
from serving.knowledge import Knowledge
from serving.scorer import Past, assess
from training.dataset import by_consignment, label_lines
from training.fit import SHAPES, grow
from training.simulation.world import simulate
from training.split import make_spans
from training.train import train

CAPACITY: Final = 0.01
TOLD: Final = 3
SHAPED: Final[Mapping[str, tuple[int, Mapping[str, Any]]]] = {
    "4 leaves": (400, {"num_leaves": 4}),
    "7 leaves, depth 3": (250, {"num_leaves": 7, "max_depth": 3}),
    "7 leaves (as trained)": (250, {"num_leaves": 7}),
    "15 leaves, depth 4": (150, {"num_leaves": 15, "max_depth": 4}),
    "15 leaves": (150, {"num_leaves": 15}),
    "31 leaves, depth 6": (100, {"num_leaves": 31, "max_depth": 6}),
    "31 leaves": (100, {"num_leaves": 31}),
}
"""Trees, and what differs from the shape "small" of `training.fit`; about as many splits in each."""


def concepts(model: RiskModel, table: FeatureTable, method: Method) -> list[list[str]]:
    """The weightiest concepts of each row."""
    return [
        [reason.concept for reason in reasons[:TOLD]] for reasons in explain(model, table, method, most=TOLD)
    ]  # fmt: skip


def microseconds(work: Callable[[], object], rows: int) -> float:
    """Processor time a row, the best of three."""
    took = []
    for _ in range(3):
        begin = time.process_time()
        work()
        took.append(time.process_time() - begin)
    return 1e6 * min(took) / rows


def recall(raw: NDArray[np.float64], ids: pd.Series[str], smuggled: pd.Series[bool]) -> float:
    """Share of all smuggling among the riskiest consignments."""
    line, _ = by_consignment(ids, raw, raw)
    order = np.argsort(-raw[line], kind="stable")
    carries = smuggled.loc[ids.iloc[line]].to_numpy(bool)
    return float(carries[order[: round(CAPACITY * len(order))]].sum() / carries.sum())


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reasons", description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", type=int, default=0, help="only measure whole scoring, of so many lines")
    given = parser.parse_args()
    if given.whole:
        _whole(given.whole, given.seed)
        return
    world = simulate(given.lines, seed=given.seed)
    lines, outcomes = world.consignments, world.outcomes
    as_of = max(outcomes["recorded_at"].max(), lines["filed_at"].max()) + pd.Timedelta(microseconds=1)
    final = label_lines(lines, outcomes, Target(), as_of)
    spans = make_spans(lines["filed_at"], final.known, final.delay_days, as_of)
    known = label_lines(lines, outcomes, Target(), spans.test_from)
    table, _ = build(lines, State(), outcomes=outcomes)
    learn = known.known & (lines["filed_at"] < spans.test_from).to_numpy()
    test = (lines["filed_at"] >= spans.test_from).to_numpy()
    tested, ids = table.take(test), lines.loc[test, "consignment_id"]
    smuggled = world.truth.set_index("consignment_id")["smuggled"]
    print(f"{learn.sum():,} labels, {test.sum():,} lines tested, {smuggled.loc[ids.unique()].sum():,} smuggle")
    print(f"{'shape':<24}{'score us':>9}{'path us':>9}{'exact us':>10}{'top 3':>7}{'first':>7}{'recall':>8}")
    own = table.take(learn)
    for name, (trees, shape) in SHAPED.items():
        fitted = grow(
            own, np.nan_to_num(known.label[learn]), known.weight[learn], np.ones(len(own), bool),
            parameters={**SHAPES["small"], **shape}, trees=trees, features="steady features", shape=name,
            seed=given.seed, threads=2,
        )  # fmt: skip
        model = RiskModel(fitted.trees, Logistic(1, 0), fitted.features, fitted.vocabulary)
        _line(name, model, tested, ids, smuggled)
        if "as trained" in name:
            chosen = model
    _words(chosen, table.take(np.arange(min(100_000, len(lines)))))


def _line(name: str, model: RiskModel, tested: FeatureTable, ids: pd.Series[str], smuggled: pd.Series[bool]) -> None:
    raw = model.score(tested, threads=1).raw
    top = tested.take(np.argsort(-raw, kind="stable")[: round(CAPACITY * len(tested))])
    few = top.take(np.arange(min(100, len(top))))
    some = tested.take(np.arange(min(20_000, len(tested))))
    score = microseconds(lambda: model.score(some, threads=1), len(some))
    path = microseconds(lambda: model.contributions(some, "path"), len(some))
    exact = microseconds(lambda: model.contributions(few), len(few))
    pairs = list(zip(concepts(model, top, "path"), concepts(model, top, "shapley"), strict=True))
    shared = np.mean([len(set(quick) & set(slow)) / TOLD for quick, slow in pairs])
    first = np.mean([quick[0] == slow[0] for quick, slow in pairs])
    print(f"{name:<24}{score:>9.1f}{path:>9.1f}{exact:>10.0f}{shared:>7.2f}{first:>7.2f}"
          f"{recall(raw, ids, smuggled):>8.3f}", flush=True)  # fmt: skip


def _words(model: RiskModel, table: FeatureTable) -> None:
    def told() -> None:
        for reasons in explain(model, table, "path"):
            orjson.dumps([reason.to_json() for reason in reasons])

    score = microseconds(lambda: model.score(table, threads=1), len(table))
    words = microseconds(told, len(table))
    print(f"{len(table):,} lines: scoring {score:.1f} us a line, path reasons in words and JSON {words:.1f} us a line")


def _whole(count: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        small = simulate(60_000, seed=0)
        model = train(small.consignments, small.outcomes, Path(folder), seed=0, simulated=True).model
    world = simulate(count * 5 // 4, seed=seed + 1)
    lines, outcomes = world.consignments, world.outcomes
    moment = lines["filed_at"].sort_values().iloc[len(lines) // 5]
    before, known = lines[lines["filed_at"] < moment], outcomes[outcomes["recorded_at"] < moment]
    learnt = learn(lines, outcomes, moment)
    scored = lines[lines["filed_at"] >= moment].reset_index(drop=True)
    _, state = build(before, State(), outcomes=known, reads=np.zeros(len(before), bool), threads=2)
    past = Past(state, Context(before, known), outcomes[outcomes["recorded_at"] >= moment])

    def alone() -> None:
        table, _ = build(scored, state, outcomes=past.outcomes, context=past.context, comparisons=True, threads=2)
        model.score(table, threads=2)

    def whole() -> None:
        found = assess(scored, past, model, capacity=CAPACITY, seed=1, known=Knowledge(learnt), threads=2)
        for _ in found.chunks():
            pass

    took = {}
    for name, work in (("alone", alone), ("whole", whole)):
        begin, busy = time.perf_counter(), time.process_time()
        work()
        took[name] = (time.perf_counter() - begin, time.process_time() - busy)
        print(f"{name}: {took[name][0]:.1f} s by the clock, {took[name][1]:.1f} s of the processor", flush=True)
    print(f"{len(scored):,} lines; whole scoring takes {took['whole'][0] / took['alone'][0]:.2f} times as long by the "
          f"clock and {took['whole'][1] / took['alone'][1]:.2f} times of the processor")  # fmt: skip


if __name__ == "__main__":
    main()
