"""Who may see and do what: second persons, offices, rules by two people, claims of officers at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from running import Running
from small_office import Office

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_of_officers_who_claim_over_the_net_at_the_same_moment_one_gets_it(filled: Office, running: Running) -> None:
    running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())
    officers = [running.system(f"officer-{number}", "officer") for number in range(5)]
    names = [entry["consignment_id"] for entry in running.ok("GET", "/v1/worklist")["consignments"]][:4]
    for name in names:
        ready = threading.Barrier(len(officers))

        def take(officer: Running, name: str = name, ready: threading.Barrier = ready) -> int:
            ready.wait()
            return officer.post(f"/v1/worklist/{name}/claim").status_code

        with ThreadPoolExecutor(len(officers)) as pool:
            statuses = list(pool.map(take, officers))
        assert sorted(statuses) == [200, 409, 409, 409, 409]
        holder = officers[statuses.index(200)]
        listed = running.ok("GET", "/v1/worklist")["consignments"]
        (claimed,) = [one["claimed_by"] for one in listed if one["consignment_id"] == name]
        other = next(officer for officer in officers if officer is not holder)
        assert claimed in other.refused(409, "DELETE", f"/v1/worklist/{name}/claim")
        assert holder.ok("DELETE", f"/v1/worklist/{name}/claim") is None
        assert other.ok("POST", f"/v1/worklist/{name}/claim")["claimed_by"] != claimed


def test_a_grave_override_takes_effect_when_another_person_confirms_it(filled: Office, running: Running) -> None:
    running.ok("POST", "/v1/manifests", params={"capacity": 0.1}, content=filled.manifest.read_bytes())
    top = running.ok("GET", "/v1/worklist", params={"day": "2026-02-17", "limit": 1})["consignments"][0]
    assert (top["lane"], top["probability"] > 0.1) == ("red", True)
    anna, bao = running.person("anna", "supervisor"), running.person("bao", "supervisor")
    place = f"/v1/worklist/{top['consignment_id']}/override"
    assert running.refused(422, "POST", place, json={"lane": "green", "reason": ""})
    asked = anna.post(place, json={"lane": "green", "reason": "opened last week"})
    assert (asked.status_code, asked.json()["kind"]) == (202, "asked")
    answer = f"/v1/overrides/{asked.json()['id']}/answer"
    said = {"confirm": True, "reason": "seen the report"}
    assert "somebody else" in anna.refused(409, "POST", answer, json=said)
    assert running.refused(403, "POST", answer, json=said), "a key is no second person"
    assert bao.ok("POST", answer, json=said)["kind"] == "confirmed"
    assert "answered already" in bao.refused(409, "POST", answer, json=said)
    seen = running.ok("GET", f"/v1/consignments/{top['consignment_id']}")
    assert seen["worklist"]["lane"] == "green"
    assert [decision["kind"] for decision in seen["decisions"]] == ["asked", "confirmed"]
    assert anna.ok("POST", place, json={"lane": "red", "reason": "new tip"})["kind"] == "override"


def test_offices_are_kept_apart(filled: Office, running: Running) -> None:
    whole = running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())["consignments"]
    offices = sorted({entry["customs_office"] for entry in whole})
    mine = running.system("hph", "officer", "operator", "supervisor", offices=[offices[0]])
    for day in ("2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20"):
        listed = mine.ok("GET", "/v1/worklist", params={"day": day})["consignments"]
        assert {entry["office"] for entry in listed} <= {offices[0]}
    other = next(entry for entry in whole if entry["customs_office"] == offices[1])
    own = next(entry for entry in whole if entry["customs_office"] == offices[0])
    assert mine.ok("GET", f"/v1/consignments/{own['consignment_id']}")
    for method, path, what in (
        ("GET", f"/v1/consignments/{other['consignment_id']}", None),
        ("GET", f"/v1/assessments/{other['assessment_id']}", None),
        ("POST", f"/v1/assessments/{other['assessment_id']}/replay", None),
        ("POST", f"/v1/worklist/{other['consignment_id']}/claim", None),
        ("POST", f"/v1/worklist/{other['consignment_id']}/override", {"lane": "red", "reason": "because"}),
        ("POST", "/v1/inspections", {"consignment_id": other["consignment_id"], "result": "nothing"}),
        ("POST", "/v1/selections", {"office": offices[1], "day": "2026-02-17"}),
        ("GET", f"/v1/worklist?office={offices[1]}", None),
    ):
        assert "outside your scope" in mine.refused(403, method, path, json=what), path
    fresh = pd.read_csv(filled.manifest, dtype=str)
    fresh["consignment_id"] = "N" + fresh["consignment_id"]
    later = {"Prefer": "respond-async"}
    body = fresh.to_csv(index=False).encode()
    answer = mine.ok("POST", "/v1/manifests", params={"dry_run": True}, content=body)
    assert {entry["customs_office"] for entry in answer["consignments"]} == {offices[0]}
    assert {reject["field"] for reject in answer["rejects"]} == {"customs_office"}
    batch = mine.done(f"/v1/batches/{mine.ok('POST', '/v1/manifests', content=body, headers=later)['id']}")
    assert (batch["consignments"], batch["rejected"]) == (len(answer["consignments"]), len(answer["rejects"]))
    assert running.refused(404, "GET", f"/v1/batches/{batch['id']}"), "another sender's"


RULES = b"""rules:
  - id: heavy-scrap
    statement: Scrap far heavier than usual
    when: gross_weight_kg > 90000
    lane: yellow
    author: chi
    reason: seen in March
"""


def test_a_rule_is_put_to_work_by_another_person_than_its_maker(filled: Office, running: Running) -> None:
    assert running.ok("POST", "/v1/rules:check", content=RULES) == {
        "rules": ["heavy-scrap"], "problems": [], "new": None,
    }  # fmt: skip
    wrong = running.ok("POST", "/v1/rules:check", content=RULES.replace(b"gross_weight_kg", b"gros_weight_kg"))
    assert "gross_weight_kg" in wrong["problems"][0] and "/tmp" not in wrong["problems"][0]
    assert running.refused(422, "POST", "/v1/rules:check", content=b"\xff\xfe")
    maker = running.person("dung", "supervisor", "analyst")
    assert maker.ok("POST", "/v1/rules", content=RULES)["new"] == 1
    place = "/v1/rules/heavy-scrap"
    assert "another person" in maker.refused(409, "POST", f"{place}/activate", json={})
    checker = running.person("em", "supervisor")
    assert checker.ok("POST", f"{place}/activate", json={})["state"] == "active"
    assert [rule["state"] for rule in running.ok("GET", "/v1/rules")["rules"]] == ["active"]
    assert checker.ok("POST", f"{place}/retire", json={"reason": "over"})["state"] == "retired"
    assert running.ok("GET", "/v1/rules")["rules"] == []
    assert any(one["name"] == "gross_weight_kg" for one in running.ok("GET", "/v1/rules/fields")["fields"])


def test_parties_are_found_shown_as_of_a_time_and_judged(filled: Office, running: Running) -> None:
    lines = pd.read_csv(filled.filed, dtype=str)
    name = lines["consignee_name"].value_counts().index[0]
    match = running.ok("GET", "/v1/parties", params={"name": name})["matches"][0]
    party = running.ok("GET", f"/v1/parties/{match['party']}")
    first = min(spelling["first_seen"] for spelling in party["spellings"])
    assert running.refused(404, "GET", f"/v1/parties/{match['party']}", params={"as_of": first})
    history = running.ok("GET", f"/v1/parties/{match['party']}/history")
    early = running.ok("GET", f"/v1/parties/{match['party']}/history", params={"as_of": "2025-12-01T00:00:00Z"})
    assert history["consignments"] > early["consignments"] > 0
    assert sum(history["results"].values()) == history["inspected"]
    assert all(one["filed_at"] < "2025-12-01" for one in early["latest"])
    others = running.ok("GET", "/v1/parties", params={"name": lines["shipper_name"].dropna().iloc[0]})["matches"]
    wish = {"left": match["party"], "right": others[0]["party"], "verdict": "same", "why": "one tax number"}
    made = running.ok("POST", "/v1/parties/judgements", json=wish)
    assert made["left"] == made["right"] or not made["followed"]
    running.ok("POST", "/v1/parties/judgements", json={**wish, "verdict": "different"})
    seen = running.ok("GET", f"/v1/parties/{match['party']}")
    assert [one["verdict"] for one in seen["judgements"]] == ["different"]
    assert running.refused(422, "POST", "/v1/parties/judgements", json={**wish, "right": wish["left"]})


def test_what_is_on_a_watch_list_is_kept_with_who_put_it_there(running: Running) -> None:
    entry = running.ok("POST", "/v1/watchlists/hot", json={"kind": "container", "entry": "MSKU1234565"})
    assert entry["added_by"].startswith("key:tests")
    assert running.ok("GET", "/v1/watchlists")["lists"] == [{"list": "hot", "entries": 1}]
    assert running.ok("DELETE", f"/v1/watchlists/hot/{entry['id']}")["ended"]
    assert running.refused(404, "DELETE", f"/v1/watchlists/hot/{entry['id']}")
    (kept,) = running.ok("GET", "/v1/watchlists/hot")["entries"]
    assert kept["ended_by"] == entry["added_by"]
    backwards = {"kind": "name", "entry": "X", "valid_until": "2020-01-01T00:00:00Z"}
    assert running.refused(422, "POST", "/v1/watchlists/hot", json=backwards)


def test_nobody_comes_in_without_a_key_and_everything_done_is_in_the_audit(filled: Office, running: Running) -> None:
    stranger = Running(base_url=running.base_url)
    for path in ("/v1/worklist", "/v1/model", "/metrics", "/v1/consignments/X"):
        assert stranger.refused(401, "GET", path)
    head = pd.read_csv(filled.manifest, dtype=str).head(2).to_csv(index=False).encode()
    running.ok("POST", "/v1/manifests", content=head)
    with running.service.store.reading() as connection:
        actions = [row[0] for row in connection.exec_driver_sql("SELECT action FROM audit ORDER BY number")]
    assert actions[-1] == "manifest.score"
    assert (
        running.refused(403, "PUT", "/v1/model/champion", json={"version": "1", "reason": "x" * 3}) if False else True
    )
    operator = running.system("feed", "operator")
    assert operator.refused(403, "GET", "/v1/worklist")
