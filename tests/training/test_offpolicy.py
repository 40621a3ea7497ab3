"""Off-policy estimates against worlds whose truth is known: unbiased, and their intervals cover at their level."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.errors import UsageError
from risk.selection import select
from training.offpolicy import Float64, Logged, OffPolicy, evaluate
from training.simulation.world import simulate

WORLDS = 400
NAMES = ("ips", "snips", "doubly_robust")


@cache
def trade() -> pd.DataFrame:
    """What the simulator knows of 5,000 consignments of trade that fits some way of smuggling."""
    truth = simulate(lines=60_000, days=500, seed=3).truth
    return truth.nlargest(5000, "propensity").reset_index(drop=True)


@cache
def many(logging: str) -> tuple[list[OffPolicy], list[float]]:
    """Worlds with the coins and inspections tossed anew; estimates of a policy, and what it would have found."""
    truth, rng = trade(), np.random.default_rng(7)
    chance = np.clip(truth["propensity"].to_numpy(np.float64) * 5, 0, 0.6)  # richer, so that few worlds are empty
    n = len(chance)
    ids = truth["consignment_id"].tolist()
    score = np.log(chance) + rng.normal(0, 1.0, n)
    policy = select(ids, 1 / (1 + np.exp(-score)), score, capacity=0.05, seed=1, random_share=0.1).propensity
    guess = np.clip(chance * np.exp(rng.normal(0, 0.5, n)), 0, 1)  # a model that is wrong here and there
    found, true = [], []
    for world in range(WORLDS):
        if logging == "rules":
            e = truth["rule_probability"].to_numpy(np.float64)
            inspected = rng.random(n) < e
        else:
            old = np.log(chance) + np.random.default_rng(1).normal(0, 1.5, n)
            picked = select(ids, 1 / (1 + np.exp(-old)), old, capacity=0.1, seed=world, random_share=0.4)
            e, inspected = picked.propensity, picked.lane == "red"
        y = (rng.random(n) < chance).astype(np.float64)
        found.append(evaluate(Logged(e, inspected, np.where(inspected, y, np.nan)), policy, guess))
        true.append(float((policy * y).sum()))
    return found, true


@pytest.mark.parametrize("logging", ["rules", "selection"])
@pytest.mark.parametrize("name", NAMES)
def test_intervals_cover_what_the_policy_would_have_found_at_their_level(name: str, logging: str) -> None:
    found, true = many(logging)
    covered = [getattr(f, name).low <= t <= getattr(f, name).high for f, t in zip(found, true, strict=True)]
    assert np.mean(covered) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / WORLDS)


@pytest.mark.parametrize("logging", ["rules", "selection"])
@pytest.mark.parametrize("name", ["ips", "doubly_robust"])
def test_estimates_are_right_on_average(name: str, logging: str) -> None:
    found, true = many(logging)
    error = np.array([getattr(f, name).value - t for f, t in zip(found, true, strict=True)])
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(WORLDS)


def test_a_model_that_expects_rightly_narrows_the_interval() -> None:
    found, _ = many("selection")
    width = {name: np.mean([getattr(f, name).high - getattr(f, name).low for f in found]) for name in NAMES}
    assert width["doubly_robust"] < width["ips"]


@given(st.integers(1, 200), st.integers(0, 2**31))
def test_what_was_inspected_for_certain_is_exact(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, policy = (rng.random(n) < 0.3).astype(np.float64), rng.random(n)
    found = evaluate(Logged(np.ones(n), np.ones(n, bool), y), policy)
    for estimate in (found.ips, found.doubly_robust):
        assert estimate.value == pytest.approx((policy * y).sum())
        assert estimate.low == pytest.approx(estimate.high)
    assert found.unsupported == 0


def test_choices_that_were_never_possible_are_told_and_not_guessed() -> None:
    e = np.array([0.0, 0.0, 1.0])
    logged = Logged(e, e == 1, np.array([np.nan, np.nan, 1.0]))
    found = evaluate(logged, np.ones(3))
    assert (found.unsupported, found.ips.value) == (2.0, 1.0)


def test_an_inspection_without_a_propensity_is_refused() -> None:
    with pytest.raises(UsageError, match="every decision needs its own"):
        Logged(np.array([0.0]), np.array([True]), np.array([1.0]))


def test_no_find_among_heavy_weights_still_has_an_upper_end() -> None:
    e: Float64 = np.full(100, 0.1)
    inspected = np.arange(100) < 10
    found = evaluate(Logged(e, inspected, np.where(inspected, 0.0, np.nan)), np.ones(100))
    assert found.ips.value == 0
    assert found.ips.high > 20
