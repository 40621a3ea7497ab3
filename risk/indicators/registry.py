"""The tests by id, what a test gets and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from risk.indicators.view import View

Bools = NDArray[np.bool_]

MODULES: Final = ("route", "goods", "weights", "parties", "documents", "container", "network", "timing")
"""The modules of tests, one a concept."""


class Parameters(dict[str, Any]):
    """The parameters of one test, as the pack gives them."""

    def number(self, name: str) -> float:
        """A number."""
        return float(self[name])

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self[name])


@dataclass(frozen=True)
class Outcome:
    """What a test found, one entry a row.

    fired   where the condition holds; only ever on values that are there
    known   where there is enough to judge beside the fields that the pack names (all rows when None)
    band    1 low, 2 medium, 3 high where it fired; by its strength when None
    says    values for the evidence sentence that are no column of record or features: an array, or what makes it
    which   which of the evidence sentences is said (the first when None)
    """

    fired: Bools
    known: Bools | None = None
    band: NDArray[Any] | None = None
    says: Mapping[str, Any] = field(default_factory=dict)
    which: NDArray[Any] | None = None


Run = Callable[["View", Parameters], Outcome]


@dataclass(frozen=True)
class Test:
    """A test in code: its parameters with their kind (float or list), and the names its outcome says."""

    run: Run
    parameters: Mapping[str, type]
    says: tuple[str, ...]


_TESTS: dict[str, Test] = {}


def test(identifier: str, *, says: tuple[str, ...] = (), **parameters: type) -> Callable[[Run], Run]:
    """Registers a function as the test of an id."""

    def register(run: Run) -> Run:
        _TESTS[identifier] = Test(run, parameters, says)
        return run

    return register


@cache
def tests() -> Mapping[str, Test]:
    """All tests, by id."""
    for module in MODULES:
        import_module(f"risk.indicators.{module}")
    return dict(_TESTS)
