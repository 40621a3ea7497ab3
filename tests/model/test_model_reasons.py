"""Reasons: one for each concept, the weightiest first, in words without a trace of the machine."""

import re

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import FEATURES, small_model, table

from risk.feature import Feature, FeatureTable
from risk.model import RiskModel
from risk.reasons import PHRASES, REASONS, explain, plain

CONCEPT = {feature.name: feature.concept for feature in FEATURES}


class Told(RiskModel):
    """A model whose contributions are told to it."""

    def contributions(self, table: FeatureTable) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        found: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.array(self.facts["contributions"], float)
        return found.reshape(len(table), len(self.features))


def told(amounts: list[float]) -> Told:
    model = small_model()
    return Told(model.trees, model.calibration, FEATURES, model.vocabulary, {"contributions": amounts})


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_each_concept_gives_at_most_one_reason_the_weightiest_first(seed: int, most: int) -> None:
    rows = table(8, seed)
    contributions = small_model().contributions(rows)
    explained = explain(small_model(), rows, most)
    assert len(explained) == 8
    for row, reasons in enumerate(explained):
        assert 1 <= len(reasons) <= most
        assert len({reason.concept for reason in reasons}) == len(reasons)
        shares = [reason.share for reason in reasons]
        assert shares == sorted(shares, reverse=True)
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) <= 1 + 1e-9
        for reason in reasons:
            own = [place for place, feature in enumerate(FEATURES) if feature.concept == reason.concept]
            assert reason.log_odds == pytest.approx(contributions[row, own].sum(), abs=1e-12)
            assert reason.direction == ("raises" if reason.log_odds > 0 else "lowers")
            assert 1 <= len(reason.features) <= PHRASES
            assert {CONCEPT[name] for name, _ in reason.features} == {reason.concept}


@given(st.integers(0, 2**32 - 1))
def test_all_concepts_together_carry_the_whole_of_the_score(seed: int) -> None:
    rows = table(5, seed)
    contributions = small_model().contributions(rows)
    for row, reasons in enumerate(explain(small_model(), rows, len(FEATURES))):
        assert sum(reason.share for reason in reasons) == pytest.approx(1)
        assert sum(reason.log_odds for reason in reasons) == pytest.approx(contributions[row].sum())


@given(st.integers(0, 2**32 - 1), st.integers(0, 29))
def test_a_row_has_the_same_reasons_alone_and_in_company(seed: int, row: int) -> None:
    rows = table(30, seed)
    assert explain(small_model(), rows.take(np.array([row])))[0] == explain(small_model(), rows)[row]


@given(st.integers(0, 2**32 - 1))
def test_words_never_show_the_machine_s_word_for_missing(seed: int) -> None:
    for reasons in explain(small_model(), table(20, seed)):
        for reason in reasons:
            assert reason.words
            assert not re.search(r"\b(nan|none|null|<na>|nat)\b", reason.words, re.IGNORECASE)
            sent = orjson.loads(orjson.dumps(reason.to_json()))
            assert [entry["value"] for entry in sent["features"]] == [
                value if not isinstance(value, float) else pytest.approx(value) for _, value in reason.features
            ]


def test_a_row_that_says_nothing_is_put_into_words_too() -> None:
    rows = table(1)
    nothing = FeatureTable(
        rows.features, np.full_like(rows.numbers, np.nan), {name: np.array([None]) for name in rows.categories}
    )
    words = "; ".join(reason.words for reason in explain(small_model(), nothing)[0])
    assert "no port of loading stated" in words
    assert "not stated: " in words
    assert "nan" not in words.lower()
    assert "none" not in words.lower()


def test_features_that_say_the_same_make_one_reason_and_those_that_pull_against_it_are_not_named() -> None:
    # weight, port, value_per_kg, filings, goods, seizures, lane_rate
    (reasons,) = explain(told([1.0, -0.5, 0.5, 0.4, 0.0, -0.1, -0.5]), table(1, 9))
    assert [(reason.concept, reason.direction) for reason in reasons] == [
        ("weight and value", "raises"),
        ("route", "lowers"),
        ("parties", "raises"),
    ]
    assert [name for name, _ in reasons[0].features] == ["weight", "value_per_kg"]
    assert [name for name, _ in reasons[2].features] == ["filings"]  # not the seizures, which lower it
    np.testing.assert_allclose([reason.share for reason in reasons], [1.5 / 2.8, 1.0 / 2.8, 0.3 / 2.8])


def test_a_feature_that_hardly_counts_in_its_reason_is_not_named() -> None:
    (reasons,) = explain(told([1.0, 0, 0.1, 0, 0, 0, 0]), table(1, 9))
    assert [name for name, _ in reasons[0].features] == ["weight"]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, -0.1, -0.2, -0.3, 1e-200]), min_size=7, max_size=7))
def test_amounts_that_cancel_never_give_a_reason_without_words(amounts: list[float]) -> None:
    (reasons,) = explain(told(amounts), table(1, 9), REASONS)
    for reason in reasons:
        assert reason.words
        assert reason.features
        assert 0 <= reason.share <= 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.float32(2.5), 2.5), (np.float32("nan"), None), (None, None), ("CNSHA", "CNSHA"), (np.float64(0), 0.0)],
)
def test_values_are_plain_numbers_and_texts(value: object, expected: object) -> None:
    assert plain(value) == expected
    assert type(plain(value)) in {float, str, type(None)}


def test_a_zero_has_words_of_its_own_where_they_read_better() -> None:
    feature = Feature("filings", "parties", "{value:.0f} earlier consignments", zero="a new consignee")
    assert feature.say(0.0) == "a new consignee"
    assert feature.say(3.0) == "3 earlier consignments"
    assert feature.say(float("nan")) == "not stated: filings"
