"""A backtest counts what was filed and found, no more: point in time, uninspected is not negative, all parts agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from features.build import build
from features.catalogue import catalogue
from features.state import State
from risk.errors import NotEnoughDataError
from risk.feature import FeatureTable
from risk.indicators import evaluate, learn, load_pack
from risk.inspection import Target
from risk.model import RiskModel, Scores
from risk.rules import Rule, compile_rule, rule_fields
from training.backtest import Span, backtest, features_of, wilson
from training.judges import Indicators, Rules
from training.simulation.world import simulate

START = pd.Timestamp("2026-01-05", tz="UTC")
"""A Monday."""
WHOLE = Span(START, START + pd.Timedelta(days=365))
FIELDS = rule_fields(catalogue())


def rules(*conditions: str) -> Rules:
    return Rules([compile_rule(Rule(f"r{place}", "S.", when), FIELDS) for place, when in enumerate(conditions)])


def filed(*rows: dict[str, Any]) -> pd.DataFrame:
    """Consignments, one a row: id, day, value, version, line, office."""
    return pd.DataFrame(
        {
            "consignment_id": pd.Series([row["id"] for row in rows], dtype="str"),
            "line_no": np.array([row.get("line", 1) for row in rows], np.int64),
            "version": np.array([row.get("version", 1) for row in rows], np.int64),
            "filed_at": pd.Series([START + pd.Timedelta(days=row.get("day", 0)) for row in rows]),
            "value": np.array([row.get("value", np.nan) for row in rows], np.float64),
            "consignee_id": pd.Series([row.get("to") for row in rows], dtype="str"),
            "customs_office": pd.Series([row.get("office") for row in rows], dtype="str"),
        }
    )


def found(*rows: tuple[str, float, str, str, float]) -> pd.DataFrame:
    """Outcomes: consignment, day recorded, result, why and with what probability it was inspected."""
    return pd.DataFrame(
        {
            "consignment_id": pd.Series([row[0] for row in rows], dtype="str"),
            "line_no": np.zeros(len(rows), np.int64),
            "inspected_at": pd.Series([START + pd.Timedelta(days=row[1]) for row in rows], dtype="datetime64[us, UTC]"),
            "recorded_at": pd.Series([START + pd.Timedelta(days=row[1]) for row in rows], dtype="datetime64[us, UTC]"),
            "result": pd.Series([row[2] for row in rows], dtype="str"),
            "selection_reason": pd.Series([row[3] for row in rows], dtype="str"),
            "selection_probability": np.array([row[4] for row in rows], np.float64),
        }
    )


@dataclass
class ByValue:
    """Stands in for a model: the higher the value, the riskier."""

    def score(self, table: FeatureTable, *, threads: int = 2) -> Scores:
        raw: NDArray[np.float64] = np.nan_to_num(table.column("value").astype(np.float64))
        return Scores(np.clip(raw / 100, 0, 1), raw)


MODEL = cast(RiskModel, ByValue())


def test_only_what_was_inspected_says_anything_and_the_random_stream_is_counted_apart() -> None:
    lines = filed(*({"id": f"C{number}", "value": float(number)} for number in range(10)))
    outcomes = found(
        ("C9", 3, "wildlife", "random", 0.1),
        ("C8", 3, "nothing", "random", 0.1),
        ("C7", 3, "wildlife", "rule", 1.0),
        ("C6", 3, "inconclusive", "random", 0.1),
        ("C1", 3, "wildlife", "random", np.nan),
    )
    (entry,) = backtest(lines, outcomes, rules("value >= 5"), WHOLE)["rules"]
    assert (entry["hits"], entry["share"], entry["not_evaluable"]) == (5, 0.5, 0)
    assert (entry["random"]["inspected"], entry["random"]["positives"]) == (2, 1)
    assert (entry["inspected"]["inspected"], entry["inspected"]["positives"]) == (3, 2)
    assert entry["inspected"]["precision"]["value"] == round(2 / 3, 5)
    assert entry["inspected"]["weighted"]["value"] == round((10 + 1) / (10 + 10 + 1), 5)
    assert entry["inspected"]["effective_size"] == round(21**2 / 201, 1)
    assert entry["recall_on_random"]["value"] == 0.5
    everything = backtest(lines, outcomes, rules("value >= 0"), WHOLE)["rules"][0]
    assert everything["inspected"]["without_probability"] == 1


def test_volumes_by_week_and_office_add_up_and_missing_fields_are_counted_apart() -> None:
    lines = filed(
        {"id": "A", "day": 0, "value": 9, "office": "HPH"},
        {"id": "B", "day": 6.99, "value": 9, "office": "HPH"},
        {"id": "C", "day": 7, "value": 9, "office": "SGN"},
        {"id": "D", "day": 7, "value": 1, "office": "SGN"},
        {"id": "E", "day": 7},
    )
    report = backtest(lines, found(), rules("value > 5"), WHOLE)
    (entry,) = report["rules"]
    assert entry["by_week_and_office"] == [
        {"week": "2026-01-05", "office": "HPH", "hits": 2, "consignments": 2},
        {"week": "2026-01-12", "office": "SGN", "hits": 1, "consignments": 2},
    ]
    assert entry["a_week"] == {"median": 1.5, "most": 2}
    assert entry["not_evaluable"] == 1
    assert report["offices"] == ["HPH", "SGN", "not stated"]
    assert entry["random"]["precision"] == {"value": None, "low": None, "high": None}


def test_a_consignment_counts_once_by_the_version_that_was_inspected_and_fires_by_any_line() -> None:
    lines = filed(
        {"id": "A", "day": 0, "value": 1},
        {"id": "A", "day": 0, "value": 9, "line": 2},
        {"id": "B", "day": 0, "value": 9},
        {"id": "B", "day": 5, "value": 1, "version": 2},
        {"id": "C", "day": 0, "value": 9},
        {"id": "C", "day": 1, "value": 1, "version": 2},
    )
    report = backtest(lines, found(("B", 3, "wildlife", "random", 0.5)), rules("value > 5"), WHOLE)
    (entry,) = report["rules"]
    assert report["consignments"] == 3
    assert entry["hits"] == 2  # A by its second line, B by the version before the inspection; C was amended in time
    assert entry["random"]["positives"] == 1


def test_history_is_what_was_known_before_each_line_was_filed() -> None:
    lines = filed(*({"id": f"C{day}", "day": day, "to": "X"} for day in range(4)))
    outcomes = found(("C0", 1.5, "wildlife", "random", 1.0), ("C3", 9, "wildlife", "random", 1.0))
    entries = backtest(lines, outcomes, rules("consignee_hits > 0", "consignee_filings == 0"), WHOLE)["rules"]
    assert [entry["hits"] for entry in entries] == [2, 1]
    late = Span(START + pd.Timedelta(days=3), WHOLE.before)
    entries = backtest(lines, outcomes, rules("consignee_hits > 0", "consignee_filings == 3"), late)["rules"]
    assert [entry["hits"] for entry in entries] == [1, 1]


def test_rules_first_displaces_as_many_as_it_takes_in_within_each_week() -> None:
    lines = filed(*({"id": f"C{n:02d}", "day": 0 if n < 20 else 7, "value": float(n % 20)} for n in range(40)))
    outcomes = found(
        ("C19", 9, "wildlife", "model", 1.0), ("C18", 9, "nothing", "model", 1.0), ("C03", 9, "wildlife", "random", 0.1)
    )
    judges = rules("value == 3 or value == 19", "value < 0", "value <= 10")
    report = backtest(lines, outcomes, judges, WHOLE, model=MODEL, capacity=0.1)
    assert report["top"]["inspections"] == 4
    assert report["top"]["inspected"]["positives"] == 1
    model = report["rules"][0]["model"]
    assert model["overlap"] == 2
    assert model["share_of_hits_in_top"] == 0.5
    assert model["taken_in"]["consignments"] == model["displaced"]["consignments"] == 2
    assert model["taken_in"]["random"]["positives"] == 1
    assert (model["displaced"]["inspected"]["inspected"], model["displaced"]["inspected"]["positives"]) == (1, 0)
    assert model["displaced"]["expected_by_model"] == 0.36
    silent, many = (report["rules"][place]["model"] for place in (1, 2))
    assert silent["share_of_hits_in_top"] is None
    assert silent["displaced"]["consignments"] == 0
    assert many["taken_in"]["consignments"] == many["displaced"]["consignments"] == 4
    assert many["taken_in"]["expected_by_model"] == 0.38  # of more hits than places the riskiest are taken
    two = backtest(lines, outcomes, judges, WHOLE, model=MODEL, capacity=2)
    assert two["rules"] == report["rules"]


def test_parts_of_any_size_give_the_features_of_one_build_bit_for_bit() -> None:
    world = simulate(lines=2500, days=120, seed=4)
    lines = world.consignments.sort_values("filed_at", kind="stable", ignore_index=True)
    reads = (lines["filed_at"] >= lines["filed_at"].quantile(0.4)).to_numpy()
    whole, _ = build(lines, State(), outcomes=world.outcomes, reads=reads, target=Target())
    for rows in (170, 900, 50_000):
        parts = list(features_of(lines, world.outcomes, reads, target=Target(), rows=rows))
        assert len(parts) > 1 or rows > 900
        assert np.concatenate([places for places, _ in parts]).tolist() == np.flatnonzero(reads).tolist()
        numbers = np.concatenate([table.numbers for _, table in parts])
        assert numbers.tobytes() == np.ascontiguousarray(whole.numbers).tobytes()
        for name, values in whole.categories.items():
            assert np.concatenate([table.categories[name] for _, table in parts]).tolist() == values.tolist()


def test_the_indicators_are_judged_with_statistics_learnt_before_the_span_and_anew_as_they_age() -> None:
    world = simulate(lines=1500, days=120, seed=4)
    lines, outcomes = world.consignments, world.outcomes
    start = lines["filed_at"].max().floor("D") - pd.Timedelta(days=20)
    pack, reads = load_pack(), (lines["filed_at"] >= start).to_numpy()
    table, _ = build(lines, State(), outcomes=outcomes, reads=reads)
    judged = lines[reads].reset_index(drop=True)
    first = judged["filed_at"].min()
    status = evaluate(pack, judged, table, learn(lines, outcomes, first)).status
    last = (judged.groupby("consignment_id")["version"].transform("max") == judged["version"]).to_numpy()
    expected = [judged["consignment_id"][last & (status[:, place] == 2)].nunique() for place in range(len(pack.ids))]
    span = Span(start, lines["filed_at"].max() + pd.Timedelta(days=1))
    report = backtest(lines, found(), Indicators(pack, lines, outcomes, Target()), span)
    hits = {entry["id"]: entry["hits"] for entry in report["rules"]}
    of_record = {indicator.id for indicator in pack.indicators if not indicator.features}
    compared = [(hits[name], count) for name, count in zip(pack.ids, expected, strict=True) if name in of_record]
    assert sum(count for _, count in compared) > 0
    assert all(mine == theirs for mine, theirs in compared)

    judges, dates = Indicators(pack, lines, outcomes, Target()), []
    for day in (0, 10, 27, 28, 40, 60):
        part = lines.iloc[:1].assign(filed_at=start + pd.Timedelta(days=day))
        judges.judge(part, build(part, State())[0])
        dates.append((judges._as_of - start).days)
    assert dates == [0, 0, 0, 28, 28, 60]


def test_a_span_without_filings_is_refused_with_the_way_out() -> None:
    with pytest.raises(NotEnoughDataError, match="give other dates with --from"):
        backtest(
            filed({"id": "A"}), found(), rules("value > 5"), Span(WHOLE.before, WHOLE.before + pd.Timedelta(days=9))
        )


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_those_of_wilson(counted: tuple[int, int]) -> None:
    hits, n = counted
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    figure = wilson(hits / n, n)
    assert figure["low"] == pytest.approx(expected.low, abs=2e-5)
    assert figure["high"] == pytest.approx(expected.high, abs=2e-5)
