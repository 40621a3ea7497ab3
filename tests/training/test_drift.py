"""Drift: what did not move is not reported, what moved is named, and the measures are those of their formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from risk.errors import NotEnoughDataError
from risk.inspection import Target
from risk.model import RiskModel
from training.drift import drift, psi, sentences
from training.train import train

START = pd.Timestamp("2025-01-01", tz="UTC")


def tables(days: int = 200, n: int = 1600, moved: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines with an outcome a day later; with `moved` the last month comes from elsewhere and weighs ten times more."""
    rng = np.random.default_rng(11)
    filed = START + pd.to_timedelta(np.sort(rng.integers(0, days * 24 * 60, n)), unit="min")
    late = (filed > filed.max() - pd.Timedelta(days=30)) & moved
    country = np.where(late, "NG", rng.choice(["KE", "CN", "DE"], n))
    weight = rng.lognormal(7, 1, n) * np.where(late, 30, 1)
    wild = rng.random(n) < np.where(late, 0.5, np.where(country == "KE", 0.4, 0.03))
    ids = [f"C{i:05d}" for i in range(n)]
    lines = pd.DataFrame(
        {"consignment_id": ids, "filed_at": filed, "loading_country": country, "gross_weight_kg": weight}
    )
    outcomes = pd.DataFrame(
        {
            "consignment_id": ids,
            "recorded_at": filed + pd.Timedelta(days=1),
            "selection_reason": "random",
            "selection_probability": 0.5,
            "result": np.where(wild, "wildlife", "nothing"),
        }
    )
    return lines, outcomes


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> RiskModel:
    lines, outcomes = tables()
    early = lines["filed_at"] < START + pd.Timedelta(days=165)
    known = outcomes["recorded_at"] < START + pd.Timedelta(days=165)
    return train(lines[early], outcomes[known], tmp_path_factory.mktemp("model"), seed=3, threads=1).model


def test_trade_that_stayed_as_it_was_is_left_alone(model: RiskModel) -> None:
    found = drift(model, *tables(), Target(), threads=1)
    assert found["scores"]["psi"] < 0.25
    assert found["random_stream"]["p"] > 0.01
    assert not [why for why in found["why"] if "random stream" in why or "scores" in why]


def test_trade_that_moved_is_noticed_with_what_moved_and_where(model: RiskModel) -> None:
    found = drift(model, *tables(moved=True), Target(), threads=1)
    assert found["retrain"]
    assert found["random_stream"]["p"] < 0.01
    assert "NG to not stated" in found["where"]["corridor"]["most_changed"]
    assert "Train again" in sentences(found)[0]
    assert any(entry["psi"] > 0.25 for entry in found["features"].values())


def test_nothing_to_compare_with_is_told(model: RiskModel) -> None:
    lines, outcomes = tables()
    early = lines["filed_at"] < START + pd.Timedelta(days=60)
    with pytest.raises(NotEnoughDataError, match="lines were filed then"):
        drift(model, lines[early], outcomes[outcomes["recorded_at"] < START + pd.Timedelta(days=60)], Target())


def test_the_stability_index_is_zero_for_equal_shares_and_grows_with_distance() -> None:
    same = psi(np.array([100.0, 300.0]), np.array([100.0, 300.0]))
    some = psi(np.array([1000.0, 3000.0]), np.array([1500.0, 2500.0]))
    more = psi(np.array([1000.0, 3000.0]), np.array([3000.0, 1000.0]))
    assert same == pytest.approx(0)
    assert 0 < some < more
    assert more == pytest.approx(np.log(3), rel=0.01)
