"""Public seizures as consignments of a simulated day: which indicators fire, and where a trained model ranks them.

    python -m benchmarks.public_cases [--lines 60000] [--seed 1] [--days 7]

The model is trained on a simulated world up to its last days; the cases of tests/indicators/public_cases.yaml are
filed on the last day, parties invented and everything that reports leave out missing. The rank is among the simulated
consignments of those days. Prints the table of docs/indicators.md. Known seizures only: no estimate of any rate.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "indicators"))
from cases import cases, tables

from features.build import build
from features.state import State
from risk.indicators import evaluate, learn, load_pack
from training.dataset import by_consignment
from training.simulation.world import simulate
from training.train import train


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.public_cases", description=__doc__)
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    given = parser.parse_args()
    world = simulate(given.lines, seed=given.seed)
    lines, outcomes = world.consignments, world.outcomes
    start = lines["filed_at"].max().floor("D") - pd.Timedelta(days=given.days - 1)
    known = outcomes[outcomes["recorded_at"] < start]
    with tempfile.TemporaryDirectory() as folder:
        past = lines[lines["filed_at"] < start].reset_index(drop=True)
        model = train(past, known, Path(folder), seed=given.seed, simulated=True).model
    among = cases()
    seized, _ = tables(among, moved_to=lines["filed_at"].max())
    everything = pd.concat([lines, seized], ignore_index=True)
    reads = (everything["filed_at"] >= start).to_numpy()
    table, _ = build(everything, State(), outcomes=known, reads=reads)
    day = everything[reads].reset_index(drop=True)
    scores = model.score(table)
    found = evaluate(load_pack(), day, table, learn(lines, known, start))
    ids = day["consignment_id"]
    line, _ = by_consignment(ids, scores.probability, scores.raw)
    raw = pd.Series(scores.raw[line], index=ids.iloc[line])
    simulated = np.sort(raw[~raw.index.isin([case.id for case in among])].to_numpy())
    print(f"{len(simulated):,} simulated consignments in {given.days} days; world of {len(lines):,} lines, "
          f"seed {given.seed}\n")  # fmt: skip
    print("| case | declared | indicators of strength S or M | W | riskier than |\n| --- | --- | --- | --- | --- |")
    shares = []
    for case in among:
        row = int(np.flatnonzero(ids == case.id)[0])
        fired = found.fired(row)
        strong = " ".join(item.id for item in fired if item.strength != "W")
        weak = " ".join(item.id for item in fired if item.strength == "W")
        shares.append(np.searchsorted(simulated, raw[case.id]) / len(simulated))
        said = case.record.get("description", "")
        print(f"| {case.id} ({case.seized:%Y-%m}, {case.source}) | {said} | {strong} | {weak} | {shares[-1]:.1%} |")
    pack = found.pack
    absent = {one.id for one in pack.indicators if one.absence}
    telling = [{one.id for one in found.fired(int(np.flatnonzero(ids == case.id)[0])) if one.strength != "W"}
               for case in among]  # fmt: skip
    print(f"\nOf {len(among)}, {sum(map(bool, telling))} fire an indicator of strength S or M, "
          f"{sum(bool(names - absent) for names in telling)} one that is not about what is missing.")  # fmt: skip
    counts = [(np.asarray(shares) >= 1 - share).sum() for share in (0.01, 0.05, 0.2)]
    print(f"\nAmong the riskiest 1 %, 5 % and 20 %: {counts[0]}, {counts[1]} and {counts[2]} of {len(among)}.")
    usual = (found.status[~ids.isin([case.id for case in among]).to_numpy()] == 2).sum(axis=1)
    most = np.quantile(usual, 0.95)
    print(f"A simulated line fires {usual.mean():.1f} indicators on average; one in twenty fires {most:.0f} or more.")


if __name__ == "__main__":
    main()
