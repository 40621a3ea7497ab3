from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from offices import House, open_house

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))  # the small office of those tests


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A service with nobody in it yet."""
    monkeypatch.chdir(tmp_path)
    opened = open_house(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found out a moment ago is asked for again at once, as it is after FRESH seconds."""
    monkeypatch.setattr("serving.access.known.FRESH", 0.0)
