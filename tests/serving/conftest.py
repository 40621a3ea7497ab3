"""One small office for all tests of the roof, made once however many processes run the tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_office import Office, made_once, open_office


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Office:
    """Files and a home with a trained model; not to be written to."""
    base = tmp_path_factory.getbasetemp()
    return made_once((base if worker_id == "master" else base.parent) / "office", open_office)


@pytest.fixture
def home(office: Office, tmp_path: Path) -> Path:
    """A home of the test's own with the trained model in it."""
    copy = tmp_path / "home"
    shutil.copytree(office.home, copy)
    return copy
