"""`risk compare`, `promote` and `rollback` on a small office: gates, force with a reason, and the way back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from small_office import Office, at_home, made_once, open_office, risk

from serving.modelling import registry

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return made_once(tmp_path_factory.getbasetemp() / "governed", open_office)


def test_a_challenger_is_compared_promoted_through_gates_or_by_force_and_rolled_back(office: Office) -> None:
    home = office.home
    assert office.train(home, "--seed", "2").json["alias"] == "challenger"
    data = ("--consignments", office.few, "--outcomes", office.known)
    found = risk(home, "compare", *data, "--json").json
    assert (found["champion"], found["challenger"]) == ("version 1", "version 2")
    entry = found["random_stream"]["recall_at"]["0.05"]
    assert entry["difference"]["low"] <= entry["difference"]["value"] <= entry["difference"]["high"]
    assert {gate["name"] for gate in found["gates"]} >= {"better or equal", "calibrated", "no leak", "data fresh"}
    assert "difference" in risk(home, "compare", *data).out

    through = risk(home, "promote", "2", *data)
    assert (through.status == 0) == all(gate["passed"] for gate in found["gates"])
    without = risk(home, "promote", "1") if through.status == 0 else risk(home, "promote", "2")
    assert without.status == 1
    assert "the gates cannot be tried" in without.sentence, "the store of this home is empty"
    assert "too short" in risk(home, "promote", "2", "--force", "yes").sentence
    assert risk(home, "promote", "2", "--force", "the old one misses air cargo").status == 0
    with at_home(home):
        assert registry().champion().version == "2"  # type: ignore[union-attr]
    assert risk(home, "rollback").status == 0
    with at_home(home):
        models = registry()
        assert (models.champion().version, models.challenger().version) == ("1", "2")  # type: ignore[union-attr]
    assert "replaced no other version" in risk(home, "rollback").sentence


def test_a_model_is_not_compared_with_itself(office: Office) -> None:
    assert "the same model" in risk(office.home, "compare", "1", "1").sentence


def test_the_monthly_job_trains_once_on_the_same_data_leaves_a_decision_and_never_promotes(
    office: Office, tmp_path: Path
) -> None:
    import fcntl
    import shutil

    home = tmp_path / "home"
    shutil.copytree(office.home, home)
    data = ("--consignments", office.few, "--outcomes", office.known)
    with at_home(home):
        before = registry().champion()
    first = risk(home, "retrain", *data, "--json").json
    again = risk(home, "retrain", *data, "--json").json
    assert first["version"] == again["version"]
    with at_home(home):
        assert registry().champion() == before
    text = Path(home / first["decision"]).read_text(encoding="utf-8")
    assert f"version {first['version']}" in text
    assert ("risk promote" in text) == all(gate["passed"] for gate in first["comparison"]["gates"])
    drifted = risk(home, "drift", *data, "--json").json
    assert isinstance(drifted["retrain"], bool)
    assert drifted["why"]
    with (home / "retraining" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another retraining is under way" in risk(home, "retrain", *data).sentence


def test_a_challenger_scores_in_shadow_without_effect(office: Office, tmp_path: Path) -> None:
    import shutil

    home = tmp_path / "home"
    shutil.copytree(office.home, home)
    assert risk(home, "import", office.filed, office.manifest).status == 0
    assert risk(home, "score", office.manifest, "-o", tmp_path / "out.csv").status == 0
    other = office.train(home, "--seed", "3").json["version"]
    found = risk(home, "shadow", "--model", other, "--json").json
    again = risk(home, "shadow", "--model", other, "--json").json
    assert found["consignments"] == again["consignments"] == found["new"] > 0
    assert again["new"] == 0
    assert sum(sum(row.values()) for row in found["lanes"].values()) == found["consignments"]
    assert "nothing was changed" in risk(home, "shadow", "--model", other).err
