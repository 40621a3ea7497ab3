"""How long the console's pages take with a million consignments in the store.

    python -m benchmarks console --home HOME [--consignments 1000000] [--days 100]

HOME is the folder of a demo (`risk demo --dir HOME`): its model and people are used; it is copied and filled with
copies of its own consignments under other ids and days. Pages are asked for one after the other from the served
console on this machine; what is told is the time that the server itself logs for a request.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import orjson
from sqlalchemy import create_engine, text

PORT = 8766
ADDRESS = f"http://127.0.0.1:{PORT}"
ASKED = 200


def main(arguments: list[str] | None = None) -> None:
    """Fill, serve, ask, tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks console", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--consignments", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=100)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="console-") as folder:
        home = Path(folder) / "home"
        shutil.copytree(asked.home, home, ignore=shutil.ignore_patterns("world"))
        began = time.monotonic()
        _fill(home / "risk.db", asked.consignments, asked.days)
        print(f"{asked.consignments:,} consignments on {asked.days} days, filled in {time.monotonic() - began:.0f} s")
        _ask(home, *(asked.home / "login.txt").read_text(encoding="utf-8").split())


def _fill(database: Path, consignments: int, days: int) -> None:
    """Copy the worklist's consignments, with their filings and assessments, until there are enough of them."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(text("PRAGMA synchronous=OFF"))
        own = connection.execute(text("SELECT count(*) FROM worklist")).scalar_one()
        day = connection.execute(text("SELECT max(day) FROM worklist")).scalar_one()
        copies = -(-consignments // own)
        connection.execute(
            text(
                "CREATE TEMP TABLE numbers AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                f"WHERE i < {copies}) SELECT i FROM n"
            )
        )
        tables = {
            "filings": ("consignment_id", "content_hash"),
            "assessments": ("id", "consignment_id"),
            "worklist": ("consignment_id", "assessment_id", "place"),
        }
        for table, renamed in tables.items():
            columns = [row[1] for row in connection.execute(text(f"PRAGMA table_info({table})"))]
            columns = [name for name in columns if not (table == "filings" and name == "id")]
            shown = [f"t.{name} || '-' || numbers.i" if name in renamed else f"t.{name}" for name in columns]
            if table == "worklist":
                shown[columns.index("day")] = f"date('{day}', '-' || (numbers.i % {days}) || ' days')"
            own_only = "" if table == "worklist" else "WHERE t.consignment_id IN (SELECT consignment_id FROM worklist)"
            connection.execute(
                text(
                    f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(shown)} "
                    f"FROM {table} t CROSS JOIN numbers {own_only}"
                )
            )
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _ask(home: Path, name: str, password: str) -> None:
    log = home / "served.log"
    command = [sys.executable, "-c", "from serving.cli import main; main()", "--home", str(home), "serve"]
    with log.open("wb") as said:
        server = subprocess.Popen([*command, "--port", str(PORT)], stdout=said, stderr=said, env={**os.environ})
    try:
        with httpx.Client(base_url=ADDRESS, timeout=120) as client:
            _wait(client)
            assert client.post("/login", data={"name": name, "password": password}).status_code == 303
            first = client.get("/").text
            links = re.findall(r'href="(/consignments/[^"]+)"', first)
            days = re.findall(r'<option value="(\d{4}-\d\d-\d\d)"', first)
            offices = re.findall(r"<option>(\w+)</option>", first)
            kinds = {
                "worklist, all offices": [f"/?day={days[i % len(days)]}" for i in range(ASKED)],
                "worklist, one office": [
                    f"/?day={days[i % len(days)]}&office={offices[i % len(offices)]}" for i in range(ASKED)
                ],
                "worklist, one mode and HS": [f"/?day={days[i % len(days)]}&mode=sea&hs=44" for i in range(ASKED)],
                "consignment": [links[i % len(links)] for i in range(ASKED)],
            }
            for kind, paths in kinds.items():
                times = []
                for path in paths:
                    answer = client.get(path)
                    assert answer.status_code == 200, (path, answer.status_code)
                    times.append(_logged(log, answer.headers["x-request-id"]))
                p50, p95 = np.percentile(times, [50, 95])
                print(f"{kind:28} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms   ({len(answer.content):,} bytes)")
    finally:
        server.terminate()
        server.wait(30)


def _logged(log: Path, request: str) -> float:
    """The milliseconds that the server logged for a request."""
    for _ in range(200):
        with log.open("rb") as said:
            said.seek(max(0, log.stat().st_size - 20_000))
            for line in reversed(said.read().splitlines()):
                if request.encode() in line:
                    return float(orjson.loads(line)["ms"])
        time.sleep(0.01)
    raise LookupError(f"the request {request} is not in the log")


def _wait(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            client.get("/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
