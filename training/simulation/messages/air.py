"""Simulated consignments by air as airlines number and write them, before they become messages.

Airlines' messages have narrower fields than the simulated world: eight-digit waybill numbers, flights of a two-letter
carrier, capital letters without most marks. What `as_air_freight` gives can be written and read again unchanged.
"""

from __future__ import annotations

import re
from typing import Final

import pandas as pd
from anyascii import anyascii

PREFIX: Final = "999"
"""The airline prefix of simulated waybills, which no airline has in the simulated world's years."""

_TEXTS: Final = (
    "shipper_name", "shipper_address", "consignee_name", "consignee_address", "notify_name", "notify_address",
    "forwarder_name", "description",
)  # fmt: skip
_OTHER: Final = re.compile(r"[^A-Z0-9. -]+")


def as_air_freight(consignments: pd.DataFrame) -> pd.DataFrame:
    """The first version of each consignment by air, with numbers and texts that fit the messages of airlines."""
    air = consignments[(consignments["mode"] == "air") & (consignments["version"] == 1)].copy()
    bills = air["master_bl_no"].fillna(air["bl_no"])
    numbers = {bill: waybill_number(place) for place, bill in enumerate(bills.unique(), 1)}
    house = air["master_bl_no"].notna()
    air["master_bl_no"] = bills.map(numbers).where(house)
    air["bl_no"] = air["bl_no"].where(house, bills.map(numbers))
    air["carrier"] = air["carrier"].str[:2]
    air["voyage"] = air["carrier"] + air["voyage"].str[-3:]
    for column in _TEXTS:
        air[column] = air[column].map(teletype, na_action="ignore")
    air["filed_at"] = air["filed_at"].dt.floor("min")
    return air.reset_index(drop=True)


def waybill_number(serial: int) -> str:
    """The number of the n-th simulated waybill, with its check digit."""
    return f"{PREFIX}-{serial:07d}{serial % 7}"


def teletype(text: str) -> str:
    """A text in the letters that teletype has."""
    return " ".join(_OTHER.sub(" ", anyascii(text).upper()).split())


def iata(place: str) -> str:
    """The three letters of a place's code that airlines use."""
    return place[2:]


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most so many letters, cut between words; a longer word stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def told(row: pd.Series, name: str) -> str:
    """A value of a row as text, empty when it is missing; whole numbers without a point."""
    value = row.get(name)
    if pd.isna(value):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
