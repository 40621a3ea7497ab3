"""A running service over a real socket: one office's store and model, as its own process would have them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "serving")]

from running import Running, serving  # noqa: E402
from small_office import Office, made_once, open_office, risk  # noqa: E402


def _store_fixtures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("store_fixtures", HERE.parent / "store" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["store_fixtures"] = module
    spec.loader.exec_module(module)
    return module


_store = _store_fixtures()
server, template, url = _store.server, _store.template, _store.url


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Office:
    """Files and a home with a trained model; not to be written to."""
    base = tmp_path_factory.getbasetemp()
    return made_once((base if worker_id == "master" else base.parent) / "office", open_office)


def _filled(folder: Path) -> Office:
    made = open_office(folder)
    assert risk(made.home, "import", made.filed, made.known, "--json").status == 0
    return made


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Office:
    """The same, its store holding what was filed and found before the manifest; not to be written to."""
    base = tmp_path_factory.getbasetemp()
    return made_once((base if worker_id == "master" else base.parent) / "filled", _filled)


@pytest.fixture
def home(filled: Office, tmp_path: Path) -> Path:
    """A home of its own for a test that writes."""
    folder = tmp_path / "home"
    shutil.copytree(filled.home, folder)
    return folder


@pytest.fixture
def running(home: Path) -> Iterator[Running]:
    """A service of its own for a test that writes."""
    with serving(home) as service:
        yield service


@pytest.fixture(scope="module")
def shared(filled: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that the tests of a file share; the manifest was scored by it."""
    folder = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(filled.home, folder)
    with serving(folder) as service:
        assert service.post("/v1/manifests", content=filled.manifest.read_bytes()).status_code == 200
        yield service
