"""The only way a feature matrix is made, for training, bulk scoring and a live service alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import extras as extra_columns
from features.catalogue import RECORD, catalogue
from features.columns import Column, Lines
from features.events import Context, make_events
from features.history import Events, fold_each
from features.keys import KEYS
from features.measurements import measurements
from features.profiles import Rates, own_measurements, profile_of_key
from features.state import KeyState, State
from risk.feature import Feature, FeatureTable
from risk.inspection import Target

WILDLIFE: Final = Target()


def build(
    lines: pd.DataFrame,
    state: State,
    *,
    outcomes: pd.DataFrame | None = None,
    context: Context | None = None,
    reads: NDArray[np.bool_] | None = None,
    target: Target = WILDLIFE,
    extras: Sequence[Feature] | None = None,
    threads: int = 2,
) -> tuple[FeatureTable, State]:
    """Fold the lines filed and the outcomes recorded into the history, and give the features of the lines.

    lines      consignments, in any order; each is seen with what was known strictly before its `filed_at`
    state      history before them; it stays as it is, and the history afterwards is returned
    outcomes   inspection outcomes to fold in with them, pointing at `lines` or at lines of the context
    context    lines and outcomes folded earlier that the new ones may belong to or correct
    reads      which lines get a row of the table, all by default; rows are in the order of `lines`
    target     which results count as a hit; must be the same for all that is folded into one history
    extras     the features of extra columns; by default all columns `extra.NAME` that the lines have
    threads    kinds of keys folded at a time; the result is the same bit for bit

    Numbers are float32 in columns (Fortran order). Equal lines with equal history give equal bits, alone or
    among millions, whether a column that nobody filled is there or not.

    Raises InputError for a line without `filed_at`, and HistoryError when something happened before what the
    history already holds.
    """
    if extras is None:
        extras = extra_columns.extra_features(lines)
    features = catalogue(extras)
    every = Lines(lines)
    events = make_events(every, outcomes, target, context=context, reads=reads)
    read = every if reads is None else Lines(lines[reads])
    table = _Table(features, len(read))
    for module in RECORD:
        table.fill(module.columns(read))
    table.fill(extra_columns.columns(read, extras))
    after = _fill_history(table, read, state, events, threads)
    return table.finished(), after


def _fill_history(table: _Table, read: Lines, state: State, events: Events, threads: int) -> State:
    own = own_measurements(measurements(read))
    kinds = {key.name: key for key in KEYS}
    rates: dict[str, Rates] = {}
    after: dict[str, KeyState] = dict(state.keys)
    for name, seen, key_state in fold_each(state, events, threads=threads):
        values, rates[name] = profile_of_key(kinds[name], seen, rates.get(kinds[name].parent or ""), own)
        table.fill(values)
        after[name] = key_state
    span = events.span
    return State(after, state.as_of if span is None else max(state.as_of, span[1]))


class _Table:
    """A feature table in the making: filled by name, finished when nothing is left out."""

    def __init__(self, features: tuple[Feature, ...], rows: int) -> None:
        self.features = features
        numbers = [feature.name for feature in features if feature.kind == "number"]
        self.places = {name: place for place, name in enumerate(numbers)}
        self.numbers = np.empty((rows, len(numbers)), np.float32, order="F")
        self.categories: dict[str, NDArray[np.object_]] = {}
        self.open = {feature.name for feature in features}

    def fill(self, columns: Mapping[str, Column]) -> None:
        for name, values in columns.items():
            self.open.remove(name)
            if name in self.places:
                with np.errstate(over="ignore"):  # a figure beyond float32 is infinite, which a tree can split
                    self.numbers[:, self.places[name]] = values
            else:
                self.categories[name] = values.astype(object, copy=False)

    def finished(self) -> FeatureTable:
        if self.open:
            raise LookupError(f"features in the catalogue that nothing computes: {sorted(self.open)}")
        categories = {f.name: self.categories[f.name] for f in self.features if f.kind == "category"}
        return FeatureTable(self.features, self.numbers, categories)
