"""`risk demo`: from nothing to a worklist in one command, on a small world with findings planted in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_office import FEW, planted_world, risk

from serving import demonstration
from serving.store import Store
from training.simulation.world import World

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy


def plain_world(**_: Any) -> World:
    """The planted world with few columns filled, so that the training is quick."""
    world = planted_world()
    lines = world.consignments.copy()
    for name in lines.columns.difference([*FEW, "mode", "bl_no"]):
        lines[name] = pd.Series(np.nan if lines[name].dtype == "float64" else None, lines.index, lines[name].dtype)
    return World(lines, world.outcomes, world.truth)


def test_one_command_leaves_a_store_a_model_and_a_worklist_and_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demonstration, "simulate", plain_world)
    folder = tmp_path / "demo"
    ran = risk(tmp_path, "demo", "--dir", folder)
    assert ran.status == 0, ran.err
    listed = pd.read_csv(folder / "worklist.csv")
    for rank, consignment in enumerate(listed["consignment_id"].head(10), 1):
        assert f"{rank}. {consignment}  probability" in ran.out
    assert "every figure below is simulated" in ran.out
    assert "raises the risk" in ran.out
    assert "Next:" in ran.out and "serve" in ran.out
    assert {path.name for path in (folder / "world").iterdir()} == {
        "consignments.parquet",
        "outcomes.parquet",
        "truth.parquet",
    }
    with Store.open(f"sqlite:///{folder / 'risk.db'}") as store:
        counts, kept = store.counts(), store.assessments()
    assert counts["lines"] == len(pd.read_parquet(folder / "world" / "consignments.parquet"))
    assert sorted(kept["consignment_id"]) == sorted(listed["consignment_id"])
    again = risk(folder, "score", folder / "world" / "consignments.parquet", "-o", tmp_path / "all.csv", "--json")
    assert again.status == 0, "what the demo left can be used"
    assert again.json["model"]["version"] == "1"
    assert "manifest.edi" in ran.out
    message = risk(folder, "score", folder / "manifest.edi", "-o", tmp_path / "message.csv", "--json")
    assert message.status == 0, message.err
    scored = set(pd.read_csv(tmp_path / "message.csv")["consignment_id"])
    by_sea = pd.read_parquet(folder / "world" / "consignments.parquet", columns=["bl_no", "mode", "filed_at"])
    last = by_sea[(by_sea["mode"] == "sea") & (by_sea["filed_at"] >= by_sea["filed_at"].max().floor("D"))]
    assert {name.rpartition("/")[2] for name in scored} == set(last["bl_no"])


def test_fewer_lines_than_a_model_can_be_trained_on_are_wrong_use(tmp_path: Path) -> None:
    ran = risk(tmp_path, "demo", "--dir", tmp_path / "demo", "--lines", "5000")
    assert (ran.status, ran.out) == (2, "")
    assert "--lines" in ran.err
    assert not (tmp_path / "demo").exists()


def test_simulating_writes_three_files_and_counts_them(tmp_path: Path) -> None:
    ran = risk(tmp_path, "simulate", tmp_path / "world", "--lines", "2000", "--days", "150", "--json")
    assert ran.status == 0, ran.err
    assert ran.json["simulated"] is True
    assert ran.json["lines"] == len(pd.read_parquet(tmp_path / "world" / "consignments.parquet"))
    assert ran.json["outcomes"] == len(pd.read_parquet(tmp_path / "world" / "outcomes.parquet"))
    assert risk(tmp_path, "simulate", tmp_path / "world", "--lines", "10").status == 2
