"""Does it pay? Smuggling found at 1 % inspected with and without history, and with parties told by matching.

    python -m benchmarks.targeting [--lines 300000] [--seeds 1 2 3]

On simulated worlds, whose truth knows all smuggling: each model is trained on what inspections found and ranks every
consignment of its test time. Everything here is simulated. Intervals are 95 %, by a bootstrap over consignments, all
worlds together; the differences are paired. Parties are matched over all mentions of the world, also later ones, so
their row is an upper bound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.columns import Lines
from features.keys import row_keys
from features.state import State
from risk.inspection import Target
from risk.parties.mentions import mention_id
from risk.parties.resolver import Parties
from training import fit
from training.dataset import by_consignment
from training.simulation.world import World, simulate
from training.train import train

CAPACITY: Final = 0.01
ROLES: Final = ("consignee", "shipper", "notify")
PARTS: Final = ("name", "country", "address", "id")
VARIANTS: Final = {
    "history, matched parties": tuple(fit.FEATURE_SETS),
    "history": tuple(fit.FEATURE_SETS),
    "no party history": ("all but party history", "all but history"),
    "no history": ("all but history",),
}
"""Which sets of features the fit may choose from."""


def party_ids(lines: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """The party of each role of each line as matching tells it; missing where nobody is named."""
    parts = {
        role: lines[[f"{role}_{part}" for part in PARTS]].set_axis(["name", "country", "address", "identifier"], axis=1)
        for role in ROLES
    }
    whole = pd.concat([part.assign(first_seen=lines["filed_at"].astype("int64")) for part in parts.values()])
    whole = whole.dropna(subset="name").fillna("")
    texts = ["name", "country", "address", "identifier"]
    parties = Parties.of(whole.groupby(texts, as_index=False).agg(first_seen=("first_seen", "min")))

    def ids(part: pd.DataFrame) -> pd.Series[str]:
        distinct = part.fillna("").drop_duplicates()
        known = [parties.party(mention_id(*row, "", "")) for row in distinct.itertuples(index=False)]
        return part.fillna("").merge(
            distinct.assign(party=pd.Series(known, distinct.index, dtype=object)), on=texts, how="left"
        )["party"]

    return {role: ids(part) for role, part in parts.items()}


@contextmanager
def keyed_by(lines: pd.DataFrame, matched: bool) -> Iterator[None]:
    """Histories of parties go by the matched party where there is one, in place of number or name."""
    if not matched:
        yield
        return
    ids = party_ids(lines)
    by_line = pd.DataFrame({role: ids[role].to_numpy() for role in ROLES}, index=_line(lines))

    def matched_keys(given: Lines) -> dict[str, Any]:
        frame = given.frame.copy(deep=False)
        of = by_line.loc[_line(frame)]
        for role in ROLES:
            own = frame[f"{role}_id"] if f"{role}_id" in frame else pd.Series([None] * len(frame), frame.index)
            known = of[role].to_numpy()
            frame[f"{role}_id"] = np.where(pd.notna(known), known, own)
        return row_keys(Lines(frame))

    with patch("features.events.row_keys", matched_keys):
        yield


def found(world: World, variant: str, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """For each consignment of the test: whether it is among the riskiest 1 %, whether it smuggles; what was chosen."""
    lines, outcomes = world.consignments, world.outcomes
    sets = {name: fit.FEATURE_SETS[name] for name in VARIANTS[variant]}
    with (
        keyed_by(lines, "matched" in variant),
        patch.object(fit, "FEATURE_SETS", sets),
        tempfile.TemporaryDirectory() as folder,
    ):
        model = train(lines, outcomes, Path(folder), seed=seed, simulated=True).model
        span = model.facts["spans"]["test"]
        filed = lines["filed_at"]
        reads = ((filed >= pd.Timestamp(span["from"])) & (filed < pd.Timestamp(span["before"]))).to_numpy()
        table, _ = build(lines, State(), outcomes=outcomes, reads=reads, target=Target())
    scores = model.score(table)
    ids = lines.loc[reads, "consignment_id"]
    line, _ = by_consignment(ids, scores.probability, scores.raw)
    raw, named = scores.raw[line], ids.iloc[line]
    top = np.zeros(len(raw), bool)
    top[np.argsort(-raw, kind="stable")[: round(CAPACITY * len(raw))]] = True
    smuggled = world.truth.set_index("consignment_id")["smuggled"].loc[named].to_numpy(bool)
    parameters = model.facts["parameters"]
    return top, smuggled, f"{parameters['shape']} trees on {parameters['feature_set']}"


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targeting", description=__doc__)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    tops: dict[str, list[NDArray[np.bool_]]] = {variant: [] for variant in VARIANTS}
    truth: list[NDArray[np.bool_]] = []
    for seed in given.seeds:
        world = simulate(given.lines, seed=seed)
        for variant in VARIANTS:
            begin = time.perf_counter()
            top, smuggled, chosen = found(world, variant, seed)
            tops[variant].append(top)
            print(f"seed {seed}, {variant}: recall {top[smuggled].mean():.3f}, precision {smuggled[top].mean():.4f} "
                  f"({smuggled.sum()} of {len(smuggled):,} smuggle; {chosen}; {time.perf_counter() - begin:.0f} s)",
                  flush=True)  # fmt: skip
        truth.append(smuggled)
    _together(tops, np.concatenate(truth))


def _together(tops: dict[str, list[NDArray[np.bool_]]], smuggled: NDArray[np.bool_]) -> None:
    """All worlds as one: recall and precision of each variant, and recall less that with history alone."""
    draws = np.random.default_rng(0).poisson(1.0, (2000, len(smuggled))).astype(np.float32)

    def interval(values: NDArray[np.float64]) -> str:
        return "{:+.3f} to {:+.3f}".format(*np.quantile(values, [0.025, 0.975]))

    def recall(top: NDArray[np.bool_], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(weights[:, top & smuggled].sum(axis=1) / weights[:, smuggled].sum(axis=1), np.float64)

    whole = np.ones((1, len(smuggled)), np.float32)
    base = np.concatenate(tops["history"])
    for variant, parts in tops.items():
        top = np.concatenate(parts)
        precision = draws[:, top & smuggled].sum(axis=1) / draws[:, top].sum(axis=1)
        less = recall(top, draws) - recall(base, draws)
        print(f"{variant:<26} recall {recall(top, whole)[0]:.3f} ({interval(recall(top, draws))}), precision "
              f"{smuggled[top].mean():.4f} ({interval(precision)}); recall less history {interval(less)}")  # fmt: skip


def _line(lines: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(lines[["consignment_id", "version", "line_no"]])


if __name__ == "__main__":
    main()
