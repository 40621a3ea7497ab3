"""The worklist at a terminal: the most suspicious consignments with their reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from rich.table import Table

from risk.explanation import Explanation
from risk.language import ENGLISH
from risk.reference import countries
from serving.scorer import Assessments
from serving.terminal import out

SHOWN: Final = 5
"""How many lines of its explanation a consignment is printed with."""


def print_worklist(assessed: Assessments, lines: pd.DataFrame, show: int, language: str = ENGLISH) -> None:
    """Print so many of the highest risk, each with its reasons, and the counts of the lanes."""
    top = assessed.scored.head(show)
    found = top.merge(lines, on=["consignment_id", "version", "line_no"], how="left", suffixes=("", "_"))
    told = assessed.explanations(show)
    for entry, record, why in zip(top.itertuples(), found.to_dict("records"), told, strict=True):
        out.print(_entry(entry, record, why, language), markup=False)
    if told:
        out.print(told[0].method_text(language), markup=False)
    table = Table(title=f"{len(assessed.scored):,} consignments, capacity {assessed.capacity:,}")
    for lane in ("red", "yellow", "blue", "green"):
        table.add_column(lane, justify="right")
    counts = assessed.scored["lane"].value_counts()
    table.add_row(*(f"{int(counts.get(lane, 0)):,}" for lane in ("red", "yellow", "blue", "green")))
    out.print(table)


def _entry(entry: Any, record: Mapping[Any, Any], why: Explanation, language: str) -> str:
    """One consignment as text: rank, probability, lane, what it is, and why."""
    head = f"{entry.rank}. {entry.consignment_id}  probability {entry.probability:.1%}  lane {entry.lane}"
    return "\n".join([head, f"   {_what(record)}", *(f"   - {reason}" for reason in why.texts(language)[:SHOWN]), ""])


def _what(record: Mapping[Any, Any]) -> str:
    goods = _text(record, "description") or "goods not described"
    hs = _text(record, "hs_code")
    kilograms = record.get("gross_weight_kg")
    weight = f", {kilograms:,.0f} kg" if isinstance(kilograms, float) and not math.isnan(kilograms) else ""
    return (
        f"{goods}{f' (HS {hs})' if hs else ''}{weight}; {_place(record, 'loading_port', 'loading_country')} to "
        f"{_place(record, 'discharge_port', 'destination_country')}; consignee "
        f"{_text(record, 'consignee_name') or _text(record, 'consignee_id') or 'not named'}"
    )


def _place(record: Mapping[Any, Any], port: str, country: str) -> str:
    code = _text(record, country)
    name = countries.name(code) or code if code else ""
    place = _text(record, port)
    return f"{place}{f' ({name})' if name else ''}" if place else name or "unknown"


def _text(record: Mapping[Any, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
