"""The whole OpenAPI document tried against a running service by schemathesis, as a person who may do everything.

`RISK_FAULTS=long` tries 10,000 cases and more, else some hundreds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import Running

from serving.access.gate import COOKIE, FORGERY_HEADER
from serving.access.roles import Role

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")

LONG = os.environ.get("RISK_FAULTS") == "long"
EXAMPLES, PHASES = (250, "examples,coverage,fuzzing,stateful") if LONG else (10, "examples,fuzzing")
LEAST = 10_000 if LONG else 250

KINDS = """import schemathesis

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
"""
"""Teaches it one more kind of body."""
NOT_CHECKED = "positive_data_acceptance"
"""It takes every body that a schema allows for one that has to be accepted; a manifest is any bytes to its schema."""


def test_no_case_that_the_document_allows_or_forbids_makes_the_service_fail(
    running: Running, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    everybody = running.person("everybody", *Role)
    headers = [f"Cookie: {everybody.headers['Cookie']}", f"{FORGERY_HEADER}: {everybody.headers[FORGERY_HEADER]}"]
    assert COOKIE in headers[0]
    report = tmp_path / "report.json"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{running.base_url}/openapi.json", "--seed", "1",
        "--phases", PHASES, "--max-examples", str(EXAMPLES), "--checks", "all", "--exclude-checks", NOT_CHECKED,
        "--continue-on-failure", "--no-color", "--generation-database", "none", "--request-timeout", "240",
        "--max-response-time", "240",
        "--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report),
        *(word for header in headers for word in ("-H", header)),
    ]  # fmt: skip
    (tmp_path / "kinds.py").write_text(KINDS)
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "kinds", "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-12_000:] + ran.stderr[-2000:]
    tried = json.loads(report.read_text())["test_cases"]
    assert (tried["with_failures"], tried["errored"]) == (0, 0)
    assert tried["generated"] >= LEAST
    if LONG:
        with capfd.disabled():
            print(f"   schemathesis: {tried['generated']:,} cases, no check failed", flush=True)
