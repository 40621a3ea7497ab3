"""A column of a file turned into a column of ours, each distinct value looked at once.

Knows columns, not records: what a malformed value means for its record is decided in `checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from risk.layout import Column
from risk.manifests import values
from risk.manifests.raw import Raw, as_text, distinct
from risk.manifests.rules import Rule

Mask = NDArray[np.bool_]

_PLAIN_NUMBER: Final = r"^-?\d{1,18}(\.\d{1,30})?$"  # what Arrow and Python read alike
_NO_TIME: Final = np.iinfo(np.int64).min  # how numpy writes NaT
_TEXT: Final[Any] = pd.StringDtype(na_value=np.nan)  # the dtype `str`


@dataclass(frozen=True)
class Note:
    """A remark on some rows of a column; `lost` when their values became missing."""

    rows: Mask
    reason: str
    lost: bool


@dataclass(frozen=True)
class Filled:
    """A column of ours as filled: its values with the dtype of the layout, where it has one, and remarks.

    `source` is what stood in the file, for messages.
    """

    values: pd.Series[Any]
    source: pa.Array
    notes: list[Note] = field(default_factory=list)

    @property
    def present(self) -> Mask:
        """Where there is a value."""
        return self.values.notna().to_numpy()

    def lost(self) -> Mask:
        """Where a value stood in the file that could not be used."""
        rows = np.zeros(len(self.values), np.bool_)
        for note in self.notes:
            if note.lost:
                rows |= note.rows
        return rows


def fill(column: Column, rule: Rule, raw: Raw) -> Filled | None:
    """The column filled by its rule; None when no column of the file has to do with it."""
    source = _source(rule, raw)
    if source is None:
        return None
    if column.kind == "number":
        return _number(column, rule, source)
    if column.kind == "time":
        return _time(column, rule, source)
    text = as_text(source)
    places, results, notes = _each(values.parser(column, rule), text)
    if column.kind == "integer":
        default = column.default or 0
        table = np.array([default if value is None else value for value in results] + [default], np.int64)
        return Filled(pd.Series(table[places]), text, notes)
    taken = pa.array(results, pa.string()).take(pa.array(places, mask=places < 0))
    return Filled(pd.Series(_TEXT.__from_arrow__(taken), copy=False), text, notes)


def _source(rule: Rule, raw: Raw) -> pa.Array | None:
    if rule.constant is not None:
        return pa.repeat(pa.scalar(rule.constant, pa.string()), len(raw))
    found = [raw.columns[name] for name in rule.sources if name in raw.columns]
    if not found:
        return None
    if len(rule.sources) == 1:
        return found[0]
    texts = [pc.utf8_trim_whitespace(as_text(array)) for array in found]
    return pc.binary_join_element_wise(*map(_blank_as_null, texts), rule.separator, null_handling="skip")


def _each(parse: Callable[[Any], tuple[Any, str]], array: pa.Array) -> tuple[NDArray[np.int64], list[Any], list[Note]]:
    """The place of each row among the distinct values (-1 where missing), their results, and remarks."""
    places, distinct_values = distinct(array)
    results = [parse(value) for value in distinct_values]
    numbers: dict[tuple[str, bool], int] = {}
    kinds = [numbers.setdefault((why, value is None), len(numbers) + 1) if why else 0 for value, why in results]
    notes = []
    if numbers:
        rows = np.array([*kinds, 0])[places]
        notes = [Note(rows == number, why, lost) for (why, lost), number in numbers.items()]
    return places, [value for value, _ in results], notes


def _number(column: Column, rule: Rule, source: pa.Array) -> Filled:
    notes: list[Note] = []
    numeric = pa.types.is_integer(source.type) or pa.types.is_floating(source.type) or pa.types.is_decimal(source.type)
    if numeric and rule.codes is None and not rule.missing:
        number = np.array(source.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)) * rule.factor
        endless = np.isinf(number)
        number[endless] = np.nan
        notes += _note(endless, f"is malformed; expected is {column.expected}", lost=True)
    elif (plain := _plain_numbers(rule, source)) is not None:
        number = plain
    else:
        source = as_text(source)
        places, results, notes = _each(values.parser(column, rule), source)
        number = np.array([np.nan if value is None else value for value in results] + [np.nan], np.float64)[places]
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    outside = (number < low) | (number > high)
    if column.name == "selection_probability":
        outside |= number == 0
    notes += _note(outside, f"is out of range; expected is {column.expected}", lost=True)
    number[outside] = np.nan
    if column.unit == "kg":
        notes += _note(number == 0, "is 0 kg; kept as stated", lost=False)
    return Filled(pd.Series(number), source, notes)


def _time(column: Column, rule: Rule, source: pa.Array) -> Filled:
    def read_moment(moment: datetime) -> tuple[int | None, str]:
        return values.microseconds(moment, rule)

    if pa.types.is_date(source.type):
        source = pa.array(
            [None if day is None else datetime.combine(day, time()) for day in source.to_pylist()], pa.timestamp("us")
        )
    if pa.types.is_timestamp(source.type) and rule.codes is None:
        source = source.cast(pa.timestamp("us", tz=source.type.tz), safe=False)
        places, results, notes = _each(read_moment, source)
    elif (plain := _plain_times(rule, source)) is not None:
        return Filled(plain, source)
    else:
        source = as_text(source)
        places, results, notes = _each(values.parser(column, rule), source)
    table = np.array([_NO_TIME if value is None else value for value in results] + [_NO_TIME], np.int64)
    return Filled(_moments(table[places]), source, notes)


def _moments(whole: NDArray[np.int64]) -> pd.Series[Any]:
    """Times out of microseconds since 1970 UTC."""
    return pd.Series(pd.DatetimeIndex(whole.view("datetime64[us]"), tz="UTC"), copy=False)


def _plain_numbers(rule: Rule, source: pa.Array) -> NDArray[np.float64] | None:
    """Numbers of a text column in which all are plain, as the parser would read them; None for any other."""
    if rule.codes is not None or rule.missing or rule.decimal or not pa.types.is_string(source.type):
        return None
    text = _blank_as_null(source)
    if not pc.all(pc.match_substring_regex(text, _PLAIN_NUMBER), min_count=0).as_py():
        return None
    return np.array(text.cast(pa.float64()).to_numpy(zero_copy_only=False)) * rule.factor


def _plain_times(rule: Rule, source: pa.Array) -> pd.Series[Any] | None:
    """Times of a text column in which all are written 2024-12-31T23:59:59Z (or with an offset); None for any other."""
    if rule != Rule(rule.sources, zone=rule.zone) or not pa.types.is_string(source.type):
        return None
    try:
        moments = _blank_as_null(source).cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        return None
    years = pc.year(moments)
    within = pc.and_(pc.greater_equal(years, values.YEARS[0]), pc.less(years, values.YEARS[1]))
    if not pc.all(within, min_count=0).as_py():
        return None
    return _moments(np.array(pc.fill_null(moments.cast(pa.int64()), _NO_TIME).to_numpy(zero_copy_only=False)))


def _blank_as_null(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _note(rows: Mask, reason: str, lost: bool) -> Iterator[Note]:
    if rows.any():
        yield Note(rows, reason, lost)
