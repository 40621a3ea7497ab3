"""Officers' rules: the cost of a rule over whole columns and row by row, and of a backtest with its peak memory.

    python -m benchmarks.rules [columns|backtest|pack] [--lines 1000000]

On simulated trade. Row by row is rule-engine's own evaluation of the same conditions on plain dictionaries, on part
of the lines.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import rule_engine

from features.build import build
from features.catalogue import catalogue
from features.state import State
from risk.feature import FeatureTable
from risk.indicators import load_pack
from risk.inspection import Target
from risk.rules import CompiledRule, Rule, RuleColumns, compile_rule, rule_fields
from training.backtest import Span, backtest
from training.judges import Indicators, Rules
from training.simulation.world import simulate

FIELDS: Final = rule_fields(catalogue())
LISTS: Final = {"watched": tuple(f"T{number:07d}" for number in range(100))}
CONDITIONS: Final = (
    "gross_weight_kg > 20000 and packages < 100",
    "value / gross_weight_kg < 0.5",
    'origin_country in ["KE", "TZ", "UG", "MZ"] and discharge_port == "VNHPH"',
    "consignee_id in watched or shipper_id in watched",
    'description =~~ "(ivory|pangolin|rhino)"',
    '"timber" in description and gross_weight_kg > 10000',
    'hs_code.starts_with("44") and not (origin_country == "VN")',
    'eta - filed_at < t"P1D"',
    "consignee_filings < 2 and weight_per_package_kg > 60",
    "consignee_hit_rate > 0.2 or shipper_hit_rate > 0.2",
)
ROWS: Final = 2_000


def rules() -> list[CompiledRule]:
    """The rules that are measured."""
    named = enumerate(CONDITIONS)
    return [compile_rule(Rule(f"rule-{place}", "S.", when, lists=LISTS), FIELDS) for place, when in named]


def columns(count: int) -> None:
    """Each rule over all lines at once, and row by row over some of them."""
    lines = simulate(count, seed=1).consignments.reset_index(drop=True)
    table, _ = build(lines, State())
    compiled = rules()
    spent, fires = np.inf, 0
    for _ in range(3):
        begin = time.perf_counter()
        asked = RuleColumns(lines, table, FIELDS)
        fires = sum(int(rule.evaluate(asked).fired.sum()) for rule in compiled)
        spent = min(spent, time.perf_counter() - begin)
    per = spent / len(lines) / len(compiled) * 1e9
    print(f"{len(compiled)} rules on {len(lines):,} lines: {spent:.2f} s, {per:.0f} ns a rule and line, {fires:,} hits")
    rows, known = _rows(lines.iloc[:ROWS], table, compiled)
    begin = time.perf_counter()
    for rule, complete in zip(compiled, known, strict=True):
        engine = rule_engine.Rule(rule.rule.when, rule_engine.Context(default_timezone="utc"))
        for row in complete:
            engine.matches(rows[row])
    evaluated = sum(len(complete) for complete in known)
    slow = (time.perf_counter() - begin) / evaluated * 1e9
    print(f"row by row on {evaluated:,} evaluations: {slow:.0f} ns a rule and line, {slow / per:.0f} x", flush=True)


def _rows(
    lines: pd.DataFrame, table: FeatureTable, compiled: list[CompiledRule]
) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """Lines as dictionaries, and for each rule those in which nothing it asks about is missing."""
    names = sorted({name for rule in compiled for name in rule.condition.fields})
    asked = RuleColumns(lines, table.take(np.arange(len(lines))), FIELDS)
    values = {name: asked.array(name).to_pylist() for name in names}
    rows = [{**{name: values[name][row] for name in names}, **LISTS} for row in range(len(lines))]
    known = [
        [row for row in range(len(rows)) if all(rows[row][name] is not None for name in rule.condition.fields)]
        for rule in compiled
    ]
    return rows, known


def past(count: int, what: str) -> None:
    """A backtest over the last half of a year, of the rules or of the pack of indicators."""
    with tempfile.TemporaryDirectory() as folder:  # made by another process, whose memory goes with it
        subprocess.run([sys.executable, "-m", "benchmarks.rules", "world", "--lines", str(count), "--folder", folder],
                       check=True)  # fmt: skip
        lines, outcomes = (pd.read_parquet(Path(folder) / f"{name}.parquet") for name in ("lines", "outcomes"))
    before = _peak()
    end = lines["filed_at"].max()
    judges = Rules(rules()) if what == "backtest" else Indicators(load_pack(), lines, outcomes, Target())
    begin = time.perf_counter()
    found = backtest(lines, outcomes, judges, Span(end - pd.Timedelta(days=182), end))
    spent = time.perf_counter() - begin
    print(f"{what} of {len(found['rules'])} on {len(lines):,} lines of history, {found['consignments']:,} consignments "
          f"judged: {spent:.1f} s, peak {_peak():.2f} GiB, {before:.2f} GiB of it the tables", flush=True)  # fmt: skip


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def world(count: int, folder: Path) -> None:
    """Simulated tables as files."""
    made = simulate(count, seed=1)
    made.consignments.to_parquet(folder / "lines.parquet")
    made.outcomes.to_parquet(folder / "outcomes.parquet")


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("columns", "backtest", "pack", "world", "all"), default="all")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the backtest; a third of it for columns")
    parser.add_argument("--folder", type=Path, help="where `world` puts its files")
    given = parser.parse_args()
    if given.what == "columns":
        columns(given.lines // 3)
    if given.what in ("backtest", "pack"):
        past(given.lines, given.what)
    if given.what == "world":
        world(given.lines, given.folder)
    if given.what == "all":
        for what in ("columns", "backtest", "pack"):  # each in a process of its own, for its peak memory
            subprocess.run([sys.executable, "-m", "benchmarks.rules", what, "--lines", str(given.lines)], check=True)


if __name__ == "__main__":
    main()
