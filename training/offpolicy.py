"""What another way of selecting would have found, from decisions that were logged with their probability.

Of each consignment is known with what probability it was inspected, and what was found if it was. A find counts for
others like it by the inverse of that probability. Three estimates of the finds of another policy among the same
consignments: inverse propensity (IPS), the same normalised by its own weights (SNIPS), and doubly robust (DR), which
starts from what a model expects and corrects it by what was found. Where nothing like what the other policy would
choose was ever inspected with any probability, no estimate can be had, and the share of such choices is told.

Intervals. The finds of those inspected for certain are known. The rest is a weighted count of rare events; its
interval is that of Fay and Feuer (Statistics in Medicine 16, 1997, 791-801), which keeps its level when events are few
and weights unequal. It is wide where the random stream is thin. That is what such data can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.errors import UsageError

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Logged:
    """Decisions on n consignments: arrays of length n.

    propensity   float64, probability with which each was inspected, 0 to 1
    inspected    bool
    label        float64, 1 found, 0 not, NaN where not inspected or not known
    """

    propensity: Float64
    inspected: NDArray[np.bool_]
    label: Float64

    def __post_init__(self) -> None:
        """Raises UsageError when a consignment was inspected that could not have been."""
        if (self.inspected & ~(self.propensity > 0)).any():
            raise UsageError(
                "a consignment was inspected whose propensity is 0 or missing; every decision needs its own"
            )

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which have a label."""
        return self.inspected & ~np.isnan(self.label)


@dataclass(frozen=True)
class Estimate:
    """An estimated number of finds with its interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The three numbers."""
        return {"value": round(self.value, 3), "low": round(self.low, 3), "high": round(self.high, 3)}


@dataclass(frozen=True)
class OffPolicy:
    """The three estimates of the finds of a policy.

    inspections             how many it inspects (the sum of its probabilities)
    unsupported             how many of those the logged selection could never have inspected; not in the estimates
    effective_sample_size   of the weighted labels, after Kish
    """

    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    inspections: float
    unsupported: float
    effective_sample_size: float


def evaluate(logged: Logged, policy: Float64, expected: Float64 | None = None, level: float = 0.95) -> OffPolicy:
    """What a policy would have found that inspects each of the n with the probability in `policy`.

    `expected` is a model's probability of a find, for the doubly robust estimate; it must not have been trained on
    these labels. Without it the rate among all, weighted, stands in. Labels that are missing though inspected are
    taken as missing by chance.
    """
    e, known = logged.propensity, logged.known
    supported = e > 0
    y = np.where(known, np.nan_to_num(logged.label), 0.0)
    answered = known.sum() / max(int(logged.inspected.sum()), 1)
    chance = np.clip(e * answered, 1e-300, 1.0)
    weight = np.where(known & supported, policy / chance, 0.0)
    wanted = np.where(supported, policy, 0.0)
    heaviest = float(np.max(np.where(supported & (policy > 0) & (chance < 1), policy / chance, 0.0), initial=0.0))

    ips = _counted(weight, y, chance, heaviest, level)
    total = float(weight.sum())
    scale = float(wanted.sum()) / total if total > 0 else 1.0
    snips = Estimate(ips.value * scale, ips.low * scale, ips.high * scale)
    if expected is None:
        seen = known & supported
        rate = float((y[seen] / chance[seen]).sum() / max((1 / chance[seen]).sum(), 1e-12)) if seen.any() else 0.0
        expected = np.full(len(e), rate)
    return OffPolicy(
        ips,
        snips,
        _corrected(wanted, weight, y, known, chance, np.clip(expected, 0, 1), level),
        inspections=float(policy.sum()),
        unsupported=float(policy[~supported].sum()),
        effective_sample_size=total**2 / float((weight**2).sum()) if total > 0 else 0.0,
    )


def _counted(weight: Float64, y: Float64, chance: Float64, heaviest: float, level: float) -> Estimate:
    """A sum of weighted finds: those certain to be seen are exact, the others have Fay and Feuer's interval."""
    from scipy.stats import chi2

    sure = chance >= 1
    exact = float((weight * y)[sure].sum())
    w, found = weight[~sure], y[~sure]
    x = float((w * found).sum())
    v = float((w**2 * found * (1 - chance[~sure])).sum())
    tail = (1 - level) / 2
    low = v / (2 * x) * float(chi2.ppf(tail, 2 * x**2 / v)) if v > 0 else 0.0
    if heaviest == 0:
        return Estimate(exact + x, exact + x, exact + x)
    more, spread = x + heaviest, v + heaviest**2
    high = spread / (2 * more) * float(chi2.ppf(1 - tail, 2 * more**2 / spread))
    return Estimate(exact + x, exact + min(low, x), exact + max(high, x))


def _corrected(
    wanted: Float64, weight: Float64, y: Float64, known: NDArray[np.bool_], chance: Float64, q: Float64, level: float
) -> Estimate:
    """Doubly robust: expected finds plus the weighted surprise.

    The variance is the larger of what the surprises show and what the model itself expects of them: where finds are
    rare, none among the few with large weights shows no variance at all.
    """
    from scipy.stats import norm

    surprise = np.where(known, y - q, 0.0)
    value = float((wanted * q).sum() + (weight * surprise).sum())
    shown = float((weight**2 * surprise**2 * (1 - chance)).sum())
    open_ = chance < 1
    told = float((wanted[open_] ** 2 * (1 - chance[open_]) / chance[open_] * q[open_] * (1 - q[open_])).sum())
    half = float(norm.ppf((1 + level) / 2)) * float(np.sqrt(max(shown, told)))
    return Estimate(value, max(value - half, 0.0), value + half)
