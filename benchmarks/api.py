"""How fast the API answers: a manifest of 50 lines the whole way, against scoring alone and `mlflow models serve`.

    python -m benchmarks.api [--lines 20000] [--requests 300] [--parts sqlite bare mlflow single postgres memory]

Server and load share the machine, so rates say less than their ratios and the milliseconds of processor a request.
The whole way: history read, reasons on every line, filings, assessments, worklist and audit in one durable
transaction. Scoring alone: the same app, no history and nothing kept. MLflow gets the finished features of the lines.
"""

from __future__ import annotations

import argparse
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from benchmarks.api_load import Load, cpu_seconds, memory_mb, send
from benchmarks.api_world import ID, TIME, fill_store, make_office
from benchmarks.api_yardsticks import mlflow_rows, mlflow_server, postgres
from serving.access import keys
from serving.access.principal import local
from serving.settings import _in_force as in_force
from serving.settings import settings
from serving.store import Store

PARTS: Final = ("sqlite", "bare", "mlflow", "single", "postgres", "memory")
CONNECTIONS: Final = 8


def bodies(home: Path, lines: int | None = None) -> Callable[[], bytes]:
    """Manifests that were never sent before, filed now."""
    rows = (home / "manifest.csv").read_bytes().splitlines(keepends=True)
    template = b"".join(rows if lines is None else rows[: lines + 1])
    numbers = itertools.count(int(time.time() * 10) % 10**7 * 100)

    def body() -> bytes:
        filed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
        return template.replace(ID, b"K%011d" % next(numbers)).replace(TIME, filed)

    return body


@contextmanager
def server(home: Path, *options: str, url: str | None = None) -> Iterator[tuple[int, int]]:
    """A server in a process of its own; its process and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **({"RISK_DATABASE_URL": url} if url else {})}
    command = [sys.executable, "-m", "benchmarks.api_server", str(home), "--port", str(port), *options]
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait(f"http://127.0.0.1:{port}/healthz")
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(30)


def key(url: str | None = None) -> str:
    """The header with a key that may score, without a limit that counts here."""
    wanted = keys.Wanted(f"load-{time.time_ns()}", ["operator"], None, rate=10**9)
    with Store.open(url or settings().store_url) as store:
        return f"X-API-Key: {keys.add(store, wanted, local(), datetime.now(UTC))[1]}\r\n"


def wait(address: str) -> None:
    """Until something answers there."""
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(address)


def measured(name: str, process: int, load: Callable[[int], Load], requests: int) -> Load:
    """Warm up, load, and print a line of figures."""
    load(max(20, requests // 10))
    before = cpu_seconds(process)
    found = load(requests)
    used = (cpu_seconds(process) - before) * 1000 / max(len(found.seconds), 1)
    print(
        f"{name:<34} {found.rate:8.1f} a second   p50 {found.ms(50):7.1f} ms   p99 {found.ms(99):7.1f} ms   "
        f"processor {used:6.1f} ms   bad {len(found.bad)}",
        flush=True,
    )
    if found.bad:
        print("   ", found.bad[0])
    return found


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--home", type=Path, help="Folder of an office made earlier, or to be made and kept.")
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = (wanted.home or Path(folder) / "office").resolve()
        os.environ["RISK_HOME"] = str(home)
        if not (home / "manifest.csv").exists():
            make_office(home, wanted.lines)
        Store.upgrade(settings().store_url)
        body, requests = bodies(home), wanted.requests

        def manifests(port: int, url: str | None = None) -> Callable[[int], Load]:
            path, headers = "/v1/manifests?capacity=5", key(url)
            return lambda count: send(port, path, body, connections=CONNECTIONS, requests=count, headers=headers)

        rates: dict[str, float] = {}
        if "sqlite" in wanted.parts:
            with server(home) as (process, port):
                rates["whole"] = measured("the whole way, SQLite", process, manifests(port), requests).rate
        if "bare" in wanted.parts:
            with server(home, "--bare") as (process, port):
                rates["bare"] = measured("scoring alone", process, manifests(port), requests).rate
        if "mlflow" in wanted.parts:
            rates["mlflow"] = _mlflow(home, requests)
        if "single" in wanted.parts:
            with server(home) as (process, port):
                one, headers = bodies(home, 1), key()
                measured(
                    "one consignment, one connection", process,
                    lambda count: send(port, "/v1/manifests", one, connections=1, requests=count, headers=headers),
                    requests,
                )  # fmt: skip
        if "postgres" in wanted.parts:
            _postgres(home, manifests, requests)
        if "memory" in wanted.parts:
            _memory(home, manifests, requests)
        for other, least in (("bare", 0.25), ("mlflow", 8)):
            if "whole" in rates and other in rates:
                print(f"the whole way / {other}: {rates['whole'] / rates[other]:.2f} (wanted: {least})")


def _mlflow(home: Path, requests: int) -> float:
    from risk.manifests import read_all
    from serving.modelling import registry

    model, _ = registry().load("champion")
    lines: pd.DataFrame = read_all([home / "manifest.csv"], table="consignments").consignments
    rows = mlflow_rows(model, lines)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with mlflow_server(home, port) as process:
        wait(f"http://127.0.0.1:{port}/ping")
        return measured(
            "mlflow models serve", process,
            lambda count: send(port, "/invocations", lambda: rows, connections=CONNECTIONS, requests=count,
                               headers="Content-Type: application/json\r\n"),
            requests,
        ).rate  # fmt: skip


def _postgres(home: Path, manifests: Callable[..., Callable[[int], Load]], requests: int) -> None:
    with postgres() as url:
        if url is None:
            print("PostgreSQL is not installed; not measured")
            return
        os.environ["RISK_DATABASE_URL"] = url
        in_force.clear()
        fill_store(home)
        del os.environ["RISK_DATABASE_URL"]
        rates = []
        for workers in ("1", "2"):
            with server(home, "--workers", workers, url=url) as (process, port):
                time.sleep(3)
                rates.append(
                    measured(f"the whole way, PostgreSQL, {workers}", process, manifests(port, url), requests).rate
                )
        print(f"two workers / one: {rates[1] / rates[0]:.2f} (wanted: 1.6)")


def _memory(home: Path, manifests: Callable[..., Callable[[int], Load]], requests: int) -> None:
    with server(home) as (process, port):
        load = manifests(port)
        for number in range(6):
            load(requests)
            print(f"memory after {(number + 1) * requests:,} manifests: {memory_mb(process):,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
