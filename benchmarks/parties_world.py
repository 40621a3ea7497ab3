"""Parties of the simulated world as they are written, each with the number of who is behind it: the yardstick.

The simulated tables do not say who is behind a name. The writer of names does, while it writes: what it wrote is
kept here, and read back by name, country, address and number.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final
from unittest.mock import patch

import numpy as np
import pandas as pd

from training.simulation import world
from training.simulation.names import Names
from training.simulation.parties import TRADER, Parties
from training.simulation.tables import Ints, Tables, tables

ROLES: Final = ("consignee", "shipper", "notify")
PARTS: Final = ("name", "country", "address", "id")
COLUMNS: Final = ("name", "country", "address", "identifier", "first_seen")
SPELLINGS: Final = 5


class Recorded(Names):
    """The writer of names that remembers who was written how: the parties of each text."""

    last: Recorded

    def __init__(self, facts: Tables, parties: Parties) -> None:
        super().__init__(facts, parties)
        self.named: dict[str, set[int]] = defaultdict(set)
        self.housed: dict[str, set[int]] = defaultdict(set)
        self.numbered: dict[str, set[int]] = defaultdict(set)
        self.home = [facts.countries[country] for country in parties.country]
        Recorded.last = self

    def name(self, party: int, spelling: int) -> str:
        """See `Names.name`."""
        text = super().name(party, spelling)
        self.named[text].add(party)
        return text

    def address(self, party: int, spelling: int) -> str:
        """See `Names.address`."""
        text = super().address(party, spelling)
        self.housed[text].add(party)
        return text

    def number(self, party: int) -> str:
        """See `Names.number`."""
        text = super().number(party)
        self.numbered[text].add(party)
        return text

    def who(self, name: str, country: str, address: str, number: str) -> int:
        """The one party that was written like this; -1 for none (to order) and where two were written alike."""
        found = {party for party in self.named.get(name, ()) if self.home[party] == country}
        for text, known in ((address, self.housed), (number, self.numbered)):
            if text:
                found &= known[text]
        return next(iter(found)) if len(found) == 1 else -1


def world_mentions(lines: int, days: int = 900, seed: int = 1) -> tuple[pd.DataFrame, Ints]:
    """The mentions in a simulated world (see `risk.parties.mentions.gather`) and who is behind each, -1 for nobody.

    Mentions stand once, with the time they were first seen. Those that two parties wrote alike have -1 as well:
    nobody could tell.
    """
    with patch.object(world, "Names", Recorded):
        table = world.simulate(lines=lines, days=days, seed=seed).consignments
    parts = [table[["filed_at", *(f"{role}_{part}" for part in PARTS)]] for role in ROLES]
    forwarders = table[["filed_at", "forwarder_name"]].assign(country=None, address=None, number=None)
    frames = []
    for part in [*parts, forwarders]:
        time = part.pop("filed_at").astype("int64")
        frames.append(part.set_axis(list(COLUMNS[:-1]), axis=1).assign(first_seen=time))
    whole = pd.concat(frames, ignore_index=True).dropna(subset="name")
    whole = whole.fillna(dict.fromkeys(COLUMNS[:-1], ""))
    whole = whole.groupby(list(COLUMNS[:-1]), as_index=False).agg(
        first_seen=("first_seen", "min"), seen=("name", "size")
    )
    written = zip(*(whole[name] for name in COLUMNS[:-1]), strict=True)
    return whole, np.array([Recorded.last.who(*row) for row in written], np.int64)


def many_mentions(mentions: int, each: int = SPELLINGS, seed: int = 1) -> tuple[pd.DataFrame, Ints]:
    """So many mentions, nearly all of them under names of their own, and who is behind each.

    Traders in all countries of destination, each in its first `each` spellings; an address is known of nine in
    ten, a number of one in six. The writer of the names is `Recorded.last`.
    """
    facts, random, parties = tables(), np.random.default_rng(seed), Parties()
    n = -(-mentions // each)
    homes = facts.destinations
    # Spellings that are equal (no native script) are left out, so more traders are needed than mentions suggest.
    home = np.searchsorted(np.cumsum(homes.share), random.random(2 * n) * 0.999999)
    parties.add(homes.country[home], TRADER)
    names = Recorded(facts, parties)
    Recorded.last = names
    rows: dict[tuple[str, str], tuple[str, str, str, str, int]] = {}
    for party in range(2 * n):
        for spelling in range(each):
            name = names.name(party, spelling)
            address = names.address(party, spelling) if random.random() < 0.9 else ""
            number = names.number(party) if random.random() < 1 / 6 else ""
            rows.setdefault((name, names.home[party]), (name, names.home[party], address, number, party))
        if len(rows) >= mentions:
            break
    frame = pd.DataFrame(list(rows.values())[:mentions], columns=[*COLUMNS[:-1], "who"])
    who = frame.pop("who").to_numpy(np.int64)
    return frame.assign(first_seen=random.integers(0, 10**15, len(frame))), who
