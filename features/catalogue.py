"""Every feature once: what the record itself says, what history adds, and an administration's extras.

The order here is the order of the columns of a feature matrix: numbers first, then categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from features import containers, documents, goods, route, timing, weights
from features.profiles import comparison_features, profile_features
from risk.feature import Feature

RECORD: Final = (route, goods, weights, documents, timing, containers)
"""The modules whose features read the record itself: each has `FEATURES` and `columns(lines)`."""


def catalogue(extras: Sequence[Feature] = (), *, comparisons: bool = False) -> tuple[Feature, ...]:
    """All features, numbers before categories; `extras` as `features.extras.extra_features` gives them.

    With `comparisons` also what `features.profiles.comparison_features` has, the last of the numbers.
    """
    features = (*_own(), *extras, *(comparison_features() if comparisons else ()))
    return tuple(sorted(features, key=lambda feature: feature.kind != "number"))


@cache
def _own() -> tuple[Feature, ...]:
    return (*(feature for module in RECORD for feature in module.FEATURES), *profile_features())
