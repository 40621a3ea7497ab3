"""The past from memory and tables is that of folding everything, bit for bit, in whatever order things come."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_office import Office, at_home, risk

from features.columns import Lines
from risk.manifests import read_all
from serving.champion import Champion
from serving.history_upkeep import settle
from serving.live_history import LiveHistory
from serving.modelling import registry
from serving.past import past_from_store
from serving.receiving import Wish, receive
from serving.scorer import assess
from serving.store import Store

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
NAMES = ["consignment_id", "probability", "raw_score", "input_fingerprint"]


@pytest.fixture
def home(office: Office, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(office.home, folder)
    assert risk(folder, "import", office.filed, office.known, "--json").status == 0
    return folder


def _manifests(office: Office) -> list[pd.DataFrame]:
    """The manifest's lines in parts as they come: mostly in order, an hour late now and then, consignments parted."""
    lines: pd.DataFrame = read_all([office.manifest], table="consignments").consignments
    rng = np.random.default_rng(3)
    late = pd.to_timedelta(rng.integers(0, 3, len(lines)), unit="h")
    order = (lines["filed_at"] + late).sort_values(kind="stable").index
    return [lines.loc[part].reset_index(drop=True) for part in np.array_split(order, 12)]


def test_it_is_what_folding_everything_gives(office: Office, home: Path) -> None:
    outcomes = pd.read_csv(office.outcomes, dtype=str)
    with at_home(home), Store.open(f"sqlite:///{home / 'risk.db'}") as store:
        champion = Champion(registry)
        service, used = champion.current, 0
        live, other = LiveHistory(store), LiveHistory(store)
        for number, part in enumerate(_manifests(office)):
            if number == 8:
                settle(store, service.target, datetime.now(UTC))
            folded = past_from_store(store, part, service.target, 1)
            wanted = assess(part, folded, service.model, capacity=1, seed=1, threads=1).table
            for each in (live, other):
                known = each.past(Lines(part), service.target)
                if known is not None:
                    used += 1
                    got = assess(part, known.past, service.model, capacity=1, seed=1, threads=1).table
                    assert got[NAMES].equals(wanted[NAMES]), number
            body = part.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ").encode()
            received = receive(store, body, service, Wish(1, 1, 0), datetime.now(UTC), live=live)
            if not received.known:  # a consignment that came in two parts has its first answer
                assert [one["input_fingerprint"] for one in received.consignments] == wanted[
                    "input_fingerprint"
                ].tolist()
            found = outcomes[outcomes["consignment_id"].isin(part["consignment_id"])].head(3)
            late = found.assign(recorded_at=(part["filed_at"].max() + pd.Timedelta(minutes=1)).isoformat())
            if len(late):
                file = home / f"late{number}.csv"
                late.to_csv(file, index=False)
                store.add_outcomes(read_all([file], table="outcomes").outcomes, "late")
    assert used > 8, "most of it was answered from memory"
