"""`risk serve` as a process of its own on a free port of this machine, to be killed, starved and lied to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from small_office import script

from serving.access import keys
from serving.access.principal import local
from serving.access.roles import Role
from serving.store import Store

PATIENCE = 240.0
"""Seconds until a server that does not answer is taken for broken; a busy machine is slow, not wrong."""


@dataclass
class RealServer:
    """A server process: its home, where its store is, and the key of a system that may do all that a key can."""

    home: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    key: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.home.parent / f"{self.home.name}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        own = {name: value for name, value in os.environ.items() if not name.startswith(("RISK_", "MLFLOW_"))}
        own |= {"RISK_THREADS": "1", "RISK_DATABASE_URL": self.url, **self.environment}
        command = [str(script()), "--home", str(self.home), "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=own, cwd=self.home, stdout=log, stderr=log)
        self.until_ready()

    def until_ready(self) -> None:
        """Wait until it says that it is ready."""
        process = self.process
        assert process is not None

        def ready() -> bool:
            assert process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=30).status_code == 200
            return False

        wait_for(ready)

    def kill(self) -> None:
        """Kill -9: nothing of it gets to do anything any more."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as an operator would; nothing when it is dead already."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def client(self, **headers: str) -> httpx.Client:
        """A client with the key."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=PATIENCE,
            headers={"X-API-Key": self.key, **headers},
            limits=limits,
        )

    def lines_of_log(self) -> list[dict[str, Any]]:
        """The lines that the service wrote, each of which has to be one JSON object; those of uvicorn are left out."""
        found = []
        for line in self.log.read_text().splitlines():
            if not line.startswith(("INFO:  ", "WARNING:  ")):
                entry = json.loads(line)
                assert isinstance(entry, dict) and "event" in entry, line
                found.append(entry)
        return found

    def memory(self) -> int:
        """Bytes of memory that the process holds at the most until now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


@contextmanager
def real_server(
    home: Path, url: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[RealServer]:
    """A running server, ended afterwards however it is by then."""
    server = RealServer(home, url or f"sqlite:///{home / 'risk.db'}", dict(environment or {}))
    wanted = keys.Wanted("faults", list(Role), None, rate=10**9)
    with Store.open(server.url) as store:
        _, server.key = keys.add(store, wanted, local(), datetime.now(UTC))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def wait_for(done: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Until it is so; a failure after a time that no working service takes."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def problem(answer: httpx.Response, *status: int) -> str:
    """The sentence of a refusal with one of these statuses, without a trace of the program."""
    assert answer.status_code in status, f"{answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == answer.status_code and len(content["detail"]) > 10
    assert "Traceback" not in answer.text and ".py" not in answer.text and "sqlalche" not in answer.text
    return str(content["detail"])
