"""The weekly loop: only what was inspected is known, only once it is recorded; capacity and truth are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from risk.errors import NotEnoughDataError, UsageError
from risk.inspection import Target
from training.simulation import loop_report
from training.simulation.adaptive import LATE, AdaptiveTrade
from training.simulation.hidden import HiddenLabels
from training.simulation.loop import Plan, run
from training.simulation.strategies import named

PLAN = Plan(capacity=0.02, trees=20)


@pytest.fixture(scope="module")
def trade() -> AdaptiveTrade:
    return AdaptiveTrade(lines=9000, weeks=10, warm=20, seed=4, drift=5)


def table(n: int = 1500) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Declarations of 150 days, all inspected; goods of one origin are often wildlife."""
    rng = np.random.default_rng(2)
    filed = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.sort(rng.integers(0, 150 * 24, n)), unit="h")
    origin = rng.choice(["KE", "CN", "DE"], n)
    ids = [f"C{i:05d}" for i in range(n)]
    lines = pd.DataFrame({"consignment_id": ids, "filed_at": filed, "origin_country": origin})
    wild = rng.random(n) < np.where(origin == "KE", 0.4, 0.02)
    outcomes = pd.DataFrame(
        {
            "consignment_id": ids,
            "recorded_at": filed + pd.Timedelta(days=1),
            "selection_reason": "other",
            "selection_probability": 1.0,
            "result": np.where(wild, "wildlife", "nothing"),
        }
    )
    return lines, outcomes


class Watched(HiddenLabels):
    """Remembers what was chosen, and refuses to tell of anything else."""

    def recorded(self, since: pd.Timestamp, before: pd.Timestamp) -> pd.DataFrame:
        told = super().recorded(since, before)
        late = told[told["recorded_at"] >= self.start(0)]
        chosen: set[str] = self.__dict__.setdefault("chosen", set())
        early = self._lines.loc[self._lines["filed_at"] < self.start(0), "consignment_id"]
        assert set(late["consignment_id"]) <= chosen | set(early)
        return told

    def choose(self, chosen: pd.DataFrame, after: pd.Timestamp) -> None:
        self.__dict__.setdefault("chosen", set()).update(chosen["consignment_id"])
        super().choose(chosen, after)


@pytest.mark.parametrize("name", ["exploit only", "risk profile", "hybrid", "random"])
def test_labels_of_a_table_stay_hidden_until_inspected_and_the_capacity_is_kept(name: str) -> None:
    trade = Watched(*table(), Target(), warm=6)
    weeks = run(trade, named([name])[0], Plan(capacity=0.1, shape="deep", trees=20, features="all but history"))
    assert len(weeks) == trade.weeks
    assert (weeks["inspections"] == np.ceil(weeks["consignments"] * 0.1 - 1e-9)).all()
    assert (weeks["hits"] <= weeks["to_find"]).all()
    assert (weeks["to_find"] <= weeks["smuggled"]).all()


def test_a_model_finds_more_than_chance_and_the_random_strategy_estimates_the_truth_without_bias() -> None:
    trade = HiddenLabels(*table(), Target(), warm=6)
    plan = Plan(capacity=0.1, shape="deep", trees=20, features="all but history")
    model, blind = (run(trade.copy(), named([name])[0], plan) for name in ("random 5 %", "random"))
    assert model["hits"].sum() > 1.5 * blind["hits"].sum()
    # One of the inspections is always left to the risk, so the propensities differ a little; the estimate does not.
    spread = np.sqrt(blind["hits"].sum()) / 0.1
    assert abs(blind["estimate"].sum() - blind["to_find"].sum()) < 3.5 * spread


def test_a_table_shorter_than_what_the_loop_starts_from_is_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="more than the 40 weeks"):
        HiddenLabels(*table(), Target(), warm=40)


def test_the_same_world_and_strategy_give_the_same_weeks_and_a_copy_goes_on_apart(trade: AdaptiveTrade) -> None:
    one, other = (run(trade.copy(), named(["hybrid"])[0], PLAN) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_networks_turn_after_losses_and_new_ways_begin_with_the_drift(trade: AdaptiveTrade) -> None:
    late = [i for i, entry in enumerate(trade._tables.typologies) if entry.name in LATE]
    before = trade.past()[0]["consignment_id"].unique().tolist()
    assert not np.isin(trade.truth(before)["kind"], late).any()
    blind, strict = trade.copy(), trade.copy()
    ways: dict[str, Any] = {}
    for name, world in (("blind", blind), ("strict", strict)):
        for number in range(world.weeks):
            ids = world.week(number)["consignment_id"].unique().tolist()
            truth = world.truth(ids)
            if name == "strict":
                every = pd.DataFrame({"consignment_id": ids, "reason": "model", "probability": 1.0})
                world.choose(every[truth["kind"] >= 0], world.start(number + 1))
        ways[name] = [(n.origin, n.destination, n.cover, n.dies) for n in world._networks.networks]
    assert ways["blind"] != ways["strict"], "who is caught ships otherwise than who is not"
    assert any(network.typology in late for network in blind._networks.networks)


def test_what_is_recorded_comes_after_its_week_and_only_once_known(trade: AdaptiveTrade) -> None:
    world = trade.copy()
    ids = world.week(0)["consignment_id"].unique()[:50]
    chosen = pd.DataFrame({"consignment_id": ids, "reason": "model", "probability": 1.0})
    before = len(world.recorded(world.start(0), world.start(99)))
    world.choose(chosen, world.start(1))
    told = world.recorded(world.start(0), world.start(999))
    assert len(told) >= before + 50
    assert (told.loc[told["consignment_id"].isin(ids), "recorded_at"] > world.start(1)).all()


def test_a_report_pairs_strategies_by_world_and_draws_its_plots(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {
            "week": week, "consignments": 100, "inspections": 10, "smuggled": 5,
            "hits": int(rng.integers(0, 3)) + better,
            "to_find": 5, "new_hits": 1, "explored": 1, "explored_hits": 0, "estimate": 4.0, "drift": 0.0,
            "strategy": name, "seed": seed,
        }
        for seed in (1, 2, 3)
        for name, better in (("exploit only", 0), ("hybrid", 2))
        for week in range(12)
    ]  # fmt: skip
    found = loop_report.write(tmp_path, pd.DataFrame(rows), 6, "Test")
    less = found["all weeks"]["hybrid"]["less_exploit_only"]["hits"]
    assert less["low"] > 0
    assert {path.name for path in tmp_path.iterdir()} >= {"loop.json", "loop.md", "hits.png", "estimate.png"}
    assert "| hybrid |" in (tmp_path / "loop.md").read_text()


def test_an_unknown_strategy_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no strategy is called 'best'"):
        named(["best"])
