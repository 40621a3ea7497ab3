"""How near is the model to what any model could find? Simulated worlds, held against the generator's own probabilities.

    python -m benchmarks.training [--lines 300000] [--seeds 1 2 3] [--training-seeds 1]

For each world: recall of all smuggling of the test time at 1 % inspected by the model, the old rules and the
generator itself (the oracle), and the finds expected on the random stream against those found. All simulated.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from features.build import build
from features.state import State
from risk.inspection import Target
from training.dataset import by_consignment, label_lines
from training.simulation.truth import evaluate
from training.simulation.world import World, simulate
from training.train import train


def held_against_truth(world: World, seed: int, budget: float) -> dict[str, float]:
    """Recall at 1 % of the model, rules and oracle in the test time; finds expected and found on the random stream."""
    lines, outcomes = world.consignments, world.outcomes
    with tempfile.TemporaryDirectory() as folder:
        model = train(lines, outcomes, Path(folder), seed=seed, simulated=True, budget=budget).model
    span, filed = model.facts["spans"]["test"], lines["filed_at"]
    reads = ((filed >= pd.Timestamp(span["from"])) & (filed < pd.Timestamp(span["before"]))).to_numpy()
    table, _ = build(lines, State(), outcomes=outcomes, reads=reads, target=Target())
    scores, ids = model.score(table), lines.loc[reads, "consignment_id"]
    line, _ = by_consignment(ids, scores.probability, scores.raw)
    found = evaluate(pd.Series(scores.raw[line], index=ids.iloc[line]), world.truth, (0.01,))
    labels = label_lines(lines, outcomes, Target(), outcomes["recorded_at"].max() + pd.Timedelta(seconds=1))
    stream = (labels.known & labels.random)[reads][line]
    expected = scores.probability[line]
    return {
        **{name: found["0.01"][name]["recall"] for name in ("model", "rules", "propensity")},
        "smuggled": found["smuggled"],
        "expected": float(expected[stream].sum()),
        "found": float(np.nansum(labels.label[reads][line][stream])),
        "expected of all": float(expected.sum()),
    }


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--training-seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of search")
    given = parser.parse_args()
    ratios = []
    for seed in given.seeds:
        world = simulate(given.lines, seed=seed)
        for own in given.training_seeds:
            begin = time.perf_counter()
            found = held_against_truth(world, own, given.budget)
            ratios.append(found["model"] / found["propensity"])
            print(
                f"world {seed}, training seed {own}: recall {found['model']:.3f}, rules {found['rules']:.3f}, oracle "
                f"{found['propensity']:.3f}, {ratios[-1]:.1%} of the oracle ({found['smuggled']} smuggled); random "
                f"stream: {found['expected']:.2f} finds expected, {found['found']:.0f} found; of all "
                f"{found['expected of all']:.1f} expected; {time.perf_counter() - begin:.0f} s",
                flush=True,
            )
    print(f"of the oracle: mean {np.mean(ratios):.1%}, least {np.min(ratios):.1%}")


if __name__ == "__main__":
    main()
