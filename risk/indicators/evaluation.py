"""Runs a pack over lines: what fired, what is clear, what could not be judged, and the evidence in words.

Findings do not depend on the order of rows or on how a table is cut, as long as the lines of one consignment version
stay together: a test reads its own line, the other lines of the same version, history before `filed_at` and reference
statistics learnt as of a moment not after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.feature import FeatureTable
from risk.indicators.learnt import Learnt
from risk.indicators.pack import Indicator, Pack
from risk.indicators.registry import Outcome, tests
from risk.indicators.view import View, Whole
from risk.indicators.wording import evidence_phrase
from risk.language import say
from risk.phrase import pieces

NOT_EVALUABLE: Final = 0
CLEAR: Final = 1
FIRED: Final = 2
PART: Final = 65_536
"""Lines looked at together; bounds the memory."""
KEPT: Final = 2_048
"""So many lines keep all that the tests said of them, for their evidence; of more lines those asked for are tested
again."""
BANDS: Final = {"S": 3, "M": 2, "W": 1}

Int8 = NDArray[np.int8]


@dataclass(frozen=True)
class Fired:
    """An indicator that fired on a line.

    template   the message, with the names of the values in `evidence`
    band       1 low, 2 medium, 3 high
    """

    id: str
    concept: str
    statement: str
    strength: str
    band: int
    template: str
    evidence: dict[str, float | str | None]

    @property
    def words(self) -> str:
        """The evidence as an English sentence."""
        return say(evidence_phrase(self.template, self.evidence))

    def to_json(self) -> dict[str, Any]:
        """The machine form."""
        return {**asdict(self), "words": self.words}


@dataclass(frozen=True)
class Findings:
    """What the pack found on each line.

    status   int8 (rows, indicators): 0 not evaluable, 1 clear, 2 fired
    band     int8 (rows, indicators): 1 to 3 where fired, else 0
    """

    pack: Pack
    status: Int8
    band: Int8
    _whole: Whole
    _said: _Said | None

    def __len__(self) -> int:
        return len(self.status)

    def fired(self, row: int) -> list[Fired]:
        """What fired on a line, the highest band first, then in the order of the pack."""
        return self.fired_on([row])[0]

    def fired_on(self, rows: Sequence[int] | NDArray[Any]) -> list[list[Fired]]:
        """What fired on each of some lines; cheaper for many together than for one after the other."""
        said, places = self._looked_at(rows)
        found = []
        for row, at in zip(rows, places.tolist(), strict=True):
            fired = np.flatnonzero(self.status[row] == FIRED).tolist()
            band = self.band[row]
            found.append(sorted((said.fired(place, at, int(band[place])) for place in fired), key=_by_band))
        return found

    def not_evaluable(self, row: int) -> dict[str, tuple[str, ...]]:
        """The ids that could not be judged on a line, each with the fields, features or statistics it lacked."""
        said, places = self._looked_at([row])
        named = self.pack.indicators
        missing = np.flatnonzero(self.status[row] == NOT_EVALUABLE)
        return {named[place].id: _lacking(named[place], said.view, int(places[0])) for place in missing}

    def _looked_at(self, rows: Sequence[int] | NDArray[Any]) -> tuple[_Said, NDArray[np.int64]]:
        """What the tests say of these lines, and where these stand in it."""
        wanted = np.asarray(rows, np.int64)
        if self._said is not None:
            return self._said, wanted
        versions = self._whole.versions
        chosen = np.zeros(int(versions.max(initial=-1)) + 1, bool)
        chosen[versions[wanted]] = True
        mates = np.flatnonzero(chosen[versions])
        whole = Whole(self._whole.lines.iloc[mates], self._whole.table.take(mates), self._whole.learnt)
        return _Said(self.pack, whole.view(0, len(mates))), np.searchsorted(mates, wanted)


def _by_band(found: Fired) -> int:
    return -found.band


class _Said:
    """What the tests said of some lines, each run once, for their evidence."""

    def __init__(self, pack: Pack, view: View, outcomes: Sequence[Outcome] = ()) -> None:
        self.view, self._pack = view, pack
        self._outcomes: dict[int, Outcome] = dict(enumerate(outcomes))
        self._values: dict[tuple[int, str], Callable[[int], Any]] = {}

    def fired(self, place: int, at: int, band: int) -> Fired:
        """An indicator, by its place in the pack, that fired on one of the lines."""
        one = self._pack.indicators[place]
        outcome = self._outcome(place)
        template = one.evidence[0 if outcome.which is None else int(outcome.which[at])]
        names = dict.fromkeys(piece.name for piece in pieces(template) if piece.name)
        evidence = {name: self._value(place, name, at) for name in names}
        return Fired(one.id, one.concept, one.statement, one.strength, band, template, evidence)

    def _outcome(self, place: int) -> Outcome:
        if place not in self._outcomes:
            one = self._pack.indicators[place]
            self._outcomes[place] = tests()[one.id].run(self.view, one.parameters)
        return self._outcomes[place]

    def _value(self, place: int, name: str, at: int) -> float | str | None:
        if (place, name) not in self._values:
            self._values[place, name] = self._reader(place, name)
        value = self._values[place, name](at)
        if value is None or isinstance(value, str):
            return value
        return None if np.isnan(float(value)) else float(value)

    def _reader(self, place: int, name: str) -> Callable[[int], Any]:
        says, parameters = self._outcome(place).says, self._pack.indicators[place].parameters
        if name in says:
            values = says[name]() if callable(says[name]) else says[name]
            return lambda at: values[at]
        if name in parameters:
            return lambda _: parameters[name]
        return lambda at: self.view.value(name, at)


def evaluate(pack: Pack, lines: pd.DataFrame, table: FeatureTable, learnt: Learnt | None = None) -> Findings:
    """Run every indicator of the pack on every line.

    lines    consignment lines (`risk.consignment.CONSIGNMENTS`), columns may be left out; all lines of one version
    table    their features, one row a line; history strictly before each line's `filed_at`
    learnt   reference statistics; lines filed before they were learnt as of get not evaluable where they are needed

    Raises InputError when the table lacks a feature that the pack reads, or has another number of rows.
    """
    whole = Whole(lines, table, learnt)
    shape = (len(lines), len(pack.indicators))
    status, band = np.zeros(shape, np.int8, order="F"), np.zeros(shape, np.int8, order="F")
    said = None
    for start in range(0, len(lines), PART):
        view = whole.view(start, min(start + PART, len(lines)))
        outcomes = []
        for place, indicator in enumerate(pack.indicators):
            outcome = tests()[indicator.id].run(view, indicator.parameters)
            fired, known = outcome.fired, outcome.known
            if not indicator.absence:
                needed = view.all_known(indicator.fields, indicator.features)
                known = needed if known is None else known & needed
            if indicator.statistics:
                usable = view.after_learning()
                known, fired = usable if known is None else known & usable, fired & usable
            here = view.rows
            status[here, place] = CLEAR if known is None else known
            status[here, place][fired] = FIRED
            level = BANDS[indicator.strength] if outcome.band is None else outcome.band[fired]
            band[here, place][fired] = level
            if len(lines) <= min(KEPT, PART):
                outcomes.append(outcome)
        if outcomes:
            said = _Said(pack, view, outcomes)
    return Findings(pack, status, band, whole, said)


@dataclass(frozen=True)
class ByConsignment:
    """Findings of consignments: status and band as of lines, and `row`, the line that decided, -1 where none."""

    status: Int8
    band: Int8
    row: NDArray[np.int64]


def by_consignment(findings: Findings, numbers: NDArray[Any]) -> ByConsignment:
    """Findings of each consignment: fired if a line fired, clear if some are clear and none fired, else not evaluable.

    numbers   for each line the number of its consignment, 0 and up (as `training.dataset.by_consignment` gives them)
    """
    count = int(np.max(numbers, initial=-1)) + 1
    shape = (count, findings.status.shape[1])
    rank = findings.status.astype(np.int64) * 4 + findings.band
    best = np.full(shape, -1, np.int64)
    row = np.full(shape, -1, np.int64)
    lines = np.arange(len(findings), dtype=np.int64)
    for place in range(shape[1]):
        # The last line written wins, so lines stand in rising order of rank, and of equal ones the first comes last.
        order = np.lexsort((-lines, rank[:, place]))
        best[numbers[order], place] = rank[order, place]
        row[numbers[order], place] = order
    status = np.maximum(best, 0) // 4
    return ByConsignment(status.astype(np.int8), (np.maximum(best, 0) % 4).astype(np.int8), row)


def _lacking(indicator: Indicator, view: View, at: int) -> tuple[str, ...]:
    fields = [name for name in indicator.fields if not view.known(name)[at]]
    features = [name for name in indicator.features if not view.known(name, feature=True)[at]]
    if fields or features:
        return tuple(dict.fromkeys((*fields, *features)))
    return indicator.statistics or ("history",)
