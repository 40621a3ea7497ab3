"""What is said of each consignment: quick reasons while it is scored, exact ones when the inspection list is known.

Quick reasons follow the paths of the trees and are given to every consignment; exact Shapley values cost much more and
go to those that are inspected or asked for. Which way was taken stands in the reasons.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.feature import FeatureTable
from risk.layout import column
from risk.model import Method, RiskModel, Scores
from risk.reasons import Bools, explain
from serving.kept import ScoredLines, Texts
from training.dataset import by_consignment

Int64 = NDArray[np.int64]

EXACT_ROWS: Final = 2_000
"""Lines explained exactly at a time."""
_NUMBERED: Final = {
    "consignee": ("consignee_id", "consignee_name"),
    "shipper": ("shipper_id", "shipper_name"),
    "notify": ("notify_id", "notify_name"),
    "declarant": ("declarant_id", "forwarder_name"),
}
"""Parties whose history goes by number, and by name where no number is stated."""


class Telling:
    """The reasons of a manifest's consignments, part by part."""

    def __init__(self, model: RiskModel, threads: int) -> None:
        self.texts = Texts()
        self._model, self._threads = model, threads
        self._lines = ScoredLines()
        self._count = 0

    def add(self, lines: pd.DataFrame, table: FeatureTable, scores: Scores, *, last: bool) -> pd.DataFrame:
        """Take the lines of a part.

        For each line its `number`, and as `reasons_at` the number of its reasons among the texts; -1 for a line that
        is not the riskiest of its consignment in this part, and so cannot speak for it.
        """
        self._lines.add(lines, table, last=last)
        numbers = np.arange(self._count, self._count + len(lines), dtype=np.int64)
        self._count += len(lines)
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

    def lines(self, numbers: Int64) -> pd.DataFrame:
        """The lines with these numbers, in this order."""
        order = np.argsort(numbers)
        lines, _ = self._lines.take(numbers[order])
        return lines.iloc[np.argsort(order)].reset_index(drop=True) if len(lines) else lines

    def _tell(self, lines: pd.DataFrame, table: FeatureTable, method: Method) -> Int64:
        reasons = explain(self._model, table, method, inferred=inferred(lines), threads=self._threads)
        return self.texts.add([orjson.dumps([reason.to_json() for reason in row]) for row in reasons])


def inferred(lines: pd.DataFrame) -> dict[str, Bools]:
    """In which lines a party is told by its name and country, for want of a number: matched, and not stated."""
    return {
        role: (
            column(lines, CONSIGNMENTS, number).isna() & column(lines, CONSIGNMENTS, name).notna()
        ).to_numpy()
        for role, (number, name) in _NUMBERED.items()
    }  # fmt: skip
