"""An office for the benchmark of the API: simulated trade with findings planted in it, a store and a trained model.

The simulator's own smuggling is too rare to train on a few ten thousand lines, so goods loaded in three countries are
made to be wildlife often. Manifests to be sent have 50 goods lines each, filed at the moment they are sent.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from risk.inspection import OUTCOMES
from risk.manifests import ColumnMapping
from serving.importer import import_files
from serving.modelling import train_and_register
from serving.settings import settings, use_home
from serving.store import Store
from serving.terminal import steps
from training.simulation.world import simulate

LINES: Final = 50
RISKY: Final = ("KR", "TH", "ID")
ID: Final = b"K0000000"
TIME: Final = b"2026-02-20T00:00:00.000000Z"
"""What is replaced in a manifest before it is sent: the beginning of its consignments' ids, and when it was filed."""


def make_office(home: Path, lines: int, seed: int = 5) -> None:
    """Simulate, import into the store of the settings, train and register."""
    home.mkdir(parents=True, exist_ok=True)
    use_home(home)
    end = datetime.now(UTC).date() - timedelta(days=2)
    filed, outcomes = _planted(lines, seed, end)
    files = home / "filed.csv", home / "outcomes.csv"
    filed.to_csv(files[0], index=False)
    outcomes.to_csv(files[1], index=False)
    train_and_register(
        [files[0]], [files[1]], mapping=None, label=None, validate_from=None, test_from=None, capacity=0.05, seed=1
    )
    fill_store(home)
    manifest = filed.tail(2_000).drop_duplicates("consignment_id", keep=False).tail(LINES).copy()
    manifest["consignment_id"] = [f"{ID.decode()}-{row}" for row in range(len(manifest))]
    manifest["filed_at"] = TIME.decode()
    manifest.to_csv(home / "manifest.csv", index=False)


def fill_store(home: Path, mapping: ColumnMapping | None = None) -> None:
    """Put the office's files into the store of the settings."""
    with Store.open(settings().store_url) as store, steps() as progress:
        import_files(store, [home / "filed.csv", home / "outcomes.csv"], progress, mapping=mapping)


def _planted(lines: int, seed: int, end: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    filed = simulate(lines=lines, days=300, seed=seed, end=end).consignments
    rng = np.random.default_rng(seed)
    first = filed.drop_duplicates("consignment_id")
    carries = rng.random(len(first)) < np.where(first["loading_country"].isin(RISKY), 0.3, 0.01)
    opened = rng.random(len(first)) < 0.3
    times = first["filed_at"][opened].reset_index(drop=True)
    outcomes = pd.DataFrame({column.name: None for column in OUTCOMES}, index=range(int(opened.sum()))).assign(
        consignment_id=first["consignment_id"][opened].to_numpy(),
        line_no=0,
        recorded_at=times + pd.Timedelta(days=2),
        selection_reason="random",
        selection_probability=0.3,
        result=np.where(carries, "wildlife", "nothing")[opened],
    )
    return filed, outcomes[outcomes["recorded_at"] <= filed["filed_at"].max()]
