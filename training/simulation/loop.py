"""The weekly loop: train, select at capacity, see only what was inspected and only when it is recorded, train again.

One runner for every environment: a simulated trade that answers back (`adaptive`) or a table whose labels stay hidden
until they are inspected (`hidden`). Features of a week are folded from what was known then, as in scoring. The
truth is read for the yardstick alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.columns import Lines
from features.events import Context
from features.keys import row_keys
from features.state import State
from risk.calibration import Logistic
from risk.exploration import Signals, novelty
from risk.feature import FeatureTable
from risk.inspection import Target
from risk.model import RiskModel
from risk.selection import select
from training.baselines import baseline_scores
from training.dataset import by_consignment, label_lines
from training.fit import SHAPES, grow
from training.simulation.strategies import Strategy

Float64 = NDArray[np.float64]

RECENT: Final = pd.Timedelta(weeks=8)
"""The finds of this time are held against those of the half-year before it, to measure drift."""
BEFORE: Final = pd.Timedelta(weeks=34)


class Environment(Protocol):
    """A trade that goes on week by week; week 0 is the first that is selected. See `adaptive.AdaptiveTrade`."""

    weeks: int
    drift_week: int | None

    def start(self, number: int) -> pd.Timestamp:
        """When a week begins."""
        ...

    def past(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Lines filed and outcomes recorded before week 0."""
        ...

    def week(self, number: int) -> pd.DataFrame:
        """The lines filed in a week, in order of time."""
        ...

    def choose(self, chosen: pd.DataFrame, after: pd.Timestamp) -> None:
        """Inspect these: `consignment_id`, `reason`, `probability`; nothing is recorded before a moment."""
        ...

    def recorded(self, since: pd.Timestamp, before: pd.Timestamp) -> pd.DataFrame:
        """The outcomes recorded in a time."""
        ...

    def truth(self, ids: Sequence[str]) -> pd.DataFrame:
        """For the yardstick: `smuggled`, `found` (would be, if inspected)."""
        ...

    def points(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The points of the old rules."""
        ...


@dataclass(frozen=True)
class Plan:
    """How the loop is run: capacity (share or number a week), weeks between trainings, shape and number of trees."""

    capacity: float = 0.01
    retrain_every: int = 4
    shape: str = "small"
    trees: int = 120
    features: str = "steady features"
    target: Target = field(default_factory=Target)
    seed: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Week:
    """What happened in one week. `estimate` is the inverse-propensity estimate of what all inspections would find."""

    week: int
    consignments: int
    inspections: int
    smuggled: int
    hits: int
    to_find: int
    new_hits: int
    explored: int
    explored_hits: int
    estimate: float
    drift: float


def run(
    trade: Environment, strategy: Strategy, plan: Plan, progress: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """Run all weeks of a trade under a strategy; a row for each week with the columns of `Week`."""
    known = _Known(trade, plan)
    weeks = []
    model: RiskModel | None = None
    for number in range(trade.weeks):
        progress(f"{strategy.name}, week {number + 1}")
        if strategy.ranking == "model" and (model is None or number % plan.retrain_every == 0):
            model = known.train(number) or model
        lines = trade.week(number)
        table = known.fold(lines, number)
        ranked = _rank(strategy, model, known, trade, lines, table, number)
        drift = known.drift(trade.start(number))
        picked = select(
            ranked.ids,
            ranked.signals.probability,
            ranked.raw,
            capacity=plan.capacity,
            seed=plan.seed * 10_000 + number,
            random_share=strategy.random_share if ranked.any else 1.0,
            explore_share=strategy.exploration.share(drift) if strategy.exploration and ranked.any else 0.0,
            appetite=strategy.exploration.appetite(ranked.signals) if strategy.exploration else None,
        )
        red = np.flatnonzero(picked.lane == "red")
        chosen = pd.DataFrame(
            {
                "consignment_id": [ranked.ids[i] for i in red],
                "reason": np.where(picked.selected_by[red] == "random", "random", "model"),
                "probability": picked.propensity[red],
            }
        )
        trade.choose(chosen, trade.start(number + 1))
        truth = trade.truth(ranked.ids)
        found = truth["found"].to_numpy(bool)
        hit = red[found[red]]
        known.keep(lines, table, set(chosen["consignment_id"]))
        by_exploring = np.isin(picked.selected_by, ["random", "exploration"])
        weeks.append(
            Week(
                week=number,
                consignments=len(ranked.ids),
                inspections=len(red),
                smuggled=int(truth["smuggled"].sum()),
                hits=len(hit),
                to_find=int(found.sum()),
                new_hits=known.new_kinds(lines[lines["consignment_id"].isin([ranked.ids[i] for i in hit])]),
                explored=int(by_exploring.sum()),
                explored_hits=int((by_exploring & found).sum()),
                estimate=float((1 / picked.propensity[hit]).sum()),
                drift=drift,
            )
        )
    return pd.DataFrame([asdict(week) for week in weeks])


@dataclass(frozen=True)
class _Ranked:
    """The consignments of a week with what each is ranked and explored by; `any` unless nothing ranks them."""

    ids: list[str]
    raw: Float64
    signals: Signals
    any: bool


def _rank(
    strategy: Strategy,
    model: RiskModel | None,
    known: _Known,
    trade: Environment,
    lines: pd.DataFrame,
    table: FeatureTable,
    number: int,
) -> _Ranked:
    """The riskiest line of each consignment, by what the strategy goes by."""
    n = len(lines)
    raw, spread, any_rank = np.zeros(n), np.zeros(n), True
    if strategy.ranking == "rules":
        raw = trade.points(lines["consignment_id"].tolist()).astype(np.float64) - 5
    elif strategy.ranking == "profile":
        raw = known.profile(lines, trade.start(number))
    elif strategy.ranking == "model" and model is not None:
        raw = model.score(table, threads=known.plan.threads).raw
        if strategy.exploration is not None:
            spread = model.spread(table, threads=known.plan.threads)
    else:
        any_rank = False
    line, _ = by_consignment(lines["consignment_id"], raw, np.zeros(n))
    probability = 1 / (1 + np.exp(-raw[line]))
    signals = Signals(probability, spread[line], novelty(table.take(line)))
    return _Ranked(lines["consignment_id"].iloc[line].tolist(), raw[line], signals, any_rank)


class _Known:
    """What the office knows: the folded history, the lines it inspected with their features as they were then."""

    def __init__(self, trade: Environment, plan: Plan) -> None:
        self.plan, self._trade = plan, trade
        lines, outcomes = trade.past()
        self._outcomes, self._until = outcomes, trade.start(0)
        self._inspected = lines["consignment_id"].isin(outcomes["consignment_id"]).to_numpy()
        # Inspected before week 0 but recorded later: their features are those of their own filing all the same.
        later = trade.recorded(trade.start(0), trade.start(10**3))["consignment_id"]
        reads = self._inspected | lines["consignment_id"].isin(later).to_numpy()
        table, self._state = build(
            lines, State(), outcomes=outcomes, reads=reads, target=plan.target, threads=plan.threads
        )
        self._lines, self._tables = [lines[reads]], [table]
        self._kinds: set[int] = set()
        hits = outcomes.loc[outcomes["result"].isin(plan.target.positive), "consignment_id"]
        self.new_kinds(lines[lines["consignment_id"].isin(hits)])

    def fold(self, lines: pd.DataFrame, number: int) -> FeatureTable:
        """The features of the week's lines; what was recorded during the week is folded in with them."""
        new = self._trade.recorded(self._until, self._trade.start(number + 1))
        table, self._state = build(
            lines,
            self._state,
            outcomes=new,
            context=Context(pd.concat(self._lines, ignore_index=True), self._outcomes),
            target=self.plan.target,
            threads=self.plan.threads,
        )
        self._outcomes = pd.concat([self._outcomes, new], ignore_index=True)
        self._until = self._trade.start(number + 1)
        return table

    def keep(self, lines: pd.DataFrame, table: FeatureTable, chosen: set[str]) -> None:
        """Remember the lines that are inspected."""
        mine = lines["consignment_id"].isin(chosen).to_numpy()
        self._lines.append(lines[mine])
        self._tables.append(table.take(mine))

    def train(self, number: int) -> RiskModel | None:
        """A model of all labels recorded before a week; None while they are of one class or fewer than ten."""
        _, label, weight, ok = self._labels(self._trade.start(number))
        if not 0 < label[ok].sum() < ok.sum() or ok.sum() < 10:
            return None
        fitted = grow(
            joined(self._tables),
            np.nan_to_num(label),
            weight,
            ok,
            parameters=SHAPES[self.plan.shape],
            trees=self.plan.trees,
            features=self.plan.features,
            shape=self.plan.shape,
            seed=self.plan.seed,
            threads=self.plan.threads,
        )
        return RiskModel(fitted.trees, Logistic(1.0, 0.0), fitted.features, fitted.vocabulary)

    def profile(self, lines: pd.DataFrame, now: pd.Timestamp) -> Float64:
        """The log odds of the risk profile of party, goods and route, as known at a moment."""
        kept, label, _, ok = self._labels(now)
        whole = pd.concat([kept, lines], ignore_index=True)
        learn, test = np.append(ok, np.zeros(len(lines), bool)), np.arange(len(whole)) >= len(kept)
        known = np.append(np.nan_to_num(label), np.zeros(len(lines)))
        return np.asarray(baseline_scores(whole, known, learn, test, now)["risk_profile"], np.float64)

    def drift(self, now: pd.Timestamp) -> float:
        """By how much the share of finds among what the risk selected fell of late, 0 to 1."""
        done = self._outcomes
        chosen = done[(done["selection_reason"] != "random") & (done["recorded_at"] >= now - BEFORE)]
        found = chosen["result"].isin(self.plan.target.positive)
        recent = chosen["recorded_at"] >= now - RECENT
        rate, before = ((found[part].sum() + 1) / (part.sum() + 50) for part in (recent, ~recent))
        return float(np.clip(1 - rate / before, 0, 1))

    def new_kinds(self, hits: pd.DataFrame) -> int:
        """How many of these consignments are the first find of their goods (HS heading) between their countries."""
        if hits.empty:
            return 0
        keys = row_keys(Lines(hits.drop_duplicates("consignment_id")))
        kinds = (keys["corridor"] ^ (keys["hs4"] << np.uint64(1))).tolist()
        new = set(kinds) - self._kinds
        self._kinds |= new
        return len(new)

    def _labels(self, now: pd.Timestamp) -> tuple[pd.DataFrame, Float64, Float64, NDArray[np.bool_]]:
        lines = pd.concat(self._lines, ignore_index=True)
        labels = label_lines(lines, self._outcomes, self.plan.target, now)
        return lines, labels.label, labels.weight, labels.known


def joined(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Tables of the same features below each other."""
    first = tables[0]
    categories: dict[str, Any] = {
        name: np.concatenate([table.categories[name] for table in tables]) for name in first.categories
    }
    return FeatureTable(first.features, np.concatenate([table.numbers for table in tables]), categories)
