"""How parties are written: invented names, addresses and numbers, each in a handful of spellings.

Owns the putting together of the parts in data/names.yaml. A spelling is a number: 0 as the register has it,
1 with another legal form, 2 with a slip of the pen, 3 in the native script, 4 with the trade shortened.
Knows nothing of consignments.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from training.simulation.parties import FORWARDER, Parties
from training.simulation.tables import Ints, Tables
from training.simulation.trade import counted

REGISTER, OTHER_FORM, SLIP, NATIVE, SHORT = range(5)
JOINED: Final = ("CN", "world")
"""Styles that write the two parts of a name as one word."""
STYLE_OF: Final = {"TW": "CN", "SG": "HK"}
"""Countries that are written like another one."""
DIGITS: Final = {"VN": 10, "HK": 8, "MY": 12, "TH": 13}
"""Length of the number of a registered trader; 9 elsewhere."""
_SCATTER: Final = 2_654_435_761


class Names:
    """The names, addresses and numbers of all parties of one world."""

    def __init__(self, tables: Tables, parties: Parties) -> None:
        self._words, self._parties, self._codes = tables.names, parties, tables.countries
        self._style = [self._style_of(tables, country) for country in range(len(tables.countries))]
        styles = np.unique(self._style, return_inverse=True)[1]
        # Founded late must not mean named alike.
        shuffled = np.arange(len(parties)) * _SCATTER % (1 << 32)
        self._rank = counted(styles[parties.country], shuffled)

    def _style_of(self, tables: Tables, country: int) -> str:
        code: str = tables.countries[country]
        zone: str = tables.zones[tables.zone[country]]
        if "africa" in zone or zone == "latin_america":
            return "latin" if zone == "latin_america" else "africa"
        return STYLE_OF.get(code, code if code in tables.names else "world")

    def name(self, party: int, spelling: int) -> str:
        """The name of a party in one of its spellings."""
        country = int(self._parties.country[party])
        style = self._words[self._style[country]]
        trade, *parts = self._parts(party, style)
        native, forms = style["native"], style["forms"]
        if spelling == NATIVE and native and (style["front"] or all(part in native for part in parts)):
            parts, forms = [native.get(part, part) for part in parts], [style["forms"][-1]]
        elif self._style[country] in JOINED:
            parts = ["".join(parts[:2]), *(part.title() for part in parts[2:])]
        words = " ".join(parts)
        at = 0
        if spelling == OTHER_FORM:
            at = 1 + party % (len(forms) - 1)
        if spelling == SLIP:
            cut = 1 + party % max(1, len(words) - 2)
            words = words[:cut] + words[cut + 1 :]
        if spelling == SHORT:
            trade, at = self._words["short_trades"].get(trade, trade[:4]), len(forms) // 2
        front = at in style["front"] or (bool(style["front"]) and len(forms) == 1)
        text = f"{forms[at]} {words} {trade}" if front else f"{words} {trade} {forms[at]}"
        return text if spelling in (NATIVE, SHORT) else text.upper()

    def _parts(self, party: int, style: dict[str, Any]) -> list[str]:
        """The trade and the parts of a party's name; no two parties of one style share them all."""
        first, second = style["a"], style["b"]
        trades = self._words["forwarders" if self._parties.kind[party] == FORWARDER else "trades"]
        rank, sizes = int(self._rank[party]), [len(first), len(second), len(trades)]
        # Names of two parts as long as there are any; then the third part sets them apart.
        third = first if style is self._words["world"] else second
        rank, long = rank % (room := int(np.prod(sizes))), rank // room
        mixed = rank * _coprime(room) % room
        mixed, trade = divmod(mixed, sizes[2])
        a, b = divmod(mixed, sizes[1])
        return [trades[trade], first[a], second[b], *([third[(long - 1) % len(third)]] if long else [])]

    def address(self, party: int, spelling: int) -> str:
        """The address of a party; parties with the same address number and country share it."""
        style = self._words[self._style[int(self._parties.country[party])]]
        mixed = int(self._parties.address[party]) * _SCATTER % (1 << 61) >> 7
        mixed, house = divmod(mixed, 780)
        mixed, unit = divmod(mixed, 60)
        mixed, street = divmod(mixed, len(style["streets"]))
        place, city = f"{house + 1} {style['streets'][street]}", style["cities"][mixed % len(style["cities"])]
        room = f"Unit {unit}" if unit > 14 else ""
        if spelling == SLIP:
            place = place.replace("Road", "Rd").replace("Street", "St").replace("Avenue", "Ave").replace("Jalan", "Jln")
        parts = [place, room, city] if spelling == SHORT else [room, place, city]
        text = ", ".join(part for part in parts if part)
        return text.upper() if spelling in (OTHER_FORM, SHORT) else text

    def number(self, party: int) -> str:
        """The tax or registration number of a party."""
        length = DIGITS.get(self._codes[int(self._parties.country[party])], 9)
        return f"{(party + 1) * _SCATTER % 10**8 + (party % 9 + 1) * 10**8 * (length > 8):0{length}d}"

    def country(self, party: Ints) -> Ints:
        """The country of each party, as an index."""
        return self._parties.country[party]


def _coprime(room: int) -> int:
    """A number near 0.62 of `room` that shares no divisor with it, so that multiples of it visit all of them."""
    step = max(1, int(room * 0.618))
    while np.gcd(step, room) != 1:
        step += 1
    return step
