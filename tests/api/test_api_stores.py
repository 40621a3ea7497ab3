"""The same service on both databases, and what must never come out of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from running import Running, serving
from small_office import Office

from serving.store import worklist

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_manifests_at_the_same_time_are_all_kept_and_can_be_made_again(filled: Office, url: str) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str)
    parts = [
        part.assign(consignment_id=f"P{number}-" + part["consignment_id"], filed_at=f"2026-02-2{number}T08:00:00Z")
        for number, part in enumerate([lines.iloc[start : start + 5] for start in range(0, 20, 5)])
    ]
    with serving(filled.home, url) as running:

        def send(part: pd.DataFrame) -> dict[str, object]:
            found: dict[str, object] = running.ok("POST", "/v1/manifests", content=part.to_csv(index=False).encode())
            return found

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(send, [*parts, *parts]))
        for first, again in zip(answers[:4], answers[4:], strict=True):
            assert first["consignments"] == again["consignments"]
        assert running.service.store.counts()["lines"] == 20
        ids = [entry["assessment_id"] for answer in answers[:4] for entry in answer["consignments"]]  # type: ignore[attr-defined]
        assert len(set(ids)) == running.service.store.counts()["assessments"]
        for key in ids[:3]:
            assert running.ok("POST", f"/v1/assessments/{key}/replay")["same"]
        page = running.ok("GET", "/v1/worklist", params={"day": "2026-02-20"})["consignments"]
        assert [entry["consignment_id"][:3] for entry in page] == ["P0-"] * len(page) != []
        for path in ("/v1/consignments/a%00b", "/v1/worklist?office=%00", "/v1/parties?name=a%00"):
            assert running.get(path).status_code in (200, 404, 422), path  # what a store cannot hold is not there
        taken = running.ok("POST", "/v1/manifests", content=parts[0].to_csv(index=False).encode(),
                           headers={"Prefer": "respond-async"})  # fmt: skip
        assert running.done(f"/v1/batches/{taken['id']}")["known"] == len(answers[0]["consignments"])  # type: ignore[arg-type]


@pytest.mark.parametrize("year", ["0001", "1899", "9999"])
def test_years_that_cannot_be_are_refused(shared: Running, year: str) -> None:
    for path in ("/v1/parties?name=x&as_of=", "/v1/watchlists/hot?at="):
        assert "cannot be" in shared.refused(422, "GET", f"{path}{year}-01-01T00:00:00%2B14:00")


def test_a_failure_of_the_program_is_told_without_a_trace_and_the_log_names_the_place(
    running: Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SECRET NAME OF A PARTY")

    monkeypatch.setattr(worklist, "page", broken)
    said = running.refused(500, "GET", "/v1/worklist?day=2026-02-20")
    log = capfd.readouterr().err
    assert "SECRET" not in said + log
    assert '"kind": "RuntimeError"' in log and "test_api_stores" in log
