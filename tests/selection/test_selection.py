"""Selection under capacity: a strict order, a random stream that no score can move, and propensities that are true."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.errors import UsageError
from risk.selection import LANES, Float64, Selection, inspections, ranks, select, stable_hash

capacities = st.one_of(st.integers(1, 60), st.floats(0.001, 0.999))
shares = st.floats(0, 1)
seeds = st.integers(0, 2**31)


def scored(n: int, seed: int) -> tuple[list[str], Float64, Float64]:
    """Consignments with few distinct probabilities and raw scores, so that ties are common."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(-4, 4, n) / 2
    return [f"C{number:04d}" for number in rng.permutation(n)], np.round(1 / (1 + np.exp(-raw)), 1), raw


def chosen(n: int, seed: int, capacity: float, draw: int, share: float) -> tuple[list[str], Selection]:
    ids, probability, raw = scored(n, seed)
    return ids, select(ids, probability, raw, capacity=capacity, seed=draw, random_share=share)


@given(st.integers(0, 60), seeds, capacities, seeds, shares)
def test_every_consignment_has_one_lane_and_the_capacity_is_used_exactly(
    n: int, seed: int, capacity: float, draw: int, share: float
) -> None:
    _, found = chosen(n, seed, capacity, draw, share)
    assert found.capacity == (inspections(capacity, n) if n else 0)
    assert len(found.lane) == len(found.rank) == len(found.propensity) == len(found.selected_by) == n
    assert set(found.lane) <= set(LANES)
    red = found.lane == "red"
    assert red.sum() == found.capacity
    assert [by is not None for by in found.selected_by] == list(red)
    assert found.seed == draw
    at_random = (found.selected_by == "random").sum()
    assert at_random <= max(found.capacity - 1, 0)  # one is always left to the risk
    assert at_random == min(np.ceil(share * found.capacity - 1e-9), max(found.capacity - 1, 0))


@given(st.integers(1, 60), seeds, capacities, seeds, shares)
def test_milder_lanes_go_to_the_highest_risk_that_is_left(
    n: int, seed: int, capacity: float, draw: int, share: float
) -> None:
    _, found = chosen(n, seed, capacity, draw, share)
    rest = [lane for lane in found.lane[np.argsort(found.rank)] if lane != "red"]
    assert rest == sorted(rest, key=LANES.index)
    left = n - found.capacity
    assert rest.count("yellow") == min(found.capacity, left)
    assert rest.count("blue") == min(2 * found.capacity, left - rest.count("yellow"))


@given(st.integers(1, 60), seeds)
def test_ranks_are_a_strict_order_by_probability_then_raw_score(n: int, seed: int) -> None:
    ids, probability, raw = scored(n, seed)
    rank = ranks(ids, probability, raw)
    assert sorted(rank) == list(range(1, n + 1))
    order = np.argsort(rank)
    keys = list(zip(-probability[order], -raw[order], stable_hash([ids[place] for place in order]), strict=True))
    assert keys == sorted(keys)
    assert len(set(keys)) == n


@given(st.integers(1, 60), seeds, capacities, seeds, shares, st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_nothing(
    n: int, seed: int, capacity: float, draw: int, share: float, shuffler: object
) -> None:
    ids, probability, raw = scored(n, seed)
    places = list(range(n))
    shuffler.shuffle(places)  # type: ignore[attr-defined]
    one = select(ids, probability, raw, capacity=capacity, seed=draw, random_share=share)
    other = select(
        [ids[place] for place in places],
        probability[places],
        raw[places],
        capacity=capacity,
        seed=draw,
        random_share=share,
    )
    np.testing.assert_array_equal(other.rank, one.rank[places])
    np.testing.assert_array_equal(other.lane, one.lane[places])
    np.testing.assert_array_equal(other.selected_by, one.selected_by[places])
    np.testing.assert_array_equal(other.propensity, one.propensity[places])


@given(st.integers(1, 60), seeds, seeds, capacities, seeds, shares)
def test_the_random_stream_does_not_depend_on_the_scores(
    n: int, seed: int, other_seed: int, capacity: float, draw: int, share: float
) -> None:
    ids, probability, raw = scored(n, seed)
    _, other_probability, other_raw = scored(n, other_seed)
    one = select(ids, probability, raw, capacity=capacity, seed=draw, random_share=share)
    two = select(ids, other_probability, other_raw, capacity=capacity, seed=draw, random_share=share)
    np.testing.assert_array_equal(one.selected_by == "random", two.selected_by == "random")


def test_another_seed_draws_others() -> None:
    draws = {tuple(np.flatnonzero(chosen(200, 1, 40, draw, 0.5)[1].selected_by == "random")) for draw in range(20)}
    assert len(draws) == 20


@given(st.integers(1, 80), seeds, capacities, seeds, shares)
def test_propensities_add_up_to_the_number_of_inspections_and_fall_with_the_rank(
    n: int, seed: int, capacity: float, draw: int, share: float
) -> None:
    _, found = chosen(n, seed, capacity, draw, share)
    assert found.propensity.sum() == pytest.approx(found.capacity, rel=1e-9)
    assert ((found.propensity >= 0) & (found.propensity <= 1 + 1e-12)).all()
    assert (np.diff(found.propensity[np.argsort(found.rank)]) <= 1e-12).all()
    assert (found.propensity[found.lane == "red"] > 0).all()  # nobody is inspected who could not have been
    if (found.selected_by == "random").any():
        assert (found.propensity >= (found.selected_by == "random").sum() / n - 1e-12).all()


@pytest.mark.parametrize(
    ("n", "capacity", "share"), [(7, 3, 0.5), (12, 5, 0.4), (12, 6, 1.0), (10, 0.3, 0.05), (5, 5, 0.5)]
)
def test_a_propensity_is_how_often_the_consignment_is_inspected_over_many_draws(
    n: int, capacity: float, share: float
) -> None:
    draws = 4000
    ids, probability, raw = scored(n, 3)
    times = np.zeros(n)
    for draw in range(draws):
        found = select(ids, probability, raw, capacity=capacity, seed=draw, random_share=share)
        times += found.lane == "red"
    deviation = np.sqrt(found.propensity * (1 - found.propensity).clip(0) / draws)
    assert (np.abs(times / draws - found.propensity) <= 4.5 * deviation + 1e-9).all()


@pytest.mark.parametrize(
    ("capacity", "n", "expected"),
    [
        (1, 10, 1),
        (10, 10, 10),
        (11, 10, 10),
        (10**9, 10, 10),
        (2.7, 10, 2),
        (0.01, 1, 1),
        (0.01, 100, 1),
        (0.01, 101, 2),
        (0.07, 100, 7),
        (0.29, 100, 29),
        (1e-12, 100, 1),
        (0.999, 10, 10),
        (0.5, 0, 0),
        (3, 0, 0),
    ],
)
def test_a_capacity_is_a_number_or_a_share_rounded_up(capacity: float, n: int, expected: int) -> None:
    assert inspections(capacity, n) == expected


@pytest.mark.parametrize("capacity", [0, -1, -0.1, float("nan"), float("inf")])
def test_a_capacity_that_inspects_nobody_or_no_number_is_refused(capacity: float) -> None:
    with pytest.raises(UsageError, match="give a number of inspections"):
        inspections(capacity, 10)
    with pytest.raises(UsageError, match="give a number of inspections"):
        select(["a"], np.array([0.5]), np.array([0.0]), capacity=capacity, seed=1)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_random_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        select(["a"], np.array([0.5]), np.array([0.0]), capacity=1, seed=1, random_share=share)


@pytest.mark.parametrize("share", [0.05, 0.07, 0.1, 0.29])
@pytest.mark.parametrize("capacity", [20, 60, 100, 140])
def test_the_random_share_is_rounded_up_from_its_true_value(share: float, capacity: int) -> None:
    _, found = chosen(200, 1, capacity, 1, share)
    hundredths = round(share * 100) * capacity
    assert (found.selected_by == "random").sum() == -(-hundredths // 100)


def test_nothing_to_select_from_gives_an_empty_selection() -> None:
    found = select([], np.empty(0), np.empty(0), capacity=5, seed=1)
    assert (len(found.rank), len(found.lane), len(found.propensity), found.capacity) == (0, 0, 0, 0)


def test_capacity_for_all_inspects_all_with_certainty() -> None:
    _, found = chosen(10, 1, 50, 1, 0.2)
    assert set(found.lane) == {"red"}
    np.testing.assert_allclose(found.propensity, 1)


def test_a_single_inspection_goes_to_the_highest_risk() -> None:
    _, found = chosen(30, 2, 1, 1, 1.0)
    assert list(found.rank[found.lane == "red"]) == [1]
    assert found.propensity.max() == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 13020603013274838756), ("C0001", 6128928577919502910), ("Lô hàng 7 年", 9479084126504022198)],
)
def test_the_hash_is_the_same_everywhere_and_always(text: str, expected: int) -> None:
    assert stable_hash(["other", text])[1] == expected  # changing it would change every draw of the past


@given(st.lists(st.text(max_size=5), unique=True, max_size=50))
def test_distinct_ids_have_distinct_hashes(ids: list[str]) -> None:
    assert len(set(stable_hash(ids).tolist())) == len(ids)
