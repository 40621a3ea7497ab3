"""From a raw score to a probability: the calibration as it travels with a model.

Owns the applying and the JSON form. How a calibration is found from outcomes belongs to `training.calibrate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from risk.errors import ModelError

Float64 = NDArray[np.float64]


class Calibration(Protocol):
    """A map from raw scores (log odds, float64) to probabilities that never turns the order around."""

    def probability(self, raw: Float64) -> Float64:
        """The probability of each raw score."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        ...


@dataclass(frozen=True)
class Logistic:
    """1 / (1 + exp(-(slope x raw + intercept))): Platt scaling, good where positives are few."""

    slope: float
    intercept: float

    def probability(self, raw: Float64) -> Float64:
        """The probability of each raw score."""
        with np.errstate(over="ignore"):  # far below any score the exponential is infinite, and the probability 0
            p: Float64 = 1.0 / (1.0 + np.exp(-(self.slope * raw + self.intercept)))
        return p

    def to_json(self) -> dict[str, Any]:
        """The two parameters."""
        return {"kind": "logistic", "slope": float(self.slope), "intercept": float(self.intercept)}


@dataclass(frozen=True)
class Isotonic:
    """A rising line through steps found by isotonic regression; flat beyond its ends."""

    raw: tuple[float, ...]
    value: tuple[float, ...]

    def probability(self, raw: Float64) -> Float64:
        """The probability of each raw score, straight between the points."""
        p: Float64 = np.interp(raw, self.raw, self.value)
        return p

    def to_json(self) -> dict[str, Any]:
        """The points."""
        return {"kind": "isotonic", "raw": [float(x) for x in self.raw], "value": [float(p) for p in self.value]}


def from_json(content: Mapping[str, Any]) -> Calibration:
    """The calibration that `to_json` described. Raises ModelError for another kind."""
    if content.get("kind") == "logistic":
        return Logistic(float(content["slope"]), float(content["intercept"]))
    if content.get("kind") == "isotonic":
        return Isotonic(tuple(content["raw"]), tuple(content["value"]))
    raise ModelError(f"the model has a calibration of kind {content.get('kind')!r}; known are logistic and isotonic")
