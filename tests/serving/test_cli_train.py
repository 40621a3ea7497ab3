"""`risk train`: the object it prints, the model it registers, and what it says when it cannot."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from small_office import Office, at_home, risk

from serving.modelling import registry

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy

CAPACITIES = {"0.01", "0.05", "0.1"}


def test_the_object_printed_has_the_figures_named_each_with_its_interval(office: Office) -> None:
    found = office.training
    assert found["model"] == "risk"
    assert found["version"] == "1"
    assert re.fullmatch(r"[0-9a-f]{32}", found["run_id"])
    spans = [found["spans"][name] for name in ("train", "validate", "calibrate", "test")]
    edges = [edge for span in spans for edge in (span["from"], span["before"])]
    assert edges == sorted(edges), "the spans follow each other in time"
    for name in ("train", "calibrate", "test"):
        assert 0 < found["positives"][name] < found["rows"][name]
    test = found["metrics"]["test"]
    figures = [test[name] for name in ("pr_auc", "roc_auc", "calibration_error")]
    for name in ("precision_at", "recall_at", "lift_at"):
        assert set(test[name]) == CAPACITIES
        figures += test[name].values()
    for figure in figures:
        assert set(figure) == {"value", "low", "high"}
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert set(found["baselines"]) == {"random", "corridor_rate_last_year", "risk_profile"}
    for baseline in found["baselines"].values():
        assert set(baseline["recall_at"]) == CAPACITIES
    assert found["rejected"] == 0


def test_what_was_planted_is_found_far_better_than_by_chance(office: Office) -> None:
    test = office.training["metrics"]["test"]
    assert test["roc_auc"]["value"] > 0.75
    assert test["recall_at"]["0.1"]["value"] > 0.4
    assert office.training["baselines"]["random"]["roc_auc"]["low"] < 0.6


def test_the_same_seed_and_data_give_the_same_model_which_is_challenger_until_promoted(
    office: Office, home: Path
) -> None:
    again = office.train(home, "--seed", "1").json
    first = office.training
    assert again["run_id"] != first["run_id"]
    for name in ("fingerprint", "metrics", "baselines", "spans", "rows", "positives", "data", "trials"):
        assert again[name] == first[name], name
    assert (first["alias"], again["alias"]) == ("champion", "challenger")

    def champion() -> str:
        with at_home(home):
            return registry().load("champion")[1].version

    assert champion() == "1"
    assert risk(home, "promote", "2", "--force", "it is the same model").status == 0
    assert champion() == "2"
    refused = risk(home, "promote", "9")
    assert (refused.status, champion()) == (1, "2")
    assert "9" in refused.sentence


def test_a_home_that_was_moved_still_loads_its_champion_and_holds_no_pickle(
    office: Office, home: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "office"
    moved.parent.mkdir()
    shutil.move(home, moved)
    with at_home(moved):
        model, version = registry().load("champion")
        mlflow.set_tracking_uri(registry().tracking_uri)
        try:
            assert mlflow.pyfunc.load_model("models:/risk@champion").metadata.run_id == version.run_id
        finally:
            mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # none was set before
    assert model.fingerprint == office.training["fingerprint"]
    files = [path for path in moved.rglob("*") if path.is_file()]
    assert any(path.name == "trees.txt" for path in files)
    for path in files:
        assert path.suffix not in {".pkl", ".pickle", ".joblib", ".skops"}
        assert path.read_bytes()[:1] != b"\x80", f"{path} begins as a pickle does"


def test_a_run_keeps_card_plots_and_figures(office: Office) -> None:
    names = {path.name for path in (office.home / "mlruns").rglob("*") if path.is_file()}
    assert {"model_card.md", "capacity.png", "calibration.png", "importance.png", "features.csv"} <= names


def outcomes(office: Office, folder: Path, **changes: object) -> Path:
    """The outcomes of the office with some columns set, in a file of their own."""
    path = folder / "changed.csv"
    pd.read_csv(office.known).assign(**changes).to_csv(path, index=False)  # type: ignore[arg-type]
    return path


def test_labels_of_one_class_are_refused(office: Office, tmp_path: Path) -> None:
    for result, words in (("nothing", "no positive"), ("wildlife", "positives only")):
        ran = risk(
            tmp_path,
            *("train", "--consignments", office.few, "--outcomes", outcomes(office, tmp_path, result=result)),
        )
        assert ran.status == 1
        assert words in ran.sentence and "wildlife" in ran.sentence
    assert not (tmp_path / "mlruns").exists(), "nothing was registered"


def test_too_few_positives_are_refused_with_the_span_that_lacks_them(office: Office, tmp_path: Path) -> None:
    few = pd.read_csv(office.known)
    early = few.sort_values("recorded_at").index[:3]
    result = pd.Series("nothing", few.index)
    result[early] = "wildlife"
    ran = risk(tmp_path, "train", "--consignments", office.few, "--outcomes", outcomes(office, tmp_path, result=result))
    assert ran.status == 1
    assert "the span validate hold no positive" in ran.sentence or "span validate" in ran.sentence


def test_a_handful_of_outcomes_is_refused(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "five.csv"
    pd.read_csv(office.known).head(5).to_csv(path, index=False)
    ran = risk(tmp_path, "train", "--consignments", office.few, "--outcomes", path)
    assert (ran.status, "20 inspected lines" in ran.sentence or "5 labels" in ran.sentence) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--test-from", "2031-01-01"], "test from 2031-01-01"),
        (["--test-from", "2001-01-01"], "test from 2001-01-01"),
        (["--validate-from", "2026-02-01", "--test-from", "2026-01-05"], "validation from 2026-02-01"),
        (["--label", "critical"], "--mapping"),
    ],
)
def test_spans_and_labels_that_do_not_fit_are_wrong_use(
    office: Office, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ran = office.train(tmp_path, *arguments)
    assert ran.status == 2
    assert words in ran.sentence
    assert ran.out == ""


def test_dates_that_are_no_dates_and_options_that_do_not_exist_are_wrong_use(office: Office, tmp_path: Path) -> None:
    for arguments in (["--test-from", "yesterday"], ["--no-such-option"], ["--capacity", "much"]):
        ran = office.train(tmp_path, *arguments)
        assert ran.status == 2
        assert "Traceback" not in ran.err


def test_a_capacity_that_is_no_share_is_refused(office: Office, tmp_path: Path) -> None:
    for capacity in ("0", "-0.1", "nan"):
        ran = office.train(tmp_path, "--capacity", capacity)
        assert ran.status == 2, capacity
        assert "capacity" in ran.err


def test_without_files_and_with_an_empty_store_one_is_told_what_to_do(tmp_path: Path) -> None:
    ran = risk(tmp_path, "train")
    assert ran.status == 1
    assert "risk import" in ran.sentence


def test_consignments_without_outcomes_and_outcomes_without_consignments_are_refused(
    office: Office, tmp_path: Path
) -> None:
    alone = risk(tmp_path, "train", "--consignments", office.few)
    assert (alone.status, "--outcomes" in alone.sentence) == (1, True)
    other = risk(tmp_path, "train", "--outcomes", office.known)
    assert (other.status, "--consignments" in other.sentence) == (2, True)


def test_outcomes_that_point_at_nothing_or_precede_the_filing_are_rejected_and_the_rest_counts(
    office: Office, tmp_path: Path
) -> None:
    table = pd.read_csv(office.known)
    table.loc[0, "consignment_id"] = "NEVER-FILED"
    table.loc[1, ["inspected_at", "recorded_at"]] = "2020-01-01T00:00:00Z"
    table.loc[len(table)] = table.loc[2]  # the same outcome twice
    path = tmp_path / "some_bad.csv"
    table.to_csv(path, index=False)
    output = tmp_path / "history.npz"
    ran = risk(
        tmp_path, *("history", "snapshot", "--consignments", office.few, "--outcomes", path, "-o", output, "--json")
    )
    assert ran.status == 3, ran.err
    assert (ran.json["rejected"], ran.json["outcomes"]) == (3, len(table) - 3)
    rejects = pd.read_csv(tmp_path / "some_bad.csv.rejects.csv", dtype=str)
    assert sorted(rejects["field"]) == ["consignment_id", "consignment_id", "recorded_at"]
    assert rejects["reason"].notna().all() and rejects["record"].notna().all()
    assert rejects["value"].str.contains("NEVER-FILED").any()
