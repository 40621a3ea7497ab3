"""The simulated world as a whole: from a few numbers to the tables of consignments, outcomes and truth.

Owns the order in which things happen. The same arguments give the same world, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES
from risk.layout import arrow_schema
from training.simulation.findings import outcomes
from training.simulation.inspections import Checked, check, in_order
from training.simulation.names import Names
from training.simulation.networks import Networks
from training.simulation.paperwork import consignment_ids, manifest
from training.simulation.parties import Parties, make_importers
from training.simulation.seasons import Calendar
from training.simulation.shipments import Shipments
from training.simulation.smuggling import fits
from training.simulation.tables import Ints, Tables, tables
from training.simulation.trade import lawful_trade
from training.simulation.truth import truth_table

END: Final = date(2026, 6, 30)
"""The last simulated day unless told otherwise."""
LINES_A_CONSIGNMENT: Final = 1.23
"""Rows of the consignments table for each consignment, about."""


@dataclass(frozen=True)
class World:
    """A simulated world: tables in the layouts of `risk.consignment` and `risk.inspection`, and the truth.

    `consignments` is in order of `filed_at`, `outcomes` of `recorded_at`, `truth` (see `truth.truth_table`) has a
    row for each consignment.
    """

    consignments: pd.DataFrame
    outcomes: pd.DataFrame
    truth: pd.DataFrame

    def write(self, directory: Path) -> None:
        """Writes consignments.parquet, outcomes.parquet and truth.parquet into the directory, made if need be."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, frame, schema in (
            ("consignments", self.consignments, arrow_schema(CONSIGNMENTS)),
            ("outcomes", self.outcomes, arrow_schema(OUTCOMES)),
            ("truth", self.truth, None),
        ):
            table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
            pq.write_table(table, directory / f"{name}.parquet", compression="zstd")


def simulate(
    lines: int = 300_000,
    days: int = 900,
    seed: int = 1,
    end: date = END,
    progress: Callable[[str], None] | None = None,
) -> World:
    """A world of about so many rows of consignments (within 2 %), in the `days` up to and with `end`.

    Nothing that would be filed or recorded after `end` (UTC) is in it. `progress` is called with a few words before
    each step. Raises ValueError for fewer than 1,000 lines or 30 days.
    """
    if lines < 1000 or days < 30:
        raise ValueError(f"lines is {lines} and days is {days}; expected at least 1000 lines and 30 days")
    say = progress or _silent
    facts, rng = tables(), np.random.default_rng(seed)
    calendar, parties = Calendar(facts, end, days), Parties()
    consignments = lines / LINES_A_CONSIGNMENT

    say("importers and their habits")
    importers, services = make_importers(rng, facts, calendar, parties, round(consignments))
    say("smuggling networks")
    runs = Networks(rng, facts, calendar, parties, services, consignments).run()
    say("lawful trade")
    rows = sum(int((week.shipments.lines * (1 + (week.shipments.amended > 0))).sum()) for week in runs)
    lawful = lawful_trade(rng, facts, calendar, importers, services, lines - rows)
    checked = in_order([check(rng, facts, calendar, lawful), *runs], _by_filing(rng))
    typology = _typologies(rng, facts, calendar, checked)

    say("papers")
    ids = consignment_ids(len(checked.shipments))
    table = manifest(rng, facts, Names(facts, parties), checked.shipments, calendar.stop)
    say("results of inspections")
    found = outcomes(rng, facts, ids, checked, typology, calendar.stop)
    seized = set(found.loc[found["result"] == "wildlife", "consignment_id"])
    return World(table, found, truth_table(facts, ids, checked, typology, seized, calendar.stop))


def _by_filing(rng: np.random.Generator) -> Callable[[Shipments], Ints]:
    """The order of filing; who files at the same second stands in any order."""
    return lambda shipments: np.lexsort((rng.random(len(shipments)), shipments.filed))


def _typologies(rng: np.random.Generator, facts: Tables, calendar: Calendar, checked: Checked) -> Ints:
    """What each consignment would carry if it carries wildlife: that of its network, of its route, else any."""
    fitting = fits(checked.shipments, facts, calendar)[3]
    shares = [typology.share for typology in facts.typologies]
    anything = rng.choice(len(shares), len(fitting), p=shares)
    own = checked.shipments.typology
    return np.where(own >= 0, own, np.where(fitting >= 0, fitting, anything))


def _silent(_: str) -> None:
    pass
