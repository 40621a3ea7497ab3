"""History features: what the fold saw of a line's keys, as rates, counts, recency, novelty and deviation.

A rate is shrunk to the rate of the key's parent: (finds + M x parent's rate) / (inspections + M), so that one
lucky find is not a certainty and a new consignee is not a zero. Owns which kind of key has which feature and its
words; the arithmetic stands in `features.row`, where the fold writes it straight into the matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.keys import KEYS, Key
from features.row import PROFILE
from risk.feature import Feature


@dataclass(frozen=True)
class _Kind:
    """A feature that each key gets: suffix, words (with {key}), sign."""

    suffix: str
    words: str
    sign: int = 0
    zero: str = ""
    missing: str = ""
    """Without it, missing means that the line has no such key."""
    one: str = ""
    unit: str = ""


_KINDS: Final = (
    _Kind("filings", "{value:,.0f} earlier consignments of {key}", zero="first consignment of {key}",
          one="1 earlier consignment of {key}"),
    _Kind("burst", "{key} files {value:.1f} times as often as in the half-year before"),
    _Kind("inspections", "{value:,.0f} earlier inspections of {key}", zero="{key} was never inspected before",
          one="1 earlier inspection of {key}"),
    _Kind("hits", "{value:.0f} earlier seizures on {key}", sign=1, zero="no earlier seizure on {key}",
          one="1 earlier seizure on {key}"),
    _Kind("hit_rate", "{value:.2%} of inspections of {key} found what we look for (smoothed)", sign=1),
    _Kind("hit_rate_180d", "{value:.2%} of recent inspections of {key} found what we look for (smoothed)", sign=1),
    _Kind("offence_rate", "{value:.2%} of inspections of {key} found another offence (smoothed)"),
    _Kind("days_since_filing", "last consignment of {key} {value:,.0f} days ago",
          missing="{key} has not been seen before"),
    _Kind("days_since_hit", "last seizure on {key} {value:,.0f} days ago", missing="no earlier seizure on {key}"),
)  # fmt: skip
_MEASURED: Final = (
    *(_Kind(f"{name}_deviation", f"{words} is {{value:+.1f}} standard deviations from what is usual for {{key}}",
            missing=f"{words} is not known, or not what is usual for {{key}}")
      for name, words in (("weight", "weight per package"), ("value", "value per kilogram"),
                          ("container", "weight per container"))),
)  # fmt: skip
_USUAL: Final = tuple(
    _Kind(f"{name}_usual_{part}", words.replace("{measure}", measure), unit=unit,
          missing=f"what {measure} is usual for {{key}} is not known")
    for name, measure, figure, unit in (
        ("weight", "weight per package", "{value:,.1f} kg", "kg"),
        ("value", "value per kilogram", "{value:,.2f}", "currency/kg"),
        ("container", "weight per container", "{value:,.0f} kg", "kg"),
    )
    for part, words, unit in (
        ("low", f"{{measure}} is usually at least {figure} for {{key}}", unit),
        ("high", f"{{measure}} is usually at most {figure} for {{key}}", unit),
        ("n", "{measure} is known of {value:,.0f} earlier lines of {key}", ""),
    )
)  # fmt: skip
"""What a line is compared with: the mean of the logarithm less and plus one standard deviation, in plain units."""
_DETAILED: Final = (
    _Kind("random_inspections_180d", "{value:.1f} recent random inspections of {key}"),
    _Kind("targeted_inspections_180d", "{value:.1f} recent targeted inspections of {key}"),
    _Kind("hits_30d", "{value:.1f} seizures on {key} in the last weeks", sign=1, zero="no seizure on {key} ever"),
    _Kind("offences_180d", "{value:.1f} recent other offences of {key}"),
    _Kind("chapters", "{key} has dealt in about {value:.0f} HS chapters"),
    _Kind("new_chapter", "first goods of this HS chapter for {key}",
          zero="{key} has dealt in this HS chapter before", missing="no HS code"),
)  # fmt: skip
"""Of the two parties of the trade."""
_LEFT_OUT: Final = {"filings", "burst", "inspections", "hits", "days_since_filing", "days_since_hit"}
"""Of the key `all` only the rates are features: counts of everything only grow with time."""
_PARTNER_WORDS: Final = {"shipper": "shippers", "consignee": "consignees"}


@cache
def profile_features() -> tuple[Feature, ...]:
    """The catalogue entries of all history features, in the order of `KEYS`."""
    return tuple(_feature(key, kind) for key in KEYS for kind in _kinds(key))


@cache
def comparison_features() -> tuple[Feature, ...]:
    """The usual range with which the measurements of a line are compared, for people to read; no input of a model.

    For each key with measurements and each measurement: `_usual_low` and `_usual_high`, in the plain unit, and
    `_usual_n`, of how many earlier lines it is known. A line whose deviation is +1 measures just `_usual_high`: the
    standard deviation is the same one, which leans on a default while few lines are known. What the line itself
    measures stands in `weight_per_package_kg`, `value_per_kg` and `weight_per_container_kg`.
    """
    return tuple(_feature(key, kind) for key in KEYS if key.measured for kind in _USUAL)


def _feature(key: Key, kind: _Kind) -> Feature:
    return Feature(
        name=f"{key.name}_{kind.suffix}",
        concept="weight and value" if kind in _MEASURED + _USUAL else _concept(key, kind),
        words=kind.words.replace("{key}", key.words),
        unit=kind.unit,
        zero=kind.zero.replace("{key}", key.words),
        missing=kind.missing.replace("{key}", key.words) or f"{key.words.removeprefix('this ')} not stated",
        sign=kind.sign,
        one=kind.one.replace("{key}", key.words),
    )


def profile_places(columns: Mapping[str, int]) -> dict[str, NDArray[np.int64]]:
    """For each kind of key the column of each feature of PROFILE, -1 where it has none; `columns` by feature name."""
    return {key.name: np.array([columns.get(f"{key.name}_{name}", -1) for name in PROFILE], np.int64) for key in KEYS}


def _kinds(key: Key) -> tuple[_Kind, ...]:
    partners = (
        _Kind("partners", f"{{key}} has had about {{value:.0f}} {_PARTNER_WORDS[key.partner]}",
              zero=f"{{key}} has had no {key.partner} before",
              one=f"{{key}} has had one {key.partner}"),
    ) if key.partner else ()  # fmt: skip
    kinds = _KINDS + _MEASURED * key.measured + partners + _DETAILED * key.detailed
    return tuple(kind for kind in kinds if key.name != "all" or kind.suffix not in _LEFT_OUT)


def _concept(key: Key, kind: _Kind) -> str:
    return "timing" if kind.suffix == "burst" else key.concept
