"""A trade world that answers back: smugglers who lose consignments move, and after a day of drift all is different.

The lawful trade of all weeks is there from the beginning; the networks ship week by week and learn on Mondays what
was found. What is selected is up to the caller (`choose`), and so what is known. Until the first week the old rules
inspected. Some ways of smuggling begin only with the drift, when living networks also move to other goods and
lanes. Only first versions are filed; amendments add nothing to history. The same seed gives the same lawful trade
and the same fortunes to networks, whoever selects.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from risk.inspection import RESULTS
from training.simulation.inspections import NOT_YET, WILDLIFE, Checked, check
from training.simulation.names import Names
from training.simulation.networks import WEEK, Networks, _Bill, _Network
from training.simulation.paperwork import Part, consignment_ids, manifest
from training.simulation.parties import Parties, make_importers
from training.simulation.seasons import DAY, Calendar
from training.simulation.shipments import Array, Shipments
from training.simulation.tables import Ints, Tables, tables
from training.simulation.texts import times
from training.simulation.trade import lawful_trade
from training.simulation.world import END, LINES_A_CONSIGNMENT

LATE: Final = ("pangolin_scales", "shark_fin")
"""Typologies that nobody uses before the drift."""
MOVES: Final = 0.6
"""Chance that a network that lost a consignment also moves its source, addresses and notify party."""
SHIFTED: Final = 0.6
"""Share of the living networks that go over to other goods and lanes on the day of the drift."""
RESERVE: Final = 40
"""Parties kept ready for each country where networks found companies, for each thousand consignments, and at least."""


class _Reserve(Parties):
    """Parties made ahead, so that no name changes when a network founds a company."""

    def __init__(self, made: Parties, size: int) -> None:
        self.country, self.kind, self.address = made.country, made.kind, made.address
        self._free = {int(c): super(_Reserve, self).add(np.full(size, c), 0).tolist() for c in np.unique(made.country)}

    def add(self, country: Array, kind: int, address: Array | None = None) -> Ints:
        """Parties out of the reserve."""
        new = np.array([self._free[int(code)].pop() for code in country], np.int64)
        self.kind[new] = kind
        if address is not None:
            self.address[new] = address
        return new


class _Adaptive(Networks):
    """Networks that learn from what they lose, in a trade whose ways change on one day."""

    def __init__(self, *given: Any, drift: int) -> None:
        self._drift = drift
        self._moved = False
        super().__init__(*given)

    def _found(self, number: int, birth: int, gap: float) -> _Network:
        network = super()._found(number, birth, gap)
        if birth < self._drift:
            while self.tables.typologies[network.typology].name in LATE:
                network = super()._found(number, birth, gap)
        return network

    def _react(self, network: _Network, now: int) -> None:
        lost = any(when < now for when in network.seizures)
        super()._react(network, now)
        if lost and self.rng.random() < MOVES:
            self._move(network, network.typology, now)

    def week(self, monday: int) -> list[_Bill]:
        """The bills of the waves that begin this week."""
        if monday >= self._drift and not self._moved:
            self._moved = True
            late = [i for i, entry in enumerate(self.tables.typologies) if entry.name in LATE]
            for network in self.networks:
                if network.dies > monday and network.next_wave < monday + 4 * WEEK and self.rng.random() < SHIFTED:
                    self._move(network, int(self.rng.choice(late)), monday)
        return self._week(monday)

    def _move(self, network: _Network, typology: int, now: int) -> None:
        """Another source and port of arrival, with all that hangs on them."""
        network.typology = typology
        network.origin = self._source(typology, now)
        network.destination = self._destination(typology, network.origin)
        country = int(self.tables.destinations.country[network.destination])
        network.cover = self._cover(typology, network.destination)
        network.hub = self._hub(typology, network.destination)
        network.shippers = self._shippers(network.origin)
        network.notify = int(self.parties.add(np.array([country]), 0)[0])
        network.addresses = self._addresses(country)
        network.company_left = 0

    def ship(self, bills: list[_Bill]) -> Shipments:
        """The consignments of these bills."""
        return self._ship(bills)


class AdaptiveTrade:
    """The environment of the weekly loop; `weeks` weeks of trade after `warm` weeks under the old rules."""

    def __init__(self, lines: int = 300_000, weeks: int = 104, warm: int = 26, seed: int = 1, drift: int = 52) -> None:
        """A world of about so many lines; the drift is in week `drift` (0 is the first one selected)."""
        self.weeks, self.warm, self.seed = weeks, warm, seed
        self.drift_week: int | None = drift
        self._tables: Tables = tables()
        rng = np.random.default_rng(seed)
        self._calendar = Calendar(self._tables, END, (weeks + warm) * 7)
        self._first = self._calendar.start + warm * WEEK
        parties, total = Parties(), lines / LINES_A_CONSIGNMENT
        importers, services = make_importers(rng, self._tables, self._calendar, parties, round(total))
        self._networks = _Adaptive(
            rng, self._tables, self._calendar, parties, services, total, drift=self._first + drift * WEEK
        )
        lawful = lawful_trade(rng, self._tables, self._calendar, importers, services, lines)
        lawful = lawful.take(np.lexsort((rng.random(len(lawful)), lawful.filed)))
        self._reserve = _Reserve(parties, max(400, round(RESERVE * total / 1000)))
        self._networks.parties = self._reserve
        self._names = Names(self._tables, self._reserve)
        self._part = Part(0, len(lawful), int(lawful.etd.min()))
        self._facts: dict[str, list[Any]] = {name: [] for name in _FACTS}
        self._place: dict[str, int] = {}
        self._pending: list[pd.DataFrame] = []
        self._outcomes: list[pd.DataFrame] = []
        self._filed = 0
        self._lawful = self._write(rng, check(rng, self._tables, self._calendar, lawful), warm_rules=True)
        for number in range(-warm, 0):
            self._ship(number)
        self._told = pd.Timestamp(self._first, unit="s", tz="UTC")

    def copy(self) -> AdaptiveTrade:
        """The same world at the same moment, to go on apart."""
        shared = {id(part): part for part in (self._tables, self._calendar, self._networks.services, self._lawful)}
        return copy.deepcopy(self, shared)

    def start(self, number: int) -> pd.Timestamp:
        """When a week begins (UTC); week 0 is the first that is selected."""
        return pd.Timestamp(self._first + number * WEEK, unit="s", tz="UTC")

    def past(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Lines filed and outcomes recorded before week 0."""
        return self._filed_between(self.start(-self.warm), self.start(0)), self.recorded(self.start(-99), self.start(0))

    def week(self, number: int) -> pd.DataFrame:
        """The lines filed in a week; the networks ship first, knowing what was recorded before it."""
        self._ship(number)
        return self._filed_between(self.start(number), self.start(number + 1))

    def choose(self, chosen: pd.DataFrame, after: pd.Timestamp) -> None:
        """Inspect consignments: `consignment_id`, `reason` and `probability` of each. Nothing is recorded before."""
        self._record(chosen, int(after.timestamp()))

    def recorded(self, since: pd.Timestamp, before: pd.Timestamp) -> pd.DataFrame:
        """The outcomes recorded from one moment on and before another, in order of time."""
        if len(self._outcomes) > 1:
            self._outcomes = [pd.concat(self._outcomes, ignore_index=True)]
        every = self._outcomes[0]
        now = every[(every["recorded_at"] >= since) & (every["recorded_at"] < before)]
        return now.sort_values("recorded_at", kind="stable", ignore_index=True)

    def truth(self, ids: Sequence[str]) -> pd.DataFrame:
        """Only for the yardstick: `smuggled`, `found` (would be, if inspected), `chance`, rule `points`, `kind`."""
        at = [self._place[consignment] for consignment in ids]
        return pd.DataFrame({name: np.array(self._facts[name])[at] for name in ("smuggled", "chance", "points", "kind")}
                            | {"found": np.array(self._facts["final"])[at] == WILDLIFE})  # fmt: skip

    def points(self, ids: Sequence[str]) -> Ints:
        """The points of the old rules."""
        return np.array([self._facts["points"][self._place[consignment]] for consignment in ids])

    def _ship(self, number: int) -> None:
        """What networks ship in a week, under a fortune of its own that no selection shifts."""
        networks, monday = self._networks, self._first + number * WEEK
        networks.rng = rng = np.random.default_rng([self.seed, number + self.warm])
        bills = networks.week(monday)
        if bills:
            shipped = networks.ship(bills)
            order = np.argsort(shipped.filed, kind="stable")
            checked = check(rng, self._tables, self._calendar, shipped.take(order))
            self._pending.append(self._write(rng, checked, warm_rules=number < 0))

    def _write(self, rng: np.random.Generator, checked: Checked, *, warm_rules: bool) -> pd.DataFrame:
        """File the papers and keep the facts; what the old rules chose is inspected while they are in force."""
        s, looked = checked.shipments, checked.inspections
        part = Part(self._filed, self._part.of, self._part.first_etd)
        ids = consignment_ids(len(s), part.before)
        self._filed += len(s)
        written = manifest(rng, self._tables, self._names, s, self._calendar.stop, part)
        self._place |= {consignment: len(self._place) + i for i, consignment in enumerate(ids)}
        for name, values in (
            ("smuggled", checked.smuggled), ("chance", checked.chance), ("points", looked.points),
            ("kind", s.typology), ("network", s.network), ("inspected", looked.inspected),
            ("recorded", looked.recorded), ("corrected", looked.corrected), ("result", looked.result),
            ("final", looked.final), ("depth", looked.depth),
        ):  # fmt: skip
            self._facts[name].extend(values.tolist())
        early = looked.done & (s.filed < self._first) & warm_rules
        rows = np.flatnonzero(early)
        self._record(
            pd.DataFrame(
                {
                    "consignment_id": [ids[i] for i in rows],
                    "reason": np.where(looked.random[rows], "random", "rule"),
                    "probability": looked.probability[rows],
                }
            ),
            0,
        )
        return written[written["version"] == 1].reset_index(drop=True)

    def _record(self, chosen: pd.DataFrame, after: int) -> None:
        """Write the outcomes of these inspections and let networks know when they will hear of a loss."""
        at = [self._place[consignment] for consignment in chosen["consignment_id"]]
        facts = {name: np.array([self._facts[name][i] for i in at], np.int64) for name in _FACTS if name != "chance"}
        late = np.maximum(after + DAY - facts["inspected"], 0)
        recorded, corrected = facts["recorded"] + late, facts["corrected"]
        mended = np.flatnonzero(corrected != NOT_YET)
        of = np.concatenate([np.arange(len(at)), mended]).astype(np.int64)
        again = np.repeat([False, True], [len(at), len(mended)])
        result = np.where(again, facts["final"][of], facts["result"][of])
        known = np.where(again, np.where(again, corrected[of], 0) + late[of], recorded[of])
        self._outcomes.append(
            pd.DataFrame(
                {
                    "consignment_id": chosen["consignment_id"].to_numpy()[of],
                    "line_no": 0,
                    "inspected_at": times((facts["inspected"] + late)[of]).to_pandas(),
                    "recorded_at": times(known).to_pandas(),
                    "selection_reason": chosen["reason"].to_numpy()[of],
                    "selection_probability": chosen["probability"].to_numpy()[of],
                    "depth": [self._tables.depths[i]["depth"] for i in facts["depth"][of]],
                    "result": [RESULTS[i] for i in result],
                }
            )
        )
        for network, final, when in zip(facts["network"], facts["final"], recorded, strict=True):
            if network >= 0 and final == WILDLIFE:
                self._networks.networks[network].seizures.append(int(when))

    def _filed_between(self, since: pd.Timestamp, before: pd.Timestamp) -> pd.DataFrame:
        first, last = self._lawful["filed_at"].searchsorted([since, before])
        self._pending = [part for part in self._pending if part["filed_at"].iloc[-1] >= since]
        mine = [part[(part["filed_at"] >= since) & (part["filed_at"] < before)] for part in self._pending]
        whole: pd.DataFrame = pd.concat([self._lawful.iloc[first:last], *(part for part in mine if len(part))])
        return whole.sort_values("filed_at", kind="stable", ignore_index=True)


_FACTS: Final = (
    "smuggled", "chance", "points", "kind", "network", "inspected", "recorded", "corrected", "result", "final", "depth"
)  # fmt: skip
