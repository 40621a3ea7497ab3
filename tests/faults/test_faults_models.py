"""Models: two processes promoting at once, and a corrupt one in the registry."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from load import Load
from real_server import problem, real_server, wait_for
from small_office import Office, at_home

from serving.modelling import registry

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def _another_version(home: Path) -> str:
    """Register the champion again under facts of its own."""
    empty = home / "mlruns" / "empty"
    empty.mkdir(exist_ok=True)
    with at_home(home):
        kept = registry()
        model, _ = kept.load("champion")
        facts = {**model.facts, "again": len(list((home / "mlruns").rglob("trees.txt")))}
        return kept.record(replace(model, facts=facts), parameters={}, metrics={}, files=empty, tags={}).version


def _in_service(client: httpx.Client) -> str:
    return str(client.get("/v1/model").json()["version"])


def test_two_processes_promoting_at_once_end_with_one_champion_that_both_serve(
    filled: Office, home: Path, long: bool, told: Callable[[str], None]
) -> None:
    versions = ["1", _another_version(home), _another_version(home)]
    times, refused = (30 if long else 4), 0
    with real_server(home) as one, real_server(home) as other, one.client() as first, other.client() as second:

        def promote(client: httpx.Client, version: str) -> httpx.Response:
            return client.put("/v1/model/champion", json={"version": version, "reason": "at the same time"})

        with ThreadPoolExecutor(2) as pool:
            for turn in range(times):
                pair = (versions[turn % 3], versions[(turn + 1) % 3])
                answers = list(pool.map(promote, (first, second), pair))
                for answer in answers:
                    if answer.status_code != 200:
                        problem(answer, 503)
                        refused += 1
                with at_home(home):
                    champion = registry().champion()
                assert champion is not None and champion.version in pair
                last = champion.version
        wait_for(lambda: _in_service(first) == _in_service(second) == last)
        assert first.get("/readyz").json()["problems"] == []
        entries = [entry for server in (one, other) for entry in server.lines_of_log()]
        assert any(entry["event"] == "model_taken_over" for entry in entries)
    told(f"{2 * times} promotions by two processes at once, {refused} refused; one champion, served by both")


def test_a_corrupt_champion_stays_out_and_the_one_before_serves_on(
    only_long: None, filled: Office, home: Path, told: Callable[[str], None]
) -> None:
    version = _another_version(home)
    before = {path: path.read_bytes() for path in (home / "mlruns" / "artifacts").rglob("trees.txt")}
    with real_server(home) as server, server.client() as client:
        load = Load(server, filled)
        for path, content in before.items():
            path.write_bytes(content[: len(content) // 2])
        with at_home(home):
            registry().promote(version)
        wait_for(lambda: bool(client.get("/readyz").json()["problems"]))
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["ready"], ready.json()["model_version"]) == (200, True, "1")
        assert "the one before serves on" in ready.json()["problems"][0]
        load.send_again([load.manifest() for _ in range(5)])
        assert "risk_model_problem 1.0" in client.get("/metrics").text
        said = [entry for entry in server.lines_of_log() if entry["event"] == "model_not_taken_over"]
        assert len(said) == 1 and "altered" in said[0]["problem"]
        for path, content in before.items():
            path.write_bytes(content)
        wait_for(lambda: _in_service(client) == version)
        assert client.get("/readyz").json()["problems"] == []
    told("5 manifests scored by the version before; taken over by itself once the files were whole")
