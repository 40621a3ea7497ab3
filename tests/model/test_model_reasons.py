"""Reasons: one for each concept, the weightiest first, in words without a trace of the machine."""

import re

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import FEATURES, small_model, table

from risk.calibration import Logistic
from risk.feature import Feature, FeatureTable
from risk.language import languages
from risk.model import Method, RiskModel
from risk.reasons import PHRASES, REST, Reason, explain, from_json

CONCEPT = {feature.name: feature.concept for feature in FEATURES}


class Told(RiskModel):
    """A model whose contributions are told to it."""

    def contributions(
        self, table: FeatureTable, method: Method = "shapley", *, threads: int = 1
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        found: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.array(self.facts["contributions"], float)
        return found.reshape(len(table), len(self.features))


def told(amounts: list[float]) -> Told:
    model = small_model()
    return Told(model.trees, model.calibration, FEATURES, model.vocabulary, {"contributions": amounts})


def names(reason: Reason) -> list[str]:
    return [named.name for named in reason.features]


methods = st.sampled_from(["path", "shapley"])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), methods)
def test_each_concept_gives_one_reason_the_weightiest_first_and_the_others_one_together(
    seed: int, most: int, method: Method
) -> None:
    rows = table(8, seed)
    contributions = small_model().contributions(rows, method)
    explained = list(explain(small_model(), rows, method, most=most))
    assert len(explained) == 8
    for row, reasons in enumerate(explained):
        apart = [reason for reason in reasons if reason.concept != REST]
        assert 1 <= len(apart) <= most
        assert reasons[: len(apart)] == tuple(apart) and len(reasons) <= len(apart) + 1
        assert len({reason.concept for reason in reasons}) == len(reasons)
        shares = [reason.share for reason in apart]
        assert shares == sorted(shares, reverse=True)
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) <= 1 + 1e-9
        for reason in apart:
            own = [place for place, feature in enumerate(FEATURES) if feature.concept == reason.concept]
            assert reason.log_odds == pytest.approx(contributions[row, own].sum(), abs=1e-12)
            assert reason.direction == ("raises" if reason.log_odds > 0 else "lowers")
            assert reason.method == method
            assert 1 <= len(reason.features) <= PHRASES[method]
            assert {CONCEPT[name] for name in names(reason)} == {reason.concept}


@given(st.integers(0, 2**32 - 1), methods, st.integers(1, 9))
def test_reasons_and_the_average_score_sum_to_the_score(seed: int, method: Method, most: int) -> None:
    rows, model = table(5, seed), small_model()
    for raw, reasons in zip(model.score(rows).raw, explain(model, rows, method, most=most), strict=True):
        assert model.average + sum(reason.log_odds for reason in reasons) == pytest.approx(raw, abs=1e-12)
        again = [from_json(orjson.loads(orjson.dumps(reason.to_json()))) for reason in reasons]
        assert model.average + sum(reason.log_odds for reason in again) == pytest.approx(raw, abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(0, 29), methods)
def test_a_row_has_the_same_reasons_alone_and_in_company(seed: int, row: int, method: Method) -> None:
    rows = table(30, seed)
    alone = next(explain(small_model(), rows.take(np.array([row])), method))
    assert alone == list(explain(small_model(), rows, method, threads=2))[row]


@given(st.integers(0, 2**32 - 1), methods)
def test_a_reason_read_again_says_the_same_in_every_language(seed: int, method: Method) -> None:
    for reasons in explain(small_model(), table(3, seed), method):
        for reason in reasons:
            again = from_json(orjson.loads(orjson.dumps(reason.to_json())))
            assert [again.words(language) for language in languages()] == [
                reason.words(language) for language in languages()
            ]
            assert again.to_json()["log_odds"] == reason.log_odds


@given(st.integers(0, 2**32 - 1))
def test_words_never_show_the_machine_s_word_for_missing(seed: int) -> None:
    for reasons in explain(small_model(), table(20, seed)):
        for reason in reasons:
            assert reason.words()
            assert not re.search(r"\b(nan|none|null|<na>|nat)\b", reason.words(), re.IGNORECASE)
            sent = orjson.loads(orjson.dumps(reason.to_json()))
            assert [entry["value"] for entry in sent["features"]] == [named.value for named in reason.features]


def test_a_row_that_says_nothing_is_put_into_words_too() -> None:
    rows = table(1)
    nothing = FeatureTable(
        rows.features, np.full_like(rows.numbers, np.nan), {name: np.array([None]) for name in rows.categories}
    )
    words = "; ".join(reason.words() for reason in next(explain(small_model(), nothing)))
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
    assert names(reasons[0]) == ["weight", "value_per_kg"]
    assert names(reasons[2]) == ["filings"]  # not the seizures, which lower it
    np.testing.assert_allclose([reason.share for reason in reasons], [1.5 / 2.8, 1.0 / 2.8, 0.3 / 2.8])


def test_a_feature_that_hardly_counts_in_its_reason_is_not_named() -> None:
    (reasons,) = explain(told([1.0, 0, 0.1, 0, 0, 0, 0]), table(1, 9))
    assert names(reasons[0]) == ["weight"]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, -0.1, -0.2, -0.3, 1e-200]), min_size=7, max_size=7))
def test_amounts_that_cancel_never_give_a_reason_without_words(amounts: list[float]) -> None:
    (reasons,) = explain(told(amounts), table(1, 9))
    for reason in reasons:
        assert reason.words()
        assert reason.features
        assert 0 <= reason.share <= 1


def test_what_stands_on_an_inferred_fact_says_so() -> None:
    feature = Feature("hs4", "goods", "goods of heading {value}", kind="category")
    model = Told("", Logistic(1, 0), (feature,), {"hs4": ("4403",)}, {"contributions": [1.0, 1.0]})
    rows = FeatureTable((feature,), np.empty((2, 0), np.float32), {"hs4": np.array(["4403", "4403"], object)})
    doubtful, sure = explain(model, rows, inferred={"hs_code": np.array([True, False])})
    assert (doubtful[0].words(), doubtful[0].inferred) == (
        "goods of heading 4403 (HS code inferred from text)",
        ("hs_code",),
    )
    assert (sure[0].words(), sure[0].inferred) == ("goods of heading 4403", ())
    assert [reasons[0].to_json()["basis"] for reasons in (doubtful, sure)] == ["inferred", "observed"]


def test_an_answer_of_an_earlier_version_still_reads_as_it_was_written() -> None:
    kept = {"concept": "goods", "words": "goods {of} old", "direction": "raises", "share": 0.5, "log_odds": 1.0,
            "features": [{"name": "hs4", "value": "4403"}]}  # fmt: skip
    assert from_json(kept).words("fr") == "goods {of} old"


def test_a_zero_has_words_of_its_own_where_they_read_better() -> None:
    feature = Feature("filings", "parties", "{value:.0f} earlier consignments", zero="a new consignee")
    assert feature.say(0.0) == "a new consignee"
    assert feature.say(3.0) == "3 earlier consignments"
    assert feature.say(float("nan")) == "not stated: filings"
