"""The API over a real connection: the same answers as the command line, and plain refusals."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import uvicorn
from small_office import Office, at_home, risk

from risk.errors import ModelError
from serving.api.app import LARGEST_MANIFEST, create_app

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy

Answer = tuple[int, Any]
Ask = Callable[..., Answer]


@contextmanager
def serving(home: Path) -> Iterator[Ask]:
    """A server on a free port of this machine; gives the function that asks it."""
    with at_home(home):
        server = uvicorn.Server(uvicorn.Config(create_app(), port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]

            def ask(path: str, body: bytes | None = None) -> Answer:
                request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        content = answer.read()
                        return answer.status, content if path == "/" else json.loads(content)
                except urllib.error.HTTPError as refused:
                    return refused.code, json.loads(refused.read())

            yield ask
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def filed(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store holds what was filed and found before the manifest."""
    home = tmp_path_factory.mktemp("api") / "home"
    shutil.copytree(office.home, home)
    assert risk(home, "import", office.filed, office.known, "--json").status == 0
    return home


@pytest.fixture(scope="module")
def ask(filed: Path) -> Iterator[Ask]:
    with serving(filed) as asking:
        yield asking


def test_it_says_that_it_is_well_and_which_model_answers(ask: Ask, office: Office) -> None:
    assert ask("/healthz") == (200, {"status": "ok"})
    status, model = ask("/v1/model")
    assert (status, model["version"], model["fingerprint"]) == (200, "1", office.training["fingerprint"])
    assert model["facts"]["positives"] == office.training["positives"]


def test_a_manifest_sent_in_gets_the_assessments_that_the_command_line_writes(
    ask: Ask, office: Office, filed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    ran = risk(filed, "score", office.manifest, "-o", output, "--capacity", "0.1", "--json")
    assert ran.status == 0, ran.err
    expected = [json.loads(line) for line in output.read_text().splitlines()]
    status, answer = ask("/v1/manifests?capacity=0.1", office.manifest.read_bytes())
    assert (status, answer["rejects"]) == (200, [])
    assert len(answer["consignments"]) == len(expected) > 40
    for theirs, ours in zip(answer["consignments"], expected, strict=True):
        for entry in (theirs, ours):
            entry.pop("scored_at")
            entry["reasons"] = entry["reasons"] or []
        assert theirs == ours


def test_good_records_are_scored_beside_bad_ones_that_come_back_with_their_reason(ask: Ask, office: Office) -> None:
    lines = pd.read_csv(office.manifest, dtype=str).head(3)
    lines.loc[1, "filed_at"] = "sometime"
    status, answer = ask("/v1/manifests", lines.to_csv(index=False).encode())
    assert status == 200
    (reject,) = answer["rejects"]
    assert (reject["line"], reject["field"], reject["value"]) == (3, "filed_at", "sometime")
    assert "expected is" in reject["reason"]
    assert lines["consignment_id"][0] in [entry["consignment_id"] for entry in answer["consignments"]]


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\x01\x02\xff\xfe", b"one,two\n1,2\n", b"PAR1", b'{"consignment_id": ', b"consignment_id\nA\n", b"<a/>"],
)
def test_bytes_that_are_no_manifest_are_refused_in_one_sentence(ask: Ask, body: bytes) -> None:
    status, answer = ask("/v1/manifests", body)
    if body.startswith(b"{"):  # a line that is no JSON is one reject, like any bad record
        assert (status, len(answer["rejects"])) == (200, 1)
        return
    assert status == 422
    assert answer["detail"] and "Traceback" not in answer["detail"]
    assert answer["detail"].startswith("the manifest: "), "no path of the server's own"


def test_a_manifest_too_large_and_a_capacity_of_nothing_are_refused(ask: Ask) -> None:
    status, answer = ask("/v1/manifests", b"x" * (LARGEST_MANIFEST + 1))
    assert (status, f"{LARGEST_MANIFEST:,}" in answer["detail"]) == (413, True)
    assert ask("/v1/manifests?capacity=0", b"consignment_id")[0] == 422
    assert ask("/v1/nothing")[0] == 404


def test_the_worklist_is_empty_before_and_holds_the_last_scoring_in_order_after(office: Office, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office.home, home)
    assert risk(home, "import", office.filed, office.known, "--json").status == 0
    with serving(home) as ask:
        before = ask("/v1/worklist")
        page = ask("/")[1].decode()
        assert risk(home, "score", office.manifest, "-o", tmp_path / "out.csv", "--json").status == 0
        after = ask("/v1/worklist?limit=5")
        later = ask("/")[1].decode()
    assert before == (200, {"consignments": []})
    assert "Nothing scored yet" in page
    listed = after[1]["consignments"]
    assert [entry["rank"] for entry in listed] == [1, 2, 3, 4, 5]
    written = pd.read_csv(tmp_path / "out.csv").head(5)
    assert [entry["consignment_id"] for entry in listed] == written["consignment_id"].tolist()
    assert listed[0]["reasons"][0]["words"]
    assert written["consignment_id"][0] in later


def test_without_a_model_there_is_no_service(tmp_path: Path) -> None:
    with at_home(tmp_path), pytest.raises(ModelError, match="risk train"):
        create_app()
