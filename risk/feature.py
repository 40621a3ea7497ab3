"""What a feature is: its name, what it measures and how to say it to a person.

The catalogue of features lives in `features.catalogue`; a trained model carries the entries it uses, so that
its reasons can still be put into words when the catalogue has moved on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

CONCEPTS: Final = (
    "route", "goods", "weight and value", "parties", "documents", "container", "network", "timing", "rules", "other"
)  # fmt: skip
"""The headings under which an officer reads reasons."""


@dataclass(frozen=True)
class Feature:
    """One input of the model.

    words     a phrase with `{value}` in it, such as "{value:.0f} earlier consignments of this consignee"
    zero, one the phrase when the value is 0 or 1, if another one reads better
    missing   the phrase when the value is not known
    sign      +1 when a larger value can only raise the risk, -1 when only lower it, 0 when not known
    """

    name: str
    concept: str
    words: str
    kind: Literal["number", "category"] = "number"
    unit: str = ""
    sign: int = 0
    zero: str = ""
    missing: str = ""
    one: str = ""

    def message(self, value: float | str | None) -> str:
        """The phrase for a value of this feature, `{value}` (or, where it is missing, `{name}`) not filled in."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self.missing or "not stated: {name}"
        if self.zero and value == 0:
            return self.zero
        if self.one and value == 1:
            return self.one
        return self.words

    def say(self, value: float | str | None) -> str:
        """The phrase for a value of this feature, in English."""
        return self.message(value).format(value=value, name=self.name.replace("_", " "))


@dataclass(frozen=True)
class FeatureTable:
    """The feature matrix: named columns, one row a consignment line.

    features     the catalogue entries of all columns, numbers before categories
    numbers      float32 (rows, number features); missing is NaN
    categories   for each category feature an object array of texts; missing is None
    """

    features: tuple[Feature, ...]
    numbers: NDArray[np.float32]
    categories: Mapping[str, NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, name: str) -> NDArray[Any]:
        """The column of a feature. Raises KeyError for a feature that is not in the table."""
        if name in self.categories:
            return self.categories[name]
        return self.numbers[:, self._places[name]]

    def take(self, rows: NDArray[Any]) -> FeatureTable:
        """The rows at these positions (or where this mask is true)."""
        return FeatureTable(
            self.features, self.numbers[rows], {name: values[rows] for name, values in self.categories.items()}
        )

    @cached_property
    def _places(self) -> dict[str, int]:
        numbers = (feature.name for feature in self.features if feature.kind == "number")
        return {name: place for place, name in enumerate(numbers)}
