"""What is said of each consignment: quick reasons while it is scored, exact ones when the inspection list is known.

Quick reasons follow the paths of the trees and are given to every consignment; exact Shapley values cost much more and
go to those that are inspected or asked for. Which way was taken stands in the reasons. Indicators are judged on every
line; their evidence, too, is written out for those that are inspected or asked for, and their statement for the others.
The office's rules are judged on every line as well, and what they found is written out always.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.explanation import indicators_json
from risk.feature import FeatureTable
from risk.indicators import Findings, Fired, Pack, evaluate
from risk.indicators.evaluation import FIRED, NOT_EVALUABLE
from risk.layout import column
from risk.model import Method, RiskModel, Scores
from risk.reasons import Bools, explain
from risk.rules import FiredRule
from risk.rules import fired as rules_fired
from serving.kept import ScoredLines, Texts
from serving.knowledge import Knowledge
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
_TOLD_BY: Final = [name for names in _NUMBERED.values() for name in names]
"""Columns of the record that reasons are told by."""


class Telling:
    """The reasons of a manifest's consignments, part by part."""

    def __init__(self, model: RiskModel, pack: Pack | None, known: Knowledge, threads: int) -> None:
        self.texts = Texts()
        self._model, self._pack, self._known, self._threads = model, pack, known, threads
        self._rules: dict[int, list[FiredRule]] = {}
        self._fragments: dict[tuple[int, int], bytes] = {}
        self._found: list[NDArray[np.int8]] = []
        self._findings: Findings | None = None  # of a manifest in one part
        self._lines = ScoredLines()
        self._line_no = np.empty(0, np.int64)  # of a manifest in one part
        self._count = 0
        self._ends: list[int] = []

    def add(self, lines: pd.DataFrame, table: FeatureTable, scores: Scores, *, last: bool) -> pd.DataFrame:
        """Take the lines of a part.

        For each line its `number`, and as `reasons_at` the number of its reasons among the texts; -1 for a line that
        is not the riskiest of its consignment in this part, and so cannot speak for it.
        """
        self._lines.add(lines, table, last=last)
        self._line_no = lines["line_no"].to_numpy(np.int64)
        if self._pack is not None:
            found = evaluate(self._pack, lines, table, self._known.learnt)
            self._findings = found if last and not self._found else None
            self._found.append(found.status * np.int8(4) + found.band)
        if self._known.rules:
            each = enumerate(rules_fired(self._known.rules, lines, table), self._count)
            self._rules |= {number: rules for number, rules in each if rules}
        numbers = np.arange(self._count, self._count + len(lines), dtype=np.int64)
        self._count += len(lines)
        self._ends.append(self._count)
        said = np.full(len(lines), -1, np.int64)
        if len(lines):
            first = np.argsort(lines["line_no"].to_numpy(), kind="stable")
            ids = lines["consignment_id"].iloc[first]
            riskiest, _ = by_consignment(ids, scores.probability[first], scores.raw[first])
            speaking = np.sort(first[riskiest])
            told = [name for name in _TOLD_BY if name in lines]
            all_speak = len(speaking) == len(lines)
            speakers = lines if all_speak else lines[told].iloc[speaking].reset_index(drop=True)
            said[speaking] = self._tell(speakers, table if all_speak else table.take(speaking), "path")
        return pd.DataFrame({"number": numbers, "reasons_at": said})

    def exact(self, numbers: Int64) -> Int64:
        """The numbers of the exact reasons, among the texts, of the lines with these numbers."""
        said = np.empty(len(numbers), np.int64)
        order = np.argsort(numbers)
        for start in range(0, len(numbers), EXACT_ROWS):
            some = order[start : start + EXACT_ROWS]
            said[some] = self._tell(*self._lines.take(numbers[some], _TOLD_BY), "shapley")
        return said

    def indicators(self, lines: Int64, consignments: Int64, written_out: Bools) -> Int64:
        """The numbers, among the texts, of the indicators of each consignment.

        `lines` are the numbers of all lines and `consignments` whose they are, 0 and up; `written_out` says of each
        consignment whether the evidence is wanted.
        """
        rules = self._rules_of(lines, consignments)
        if self._pack is None:
            return self.texts.add([_indicators_json(rules.get(at, []), []) for at in range(len(written_out))])
        found = np.concatenate(self._found)[lines]
        best = np.zeros((len(written_out), found.shape[1]), np.int8)
        np.maximum.at(best, consignments, found)
        said = np.empty(len(written_out), np.int64)
        again = written_out | self._scattered(lines, consignments, len(written_out))
        quick = np.flatnonzero(~again)
        said[quick] = self.texts.add([self._stated(best[at], rules.get(at, ())) for at in quick.tolist()])
        self._judge_again(said, lines, consignments, again, written_out, rules)
        return said

    def _rules_of(self, lines: Int64, consignments: Int64) -> dict[int, list[FiredRule]]:
        """The rules that fired on each consignment, each as its first line (`lines` are in order) has it."""
        found: dict[int, dict[str, FiredRule]] = {}
        if self._rules:
            for number, consignment in zip(lines.tolist(), consignments.tolist(), strict=True):
                for rule in self._rules.get(number, ()):
                    found.setdefault(consignment, {}).setdefault(rule.id, rule)
        order = {compiled.rule.id: at for at, compiled in enumerate(self._known.rules)}
        return {at: sorted(rules.values(), key=lambda rule: order[rule.id]) for at, rules in found.items()}

    def _scattered(self, lines: Int64, consignments: Int64, count: int) -> Bools:
        """Consignments with lines in several parts, which could not be judged together."""
        part = np.searchsorted(np.array(self._ends), lines, side="right")
        first, last = np.full(count, len(self._ends)), np.full(count, -1)
        np.minimum.at(first, consignments, part)
        np.maximum.at(last, consignments, part)
        return np.asarray(first < last)

    def _stated(self, row: NDArray[np.int8], rules: Sequence[FiredRule] = ()) -> bytes:
        """The indicators that fired, by their statement, and those that could not be judged."""
        assert self._pack is not None
        parts = [self._fragment(place, int(row[place]) % 4) for place in np.flatnonzero(row >= 4 * FIRED).tolist()]
        if rules:
            parts.append(_indicators_json(rules, [])[1:-1])
        unknown = np.flatnonzero(row < 4 * (NOT_EVALUABLE + 1)).tolist()
        if unknown:
            ids = self._pack.ids
            parts.append(_indicators_json([], [ids[place] for place in unknown])[1:-1])
        return b"[" + b",".join(parts) + b"]"

    def _fragment(self, place: int, band: int) -> bytes:
        """An indicator that fired, by its statement, as it stands in the list."""
        if (place, band) not in self._fragments:
            assert self._pack is not None
            one = self._pack.indicators[place]
            fired = Fired(one.id, one.concept, one.statement, one.strength, band, one.statement, {})
            self._fragments[place, band] = _indicators_json([fired], [])[1:-1]
        return self._fragments[place, band]

    def _judge_again(
        self,
        said: Int64,
        lines: Int64,
        consignments: Int64,
        again: Bools,
        written_out: Bools,
        rules: dict[int, list[FiredRule]],
    ) -> None:
        """Judge consignments with all their lines together, and write down the evidence where it is wanted."""
        own = again[consignments]
        by_number = np.lexsort((lines[own], consignments[own]))
        numbers, of = lines[own][by_number], consignments[own][by_number]
        starts = np.flatnonzero(np.diff(of, prepend=-1))
        for first in range(0, len(starts), EXACT_CONSIGNMENTS):
            ends = [*starts[first : first + EXACT_CONSIGNMENTS + 1].tolist(), len(of)][: EXACT_CONSIGNMENTS + 1]
            findings, rows, line_no = self._judged(numbers[ends[0] : ends[-1]])
            own_rows, whose = list[Int64](), list[int]()
            for begin, end in pairwise(at - ends[0] for at in ends):
                mine = np.argsort(line_no[begin:end], kind="stable")  # of lines alike the first speaks, in any file
                number, of_it = int(of[ends[0] + begin]), rows[begin:end][mine]
                if written_out[number]:
                    own_rows.append(of_it)
                    whose.append(number)
                    continue
                states = (findings.status[of_it] * np.int8(4) + findings.band[of_it]).max(axis=0)
                said[number] = self.texts.add([self._stated(states, rules.get(number, ()))])[0]
            judged = self._evidence(findings, own_rows, [rules.get(number, []) for number in whose])
            said[whose] = self.texts.add(judged)

    def _judged(self, numbers: Int64) -> tuple[Findings, Int64, Int64]:
        """The findings on lines, where each line stands in them, and its number in the consignment."""
        assert self._pack is not None
        if self._findings is not None:
            return self._findings, numbers, self._line_no[numbers]
        order = np.argsort(numbers)
        taken, table = self._lines.take(numbers[order])
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        return (
            evaluate(self._pack, taken, table, self._known.learnt),
            places,
            taken["line_no"].to_numpy(np.int64)[places],
        )

    def _evidence(
        self, findings: Findings, consignments: Sequence[Int64], rules: Sequence[Sequence[FiredRule]]
    ) -> list[bytes]:
        """The indicators of consignments, given by their rows, with evidence from the line where each is strongest."""
        if not consignments:
            return []
        place = {one.id: at for at, one in enumerate(findings.pack.indicators)}
        strongest, states = [], []
        for rows in consignments:
            rank = findings.status[rows].astype(np.int64) * 4 + findings.band[rows]
            strongest.append(rows[rank.argmax(axis=0)])
            states.append(rank.max(axis=0) // 4)
        speaking = np.unique(np.concatenate([of[state == FIRED] for of, state in zip(strongest, states, strict=True)]))
        found = dict(zip(speaking.tolist(), findings.fired_on(speaking), strict=True))
        texts = []
        for of, state, own in zip(strongest, states, rules, strict=True):
            fired = [
                one for row in np.unique(of[state == FIRED]).tolist() for one in found[row] if of[place[one.id]] == row
            ]
            fired.sort(key=lambda one: (-one.band, place[one.id]))
            unknown = [name for name, at in place.items() if state[at] == NOT_EVALUABLE]
            texts.append(_indicators_json([*fired, *own], unknown))
        return texts

    def lines(self, numbers: Int64) -> pd.DataFrame:
        """The lines with these numbers, in this order."""
        order = np.argsort(numbers)
        lines, _ = self._lines.take(numbers[order])
        return lines.iloc[np.argsort(order)].reset_index(drop=True) if len(numbers) else lines

    def _tell(self, lines: pd.DataFrame, table: FeatureTable, method: Method) -> Int64:
        reasons = explain(self._model, table, method, inferred=inferred(lines), threads=self._threads)
        return self.texts.add([orjson.dumps([reason.to_json() for reason in row]) for row in reasons])


def _indicators_json(fired: Iterable[Fired | FiredRule], not_evaluable: Iterable[str]) -> bytes:
    return orjson.dumps(indicators_json(fired, not_evaluable))


def inferred(lines: pd.DataFrame) -> dict[str, Bools]:
    """In which lines a party is told by its name and country, for want of a number: matched, and not stated."""
    return {
        role: (
            column(lines, CONSIGNMENTS, number).isna() & column(lines, CONSIGNMENTS, name).notna()
        ).to_numpy()
        for role, (number, name) in _NUMBERED.items()
    }  # fmt: skip
