"""A training as a whole knows nothing of what was recorded after its test begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from risk.errors import NotEnoughDataError
from risk.inspection import Target
from risk.model import RiskModel
from training.train import Trained, train

START = pd.Timestamp("2025-01-01", tz="UTC")
TEST_FROM = START + pd.Timedelta(days=150)


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """1,800 lines of 200 days, all inspected a day later; what is loaded in KE is often wildlife."""
    rng = np.random.default_rng(11)
    n = 1800
    lines = pd.DataFrame(
        {
            "consignment_id": [f"C{i:05d}" for i in range(n)],
            "filed_at": START + pd.to_timedelta(np.sort(rng.integers(0, 200 * 24 * 60, n)), unit="min"),
            "loading_country": rng.choice(["KE", "CN", "DE"], n),
            "gross_weight_kg": rng.lognormal(7, 1, n),
        }
    )
    wild = rng.random(n) < np.where(lines["loading_country"] == "KE", 0.4, 0.03)
    outcomes = pd.DataFrame(
        {
            "consignment_id": lines["consignment_id"],
            "recorded_at": lines["filed_at"] + pd.Timedelta(days=1),
            "result": np.where(wild, "wildlife", "nothing"),
        }
    )
    return lines, outcomes


def trained(tables: tuple[pd.DataFrame, pd.DataFrame], folder: Path, target: Target | None = None) -> Trained:
    return train(*tables, folder, test_from=TEST_FROM, target=target, seed=3, threads=1)


@pytest.fixture(scope="module")
def first(tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(tables, tmp_path_factory.mktemp("first"))


def test_outcomes_recorded_from_the_test_on_change_the_figures_and_not_the_model(
    tables: tuple[pd.DataFrame, pd.DataFrame], first: Trained, tmp_path: Path
) -> None:
    lines, outcomes = tables
    other = outcomes.copy()
    late = other["recorded_at"] >= TEST_FROM
    other.loc[late, "result"] = np.where(other.loc[late, "result"] == "wildlife", "nothing", "wildlife")
    second = trained((lines, other), tmp_path)
    assert second.model.trees == first.model.trees
    assert second.model.calibration == first.model.calibration
    assert second.report["trials"] == first.report["trials"]
    assert second.report["metrics"]["test"] != first.report["metrics"]["test"]
    assert second.report["data"]["fingerprint"] != first.report["data"]["fingerprint"]


def test_the_files_of_the_report_are_the_model_s_own_facts(first: Trained, tmp_path: Path) -> None:
    first.model.save(tmp_path)
    assert RiskModel.load(tmp_path).facts == first.report
    assert first.report["rows"]["test"] == first.report["metrics"]["test"]["consignments"]
    assert first.report["metrics"]["test"]["roc_auc"]["low"] > 0.7


def test_nothing_but_positives_or_negatives_is_refused(
    tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    with pytest.raises(NotEnoughDataError, match=r"no positive among 1800 labels for 'ivory'"):
        trained(tables, tmp_path, Target("ivory", ("document",)))
    with pytest.raises(NotEnoughDataError, match=r"positives only among 1800 labels"):
        trained(tables, tmp_path, Target("all", ("nothing", "wildlife")))


def test_a_span_of_one_class_is_named(tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    lines, outcomes = tables
    other = outcomes.assign(result=outcomes["result"].where(outcomes["recorded_at"] < TEST_FROM, "nothing"))
    with pytest.raises(NotEnoughDataError, match=r"the span test hold no positive"):
        trained((lines, other), tmp_path)


def test_the_page_of_the_report_needs_nothing_else_and_names_hits_misses_and_slices(
    tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    found = trained(tables, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("Top hits", "Finds ranked lowest", "Month by month", "consignee", "data:image/png;base64,"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    assert found.report["data"]["fingerprint"] in page
