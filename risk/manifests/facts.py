"""What a message says about itself, beside its bills: who sent it, what it does, the totals it declares.

Knows no format and no bill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Function = Literal["original", "change", "replace", "cancel", "unknown"]

TOTALS: Final = ("bills", "packages", "containers", "gross_weight_kg", "segments", "messages")
"""What a message may declare a total of."""

TOLERANCE: Final = 0.5
"""Kilograms by which a declared weight may differ, as senders round."""


@dataclass
class MessageFacts:
    """What one message says about itself and what was read of it.

    format       CUSCAR, Awmds, FWB and so on; `version` as the message gives it
    reference    the sender's number of the message
    function     what it does to bills sent before; cancel takes them back
    prepared_at  when the sender prepared it, as ISO text, empty when it does not say
    declared     totals that the message states, by the names in `TOTALS`; weight in kg
    read         the same totals as counted while reading; `of_masters` without house bills
    cancelled    consignments that the message takes back, by `consignment_id`
    file, line   where it begins
    """

    format: str
    version: str = ""
    reference: str = ""
    sender: str = ""
    recipient: str = ""
    function: Function = "original"
    prepared_at: str = ""
    declared: dict[str, float] = field(default_factory=dict)
    read: dict[str, float] = field(default_factory=dict)
    of_masters: dict[str, float] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    file: str = ""
    line: int = 1

    def differences(self) -> dict[str, tuple[float, float]]:
        """Declared and read, for each total in which they differ.

        A total that counts house bills and one that leaves them out are both in use, so either is right.
        """
        found = {}
        for name, declared in self.declared.items():
            slack = TOLERANCE if name == "gross_weight_kg" else 0.0
            counted = [totals[name] for totals in (self.read, self.of_masters) if name in totals]
            if counted and all(abs(declared - value) > slack for value in counted):
                found[name] = (declared, counted[0])
        return found
