"""History features: what the fold saw of a line's keys, as rates, counts, recency and deviation.

A rate is shrunk to the rate of the key's parent: (finds + M x parent's rate) / (inspections + M), so that one
lucky find is not a certainty and a new consignee is not a zero. Only sums, products, quotients and square
roots are used, which IEEE arithmetic rounds the same way for one line as for a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.keys import KEYS, Key
from features.row import FIXED_POINT, NO_MEASUREMENT, READS
from risk.feature import Feature

Float64 = NDArray[np.float64]
Rates = Mapping[str, Float64]
"""The smoothed rates of a kind of key by name, a float64 array each."""

PRIOR_INSPECTIONS: Final = 10.0
"""M: how many inspections the parent's rate is worth."""
PRIOR_RATE: Final = 0.005
"""The rate of everything before anything was inspected; a default, soon outweighed."""
USUAL_SPREAD: Final = 0.3
"""Standard deviation of log weight per package assumed before it is known; worth four consignments."""

_AS_READ: Final = ("filings", "inspections", "hits", "days_since_filing", "days_since_hit")
_COLUMN: Final = {name: i for i, name in enumerate(READS)}


@dataclass(frozen=True)
class _Kind:
    """A feature that each key gets: suffix, words (with {key}), sign."""

    suffix: str
    words: str
    sign: int = 0
    zero: str = ""
    missing: str = ""


_KINDS: Final = (
    _Kind("filings", "{value:,.0f} earlier consignments of {key}", zero="first consignment of {key}"),
    _Kind("burst", "{key} files {value:.1f} times as often as in the half-year before"),
    _Kind("inspections", "{value:,.0f} earlier inspections of {key}", zero="{key} was never inspected before"),
    _Kind("hits", "{value:.0f} earlier seizures on {key}", sign=1, zero="no earlier seizure on {key}"),
    _Kind("hit_rate", "{value:.2%} of inspections of {key} found what we look for (smoothed)", sign=1),
    _Kind("hit_rate_180d", "{value:.2%} of recent inspections of {key} found what we look for (smoothed)", sign=1),
    _Kind("offence_rate", "{value:.2%} of inspections of {key} found another offence (smoothed)"),
    _Kind("days_since_filing", "last consignment of {key} {value:,.0f} days ago",
          missing="{key} has not been seen before"),
    _Kind("days_since_hit", "last seizure on {key} {value:,.0f} days ago", missing="no earlier seizure on {key}"),
)  # fmt: skip
_MEASURED: Final = (
    _Kind("weight_deviation", "weight per package is {value:+.1f} standard deviations from what is usual for {key}"),
    _Kind("value_deviation", "value per kilogram is {value:+.1f} standard deviations from what is usual for {key}"),
)  # fmt: skip
_LEFT_OUT: Final = {"filings", "burst", "inspections", "hits", "days_since_filing", "days_since_hit"}
"""Of the key `all` only the rates are features: counts of everything only grow with time."""


def profile_features() -> tuple[Feature, ...]:
    """The catalogue entries of all history features, in the order of `KEYS`."""
    return tuple(
        Feature(
            name=f"{key.name}_{kind.suffix}",
            concept="weight and value" if kind in _MEASURED else _concept(key, kind),
            words=kind.words.replace("{key}", key.words),
            zero=kind.zero.replace("{key}", key.words),
            missing=kind.missing.replace("{key}", key.words) or f"not known for {key.words}",
            sign=kind.sign,
        )
        for key in KEYS
        for kind in _kinds(key)
    )


def own_measurements(measured: NDArray[np.int32]) -> Float64:
    """A line's own measurements (n, 2) as logarithms, NaN where missing; from `features.measurements`."""
    return np.where(measured == NO_MEASUREMENT, np.nan, measured / FIXED_POINT)


def profile_of_key(key: Key, seen: Float64, parent: Rates | None, own: Float64) -> tuple[dict[str, Float64], Rates]:
    """The history features of one kind of key by name, and its rates for its children to lean on.

    `seen` is what the fold read for the key, `parent` the rates of the key's parent (None for the first),
    `own` the lines' own measurements.
    """
    rates = _rates(seen, parent)
    values = {name: seen[:, _COLUMN[name]] for name in _AS_READ}
    values["burst"] = (seen[:, _COLUMN["filings_30d"]] * 6 + 1) / (seen[:, _COLUMN["filings_180d"]] + 1)
    values.update(rates)
    if key.measured:
        for at, name in enumerate(("weight", "value")):
            values[f"{name}_deviation"] = _deviation(own[:, at], seen, name)
    return {f"{key.name}_{kind.suffix}": values[kind.suffix] for kind in _kinds(key)}, rates


def _kinds(key: Key) -> tuple[_Kind, ...]:
    kinds = _KINDS + _MEASURED if key.measured else _KINDS
    return tuple(kind for kind in kinds if key.name != "all" or kind.suffix not in _LEFT_OUT)


def _concept(key: Key, kind: _Kind) -> str:
    return "timing" if kind.suffix == "burst" else key.concept


def _rates(seen: Float64, parent: Rates | None) -> dict[str, Float64]:
    """Rates of a key, leaning on its parent's. A line without the key takes the parent's rate as it is."""
    rates = {}
    for name, found, tried in (
        ("hit_rate", "hits", "inspections"),
        ("hit_rate_180d", "hits_180d", "inspections_180d"),
        ("offence_rate", "offences", "inspections"),
    ):
        prior = parent[name] if parent else np.full(len(seen), PRIOR_RATE)
        hits, n = (seen[:, _COLUMN[column]] for column in (found, tried))
        hits, n = np.where(np.isnan(hits), 0.0, hits), np.where(np.isnan(n), 0.0, n)
        rates[name] = (hits + PRIOR_INSPECTIONS * prior) / (n + PRIOR_INSPECTIONS)
    return rates


def _deviation(own: Float64, seen: Float64, name: str) -> Float64:
    n, mean, sd = (seen[:, _COLUMN[f"{name}_{part}"]] for part in ("n", "mean", "sd"))
    spread = np.sqrt((n * sd * sd + 4 * USUAL_SPREAD * USUAL_SPREAD) / (n + 4))
    return (own - mean) / spread
