"""Manifests sent in: the same answers as the command line, kept whole or not at all, and given once."""

from __future__ import annotations

import io
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pandas as pd
import pytest
from running import Running, serving
from small_office import Office, at_home, risk

from serving.api import manifests
from serving.store import Store, batches

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy


def test_a_manifest_gets_the_bytes_that_the_command_line_writes(filled: Office, home: Path, tmp_path: Path) -> None:
    output, other = tmp_path / "out.jsonl", tmp_path / "other"
    shutil.copytree(home, other)
    ran = risk(other, "score", filled.manifest, "-o", output, "--capacity", "0.1", "--explain", "0", "--json")
    assert ran.status == 0, ran.err
    expected = [orjson.loads(line) for line in output.read_bytes().splitlines()]
    with serving(home) as running:
        answer = running.ok(
            "POST", "/v1/manifests", params={"capacity": 0.1, "dry_run": True}, content=filled.manifest.read_bytes()
        )
    assert len(answer["consignments"]) == answer["counts"]["scored"] == len(expected) > 40
    for theirs, ours in zip(answer["consignments"], expected, strict=True):
        same = [name for name in ours if name in theirs and name != "scored_at"]
        assert {"probability", "rank", "lane", "reasons", "indicators", "propensity", "input_fingerprint"} <= set(same)
        assert orjson.dumps({name: theirs[name] for name in same}) == orjson.dumps({name: ours[name] for name in same})


def test_a_dry_run_leaves_no_trace(filled: Office, running: Running) -> None:
    def rows() -> list[int]:
        with running.service.store.reading() as connection:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").all()
            names = sorted(name for (name,) in tables if "history" not in name and "audit" not in name)
            return [connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in names]

    before = rows()
    body = filled.manifest.read_bytes()
    dry = running.ok("POST", "/v1/manifests", params={"dry_run": True}, content=body)
    assert rows() == before
    wet = running.ok("POST", "/v1/manifests", content=body)
    assert rows() != before
    for entry in (*dry["consignments"], *wet["consignments"]):
        entry.pop("scored_at")
    assert dry == wet


def test_the_same_version_by_the_same_model_has_one_answer(filled: Office, running: Running) -> None:
    body = filled.manifest.read_bytes()
    first = running.ok("POST", "/v1/manifests", content=body)
    again = running.ok("POST", "/v1/manifests", content=body)
    assert again["consignments"] == first["consignments"]
    assert (again["counts"]["scored"], again["counts"]["known"]) == (0, first["counts"]["scored"])
    lines = pd.read_csv(filled.manifest, dtype=str)
    part = lines[lines["consignment_id"].isin(lines["consignment_id"].unique()[:7])]
    stranger = part.head(1).assign(consignment_id="STRANGER")
    mixed = running.ok("POST", "/v1/manifests", content=pd.concat([part, stranger]).to_csv(index=False).encode())
    assert (mixed["counts"]["scored"], mixed["counts"]["known"]) == (1, 7)
    given = {entry["consignment_id"]: entry for entry in first["consignments"]}
    assert all(entry == given[entry["consignment_id"]] for entry in mixed["consignments"]
               if entry["consignment_id"] != "STRANGER")  # fmt: skip


def test_a_line_with_another_content_is_refused_and_the_rest_goes_on(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str)
    running.ok("POST", "/v1/manifests", content=lines.head(5).to_csv(index=False).encode())
    changed = lines.head(8).copy()
    changed.loc[2, "gross_weight_kg"] = "1"
    for dry in (True, False):
        answer = running.ok(
            "POST", "/v1/manifests", params={"dry_run": dry}, content=changed.to_csv(index=False).encode()
        )
        (reject,) = answer["rejects"]
        assert "another gross_weight_kg" in reject["reason"]
        names = {entry["consignment_id"] for entry in answer["consignments"]}
        assert changed["consignment_id"][2] not in names
        assert changed["consignment_id"][7] in names


def test_a_request_sent_twice_under_a_key_is_done_once(filled: Office, running: Running) -> None:
    body, key = filled.manifest.read_bytes(), {"Idempotency-Key": "order-1"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: running.post("/v1/manifests", content=body, headers=key), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    said = running.refused(409, "POST", "/v1/manifests", content=body + b"\n", headers=key)
    assert "another manifest" in said


def test_good_records_are_scored_beside_bad_ones_that_come_back_with_their_reason(
    filled: Office, running: Running
) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str).head(3)
    lines.loc[1, "filed_at"] = "sometime"
    answer = running.ok("POST", "/v1/manifests", content=lines.to_csv(index=False).encode())
    (reject,) = answer["rejects"]
    assert (reject["line"], reject["field"], reject["value"]) == (3, "filed_at", "sometime")
    assert lines["consignment_id"][0] in [entry["consignment_id"] for entry in answer["consignments"]]


def test_json_lines_are_the_same_manifest_as_csv(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str).head(10)
    records = [
        {name: value for name, value in row.items() if isinstance(value, str)} for row in lines.to_dict("records")
    ]
    for record in records:
        for name in ("containers", "permits"):
            if name in record:
                record[name] = json.loads(record[name])
    body = b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
    answers = [
        running.ok("POST", "/v1/manifests", params={"dry_run": True}, content=content)["consignments"]
        for content in (body, lines.to_csv(index=False).encode())
    ]
    assert [entry["input_fingerprint"] for entry in answers[0]] == [entry["input_fingerprint"] for entry in answers[1]]


EDIFACT = b"""UNA:+.? '
UNB+UNOA:2+SENDER+CUSTOMS+260220:0800+1'UNH+1+CUSCAR:D:95B:UN'BGM+85+M1+9'DTM+137:202602200800:203'
TDT+20+028E+1++QORN:172+++9102887::11:MV TEST'LOC+5+IDJKT:139:6'LOC+8+VNHPH:139:6'
CNI+1+B123:705'RFF+BM:B123'LOC+9+IDJKT:139:6'LOC+12+VNHPH:139:6'NAD+CN+++AN HOANG CO LTD'GID+1+98:BL'
FTX+AAA+++WOOD PULP'MEA+WT+AAE+KGM:21278'UNT+14+1'UNZ+1+1'
"""


def test_a_message_of_a_carrier_is_told_by_its_content(running: Running) -> None:
    answer = running.ok("POST", "/v1/manifests", content=EDIFACT, headers={"Content-Type": "text/plain"})
    (entry,) = answer["consignments"]
    seen = running.ok("GET", f"/v1/consignments/{entry['consignment_id']}")
    assert seen["versions"][0]["lines"][0]["loading_port"] == "IDJKT"


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x01\x02\xff\xfe", b"one,two\n1,2\n", b"PAR1", b"consignment_id\nA\n", b"<a/>"]
)
def test_bytes_that_are_no_manifest_are_refused_in_one_sentence(shared: Running, body: bytes) -> None:
    assert shared.refused(422, "POST", "/v1/manifests", content=body).startswith("the manifest: ")


def test_what_is_too_large_or_makes_no_sense_is_refused(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "LARGEST_MANIFEST", 100_000)
    assert "100,000" in shared.refused(413, "POST", "/v1/manifests", content=b"x" * 100_001)
    assert "size" in shared.refused(411, "POST", "/v1/manifests", content=iter([b"x" * 60_000] * 2))
    unlimited = shared.person("large", "operator")
    assert "100,000" in unlimited.refused(413, "POST", "/v1/manifests", content=iter([b"x" * 60_000] * 2))
    assert "capacity" in shared.refused(422, "POST", "/v1/manifests", params={"capacity": 0}, content=b"consignment_id")
    assert shared.refused(404, "GET", "/v1/nothing")
    assert shared.refused(405, "DELETE", "/v1/manifests")


def test_a_large_manifest_becomes_a_batch_with_the_same_answers(filled: Office, running: Running) -> None:
    body = filled.manifest.read_bytes()
    expected = running.ok("POST", "/v1/manifests", params={"dry_run": True}, content=body)["consignments"]
    taken = running.post("/v1/manifests", content=body, headers={"Prefer": "respond-async", "Idempotency-Key": "b"})
    assert taken.status_code == 202
    place = taken.headers["location"]
    again = running.post("/v1/manifests", content=body, headers={"Prefer": "respond-async", "Idempotency-Key": "b"})
    assert again.content == taken.content
    batch = running.done(place)
    assert (batch["state"], batch["consignments"], batch["rejected"]) == ("done", len(expected), 0)
    found = [orjson.loads(line) for line in running.get(batch["results"]).content.splitlines()]
    for entry in (*found, *expected):
        entry.pop("scored_at")
    assert found == expected
    assert place.rsplit("/", 1)[1] in [each["id"] for each in running.ok("GET", "/v1/batches")["batches"]]


def test_a_batch_says_what_was_rejected_and_why_it_failed(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str).head(3)
    lines.loc[1, "filed_at"] = "sometime"
    later = {"Prefer": "respond-async"}
    taken = running.ok("POST", "/v1/manifests", content=lines.to_csv(index=False).encode(), headers=later)
    batch = running.done(f"/v1/batches/{taken['id']}")
    (reject,) = map(orjson.loads, running.get(batch["rejects"]).content.splitlines())
    assert reject["field"] == "filed_at"
    taken = running.ok("POST", "/v1/manifests", content=b"one,two\n1,2\n", headers=later)
    batch = running.done(f"/v1/batches/{taken['id']}")
    assert (batch["state"], batch["error"].startswith("the manifest: ")) == ("failed", True)
    assert "is failed" in running.refused(409, "GET", f"/v1/batches/{taken['id']}/results")
    assert running.refused(404, "GET", f"/v1/batches/{'0' * 32}")


def test_a_batch_whose_worker_was_killed_is_begun_again_and_given_up_in_the_end(filled: Office, home: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    names = {"good": "a" * 32, "hopeless": "b" * 32}
    with at_home(home), Store.open(f"sqlite:///{home / 'risk.db'}") as store, store.transaction() as connection:
        for name in names.values():
            batches.add(connection, name, submitted_at=long_ago, submitted_by="x", size=1, sha256="", capacity=0.1)
            batches.put_file(connection, name, "manifest", filled.manifest.read_bytes())
        for _ in range(2):
            assert batches.take(connection, "killed", long_ago, long_ago) is not None
        for _ in range(3):
            found = batches.take(connection, "killed", long_ago, long_ago + timedelta(seconds=1))
            assert found is not None
        connection.exec_driver_sql("UPDATE batches SET attempts = 1 WHERE id = ?", (names["good"],))
        connection.exec_driver_sql("UPDATE batches SET attempts = 3 WHERE id = ?", (names["hopeless"],))
    with serving(home) as running:
        for _ in range(400):
            with running.service.store.reading() as connection:
                states = {name: batches.one(connection, key) for name, key in names.items()}
            if {state["state"] for state in states.values() if state} == {"done", "failed"}:
                break
            threading.Event().wait(0.05)
    assert states["good"] is not None and states["hopeless"] is not None
    assert (states["good"]["state"], states["good"]["attempts"]) == ("done", 2)
    assert (states["hopeless"]["state"], "never came to its end" in states["hopeless"]["error"]) == ("failed", True)


def test_a_cancelled_consignment_leaves_the_worklist(running: Running) -> None:
    running.ok("POST", "/v1/manifests", content=EDIFACT)
    listed = [entry["consignment_id"] for entry in running.ok("GET", "/v1/worklist")["consignments"]]
    assert len(listed) == 1
    takes_back = EDIFACT.replace(b"BGM+85+M1+9'", b"BGM+85+M1+1'").replace(b"0800:203", b"0900:203")
    answer = running.ok("POST", "/v1/manifests", content=takes_back)
    assert answer["cancelled"] == listed
    assert running.ok("GET", "/v1/worklist", params={"day": "2026-02-20"})["consignments"] == []


def test_frames_are_read_back_as_they_were_filed(filled: Office, shared: Running) -> None:
    lines = pd.read_csv(io.BytesIO(filled.manifest.read_bytes()), dtype=str)
    name = lines["consignment_id"].iloc[-1]
    seen = shared.ok("GET", f"/v1/consignments/{name}")
    mine = lines[lines["consignment_id"] == name]
    assert [line["hs_code"] for version in seen["versions"] for line in version["lines"]] == mine["hs_code"].tolist()
