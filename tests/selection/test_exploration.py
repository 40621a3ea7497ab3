"""Exploring under capacity: the number drawn is exact, nobody is drawn by more than told, propensities are true."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.errors import UsageError
from risk.exploration import EXPLORATIONS, Hybrid, Signals, novelty
from risk.feature import Feature, FeatureTable
from risk.selection import Selection, inspections, proportional, select, select_each, systematic

seeds = st.integers(0, 2**31)
shares = st.floats(0, 1)


def explored(n: int, seed: int, capacity: float, draw: int, random: float, explore: float) -> Selection:
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=n)
    return select(
        [f"C{number:04d}" for number in range(n)],
        1 / (1 + np.exp(-raw)),
        raw,
        capacity=capacity,
        seed=draw,
        random_share=random,
        explore_share=explore,
        appetite=rng.exponential(size=n) * (rng.random(n) < 0.8),
    )


@given(st.integers(1, 60), seeds, st.integers(1, 60), seeds, shares, shares)
def test_exploring_uses_the_capacity_exactly_and_propensities_add_up_to_it(
    n: int, seed: int, capacity: int, draw: int, random: float, explore: float
) -> None:
    found = explored(n, seed, capacity, draw, random, explore)
    assert (found.lane == "red").sum() == inspections(capacity, n)
    assert (found.selected_by == "risk").any()
    assert found.propensity.sum() == pytest.approx(found.capacity, rel=1e-6)
    assert ((found.propensity >= 0) & (found.propensity <= 1)).all()
    if (found.selected_by == "random").any():
        assert (found.propensity >= (found.selected_by == "random").sum() / n - 1e-12).all()


@pytest.mark.parametrize(
    ("n", "capacity", "random", "explore"), [(30, 10, 0.2, 0.4), (40, 6, 0.0, 0.5), (25, 8, 0.5, 0.3)]
)
def test_a_propensity_is_how_often_one_is_inspected_over_many_draws_when_exploring(
    n: int, capacity: int, random: float, explore: float
) -> None:
    draws = 3000
    times, found = np.zeros(n), explored(n, 3, capacity, 0, random, explore)
    for draw in range(draws):
        with patch("risk.selection.DRAWS", 1):  # the choice does not need the simulated part of the propensity
            times += explored(n, 3, capacity, draw, random, explore).lane == "red"
    spread = np.sqrt((found.propensity * (1 - found.propensity)).clip(0) / draws)
    assert (np.abs(times / draws - found.propensity) <= 4.5 * spread + 0.02).all()  # 0.02: the simulated part


def test_exploring_leaves_the_random_stream_as_it_is() -> None:
    plain, more = explored(300, 1, 40, 9, 0.1, 0.0), explored(300, 1, 40, 9, 0.1, 0.5)
    np.testing.assert_array_equal(plain.selected_by == "random", more.selected_by == "random")
    assert (more.selected_by == "exploration").sum() >= 15


@given(st.lists(st.floats(0, 1e6), max_size=40), st.integers(0, 40))
def test_chances_in_proportion_never_exceed_one_and_keep_the_order_of_appetite(
    wanted: list[float], places: int
) -> None:
    appetite = np.array(wanted)
    chance = proportional(appetite, places)
    assert chance.sum() == pytest.approx(min(places, int((appetite > 0).sum())))
    assert ((chance >= 0) & (chance <= 1)).all()
    order = np.argsort(appetite)
    assert (np.diff(chance[order]) >= -1e-9).all()


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=30), st.integers(1, 30), st.floats(0.001, 0.999), seeds)
def test_a_systematic_draw_has_the_number_it_should(wanted: list[float], places: int, start: float, seed: int) -> None:
    chance = proportional(np.array(wanted), places)
    order = np.random.default_rng(seed).permutation(len(wanted))
    drawn = systematic(chance, order, start)
    assert drawn.sum() == min(places, len(wanted))
    assert drawn[chance == 1].all()


def test_each_office_and_day_fills_its_own_capacity() -> None:
    n = 90
    raw = np.random.default_rng(2).normal(size=n)
    groups = [("A 1", "A 2", "B 1")[i % 3] for i in range(n)]
    capacity = {"A 1": 3, "A 2": 0.2, "B 1": 5}
    ids = [f"C{i}" for i in range(n)]
    found = select_each(groups, ids, 1 / (1 + np.exp(-raw)), raw, capacity=capacity, seed=1)
    reds = {name: int((found.lane[np.array(groups) == name] == "red").sum()) for name in capacity}
    assert reds == {"A 1": 3, "A 2": 6, "B 1": 5}
    assert found.capacity == 14
    assert found.propensity.sum() == pytest.approx(14)
    with pytest.raises(UsageError, match="no capacity is given for B 1"):
        select_each(groups, ids, raw, raw, capacity={"A 1": 3, "A 2": 2}, seed=1)


def test_a_hybrid_explores_more_when_scores_drift_and_every_strategy_wants_somebody() -> None:
    shares_at = [Hybrid().share(drift) for drift in (0.0, 0.05, 0.1, 0.5)]
    assert shares_at == sorted(shares_at)
    assert shares_at[0] < shares_at[-1] == Hybrid().most
    signals = Signals(np.array([0.01, 0.5, 0.99]), np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.5, 0.5]))
    for strategy in EXPLORATIONS.values():
        assert (strategy.appetite(signals) > 0).all()
    assert np.argmax(EXPLORATIONS["uncertainty"].appetite(signals)) == 1


def test_what_was_never_inspected_is_new_and_what_was_often_is_not() -> None:
    features = tuple(Feature(f"{key}_inspections", "route", "{value}") for key in ("lane", "hs6"))
    numbers = np.array([[0, 0], [99, 0], [99, 99], [np.nan, np.nan]], np.float32)
    np.testing.assert_allclose(novelty(FeatureTable(features, numbers, {})), [1, 0.55, 0.1, 1])
