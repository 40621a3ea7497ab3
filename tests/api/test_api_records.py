"""What is kept of a consignment, why it scored so, and that it can be made again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from running import Running, serving
from small_office import Office, risk

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_a_consignment_shows_versions_assessments_decisions_and_outcomes(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str)
    twice = lines[lines["version"] == "2"]["consignment_id"].iloc[0]
    answer = running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())
    mine = next(entry for entry in answer["consignments"] if entry["consignment_id"] == twice)
    running.ok("POST", "/v1/inspections", json={"consignment_id": twice, "result": "nothing"})
    seen = running.ok("GET", f"/v1/consignments/{twice}")
    assert [version["version"] for version in seen["versions"]] == [1, 2]
    (assessed,) = seen["assessments"]
    assert {name: assessed[name] for name in mine if name != "line_no"} == {
        name: mine[name] for name in mine if name != "line_no"
    }
    assert [outcome["result"] for outcome in seen["outcomes"]] == ["nothing"]
    assert seen["worklist"]["state"] == "inspected"


def test_an_assessment_can_be_read_explained_and_made_again(filled: Office, running: Running) -> None:
    answer = running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())
    for entry in answer["consignments"][:3] + answer["consignments"][-3:]:
        place = f"/v1/assessments/{entry['assessment_id']}"
        assert running.ok("GET", place)["input_fingerprint"] == entry["input_fingerprint"]
        assert running.ok("GET", f"{place}/explanation")["reasons"] == entry["reasons"] != []
        again = running.ok("POST", f"{place}/replay")
        assert (again["same"], again["differs"]) == (True, {})


def test_what_came_later_does_not_change_what_is_made_again(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str)
    answer = running.ok("POST", "/v1/manifests", content=lines.tail(20).to_csv(index=False).encode())
    late = lines.tail(20).assign(consignment_id=lambda frame: "LATE" + frame["consignment_id"])
    late["filed_at"] = "2026-02-16T23:30:00Z"
    running.ok("POST", "/v1/manifests", content=late.to_csv(index=False).encode())
    for entry in answer["consignments"][:4]:
        assert running.ok("POST", f"/v1/assessments/{entry['assessment_id']}/replay")["same"]


def test_the_command_line_makes_it_again_too_and_tells_an_altered_one(filled: Office, home: Path) -> None:
    with serving(home) as running:
        answer = running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())
        key = answer["consignments"][0]["assessment_id"]
        with running.service.store.transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE assessments SET probability = 0.5 WHERE id = ?", (answer["consignments"][1]["assessment_id"],)
            )
    ran = risk(home, "replay", key, "--json")
    assert (ran.status, ran.json["same"]) == (0, True), ran.err
    ran = risk(home, "replay", answer["consignments"][1]["assessment_id"], "--json")
    assert (ran.status, list(ran.json["differs"])) == (1, ["probability"])
    assert "no assessment" in risk(home, "replay", "0" * 32).sentence


def test_a_consignment_scored_from_a_file_alone_says_that_it_cannot_be_made_again(
    filled: Office, home: Path, tmp_path: Path
) -> None:
    assert risk(home, "score", filled.manifest, "-o", tmp_path / "out.csv", "--json").status == 0
    with serving(home) as running:
        entry = running.ok("GET", "/v1/worklist", params={"limit": 1})["consignments"][0]
        said = running.refused(404, "POST", f"/v1/assessments/{entry['assessment_id']}/replay")
    assert "only `risk score`" in said


def test_what_is_not_there_is_said_in_a_sentence(shared: Running) -> None:
    assert "no consignment" in shared.refused(404, "GET", "/v1/consignments/NO/SUCH%20ONE")
    assert "no assessment" in shared.refused(404, "GET", f"/v1/assessments/{'0' * 32}")
    assert shared.refused(422, "GET", "/v1/assessments/nonsense")


def test_outcomes_in_bulk_are_stored_once_and_bad_ones_come_back(filled: Office, running: Running) -> None:
    running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())
    name = pd.read_csv(filled.manifest, dtype=str)["consignment_id"].iloc[0]
    body = (
        "consignment_id,recorded_at,result\n"
        f"{name},2026-02-23T10:00:00Z,nothing\n"
        f"{name},2026-02-24T10:00:00Z,marvellous\n"
        "UNKNOWN,2026-02-23T10:00:00Z,nothing\n"
        f"{name},2020-01-01T00:00:00Z,nothing\n"
    ).encode()
    first = running.ok("POST", "/v1/outcomes:import", content=body)
    assert (first["stored"], first["known"], first["rejected"]) == (1, 0, 3)
    assert {reject["field"] for reject in first["rejects"]} == {"result", "consignment_id"}
    assert running.ok("POST", "/v1/outcomes:import", content=body)["known"] == 1
    assert [outcome["result"] for outcome in running.ok("GET", f"/v1/consignments/{name}")["outcomes"]] == ["nothing"]
    assert "the file" in running.refused(422, "POST", "/v1/outcomes:import", content=b"\x00\xff")


def test_what_an_inspection_found_counts_for_the_next_manifest(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str)
    first = running.ok("POST", "/v1/manifests", content=lines.head(1).to_csv(index=False).encode())
    (entry,) = first["consignments"]
    later = (pd.Timestamp.now("UTC") + pd.Timedelta(minutes=1)).isoformat()
    body = lines.head(1).assign(consignment_id="NEXT", filed_at=later).to_csv(index=False).encode()
    before = running.ok("POST", "/v1/manifests", params={"dry_run": True}, content=body)["consignments"][0]
    running.ok("POST", "/v1/inspections", json={"consignment_id": entry["consignment_id"], "result": "wildlife"})
    after = running.ok("POST", "/v1/manifests", content=body)["consignments"][0]
    assert after["input_fingerprint"] != before["input_fingerprint"]
    assert after["raw_score"] > before["raw_score"]
    assert running.ok("POST", f"/v1/assessments/{after['assessment_id']}/replay")["same"]
