"""A table of inspected consignments as an environment of the weekly loop: labels stay hidden until they are inspected.

Every consignment of the table has an outcome; the loop may only read those it chose. The weeks before week 0 are
given in full, as the past from which an office starts. Nobody answers back here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.errors import NotEnoughDataError
from risk.inspection import Target

WEEK: Final = pd.Timedelta(weeks=1)


class HiddenLabels:
    """The environment; see `loop.Environment`."""

    drift_week: int | None = None

    def __init__(self, lines: pd.DataFrame, outcomes: pd.DataFrame, target: Target, warm: int = 13) -> None:
        """`warm` weeks are known in full. Raises NotEnoughDataError when the table ends before week 0."""
        known = set(outcomes["consignment_id"])
        mine = lines[lines["consignment_id"].isin(known)].sort_values("filed_at", kind="stable", ignore_index=True)
        self._lines, self._target = mine, target
        self._first = mine["filed_at"].iloc[0].floor("D") + warm * WEEK
        self.weeks = int((mine["filed_at"].iloc[-1] - self._first) // WEEK)
        if self.weeks < 1:
            raise NotEnoughDataError(
                f"the table spans {_days(mine)} days; the loop needs more than the {warm} weeks it starts from"
            )
        last = outcomes.sort_values("recorded_at", kind="stable").drop_duplicates("consignment_id", keep="last")
        self._outcomes = last.set_index("consignment_id", drop=False)
        past = mine.loc[mine["filed_at"] < self._first, "consignment_id"].unique()
        self._open = [self._outcomes.loc[past].reset_index(drop=True)]

    def copy(self) -> HiddenLabels:
        """The same table with the labels hidden again."""
        other = object.__new__(HiddenLabels)
        other.__dict__ = {**self.__dict__, "_open": list(self._open)}
        return other

    def start(self, number: int) -> pd.Timestamp:
        """When a week begins."""
        return pd.Timestamp(self._first + min(number, self.weeks + 99) * WEEK)

    def past(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The weeks known in full, as far as their outcomes were recorded by then."""
        early = self._lines[self._lines["filed_at"] < self._first].reset_index(drop=True)
        return early, self.recorded(early["filed_at"].iloc[0], self._first)

    def week(self, number: int) -> pd.DataFrame:
        """The lines filed in a week."""
        filed = self._lines["filed_at"]
        mine = self._lines[(filed >= self.start(number)) & (filed < self.start(number + 1))]
        return mine.reset_index(drop=True)

    def choose(self, chosen: pd.DataFrame, after: pd.Timestamp) -> None:
        """Uncover the outcomes of these; none counts as recorded before the moment."""
        found = self._outcomes.loc[chosen["consignment_id"]].reset_index(drop=True)
        self._open.append(
            found.assign(
                recorded_at=found["recorded_at"].where(found["recorded_at"] >= after, after),
                selection_reason=chosen["reason"].to_numpy(),
                selection_probability=chosen["probability"].to_numpy(),
            )
        )

    def recorded(self, since: pd.Timestamp, before: pd.Timestamp) -> pd.DataFrame:
        """The uncovered outcomes recorded in a time."""
        every = pd.concat(self._open, ignore_index=True)
        now: pd.DataFrame = every[(every["recorded_at"] >= since) & (every["recorded_at"] < before)]
        return now.sort_values("recorded_at", kind="stable", ignore_index=True)

    def truth(self, ids: Sequence[str]) -> pd.DataFrame:
        """For the yardstick: what the table says of each."""
        positive = np.array(self._target.label(self._outcomes.loc[list(ids), "result"])) == 1
        return pd.DataFrame({"smuggled": positive, "found": positive})

    def points(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """There are no old rules for a table: no points."""
        return np.zeros(len(ids), np.int64)


def _days(lines: pd.DataFrame) -> int:
    """How many days lie between the first and the last filing."""
    return int((lines["filed_at"].iloc[-1] - lines["filed_at"].iloc[0]).days)
