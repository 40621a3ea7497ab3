"""What is said of each consignment: quick reasons while it is scored, exact ones when the inspection list is known.

Quick reasons follow the paths of the trees and are given to every consignment; exact Shapley values cost much more and
go to those that are inspected or asked for. Which way was taken stands in the reasons. Indicators are judged on every
line; their evidence, too, is written out for those that are inspected or asked for, and their statement for the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.explanation import indicators_json
from risk.feature import FeatureTable
from risk.indicators import Findings, Fired, Learnt, Pack, evaluate
from risk.indicators.evaluation import FIRED, NOT_EVALUABLE
from risk.layout import column
from risk.model import Method, RiskModel, Scores
from risk.reasons import Bools, explain
from serving.kept import ScoredLines, Texts
from training.dataset import by_consignment

Int64 = NDArray[np.int64]

EXACT_ROWS: Final = 2_000
"""Lines explained exactly at a time."""
EXACT_CONSIGNMENTS: Final = 200
"""Consignments whose evidence is written out at a time."""
_NUMBERED: Final = {
    "consignee": ("consignee_id", "consignee_name"),
    "shipper": ("shipper_id", "shipper_name"),
    "notify": ("notify_id", "notify_name"),
    "declarant": ("declarant_id", "forwarder_name"),
}
"""Parties whose history goes by number, and by name where no number is stated."""


class Telling:
    """The reasons of a manifest's consignments, part by part."""

    def __init__(self, model: RiskModel, pack: Pack | None, learnt: Learnt | None, threads: int) -> None:
        self.texts = Texts()
        self._model, self._pack, self._learnt, self._threads = model, pack, learnt, threads
        self._found: list[NDArray[np.int8]] = []
        self._findings: Findings | None = None  # of a manifest in one part
        self._lines = ScoredLines()
        self._count = 0
        self._ends: list[int] = []

    def add(self, lines: pd.DataFrame, table: FeatureTable, scores: Scores, *, last: bool) -> pd.DataFrame:
        """Take the lines of a part.

        For each line its `number`, and as `reasons_at` the number of its reasons among the texts; -1 for a line that
        is not the riskiest of its consignment in this part, and so cannot speak for it.
        """
        self._lines.add(lines, table, last=last)
        if self._pack is not None:
            found = evaluate(self._pack, lines, table, self._learnt)
            self._findings = found if last and not self._found else None
            self._found.append(found.status * np.int8(4) + found.band)
        numbers = np.arange(self._count, self._count + len(lines), dtype=np.int64)
        self._count += len(lines)
        self._ends.append(self._count)
        said = np.full(len(lines), -1, np.int64)
        if len(lines):
            first = np.argsort(lines["line_no"].to_numpy(), kind="stable")
            ids = lines["consignment_id"].iloc[first]
            riskiest, _ = by_consignment(ids, scores.probability[first], scores.raw[first])
            speaking = np.sort(first[riskiest])
            speakers = lines.iloc[speaking].reset_index(drop=True)
            said[speaking] = self._tell(speakers, table.take(speaking), "path")
        return pd.DataFrame({"number": numbers, "reasons_at": said})

    def exact(self, numbers: Int64) -> Int64:
        """The numbers of the exact reasons, among the texts, of the lines with these numbers."""
        said = np.empty(len(numbers), np.int64)
        order = np.argsort(numbers)
        for start in range(0, len(numbers), EXACT_ROWS):
            some = order[start : start + EXACT_ROWS]
            said[some] = self._tell(*self._lines.take(numbers[some]), "shapley")
        return said

    def indicators(self, lines: Int64, consignments: Int64, written_out: Bools) -> Int64:
        """The numbers, among the texts, of the indicators of each consignment.

        `lines` are the numbers of all lines and `consignments` whose they are, 0 and up; `written_out` says of each
        consignment whether the evidence is wanted.
        """
        if self._pack is None:
            return np.repeat(self.texts.add([b"[]"]), len(written_out))
        found = np.concatenate(self._found)[lines]
        best = np.zeros((len(written_out), found.shape[1]), np.int8)
        np.maximum.at(best, consignments, found)
        said, known = np.empty(len(written_out), np.int64), dict[bytes, int]()
        again = written_out | self._scattered(lines, consignments, len(written_out))
        for at, row in enumerate(best):
            key = row.tobytes()
            if again[at]:
                continue
            if key not in known:
                known[key] = int(self.texts.add([self._stated(row)])[0])
            said[at] = known[key]
        self._judge_again(said, lines, consignments, again, written_out)
        return said

    def _scattered(self, lines: Int64, consignments: Int64, count: int) -> Bools:
        """Consignments with lines in several parts, which could not be judged together."""
        part = np.searchsorted(np.array(self._ends), lines, side="right")
        first, last = np.full(count, len(self._ends)), np.full(count, -1)
        np.minimum.at(first, consignments, part)
        np.maximum.at(last, consignments, part)
        return np.asarray(first < last)

    def _stated(self, row: NDArray[np.int8]) -> bytes:
        """The indicators that fired, by their statement, and those that could not be judged."""
        assert self._pack is not None
        named = list(zip(self._pack.indicators, row.tolist(), strict=True))
        fired = [
            Fired(one.id, one.concept, one.statement, one.strength, state % 4, one.statement, {})
            for one, state in named
            if state // 4 == FIRED
        ]
        return _indicators_json(fired, [one.id for one, state in named if state // 4 == NOT_EVALUABLE])

    def _judge_again(
        self, said: Int64, lines: Int64, consignments: Int64, again: Bools, written_out: Bools
    ) -> None:  # fmt: skip
        """Judge consignments with all their lines together, and write down the evidence where it is wanted."""
        own = again[consignments]
        by_number = np.lexsort((lines[own], consignments[own]))
        numbers, of = lines[own][by_number], consignments[own][by_number]
        starts = np.flatnonzero(np.diff(of, prepend=-1))
        for first in range(0, len(starts), EXACT_CONSIGNMENTS):
            ends = [*starts[first : first + EXACT_CONSIGNMENTS + 1].tolist(), len(of)][: EXACT_CONSIGNMENTS + 1]
            findings, rows, line_no = self._judged(numbers[ends[0] : ends[-1]])
            for begin, end in pairwise(at - ends[0] for at in ends):
                mine = np.argsort(line_no[begin:end], kind="stable")  # of lines alike the first speaks, in any file
                number, of_it = of[ends[0] + begin], rows[begin:end][mine]
                states = (findings.status[of_it] * np.int8(4) + findings.band[of_it]).max(axis=0)
                text = self._evidence(findings, of_it) if written_out[number] else self._stated(states)
                said[number] = self.texts.add([text])[0]

    def _judged(self, numbers: Int64) -> tuple[Findings, Int64, Int64]:
        """The findings on lines, where each line stands in them, and its number in the consignment."""
        assert self._pack is not None
        if self._findings is not None:
            taken, _ = self._lines.take(numbers)
            return self._findings, numbers, taken["line_no"].to_numpy(np.int64)
        order = np.argsort(numbers)
        taken, table = self._lines.take(numbers[order])
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        return evaluate(self._pack, taken, table, self._learnt), places, taken["line_no"].to_numpy(np.int64)[places]

    def _evidence(self, findings: Findings, rows: Int64) -> bytes:
        """The indicators of one consignment with their evidence, each from the line where it is strongest."""
        rank = findings.status[rows].astype(np.int64) * 4 + findings.band[rows]
        strongest, state = rank.argmax(axis=0), rank.max(axis=0) // 4
        place = {one.id: at for at, one in enumerate(findings.pack.indicators)}
        fired = [
            found
            for row in np.unique(strongest[state == FIRED]).tolist()
            for found in findings.fired(int(rows[row]))
            if strongest[place[found.id]] == row
        ]
        fired.sort(key=lambda found: (-found.band, place[found.id]))
        return _indicators_json(fired, [name for name, at in place.items() if state[at] == NOT_EVALUABLE])

    def lines(self, numbers: Int64) -> pd.DataFrame:
        """The lines with these numbers, in this order."""
        order = np.argsort(numbers)
        lines, _ = self._lines.take(numbers[order])
        return lines.iloc[np.argsort(order)].reset_index(drop=True) if len(lines) else lines

    def _tell(self, lines: pd.DataFrame, table: FeatureTable, method: Method) -> Int64:
        reasons = explain(self._model, table, method, inferred=inferred(lines), threads=self._threads)
        return self.texts.add([orjson.dumps([reason.to_json() for reason in row]) for row in reasons])


def _indicators_json(fired: Iterable[Fired], not_evaluable: Iterable[str]) -> bytes:
    return orjson.dumps(indicators_json(fired, not_evaluable))


def inferred(lines: pd.DataFrame) -> dict[str, Bools]:
    """In which lines a party is told by its name and country, for want of a number: matched, and not stated."""
    return {
        role: (
            column(lines, CONSIGNMENTS, number).isna() & column(lines, CONSIGNMENTS, name).notna()
        ).to_numpy()
        for role, (number, name) in _NUMBERED.items()
    }  # fmt: skip
