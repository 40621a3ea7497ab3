"""The columns an administration brings of its own, `extra.NAME`, as features: text a category, float64 a number.

Their words are plain defaults. A caller who has better ones passes its own `Feature` entries to
`features.catalogue` and `features.build`, and a model keeps the entries it was trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.columns import Column, Lines, distinct
from risk.errors import InputError
from risk.feature import Feature
from risk.layout import EXTRA_PREFIX


def extra_features(lines: pd.DataFrame) -> tuple[Feature, ...]:
    """The features of all extra columns of a table, by name. Raises InputError for one of another dtype."""
    return tuple(_feature(name, lines[name]) for name in sorted(lines.columns) if name.startswith(EXTRA_PREFIX))


def columns(lines: Lines, extras: Sequence[Feature]) -> dict[str, Column]:
    """The values of the extras by name; missing throughout for a column that was left out.

    Raises InputError for a column that is of another kind than its feature.
    """
    values: dict[str, Column] = {}
    for feature in extras:
        found = lines.frame.get(feature.name)
        if found is None or found.isna().all():
            number = feature.kind == "number"
            values[feature.name] = np.full(len(lines), np.nan) if number else np.full(len(lines), None, object)
            continue
        kind = _kind(feature.name, found)
        if kind != feature.kind:
            raise InputError(f"the column {feature.name} is a {kind}, but the model expects a {feature.kind}")
        values[feature.name] = found.to_numpy(np.float64) if kind == "number" else distinct(found).texts()
    return values


def _feature(name: str, values: pd.Series[Any]) -> Feature:
    plain = name.removeprefix(EXTRA_PREFIX).replace("_", " ").replace("{", "(").replace("}", ")")
    if _kind(name, values) == "number":
        return Feature(name, "other", plain + " is {value:,g}", missing=f"{plain} not stated")
    return Feature(name, "other", plain + " is {value}", kind="category", missing=f"{plain} not stated")


def _kind(name: str, values: pd.Series[Any]) -> str:
    if pd.api.types.is_string_dtype(values.dtype):
        return "category"
    if values.dtype == np.float64:
        return "number"
    raise InputError(f"the column {name} holds {values.dtype}; an extra column is text or float64")
