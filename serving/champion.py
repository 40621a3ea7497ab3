"""The model in service: the champion of the registry, taken over while requests go on.

A request takes one `InService` and keeps it to its end, so a change drops none and never mixes two models. A new
champion that cannot be loaded or does not score is told of and left alone; the one before stays in service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from risk.errors import ModelError, RiskError
from risk.feature import FeatureTable
from risk.inspection import Target
from risk.model import RiskModel
from serving.scorer import model_target
from training.registry import ModelVersionFacts, Registry

SECONDS: Final = 5.0
"""How often the registry is asked whether the champion moved."""


@dataclass(frozen=True)
class InService:
    """A model ready to score, and which version it is."""

    model: RiskModel
    version: ModelVersionFacts
    target: Target


class Champion:
    """Holds the model in service; `refresh` looks whether the champion moved. Safe to use from many threads."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        """Load the champion. Raises ModelError when there is none or it cannot be used."""
        self._registry, self._lock = registry, threading.Lock()
        self.problem: str | None = None
        self._current = self._load()

    @property
    def current(self) -> InService:
        """The model to score with now."""
        return self._current

    def refresh(self) -> bool:
        """Take over the champion if it is another one; whether it was. What stands in the way goes to `problem`."""
        with self._lock:
            try:
                found = self._registry().champion()
                if found is None:
                    raise ModelError("the registry has no champion any more")
                if found.version == self._current.version.version:
                    self.problem = None
                    return False
                self._current = self._load()
            except RiskError as error:
                self.problem = str(error)
                return False
            self.problem = None
            return True

    def challenger(self) -> ModelVersionFacts | None:
        """The version that waits to take its place, if any."""
        return self._registry().challenger()

    def promote(self, version: str) -> ModelVersionFacts:
        """Make a version the champion of the registry. Raises ModelError when it is not there or does not score."""
        model, _ = self.load(version)
        _try(model)
        return self._registry().promote(version)

    def load(self, version: str) -> tuple[RiskModel, ModelVersionFacts]:
        """Any registered version, such as the one that a stored assessment was made with."""
        current = self._current
        if version == current.version.version:
            return current.model, current.version
        return self._registry().load(version)

    def _load(self) -> InService:
        model, version = self._registry().load("champion")
        _try(model)
        return InService(model, version, model_target(model))


def _try(model: RiskModel) -> None:
    """Score one line of which nothing is known, which also makes the model ready. Raises ModelError when it cannot."""
    ordered = tuple(sorted(model.features, key=lambda feature: feature.kind == "category"))
    numbers = sum(feature.kind == "number" for feature in ordered)
    table = FeatureTable(
        ordered,
        np.full((1, numbers), np.nan, np.float32),
        {feature.name: np.array([None], object) for feature in ordered if feature.kind == "category"},
    )
    try:
        probability = float(model.score(table, threads=1).probability[0])
    except Exception as error:  # whatever the library meets in trees that are not trees
        raise ModelError(f"the model {model.fingerprint} does not score: {error}") from error
    if not 0 <= probability <= 1:
        raise ModelError(f"the model {model.fingerprint} gives {probability} for a probability")
