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
from features.history import Matrix, fold_into
from features.keys import KINDS
from features.party_links import PartyLinks
from features.profiles import comparison_features, profile_features, profile_places
from features.state import State
from risk.feature import Feature, FeatureTable
from risk.inspection import Target

WILDLIFE: Final = Target()


def build(
    lines: pd.DataFrame | Lines,
    state: State,
    *,
    outcomes: pd.DataFrame | None = None,
    context: Context | None = None,
    reads: NDArray[np.bool_] | None = None,
    target: Target = WILDLIFE,
    extras: Sequence[Feature] | None = None,
    comparisons: bool = False,
    links: PartyLinks | None = None,
    threads: int = 2,
) -> tuple[FeatureTable, State]:
    """Fold the lines filed and the outcomes recorded into the history, and give the features of the lines.

    lines      consignments, in any order; each is seen with what was known strictly before its `filed_at`. As `Lines`
               what was read of them already is not read again
    state      history before them; it stays as it is, and the history afterwards is returned
    outcomes   inspection outcomes to fold in with them, pointing at `lines` or at lines of the context
    context    lines and outcomes folded earlier that the new ones may belong to or correct
    reads      which lines get a row of the table, all by default; rows are in the order of `lines`
    target     which results count as a hit; must be the same for all that is folded into one history
    extras     the features of extra columns; by default all columns `extra.NAME` that the lines have
    comparisons  whether the usual range that each measurement is compared with comes along, behind all other
               numbers (`features.profiles.comparison_features`): for people to read, never for a model
    links      which keys are of one party from when on; a line reads the histories of all of them together
    threads    kinds of keys folded at a time; the result is the same bit for bit

    Numbers are float32 in columns (Fortran order). Equal lines with equal history give equal bits, alone or
    among millions, whether a column that nobody filled is there or not.

    Raises InputError for a line without `filed_at`, and HistoryError when something happened before what the
    history already holds.
    """
    every = lines if isinstance(lines, Lines) else Lines(lines)
    if extras is None:
        extras = extra_columns.extra_features(every.frame)
    features = catalogue(extras, comparisons=comparisons)
    events = make_events(every, outcomes, target, context=context, reads=reads, links=links)
    read = every if reads is None or reads.all() else Lines(every.frame[reads])
    table = _Table(features, len(read))
    for module in RECORD:
        table.fill(module.columns(read))
    table.fill(extra_columns.columns(read, extras))
    after = fold_into(table.history(), state, events, KINDS, threads=threads)
    return table.finished(), after


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

    def history(self) -> Matrix:
        """Where the fold writes its features, which from now on count as filled."""
        self.open -= {feature.name for feature in (*profile_features(), *comparison_features())}
        return Matrix(self.numbers, profile_places(self.places))

    def finished(self) -> FeatureTable:
        if self.open:
            raise LookupError(f"features in the catalogue that nothing computes: {sorted(self.open)}")
        categories = {f.name: self.categories[f.name] for f in self.features if f.kind == "category"}
        return FeatureTable(self.features, self.numbers, categories)
