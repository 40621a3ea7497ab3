"""The day's work: pages in strict order, claims, overrides, the selection, inspections and their corrections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest
from running import Running
from small_office import Office

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def _scored(running: Running, office: Office) -> pd.DataFrame:
    running.ok("POST", "/v1/manifests", content=office.manifest.read_bytes())
    lines = pd.read_csv(office.manifest, dtype=str)
    return lines.drop_duplicates("consignment_id", keep="last")


def _all(running: Running, **what: Any) -> list[dict[str, Any]]:
    found, after = [], None
    while True:
        page = running.ok("GET", "/v1/worklist", params={**what, **({"after": after} if after else {})})
        found += page["consignments"]
        after = page["next"]
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 500])
def test_pages_of_any_size_give_every_consignment_once_in_order_of_risk(shared: Running, limit: int) -> None:
    for day in ("2026-02-17", "2026-02-18"):
        whole = _all(shared, day=day, limit=500)
        paged = _all(shared, day=day, limit=limit)
        assert [entry["consignment_id"] for entry in paged] == [entry["consignment_id"] for entry in whole]
        probabilities = [entry["probability"] for entry in whole]
        assert probabilities == sorted(probabilities, reverse=True)
        assert len(whole) > 3
        assert all(entry["reasons"] for entry in whole)


def test_office_and_lane_are_parts_of_the_whole(shared: Running) -> None:
    whole = _all(shared, day="2026-02-17", limit=100)
    offices = {entry["office"] for entry in whole}
    parts = [entry for office in offices for entry in _all(shared, day="2026-02-17", office=office, limit=2)]
    assert sorted(entry["consignment_id"] for entry in parts) == sorted(entry["consignment_id"] for entry in whole)
    lanes = {entry["lane"]: _all(shared, day="2026-02-17", lane=entry["lane"]) for entry in whole}
    assert sum(map(len, lanes.values())) == len(whole)
    assert "after" in shared.refused(422, "GET", "/v1/worklist", params={"after": "?!"})


def test_the_selection_of_a_day_is_made_once_with_propensities(filled: Office, running: Running) -> None:
    _scored(running, filled)
    day = "2026-02-17"
    office = _all(running, day=day)[0]["office"]
    wish = {"office": office, "day": day, "capacity": 3}
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: running.ok("POST", "/v1/selections", json=wish), range(4)))
    assert sorted(one.pop("new") for one in drawn) == [False, False, False, True]
    assert all(one == drawn[0] for one in drawn)
    assert drawn[0]["inspections"] == 3
    entries = _all(running, day=day, office=office)
    assert sum(entry["lane"] == "red" for entry in entries) == 3
    assert {entry["selected_by"] for entry in entries if entry["lane"] == "red"} == {"risk", "random"}
    expected = sum(entry["propensity"] for entry in entries)
    assert expected == pytest.approx(3), "the propensities of a day come to its capacity"
    for entry in entries:
        (decision,) = running.ok("GET", f"/v1/consignments/{entry['consignment_id']}")["decisions"]
        assert (decision["kind"], decision["lane"]) == ("selection", entry["lane"])
        assert decision["propensity"] == entry["propensity"]
    other = running.ok("POST", "/v1/selections", json={**wish, "capacity": 1})
    assert (other["new"], other["capacity"]) == (False, 3)
    assert running.ok("GET", "/v1/selections", params={"office": office, "day": day})["id"] == drawn[0]["id"]
    assert running.refused(404, "GET", "/v1/selections", params={"office": "NOWHERE", "day": day})


def test_nobody_can_be_amended_out_of_an_inspection(filled: Office, running: Running) -> None:
    lines = _scored(running, filled)
    day = "2026-02-17"
    top = _all(running, day=day)[0]
    running.ok("POST", "/v1/selections", json={"office": top["office"], "day": day, "capacity": 1})
    red = next(entry for entry in _all(running, day=day, office=top["office"]) if entry["lane"] == "red")
    again = lines[lines["consignment_id"] == red["consignment_id"]].assign(
        version="7", filed_at="2026-02-21T09:00:00Z", loading_country="JP", origin_country="JP"
    )
    running.ok("POST", "/v1/manifests", content=again.to_csv(index=False).encode())
    after = next(entry for entry in _all(running, day=day) if entry["consignment_id"] == red["consignment_id"])
    assert (after["version"], after["lane"], after["selected_by"]) == (7, "red", red["selected_by"])


def test_an_inspection_takes_a_minute_and_is_completed_and_corrected_later(filled: Office, running: Running) -> None:
    _scored(running, filled)
    top = _all(running, day="2026-02-17")[0]
    running.ok("POST", "/v1/selections", json={"office": top["office"], "day": "2026-02-17", "capacity": 2})
    entry = next(one for one in _all(running, day="2026-02-17", office=top["office"]) if one["lane"] == "red")
    name = entry["consignment_id"]
    running.ok("POST", f"/v1/worklist/{name}/claim")
    found = running.ok("POST", "/v1/inspections", json={"consignment_id": name, "result": "inconclusive"})
    assert found["selection_reason"] == {"risk": "model", "random": "random"}[str(entry["selected_by"])]
    assert found["selection_probability"] == entry["propensity"]
    seen = running.ok("GET", f"/v1/consignments/{name}")
    assert (seen["worklist"]["state"], seen["claim"]) == ("inspected", None)
    place = f"/v1/inspections/{found['id']}"
    lab = running.ok("POST", f"{place}/corrections", json={"result": "wildlife", "lab_result": "pangolin (DNA)"})
    assert (lab["result"], lab["inspected_at"]) == ("wildlife", found["inspected_at"])
    assert lab["recorded_at"] > found["recorded_at"]
    assert running.ok("GET", place) == found, "what was recorded stays"
    assert f"by {lab['id']}" in running.refused(409, "POST", f"{place}/corrections", json={"result": "nothing"})
    assert running.refused(422, "POST", f"/v1/inspections/{lab['id']}/corrections", json={})
    assert running.refused(404, "POST", "/v1/inspections/999999/corrections", json={"result": "nothing"})
    assert running.refused(404, "POST", "/v1/inspections", json={"consignment_id": "NO", "result": "nothing"})
    faults = running.post("/v1/inspections", json={"consignment_id": name, "result": "marvellous", "colour": 1}).json()
    assert {fault["field"] for fault in faults["errors"]} == {"body.result", "body.colour"}
