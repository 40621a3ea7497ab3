"""Remembers which bills the messages of one file named, so that a later message may take them back or replace them."""

from __future__ import annotations

import re
from typing import Final

from risk.manifests.message import Collector

MOST: Final = 50_000
"""Bills that are remembered; of the bills beyond it no later message can tell which it leaves out."""

_ISO: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(:\d{2})?)?(Z|[+-]\d{2}:\d{2})?")


class Documents:
    """The bills of each document number, and the moments at which messages were prepared."""

    def __init__(self, bills: Collector) -> None:
        self._bills = bills
        self._named: dict[tuple[str, str], dict[str, None]] = {}
        self._moments: dict[str, int] = {}
        self._left = MOST

    def moment(self, prepared: str, amends: bool) -> str:
        """When a message counts as prepared: an amendment of the same moment as a message before it comes
        a microsecond later, as many senders give the minute or the day only.
        """
        before = self._moments.get(prepared, 0)
        self._moments[prepared] = before + 1
        parts = _ISO.fullmatch(prepared)
        if not before or not amends or parts is None:
            return prepared
        day, clock, seconds, zone = parts.groups()
        return f"{day}T{clock or '00:00'}{seconds or ':00'}.{min(before, 999_999):06d}{zone or ''}"

    def close(self, sender: str, number: str, named: dict[str, None], line: int) -> None:
        """A message is over which named these bills: what it takes back without naming it is put down."""
        facts = self._bills.facts
        earlier = self._named.get((sender, number), {}) if number else {}
        if facts.function == "cancel" and not named:
            self._take_back(list(earlier), "is cancelled with its whole message", line)
        elif facts.function == "replace":
            gone = [] if len(named) >= MOST else [bill for bill in earlier if bill not in named]
            self._take_back(gone, "is left out by the message that replaces the earlier one, so it is taken back", line)
        if facts.function in {"original", "replace", "change"} and number:
            kept = named if facts.function == "replace" else earlier | named
            self._left -= len(kept) - len(earlier)
            if self._left > 0:
                self._named[sender, number] = kept
        elif facts.function == "cancel":
            self._named.pop((sender, number), None)

    def _take_back(self, bills: list[str], reason: str, line: int) -> None:
        for bill in bills:
            self._bills.facts.cancelled.append(bill)
            self._bills.note("consignment_id", reason, line, bill)
