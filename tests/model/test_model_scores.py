"""What the model says of a row: the same in any company, whatever the order of columns; missing is missing."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import FEATURES, VOCABULARY, small_model, table

from risk.calibration import Logistic
from risk.errors import ModelError
from risk.feature import Feature, FeatureTable
from risk.model import Method, RiskModel, encode_category


def test_the_scores_are_those_of_the_trees_and_the_calibration() -> None:
    rows = table(200, 1)
    scores = small_model().score(rows)
    trees = lightgbm.Booster(model_str=small_model().trees)
    raw = np.asarray(trees.predict(small_model().encode(rows), raw_score=True))
    np.testing.assert_array_equal(scores.raw, raw)
    np.testing.assert_array_equal(scores.probability, Logistic(0.9, -0.4).probability(raw))
    assert len(np.unique(scores.raw)) > 100  # a model that says something
    assert ((scores.probability > 0) & (scores.probability < 1)).all()


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 29), min_size=1, max_size=30))
def test_a_row_scores_the_same_alone_and_in_any_company(seed: int, taken: list[int]) -> None:
    rows, places = table(30, seed), np.array(taken)
    whole, part = small_model().score(rows, threads=2), small_model().score(rows.take(places), threads=1)
    np.testing.assert_array_equal(part.raw, whole.raw[places])
    np.testing.assert_array_equal(part.probability, whole.probability[places])


def test_columns_in_another_order_and_columns_not_read_change_nothing() -> None:
    rows = table(100, 2)
    numbers = np.column_stack([np.full(100, 7, np.float32), rows.numbers[:, ::-1]])
    names = [feature for feature in rows.features if feature.kind == "number"]
    other = FeatureTable(
        (Feature("not read", "other", "{value}"), *names[::-1], *rows.features[len(names) :][::-1]),
        numbers,
        {**{name: rows.categories[name] for name in reversed(list(rows.categories))}, "more": rows.categories["port"]},
    )
    np.testing.assert_array_equal(small_model().score(other).raw, small_model().score(rows).raw)


def test_an_unseen_category_reads_as_missing() -> None:
    rows = table(100, 3)
    missing = {name: np.full(100, None, object) for name in VOCABULARY}
    unseen = {name: np.array([f"new {i}" for i in range(100)], object) for name in VOCABULARY}
    absent = FeatureTable(rows.features, rows.numbers, missing)
    np.testing.assert_array_equal(
        small_model().score(FeatureTable(rows.features, rows.numbers, unseen)).raw, small_model().score(absent).raw
    )
    assert not np.array_equal(small_model().score(rows).raw, small_model().score(absent).raw)


@given(st.lists(st.sampled_from(["a", "b", "", "A", "other", None, float("nan")])))
def test_a_category_is_read_as_its_place_in_the_vocabulary(values: list[str | float | None]) -> None:
    codes = encode_category(np.array(values, object), {"a": 0, "b": 1})
    assert codes.dtype == np.float32
    for code, value in zip(codes, values, strict=True):
        assert code == ("a", "b").index(str(value)) if value in ("a", "b") else np.isnan(code)


def test_an_empty_table_gives_empty_scores() -> None:
    scores = small_model().score(table(0))
    assert (scores.probability.shape, scores.raw.shape) == ((0,), (0,))
    assert small_model().contributions(table(0)).shape == (0, len(FEATURES))


@pytest.mark.parametrize("name", ["weight", "port"])
def test_a_feature_that_the_records_lack_is_named(name: str) -> None:
    rows = table(5)
    kept = tuple(feature for feature in rows.features if feature.name != name)
    numbers = [place for place, feature in enumerate(rows.features[:5]) if feature.name != name]
    less = FeatureTable(
        kept, rows.numbers[:, numbers], {key: values for key, values in rows.categories.items() if key != name}
    )
    with pytest.raises(ModelError, match=f"reads the feature '{name}', which these records do not have"):
        small_model().score(less)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["path", "shapley"]))
def test_contributions_and_the_average_add_up_to_the_score_exactly(seed: int, method: Method) -> None:
    rows, model = table(20, seed), small_model()
    added = model.contributions(rows, method)
    assert added.shape == (20, len(FEATURES))
    np.testing.assert_allclose(model.average + added.sum(axis=1), model.score(rows).raw, rtol=0, atol=1e-12)


def two_forests() -> RiskModel:
    """The mean of two forests, and of a third that has only one leaf."""
    one, other = small_model(0), small_model(1)
    rows = table(40)
    data = lightgbm.Dataset(one.encode(rows), np.arange(40) % 2, params={"min_data_in_leaf": 40, "verbosity": -1})
    stump = lightgbm.train({"objective": "binary", "verbosity": -1, "min_data_in_leaf": 40}, data, 2)
    return RiskModel(one.trees + other.trees + stump.model_to_string(), Logistic(1, 0), FEATURES, VOCABULARY)


@given(st.integers(0, 2**32 - 1))
def test_a_mean_of_forests_has_contributions_that_sum_to_it_too(seed: int) -> None:
    rows, model = table(20, seed), two_forests()
    added = model.contributions(rows, "path")
    np.testing.assert_allclose(model.average + added.sum(axis=1), model.score(rows).raw, rtol=0, atol=1e-12)


@pytest.mark.parametrize("more", [{"zero_as_missing": True}, {"use_missing": False}])
def test_paths_go_where_the_trees_go_whatever_missing_means_to_them(more: dict[str, bool]) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(600, 3)).round(1)
    x[rng.random(x.shape) < 0.3] = 0
    x[rng.random(x.shape) < 0.2] = np.nan
    label = rng.random(600) < 1 / (1 + np.exp(-np.nan_to_num(x[:, 0], nan=2) - (x[:, 1] == 0)))
    settings = {"objective": "binary", "verbosity": -1, "num_leaves": 8, "num_threads": 1, **more}
    trees: str = lightgbm.train(settings, lightgbm.Dataset(x, label, params=settings), 20).model_to_string()
    features = tuple(Feature(name, "other", "{value}") for name in "abc")
    model = RiskModel(trees, Logistic(1, 0), features, {})
    rows = FeatureTable(features, x.astype(np.float32), {})
    added = model.contributions(rows, "path")
    np.testing.assert_allclose(model.average + added.sum(axis=1), model.score(rows).raw, rtol=0, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 29), min_size=1, max_size=30))
def test_path_contributions_of_a_row_are_the_same_bits_in_any_company(seed: int, taken: list[int]) -> None:
    rows, places = table(30, seed), np.array(taken)
    whole = small_model().contributions(rows, "path", threads=2)
    np.testing.assert_array_equal(small_model().contributions(rows.take(places), "path"), whole[places])


def test_many_rows_are_split_among_threads_without_a_trace() -> None:
    rows = table(9_000, 6)
    one, two = (small_model().contributions(rows, "path", threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != 0).any(axis=0).all(), "every feature moves some score"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version=v4", "version=v4\naverage_output", "random forest"),
        ("is_linear=0", "is_linear=1", "linear"),
    ],
)
def test_trees_of_another_kind_are_refused_and_not_explained_wrongly(old: str, new: str, says: str) -> None:
    model = small_model()
    with pytest.raises(ModelError, match=says):
        RiskModel(model.trees.replace(old, new), model.calibration, FEATURES, VOCABULARY).average  # noqa: B018


def test_two_models_that_differ_in_anything_have_other_fingerprints() -> None:
    model = small_model()
    others = [
        RiskModel(model.trees + " ", model.calibration, FEATURES, VOCABULARY, model.facts),
        RiskModel(model.trees, Logistic(0.9, -0.5), FEATURES, VOCABULARY, model.facts),
        RiskModel(model.trees, model.calibration, FEATURES[::-1], VOCABULARY, model.facts),
        RiskModel(model.trees, model.calibration, FEATURES, {**VOCABULARY, "port": ("KEMBA",)}, model.facts),
        RiskModel(model.trees, model.calibration, FEATURES, VOCABULARY, {}),
    ]
    assert len({model.fingerprint, *(other.fingerprint for other in others)}) == 6
    same = RiskModel(model.trees, model.calibration, FEATURES, dict(reversed(VOCABULARY.items())), dict(model.facts))
    assert same.fingerprint == model.fingerprint
