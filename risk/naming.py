"""What a history is of, in words: "Lagos to Hai Phong with HS 0801 (nuts ...)", or "this consignee".

Each kind of key of the history (`features.keys`) is named by what the record says, as far as it says it. Reads named
columns of a feature table; knows nothing of how they are made.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from numpy.typing import NDArray

from risk.feature import FeatureTable
from risk.phrase import Country, Phrase, Value
from risk.reference import harmonized, ports

KEYS: Final[dict[str, str]] = {
    "all": "all consignments",
    "hs2": "this HS chapter",
    "hs4": "this HS heading",
    "hs6": "this HS code",
    "corridor": "this country pair",
    "lane": "this port pair",
    "route": "this route with its transhipments",
    "origin_hs6": "these goods from this origin",
    "lane_hs4": "these goods on this port pair",
    "carrier": "this carrier",
    "declarant": "this declarant or forwarder",
    "consignee": "this consignee",
    "consignee_address": "this consignee address",
    "shipper": "this shipper",
    "notify": "this notify party",
    "pair": "this shipper and consignee together",
    "consignee_hs4": "this consignee with these goods",
    "consignee_lane": "this consignee on this port pair",
    "container": "this container",
}
"""Kinds of key, and their names where the record does not say more."""

RESTS_ON: Final[dict[str, tuple[str, ...]]] = {
    **{key: (key,) for key in ("consignee", "shipper", "notify", "declarant")},
    **dict.fromkeys(("hs2", "hs4", "hs6", "origin_hs6", "lane_hs4"), ("hs_code",)),
    "pair": ("consignee", "shipper"),
    "consignee_hs4": ("consignee", "hs_code"),
    "consignee_lane": ("consignee",),
}
"""The facts that a kind of key stands on, each of which may be inferred and not observed."""

_GOODS_LENGTH: Final = 40


class Columns:
    """A feature table for reading by name and row; a column that is not there reads as missing."""

    def __init__(self, table: FeatureTable) -> None:
        self._table = table
        self._found: dict[str, NDArray[Any] | None] = {}

    def __contains__(self, name: str) -> bool:
        return self._column(name) is not None

    def number(self, name: str, row: int) -> float | None:
        """A number, None where it is missing."""
        column = self._column(name)
        if column is None:
            return None
        value = float(column[row])
        return None if value != value else value  # noqa: PLR0124  # not a number

    def text(self, name: str, row: int) -> str:
        """A text, empty where it is missing."""
        column = self._column(name)
        return "" if column is None else column[row] or ""

    def _column(self, name: str) -> NDArray[Any] | None:
        if name not in self._found:
            try:
                self._found[name] = self._table.column(name)
            except KeyError:
                self._found[name] = None
        return self._found[name]


def named(key: str, columns: Columns, row: int) -> Phrase:
    """The name of a line's key of this kind."""
    if key in ("hs2", "hs4", "hs6"):
        found: Phrase | None = _goods(columns.text(key, row))
    elif key == "origin_hs6":
        goods, origin = _goods(columns.text("hs6", row)), _country(columns, row, "origin_country", "loading_country")
        found = Phrase("{goods} from {origin}", {"goods": goods, "origin": origin}) if goods and origin else None
    elif key == "consignee_hs4":
        goods = _goods(columns.text("hs4", row))
        found = Phrase("this consignee with {goods}", {"goods": goods}) if goods else None
    elif key in ("corridor", "lane", "route", "lane_hs4", "consignee_lane"):
        found = _way(key, columns, row)
    else:
        found = None
    return found or _plain_name(key)


@cache
def _plain_name(key: str) -> Phrase:
    return Phrase(KEYS[key])


def _way(key: str, columns: Columns, row: int) -> Phrase | None:
    if key == "corridor":
        start: Value = _country(columns, row, "origin_country", "loading_country")
        end: Value = _country(columns, row, "destination_country")
    else:
        start = place(columns.text("loading_port", row)) or _country(columns, row, "loading_country")
        end = place(columns.text("discharge_port", row)) or _country(columns, row, "destination_country")
    if not start or not end:
        return None
    ends = {"start": start, "end": end}
    if key == "lane_hs4":
        goods = _goods(columns.text("hs4", row))
        return Phrase("{start} to {end} with {goods}", {**ends, "goods": goods}) if goods else None
    if key == "consignee_lane":
        return Phrase("this consignee from {start} to {end}", ends)
    if key == "route":
        return Phrase("{start} to {end} with these transhipments", ends)
    return Phrase("{start} to {end}", ends)


def _country(columns: Columns, row: int, *names: str) -> Country | None:
    code = next((code for name in names if (code := columns.text(name, row))), "")
    return Country(code) if code else None


@cache
def place(code: str) -> str:
    """The name of a port or airport, or its code where it has no name here."""
    found = ports.port(code) if code else None
    return found.name if found else code


@cache
def _goods(code: str) -> Phrase | None:
    if not code:
        return None
    text = described(code)
    return Phrase("HS {code} ({goods})", {"code": code, "goods": text}) if text else Phrase("HS {code}", {"code": code})


@cache
def described(code: str) -> str:
    """The beginning of the description that the Harmonized System has of a code; empty for a code it does not have."""
    text = harmonized.heading(code)
    if text is None:
        return ""
    short = text if len(text) <= _GOODS_LENGTH else f"{text[:_GOODS_LENGTH].rpartition(' ')[0].rstrip(' ,;:')} ..."
    return short[:1].lower() + short[1:]
