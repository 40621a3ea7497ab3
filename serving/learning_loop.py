"""What `risk simulate-loop` does: environments from the simulation or from a table, strategies one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from risk.errors import UsageError
from serving.tables import Tables, load_tables
from serving.terminal import Steps, steps
from training.simulation import loop_report
from training.simulation.adaptive import AdaptiveTrade
from training.simulation.hidden import HiddenLabels
from training.simulation.loop import Environment, Plan, run
from training.simulation.strategies import Strategy, named


def run_loops(
    folder: Path,
    *,
    weeks: int,
    strategies: Sequence[str],
    seeds: Sequence[int],
    lines: int,
    capacity: float,
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    mapping: Path | None,
    label: str | None,
) -> dict[str, Any]:
    """Run what is not yet in the folder, write the report over all that is; its figures."""
    if capacity <= 0:
        raise UsageError(f"the capacity is {capacity:g}; give a number of inspections a week or a share, as 0.01")
    chosen = named(list(strategies))
    folder.mkdir(parents=True, exist_ok=True)
    with steps() as progress:
        if consignments:
            tables = load_tables(consignments, outcomes, progress, mapping=mapping, label=label)
            if not strategies:
                chosen = [strategy for strategy in chosen if strategy.ranking != "rules"]
            trade = HiddenLabels(tables.lines, tables.outcomes, tables.target)
            plan = _plan_for(tables, capacity)
            for seed in seeds:
                _run_all(folder, chosen, seed, lambda: trade, plan, progress)
            drift, title = None, f"The weekly loop on {tables.source}, {tables.target.name}"
        else:
            drift, title = weeks // 2, "The weekly loop on simulated trade (every figure is simulated)"
            for seed in seeds:

                def make(seed: int = seed) -> AdaptiveTrade:
                    return AdaptiveTrade(lines, weeks, seed=seed, drift=weeks // 2)

                _run_all(folder, chosen, seed, make, Plan(capacity, seed=seed), progress)
        progress.begin("Writing the report")
        done = pd.concat([pd.read_csv(path) for path in sorted(folder.glob("weeks-*.csv"))], ignore_index=True)
        order = {name: place for place, name in enumerate(strategy.name for strategy in named([]))}
        done = done.sort_values("strategy", key=lambda names: names.map(order), kind="stable", ignore_index=True)
        return loop_report.write(folder, done, drift, title)


def _plan_for(tables: Tables, capacity: float) -> Plan:
    """On a table of goods and declarations the trees that read fine categories, without history."""
    return Plan(capacity, shape="deep", trees=60, features="all but history", target=tables.target)


def _run_all(
    folder: Path,
    strategies: Sequence[Strategy],
    seed: int,
    make: Callable[[], AdaptiveTrade | HiddenLabels],
    plan: Plan,
    progress: Steps,
) -> None:
    """Each strategy in one world, unless its weeks are there already."""
    progress.begin(f"World {seed}")
    trade: AdaptiveTrade | HiddenLabels | None = None
    for strategy in strategies:
        path = folder / f"weeks-{seed}-{strategy.name.replace(' ', '-').replace('%', 'percent')}.csv"
        if path.exists():
            continue
        trade = trade or make()
        copied: Environment = trade.copy()
        weeks = run(copied, strategy, Plan(**{**plan.__dict__, "seed": seed}), progress.detail)
        part = path.with_suffix(".part")
        weeks.assign(strategy=strategy.name, seed=seed).to_csv(part, index=False)
        part.replace(path)
