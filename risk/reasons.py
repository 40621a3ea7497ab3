"""Why a consignment scored as it did, in an officer's words.

What each feature adds to the score is gathered by concept (route, goods, parties, ...), so that ten features that
say the same thing give one reason. A reason names its direction, its share of all that moved the score, and the
features that weigh most in it, with their values put into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from risk.feature import Feature, FeatureTable
from risk.model import RiskModel

REASONS: Final = 5
"""How many reasons are given, at most."""
PHRASES: Final = 3
"""How many features a reason names, at most."""
WORTH_NAMING: Final = 0.2
"""A feature is named when it carries at least this part of its reason."""


@dataclass(frozen=True)
class Reason:
    """One concept that moved a score.

    direction   whether it raises or lowers the risk
    share       its part, 0 to 1, of everything that moved the score, up or down
    log_odds    what it adds to the raw score
    features    the features named, the weightiest first, as (name, value)
    """

    concept: str
    words: str
    direction: Literal["raises", "lowers"]
    share: float
    log_odds: float
    features: tuple[tuple[str, float | str | None], ...]

    def to_json(self) -> dict[str, Any]:
        """The reason as JSON values; missing numbers as null."""
        return {
            "concept": self.concept,
            "words": self.words,
            "direction": self.direction,
            "share": round(self.share, 4),
            "log_odds": round(self.log_odds, 4),
            "features": [{"name": name, "value": value} for name, value in self.features],
        }


def explain(model: RiskModel, table: FeatureTable, most: int = REASONS) -> list[tuple[Reason, ...]]:
    """The reasons of each row of the table, the weightiest first."""
    contributions = model.contributions(table)
    concepts = list(dict.fromkeys(feature.concept for feature in model.features))
    by_concept = np.zeros((len(table), len(concepts)))
    for place, feature in enumerate(model.features):  # not a matrix product: its rounding depends on the other rows
        by_concept[:, concepts.index(feature.concept)] += contributions[:, place]
    moved = np.abs(by_concept).sum(axis=1)
    return [
        tuple(
            _reason(model.features, table, row, concepts[place], contributions[row], by_concept[row][place], moved[row])
            for place in np.argsort(-np.abs(by_concept[row]), kind="stable")[:most]
            if abs(by_concept[row][place]) > 0
        )
        for row in range(len(table))
    ]


def _reason(
    features: Sequence[Feature],
    table: FeatureTable,
    row: int,
    concept: str,
    contributions: NDArray[np.float64],
    total: float,
    moved: float,
) -> Reason:
    own = [(contributions[place], feature) for place, feature in enumerate(features) if feature.concept == concept]
    # Only features that pull the way the whole concept does are named.
    named = sorted(
        ((amount, f) for amount, f in own if (amount > 0) == (total > 0) and amount != 0),
        key=lambda pair: -abs(pair[0]),
    )
    weighty = _unlike([f for amount, f in named if abs(amount) >= WORTH_NAMING * abs(named[0][0])])[:PHRASES]
    values = [(feature.name, plain(table.column(feature.name)[row])) for feature in weighty]
    return Reason(
        concept=concept,
        words="; ".join(dict.fromkeys(f.say(value) for f, (_, value) in zip(weighty, values, strict=True))),
        direction="raises" if total > 0 else "lowers",
        share=abs(float(total)) / float(moved),
        log_odds=float(total),
        features=tuple(values),
    )


def _unlike(features: Sequence[Feature]) -> list[Feature]:
    """The features without those that say nearly what a weightier one says: `hit_rate_180d` beside `hit_rate`."""
    kept: list[Feature] = []
    for feature in features:
        if not any(feature.name.startswith(other.name) or other.name.startswith(feature.name) for other in kept):
            kept.append(feature)
    return kept


def plain(value: Any) -> float | str | None:
    """A feature's value as a plain number or text; None when missing."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return None if np.isnan(number) else number
