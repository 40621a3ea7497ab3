"""Runs a pack over lines: what fired, what is clear, what could not be judged, and the evidence in words.

Findings do not depend on the order of rows or on how a table is cut, as long as the lines of one consignment version
stay together: a test reads its own line, the other lines of the same version, history before `filed_at` and reference
statistics learnt as of a moment not after it.
"""

from __future__ import annotations

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

NOT_EVALUABLE: Final = 0
CLEAR: Final = 1
FIRED: Final = 2
PART: Final = 65_536
"""Lines looked at together; bounds the memory."""
BANDS: Final = {"S": 3, "M": 2, "W": 1}

Int8 = NDArray[np.int8]


@dataclass(frozen=True)
class Fired:
    """An indicator that fired on a line.

    words      `template` filled with `evidence`; kept apart so that it can be said in another language
    band       1 low, 2 medium, 3 high
    """

    id: str
    concept: str
    statement: str
    strength: str
    band: int
    words: str
    template: str
    evidence: dict[str, float | str | None]

    def to_json(self) -> dict[str, Any]:
        """The machine form."""
        return asdict(self)


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

    def __len__(self) -> int:
        return len(self.status)

    def fired(self, row: int) -> list[Fired]:
        """What fired on a line, the highest band first, then in the order of the pack."""
        places = np.flatnonzero(self.status[row] == FIRED)
        if len(places) == 0:
            return []
        view, at = self._alone(row)
        found = [self._said(self.pack.indicators[place], view, at, int(self.band[row, place])) for place in places]
        return sorted(found, key=lambda item: -item.band)

    def not_evaluable(self, row: int) -> dict[str, tuple[str, ...]]:
        """The ids that could not be judged on a line, each with the fields, features or statistics it lacked."""
        view, at = self._alone(row)
        places = np.flatnonzero(self.status[row] == NOT_EVALUABLE)
        return {self.pack.indicators[place].id: _lacking(self.pack.indicators[place], view, at) for place in places}

    def _alone(self, row: int) -> tuple[View, int]:
        """A view of the consignment version of a line, and where the line stands in it."""
        mates = np.flatnonzero(self._whole.versions == self._whole.versions[row])
        whole = Whole(self._whole.lines.iloc[mates], self._whole.table.take(mates), self._whole.learnt)
        return whole.view(0, len(mates)), int(np.searchsorted(mates, row))

    def _said(self, indicator: Indicator, view: View, at: int, band: int) -> Fired:
        outcome = tests()[indicator.id].run(view, indicator.parameters)
        which = 0 if outcome.which is None else int(outcome.which[at])
        template = indicator.evidence[which]
        names = _placeholders(template)
        evidence = {name: _value(name, indicator, outcome, view, at) for name in names}
        shown = {name: _Said(value, self.pack.not_stated) for name, value in evidence.items()}
        return Fired(
            indicator.id,
            indicator.concept,
            indicator.statement,
            indicator.strength,
            band,
            template.format_map(shown),
            template,
            evidence,
        )


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
    for start in range(0, len(lines), PART):
        view = whole.view(start, min(start + PART, len(lines)))
        for place, indicator in enumerate(pack.indicators):
            outcome = tests()[indicator.id].run(view, indicator.parameters)
            known = np.ones(len(view), bool) if outcome.known is None else outcome.known.copy()
            fired = outcome.fired
            for name in () if indicator.absence else indicator.fields:
                known &= view.known(name)
            for name in () if indicator.absence else indicator.features:
                known &= view.known(name, feature=True)
            if indicator.statistics:
                usable = view.after_learning()
                known, fired = known & usable, fired & usable
            here = view.rows
            status[here, place] = np.where(fired, FIRED, known)
            level = BANDS[indicator.strength] if outcome.band is None else outcome.band
            band[here, place] = np.where(fired, level, 0)
    return Findings(pack, status, band, whole)


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


class _Said:
    """A value in a sentence: numbers by the format, text as it stands, and words for what is missing."""

    def __init__(self, value: float | str | None, not_stated: str) -> None:
        self._value, self._not_stated = value, not_stated

    def __format__(self, spec: str) -> str:
        if self._value is None:
            return self._not_stated
        return format(self._value, spec) if isinstance(self._value, float) else self._value


def _placeholders(template: str) -> list[str]:
    import string

    return list(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(template) if name))


def _value(name: str, indicator: Indicator, outcome: Outcome, view: View, at: int) -> float | str | None:
    if name in outcome.says:
        said = outcome.says[name]
        value = (said() if callable(said) else said)[at]
    elif name in indicator.parameters:
        value = indicator.parameters[name]
    else:
        value = view.value(name, at)
    if value is None or isinstance(value, str):
        return value
    return None if np.isnan(float(value)) else float(value)


def _lacking(indicator: Indicator, view: View, at: int) -> tuple[str, ...]:
    fields = [name for name in indicator.fields if not view.known(name)[at]]
    features = [name for name in indicator.features if not view.known(name, feature=True)[at]]
    if fields or features:
        return tuple(dict.fromkeys((*fields, *features)))
    return indicator.statistics or ("history",)
