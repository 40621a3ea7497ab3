"""The model in service, figures, logs, health, and the OpenAPI document."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pandas as pd
import pytest
from running import Running, serving
from small_office import Office, at_home

from risk.errors import ModelError
from serving.api.app import create_app
from serving.modelling import registry

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_it_says_that_it_is_well_and_which_model_answers(shared: Running, filled: Office) -> None:
    assert shared.ok("GET", "/healthz") == {"status": "ok"}
    assert shared.ok("GET", "/readyz") == {"ready": True, "model_version": "1", "problems": []}
    model = shared.ok("GET", "/v1/model")
    assert (model["version"], model["fingerprint"]) == ("1", filled.training["fingerprint"])
    assert model["facts"]["positives"] == filled.training["positives"]
    card = shared.ok("GET", "/v1/model/versions/1/card")
    assert len(card["features"]) == model["features"] > 10
    assert shared.refused(404, "GET", "/v1/model/versions/99/card")


def _second_version(home: Path) -> str:
    """Register the model again as another version, with another probability for everything."""
    from dataclasses import replace

    with at_home(home):
        kept = registry()
        model, _ = kept.load("champion")
        other = replace(model, facts={**model.facts, "second": True})
        made = kept.record(other, parameters={}, metrics={}, files=home / "mlruns" / "empty", tags={})
    return made.version


def test_a_champion_that_moves_is_taken_over_without_a_dropped_request(filled: Office, home: Path) -> None:
    (home / "mlruns" / "empty").mkdir()
    version = _second_version(home)
    lines = pd.read_csv(filled.manifest, dtype=str)
    with serving(home) as running:
        answered: list[tuple[int, str]] = []
        stop = threading.Event()

        def load(number: int) -> None:
            count = 0
            while not stop.is_set():
                count += 1
                one = lines.head(1).assign(consignment_id=f"L{number}-{count}")
                answer = running.post("/v1/manifests", content=one.to_csv(index=False).encode())
                entry = (
                    answer.json()["consignments"][0] if answer.status_code == 200 else {"model_version": answer.text}
                )
                answered.append((answer.status_code, entry["model_version"]))

        threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        while len(answered) < 6:
            threading.Event().wait(0.01)
        registry().promote(version)
        running.service.look_after()
        before = len(answered)
        while len(answered) < before + 8:
            threading.Event().wait(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        assert {status for status, _ in answered} == {200}
        assert (answered[0][1], answered[-1][1]) == ("1", version)
        assert f'version="{version}"' in running.get("/metrics").text


def test_a_corrupt_champion_is_told_of_and_the_one_before_stays_in_service(filled: Office, home: Path) -> None:
    (home / "mlruns" / "empty").mkdir()
    version = _second_version(home)
    with serving(home) as running:
        for trees in (home / "mlruns" / "artifacts").rglob("trees.txt"):
            trees.write_text("not trees")
        registry().promote(version)
        running.service.look_after()
        ready = running.ok("GET", "/readyz")
        assert (ready["ready"], ready["model_version"]) == (True, "1")
        assert "cannot be used" in ready["problems"][0]
        assert "altered" in running.ok("GET", "/v1/model")["problem"]
        assert "risk_model_problem 1.0" in running.get("/metrics").text
        head = pd.read_csv(filled.manifest, dtype=str).head(2)
        answer = running.ok("POST", "/v1/manifests", content=head.to_csv(index=False).encode())
        assert answer["consignments"][0]["model_version"] == "1"


def test_without_a_model_there_is_no_service(tmp_path: Path) -> None:
    with at_home(tmp_path), pytest.raises(ModelError, match="risk train"):
        create_app()


def test_a_store_that_is_gone_is_told_and_needs_no_hand_when_it_is_back(running: Running, home: Path) -> None:
    running.service.store._engine.dispose()
    shutil.move(home / "risk.db", home / "away.db")
    (home / "risk.db").mkdir()
    assert running.get("/readyz").status_code == 503
    assert running.refused(503, "GET", "/v1/worklist")
    (home / "risk.db").rmdir()
    shutil.move(home / "away.db", home / "risk.db")
    assert running.get("/readyz").status_code == 200


def test_figures_tell_of_scores_latency_and_columns_left_out(filled: Office, running: Running) -> None:
    running.ok("POST", "/v1/manifests", content=filled.manifest.read_bytes())
    text = running.get("/metrics").text
    for line in (
        'risk_requests_total{method="POST",route="/v1/manifests",status="200"} 1.0',
        "risk_lines_total 63.0",
        'risk_feature_missing_total{column="notify_id"}',
        "risk_score_bucket",
        "risk_score_drift 0.0",
        'risk_request_seconds_bucket{le="0.1",route="/v1/manifests"}',
    ):
        assert line in text, line


def test_the_log_has_a_line_of_json_for_each_request_and_no_personal_data(
    filled: Office, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str).head(2)
    lines["consignee_name"] = "SECRETIVE TRADING"
    with serving(home) as running:
        headers = {"X-Request-Id": "mine-1"}
        answer = running.post("/v1/manifests", content=lines.to_csv(index=False).encode(), headers=headers)
        assert answer.headers["x-request-id"] == "mine-1"
        running.get("/v1/parties", params={"name": "SECRETIVE TRADING"})
        running.get(f"/v1/consignments/{lines['consignment_id'][0]}")
        other = running.get("/healthz", headers={"X-Request-Id": b'x"\n{}'.decode("latin-1").replace("\n", " ")})
        assert len(other.headers["x-request-id"]) == 32
    said = [line for line in capfd.readouterr().err.splitlines() if '"request"' in line]
    entries = [json.loads(line) for line in said]
    mine = next(entry for entry in entries if entry["request_id"] == "mine-1")
    assert (mine["route"], mine["status"]) == ("/v1/manifests", 200)
    assert mine["ms"] > 0
    assert "SECRETIVE" not in "".join(said) and lines["consignment_id"][0] not in "".join(said)


def test_the_openapi_document_is_complete(shared: Running) -> None:
    document = shared.ok("GET", "/openapi.json")
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"] and operation["tags"], where
            assert operation.get("description"), where
            good = [code for code in operation["responses"] if code.startswith("2")]
            assert good, where
            for code in good:
                if code not in ("204",):
                    content = operation["responses"][code]["content"]
                    assert any(kind.get("schema") or "json" not in name for name, kind in content.items()), where
            for code in ("404", "422", "503") if path != "/readyz" else ("404",):
                assert "application/problem+json" in operation["responses"][code]["content"], where
    written = [entry for entry in document["components"]["schemas"].values() if entry.get("examples")]
    assert len(written) >= 10
