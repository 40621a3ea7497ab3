"""Rules at work: evaluated over whole tables of lines, and what fired put into words.

What fired has the form of an indicator that fired, so that one explanation can hold both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.feature import FeatureTable
from risk.layout import column, utc
from risk.rules.expression import TIME, Condition, compile_condition
from risk.rules.fields import Field, Fields
from risk.rules.rule import Rule
from risk.selection import stable_hash

Bools = NDArray[np.bool_]

CONCEPT: Final = "rules"
TEXT: Final = pa.large_string()
LETTERS: Final = {"strong": "S", "medium": "M", "weak": "W"}
BANDS: Final = {"strong": 3, "medium": 2, "weak": 1}
"""Strengths as the indicators have them."""
SHOWN: Final = 80
"""Characters of a text that the evidence quotes."""


@dataclass(frozen=True)
class FiredRule:
    """A rule that fired on a line, in the form of an indicator that fired, and the lane that it proposes.

    words      the statement and what was found, as one sentence
    evidence   the values of all fields that the rule asks about; None where missing
    """

    id: str
    concept: str
    statement: str
    strength: str
    band: int
    lane: str
    words: str
    evidence: dict[str, float | str | None]

    @property
    def template(self) -> str:
        """The words as a message without placeholders; a rule speaks the language of its author."""
        return self.words.replace("{", "{{").replace("}", "}}")

    def to_json(self) -> dict[str, Any]:
        """The machine form."""
        return {**asdict(self), "template": self.template}


@dataclass(frozen=True)
class Verdict:
    """What a rule says of n lines.

    fired     it matches, and the consignment is in the rule's share
    known     it could be evaluated; where not, what it asks about is missing
    applies   the line is of its offices (or of none stated) and was filed before it expired
    """

    fired: Bools
    known: Bools
    applies: Bools


class RuleColumns:
    """The columns of a table of lines as rules read them: Arrow arrays, null where missing, each made once.

    lines   consignments in the layout of `risk.consignment`; a column left out is missing throughout
    table   the features of the same lines; None when no rule asks about a feature
    """

    def __init__(self, lines: pd.DataFrame, table: FeatureTable | None, fields: Fields) -> None:
        self.lines, self.table, self._fields = lines, table, fields
        self._made: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self.lines)

    def array(self, name: str) -> pa.Array:
        """The values of a field; text that is empty or blank is missing."""
        if name not in self._made:
            field = self._fields[name]
            self._made[name] = self._record(name, field) if field.feature is None else self._feature(name, field)
        return self._made[name]

    def _record(self, name: str, field: Field) -> pa.Array:
        values = column(self.lines, CONSIGNMENTS, name)
        if field.kind == "number":
            return pa.array(values.to_numpy(np.float64, na_value=np.nan), from_pandas=True)
        if field.kind == "time":
            moments = values.dt.tz_convert(None).to_numpy().astype("datetime64[us]")
            return pa.array(moments, from_pandas=True).cast(TIME)
        return _text(pa.array(values, TEXT, from_pandas=True))

    def _feature(self, name: str, field: Field) -> pa.Array:
        type_ = TEXT if field.kind == "text" else pa.float32()
        if self.table is None:
            raise LookupError(f"a rule asks about {name}, which needs the features of the lines")
        if all(feature.name != name for feature in self.table.features):
            return pa.nulls(len(self), type_)
        values = pa.array(self.table.column(name), type_, from_pandas=True)
        return values if field.kind == "number" else _text(values)


@dataclass(frozen=True)
class CompiledRule:
    """A rule ready to be evaluated."""

    rule: Rule
    condition: Condition
    fields: Fields

    @property
    def features(self) -> tuple[str, ...]:
        """The features it asks about."""
        return tuple(name for name in self.condition.fields if self.fields[name].feature is not None)

    def evaluate(self, columns: RuleColumns) -> Verdict:
        """What the rule says of all lines at once."""
        rule, lines = self.rule, columns.lines
        found = self.condition.run(columns)
        known, matched = _mask(pc.is_valid(found)), _mask(pc.fill_null(found, False))
        applies = np.ones(len(lines), bool)
        if rule.expires is not None:
            end = datetime.combine(rule.expires + timedelta(days=1), time(), UTC)
            applies &= (lines["filed_at"] < end).to_numpy()
        if rule.offices:
            office = _text(pa.array(column(lines, CONSIGNMENTS, "customs_office"), TEXT, from_pandas=True))
            here, stated = _mask(pc.is_in(office, value_set=pa.array(rule.offices, TEXT))), _mask(pc.is_valid(office))
            applies &= here | ~stated
            known &= stated
        fired = matched & known & applies
        if rule.share < 100 and fired.any():
            hashes = stable_hash([f"{rule.id}:{name}" for name in lines["consignment_id"].to_numpy()[fired]])
            fired[fired] = hashes < np.uint64(min(int(rule.share / 100 * 2**64), 2**64 - 1))
        return Verdict(fired, known, applies)

    def said(self, columns: RuleColumns, row: int) -> FiredRule:
        """The rule in the words of one line on which it fired."""
        values = {name: columns.array(name)[row].as_py() for name in self.condition.fields}
        phrases = "; ".join(_phrase(self.fields[name], value) for name, value in values.items())
        return FiredRule(
            id=self.rule.id,
            concept=CONCEPT,
            statement=self.rule.statement,
            strength=LETTERS[self.rule.strength],
            band=BANDS[self.rule.strength],
            lane=self.rule.lane,
            words=f"{self.rule.statement.rstrip('.')}: {phrases}",
            evidence={name: utc(value) if isinstance(value, datetime) else value for name, value in values.items()},
        )


def compile_rule(rule: Rule, fields: Fields) -> CompiledRule:
    """The rule ready to be evaluated. Raises ExpressionError for a condition that does not fit the fields."""
    return CompiledRule(rule, compile_condition(rule.when, fields, rule.lists), fields)


def fired(rules: Sequence[CompiledRule], lines: pd.DataFrame, table: FeatureTable | None) -> list[list[FiredRule]]:
    """The rules that fire on each line, in the order of the rules, with words and evidence."""
    found: list[list[FiredRule]] = [[] for _ in range(len(lines))]
    if not rules:
        return found
    fields: dict[str, Field] = {}
    for rule in rules:
        fields |= {name: rule.fields[name] for name in rule.condition.fields}
    columns = RuleColumns(lines, table, fields)
    for rule in rules:
        for row in np.flatnonzero(rule.evaluate(columns).fired).tolist():
            found[row].append(rule.said(columns, row))
    return found


def _phrase(field: Field, value: Any) -> str:
    if field.feature is not None:
        return field.feature.say(value)
    name = field.name.removesuffix("_kg").removesuffix("_m3").replace("_", " ")
    if value is None:
        return f"no {name} stated"
    if isinstance(value, datetime):
        return f"{name} {utc(value)}"
    if isinstance(value, str):
        text = "".join(character if character.isprintable() else " " for character in value)
        return f"{name} {text if len(text) <= SHOWN else text[: SHOWN - 3] + '...'}"
    return f"{name} {value:g}" + (f" {field.unit}" if field.unit and field.unit != "currency" else "")


def _text(values: pa.Array) -> pa.Array:
    values = _whole(values)
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), ""), pa.scalar(None, TEXT), values)


def _whole(values: Any) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _mask(values: Any) -> Bools:
    return np.array(_whole(values).to_numpy(zero_copy_only=False), bool)
