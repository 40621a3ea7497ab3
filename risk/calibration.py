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


@dataclass(frozen=True)
class Beta:
    """Log odds rising x ln p - falling x ln(1 - p) + intercept of the uncalibrated p: a curve that need not be even.

    M. Kull, T. Silva Filho, P. Flach, "Beta calibration", 2017. Both slopes are 0 or more.
    """

    rising: float
    falling: float
    intercept: float

    def probability(self, raw: Float64) -> Float64:
        """The probability of each raw score; -ln p and -ln(1 - p) are the soft ramps of the log odds."""
        log_odds = -self.rising * np.logaddexp(0, -raw) + self.falling * np.logaddexp(0, raw) + self.intercept
        with np.errstate(over="ignore"):
            p: Float64 = 1.0 / (1.0 + np.exp(-log_odds))
        return p

    def to_json(self) -> dict[str, Any]:
        """The three parameters."""
        return {
            "kind": "beta",
            "rising": float(self.rising),
            "falling": float(self.falling),
            "intercept": float(self.intercept),
        }


def from_json(content: Mapping[str, Any]) -> Calibration:
    """The calibration that `to_json` described. Raises ModelError for another kind."""
    if content.get("kind") == "logistic":
        return Logistic(float(content["slope"]), float(content["intercept"]))
    if content.get("kind") == "isotonic":
        return Isotonic(tuple(content["raw"]), tuple(content["value"]))
    if content.get("kind") == "beta":
        return Beta(float(content["rising"]), float(content["falling"]), float(content["intercept"]))
    raise ModelError(
        f"the model has a calibration of kind {content.get('kind')!r}; known are logistic, beta and isotonic"
    )
