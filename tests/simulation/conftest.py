"""One small and one middling world for all tests of the simulation."""

from __future__ import annotations

import pytest

from training.simulation.world import World, simulate


@pytest.fixture(scope="session")
def small() -> World:
    """3,000 lines: quick, with hardly any smuggling."""
    return simulate(lines=3000, days=300, seed=7)


@pytest.fixture(scope="session")
def world() -> World:
    """60,000 lines over 500 days: enough for shares and rates."""
    return simulate(lines=60_000, days=500, seed=3)
