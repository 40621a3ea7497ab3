"""Where to look beyond the highest risk: how much each consignment is worth learning from.

A model sees what it was shown. Looking only where it says so leaves it blind to smugglers who moved, so a part of
the inspections can be spent on learning. A strategy says how large that part is, given how far trade has drifted
since the model was trained, and how much it wants each consignment; `risk.selection.select` draws in proportion and
keeps the probability of every draw. Knows nothing of capacity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from risk.feature import FeatureTable

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """What a strategy may go by, arrays of one length n.

    probability   calibrated
    spread        standard deviation of the raw scores (log odds) among the forests of the model
    novelty       0 to 1, how little of what the consignment shows was ever inspected
    """

    probability: Float64
    spread: Float64
    novelty: Float64


class Exploration(Protocol):
    """A way to explore."""

    def share(self, drift: float) -> float:
        """The part of the capacity to spend on it, when the scores have drifted by so much (0 to 1)."""
        ...

    def appetite(self, signals: Signals) -> Float64:
        """How much it wants each consignment; only ratios count."""
        ...


@dataclass(frozen=True)
class _Fixed:
    """The same share always."""

    part: float = 0.1

    def share(self, drift: float) -> float:
        """The part of the capacity, whatever the drift."""
        return self.part


@dataclass(frozen=True)
class AtRandom(_Fixed):
    """Blind: every consignment alike."""

    def appetite(self, signals: Signals) -> Float64:
        """One for each."""
        return np.ones(len(signals.probability))


@dataclass(frozen=True)
class Uncertainty(_Fixed):
    """Where the forests disagree on the probability."""

    def appetite(self, signals: Signals) -> Float64:
        """The standard deviation of the probability, to first order p (1 - p) x that of the log odds."""
        p = signals.probability
        return np.asarray(p * (1 - p) * signals.spread + 1e-12, np.float64)


@dataclass(frozen=True)
class Novelty(_Fixed):
    """What was hardly ever looked at; among equally new ones rather where some risk is seen, by its square root."""

    def appetite(self, signals: Signals) -> Float64:
        """Novelty squared times the root of the probability."""
        return np.asarray(signals.novelty**2 * np.sqrt(signals.probability) + 1e-12, np.float64)


@dataclass(frozen=True)
class Hybrid:
    """Half uncertainty, half novelty, with a share that goes from `least` to `most` as the scores drift.

    The share grows in proportion to the drift and is at its most when that reaches `full`.
    """

    least: float = 0.02
    most: float = 0.2
    full: float = 0.2

    def share(self, drift: float) -> float:
        """The part of the capacity at this drift."""
        return self.least + (self.most - self.least) * float(np.clip(drift / self.full, 0, 1))

    def appetite(self, signals: Signals) -> Float64:
        """The mean of both, each as a part of its sum."""
        found = np.zeros(len(signals.probability))
        for one in (Uncertainty().appetite(signals), Novelty().appetite(signals)):
            found += one / one.sum()
        return found


EXPLORATIONS: Final[dict[str, Exploration]] = {
    "random": AtRandom(),
    "uncertainty": Uncertainty(),
    "novelty": Novelty(),
    "hybrid": Hybrid(),
}
"""By the name a person gives."""


def novelty(table: FeatureTable) -> Float64:
    """How little of each row was ever inspected: the mean of 1 / sqrt(1 + inspections) over all keys with history.

    A key that the row lacks is left out; a row without any counts as new.
    """
    names = [feature.name for feature in table.features if feature.name.endswith("_inspections")]
    if not names:
        return np.ones(len(table))
    seen = np.column_stack([np.asarray(table.column(name), np.float64) for name in names])
    known = ~np.isnan(seen)
    new = np.where(known, 1 / np.sqrt(1 + np.nan_to_num(np.maximum(seen, 0))), 0.0).sum(axis=1)
    return np.where(known.any(axis=1), new / np.maximum(known.sum(axis=1), 1), 1.0)
