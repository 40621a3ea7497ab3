"""The usual range a line is compared with: what stands beside a deviation for a person to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from worlds import World, at, lines_table, worlds

from features.build import build
from features.catalogue import catalogue
from features.columns import Lines
from features.keys import KEYS, KINDS, row_keys
from features.profiles import comparison_features
from features.row import MEASUREMENTS, USUAL_SPREAD
from features.state import State
from risk.feature import FeatureTable

MEASURED = [key.name for key in KEYS if key.measured]
OF_LINE = dict(zip(MEASUREMENTS, ("weight_per_package_kg", "value_per_kg", "weight_per_container_kg"), strict=True))


def usual(table: FeatureTable, key: str, measure: str, row: int = -1) -> tuple[float, ...]:
    return tuple(float(table.column(f"{key}_{measure}_usual_{part}")[row]) for part in ("low", "high", "n"))


def each() -> Iterator[tuple[str, str]]:
    return ((key, measure) for key in MEASURED for measure in MEASUREMENTS)


@settings(max_examples=20, deadline=None)
@given(worlds())
def test_the_range_is_that_of_the_earlier_lines_of_the_key_and_nothing_else(world: World) -> None:
    table, _ = build(world.lines, State(), outcomes=world.outcomes, comparisons=True, threads=1)
    keys = row_keys(Lines(world.lines))
    for key in MEASURED:
        expected = pd.DataFrame(
            oracle.reads(world.lines, world.outcomes, keys[key], keys[KINDS[key].partner or key], keys["hs2"])
        )
        for measure in MEASUREMENTS:
            n, mean, sd = (expected[f"{measure}_{part}"].to_numpy(float) for part in ("n", "mean", "sd"))
            spread = np.sqrt((n * sd**2 + 4 * USUAL_SPREAD**2) / (n + 4))
            for part, value in (("low", np.exp(mean - spread)), ("high", np.exp(mean + spread)), ("n", n)):
                value[keys[key] == 0] = np.nan
                seen = table.column(f"{key}_{measure}_usual_{part}")
                np.testing.assert_allclose(seen, value, rtol=1e-3, err_msg=f"{key} {measure} {part}")


@settings(max_examples=15, deadline=None)
@given(worlds(most=5))
def test_asking_for_the_range_changes_no_other_bit_and_a_line_alone_sees_the_same(world: World) -> None:
    plain, end = build(world.lines, State(), outcomes=world.outcomes)
    table, other = build(world.lines, State(), outcomes=world.outcomes, comparisons=True)
    n = plain.numbers.shape[1]
    assert table.numbers[:, :n].tobytes() == plain.numbers.tobytes()
    assert table.features[:n] == plain.features[:n]
    assert other.as_of == end.as_of
    last = int(world.lines["filed_at"].argmax())
    now = world.lines["filed_at"].iloc[last]
    earlier, known = world.lines[world.lines["filed_at"] < now], world.outcomes[world.outcomes["recorded_at"] < now]
    _, state = build(earlier, State(), outcomes=known)
    alone, _ = build(world.lines.iloc[[last]].reset_index(drop=True), state, comparisons=True, threads=1)
    assert alone.numbers[0, n:].tobytes() == table.numbers[last, n:].tobytes()


def test_a_line_at_the_upper_end_of_the_range_deviates_by_one() -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"C{step}", "step": step, "consignee_id": "T", "weight": 1000.0 + 400 * step} for step in range(6)
    ]
    table, state = build(lines_table(rows), State(), comparisons=True)
    assert usual(table, "consignee", "weight", 0)[2] == 0
    assert np.isnan(usual(table, "consignee", "weight", 0)[:2]).all()
    _, high, n = usual(table, "consignee", "weight")
    assert n == 5
    ask = lines_table([{"id": "Z", "step": 5, "consignee_id": "T", "packages": 1.0, "weight": high}])
    ask["filed_at"] = [at(5)]
    seen, _ = build(pd.concat([lines_table(rows), ask], ignore_index=True), State(), comparisons=True)
    assert float(seen.column("consignee_weight_deviation")[-1]) == pytest.approx(1, abs=0.01)
    assert usual(seen, "consignee", "weight")[1] == high == float(seen.column(OF_LINE["weight"])[-1])
    assert state.as_of == int(at(5).as_unit("us").asm8.astype(np.int64))


def test_every_range_has_words_and_is_no_input_of_a_model() -> None:
    features = {feature.name: feature for feature in comparison_features()}
    assert set(features) == {f"{key}_{m}_usual_{part}" for key, m in each() for part in ("low", "high", "n")}
    assert not set(features) & {feature.name for feature in catalogue()}
    assert set(OF_LINE.values()) < {feature.name for feature in catalogue()}
    low = features["hs6_value_usual_low"]
    assert (low.unit, low.say(12.5)) == (
        "currency/kg",
        "value per kilogram is usually at least 12.50 for this HS code",
    )
    for feature in features.values():
        assert "{" not in feature.say(3.0) and "{" not in feature.say(float("nan"))
