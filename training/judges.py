"""What a backtest puts to the test: officers' rules, or the indicators of a pack, each asked in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.feature import FeatureTable
from risk.indicators import Learnt, Pack, evaluate, learn
from risk.indicators.evaluation import FIRED, NOT_EVALUABLE
from risk.inspection import Target
from risk.rules import CompiledRule, RuleColumns

Bools = NDArray[np.bool_]

RELEARN: Final = pd.Timedelta(days=28)
"""How old reference statistics of indicators may get before they are learnt anew."""


class Judges(Protocol):
    """Rules, or the tests of a pack, that say of each line whether they fire."""

    names: Sequence[str]
    statements: Sequence[str]

    def judge(self, lines: pd.DataFrame, table: FeatureTable) -> tuple[Bools, Bools]:
        """Whether each (column) fires on each line (row), and whether it could be evaluated."""


class Rules:
    """Officers' rules as judges."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._rules = rules
        self.names: Sequence[str] = [rule.rule.id for rule in rules]
        self.statements: Sequence[str] = [rule.rule.statement for rule in rules]

    def judge(self, lines: pd.DataFrame, table: FeatureTable) -> tuple[Bools, Bools]:
        """See Judges. A line to which a rule does not apply (another office, expired) is known and does not fire."""
        columns = RuleColumns(lines, table, {name: f for rule in self._rules for name, f in rule.fields.items()})
        fired, known = np.zeros((2, len(lines), len(self._rules)), bool)
        for place, rule in enumerate(self._rules):
            verdict = rule.evaluate(columns)
            fired[:, place], known[:, place] = verdict.fired, verdict.known | ~verdict.applies
        return fired, known


class Indicators:
    """The tests of a pack of red flags as judges.

    Reference statistics are learnt from `lines` and `outcomes` strictly before the first line judged, and again
    whenever RELEARN has passed; `judge` has to be called in order of time.
    """

    def __init__(self, pack: Pack, lines: pd.DataFrame, outcomes: pd.DataFrame, target: Target) -> None:
        self._pack, self._lines, self._outcomes, self._target = pack, lines, outcomes, target
        self._learnt, self._as_of = Learnt.nothing(), pd.Timestamp.min.tz_localize("UTC")
        self.names: Sequence[str] = pack.ids
        self.statements: Sequence[str] = [indicator.statement for indicator in pack.indicators]

    def judge(self, lines: pd.DataFrame, table: FeatureTable) -> tuple[Bools, Bools]:
        """See Judges."""
        first = lines["filed_at"].min()
        if first - RELEARN >= self._as_of:
            self._learnt, self._as_of = learn(self._lines, self._outcomes, first, target=self._target), first
        status = evaluate(self._pack, lines, table, self._learnt).status
        return status == FIRED, status != NOT_EVALUABLE
