"""Faults done to a real server process; `RISK_FAULTS=long` does more of each (`python -m benchmarks faults`)."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "serving")]

from small_office import Office, made_once, open_office, risk  # noqa: E402


def _store_fixtures() -> object:
    if "store_fixtures" not in sys.modules:
        spec = importlib.util.spec_from_file_location("store_fixtures", HERE.parent / "store" / "conftest.py")
        assert spec is not None and spec.loader is not None
        sys.modules["store_fixtures"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["store_fixtures"])
    return sys.modules["store_fixtures"]


_store_fixtures()


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether to take the time that the long version takes."""
    return os.environ.get("RISK_FAULTS") == "long"


@pytest.fixture
def only_long(long: bool) -> None:
    """For what has a shorter brother in the tests of every day; a server takes seconds to start."""
    if not long:
        pytest.skip("done by `python -m benchmarks faults`")


@pytest.fixture
def told(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str], long: bool) -> Callable[[str], None]:
    """Says what was seen, in the long version."""

    def tell(what: str) -> None:
        if long:
            with capfd.disabled():
                print(f"   {request.node.name}: {what}", flush=True)

    return tell


def _filled(folder: Path) -> Office:
    made = open_office(folder)
    assert risk(made.home, "import", made.filed, made.known, "--json").status == 0
    return made


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Office:
    """The office, its store holding what was filed and found before the manifest; not to be written to."""
    base = tmp_path_factory.getbasetemp()
    return made_once((base if worker_id == "master" else base.parent) / "filled", _filled)


@pytest.fixture
def home(filled: Office, tmp_path: Path) -> Path:
    """A home of the test's own."""
    folder = tmp_path / "home"
    shutil.copytree(filled.home, folder)
    return folder


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[object]:
    """A PostgreSQL server of the test's own, which it may kill."""
    from killable_postgres import killable_postgres

    with killable_postgres(tmp_path) as server:
        yield server
