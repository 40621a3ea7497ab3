"""A small customs office for the tests: simulated trade, findings planted where they can be learned, and `risk`.

The simulator's own smuggling is far too rare to train on a few thousand lines, so findings are planted: goods
loaded in three countries are often wildlife, others hardly ever. Records for training have few columns, which makes
the trees quick; manifests to be scored have them all.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from risk.inspection import OUTCOMES
from serving import cli, settings
from training.simulation.world import World, simulate

RISKY: Final = ("KR", "TH", "ID")
"""Countries of loading where findings are planted."""
FEW: Final = ("consignment_id line_no version filed_at loading_country consignee_id hs_code gross_weight_kg").split()
SEED: Final = 1


@dataclass(frozen=True)
class Ran:
    """What a person sees of a command: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which has to be one JSON object and nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def sentence(self) -> str:
        """The one line in which a failed command says why; anything like a stack trace fails the test."""
        assert "Traceback" not in self.out + self.err
        said = [line for line in self.err.splitlines() if line.startswith("risk: ")]
        assert len(said) == 1, self.err
        assert "unexpected" not in said[0], said[0]
        return said[0].removeprefix("risk: ")


def risk(home: Path, *arguments: str | Path) -> Ran:
    """Run `risk --home HOME ARGUMENTS`, as from a folder without a .env and with no setting in the environment."""
    out, err = io.StringIO(), io.StringIO()
    home.mkdir(parents=True, exist_ok=True)
    with _no_settings(), contextlib.chdir(home), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.run(["--home", str(home), *map(str, arguments)])
    return Ran(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def at_home(home: Path) -> Iterator[None]:
    """The settings of a process that works in this home folder."""
    with _no_settings(), contextlib.chdir(home):
        settings.use_home(home)
        yield


@contextlib.contextmanager
def _no_settings() -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("RISK_", "MLFLOW_TRACKING"))}
    settings._in_force.clear()
    os.environ["RISK_THREADS"] = "1"  # the tests themselves run side by side
    try:
        yield
    finally:
        del os.environ["RISK_THREADS"]
        os.environ.update(kept)
        settings._in_force.clear()


@dataclass(frozen=True)
class Office:
    """The files of the office in one folder, and the home in which its model was trained.

    filed       the consignments before the manifest, all columns; `few` the same with the columns trained on
    outcomes    all outcomes; some are recorded while the manifest is being filed
    manifest    the consignments of the last four days, all columns, with an amendment and with equal times
    """

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def few(self) -> Path:
        return self.folder / "few.csv"

    @property
    def filed(self) -> Path:
        return self.folder / "filed.csv"

    @property
    def outcomes(self) -> Path:
        return self.folder / "outcomes.csv"

    @property
    def known(self) -> Path:
        """The outcomes recorded before the first consignment of the manifest was filed."""
        return self.folder / "known.csv"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.csv"

    @property
    def training(self) -> dict[str, Any]:
        """What `risk train --json` printed."""
        found = orjson.loads((self.folder / "training.json").read_bytes())
        assert isinstance(found, dict)
        return found

    def train(self, home: Path, *more: str | Path) -> Ran:
        """Train on the files of the office in a home folder."""
        return risk(home, "train", "--consignments", self.few, "--outcomes", self.known, "--json", *more)


def planted_world() -> World:
    """5,000 lines of simulated trade of 200 days in which two consignments of three were inspected at random."""
    world = simulate(lines=5000, days=200, seed=5, end=date(2026, 2, 20))
    lines = world.consignments
    rng = np.random.default_rng(SEED)
    first = lines.drop_duplicates("consignment_id")
    carries = rng.random(len(first)) < np.where(first["loading_country"].isin(RISKY), 0.45, 0.02)
    opened = rng.random(len(first)) < 0.67
    result = np.where(carries, "wildlife", rng.choice(["nothing", "document"], len(first)))[opened]
    filed = first["filed_at"][opened].reset_index(drop=True)
    outcomes = pd.DataFrame({column.name: None for column in OUTCOMES}, index=range(int(opened.sum()))).assign(
        consignment_id=first["consignment_id"][opened].to_numpy(),
        line_no=0,
        inspected_at=filed + pd.Timedelta(days=1),
        recorded_at=filed + pd.Timedelta(days=2, hours=5),
        selection_reason="random",
        selection_probability=0.67,
        result=result,
    )
    outcomes = outcomes[outcomes["recorded_at"] <= lines["filed_at"].max()].astype({"quantity": "float64"})
    truth = world.truth.set_index("consignment_id").loc[first["consignment_id"]].reset_index()
    truth["smuggled"] = carries
    return World(lines, outcomes.sort_values("recorded_at", ignore_index=True), truth)


def open_office(folder: Path) -> Office:
    """Write the files of the office and train its model."""
    office = Office(folder)
    folder.mkdir(parents=True)
    world = planted_world()
    lines = world.consignments
    start = lines["filed_at"].max().floor("D") - pd.Timedelta(days=3)
    filed, manifest = lines[lines["filed_at"] < start], _with_trouble(lines[lines["filed_at"] >= start])
    known = world.outcomes[world.outcomes["recorded_at"] < start]
    for frame, path in (
        (filed, office.filed),
        (filed[FEW], office.few),
        (world.outcomes, office.outcomes),
        (known, office.known),
        (manifest, office.manifest),
    ):
        frame.to_csv(path, index=False)
    ran = office.train(office.home)
    assert ran.status == 0, ran.err
    (folder / "training.json").write_text(ran.out)
    return office


def _with_trouble(manifest: pd.DataFrame) -> pd.DataFrame:
    """The manifest with an amendment an hour later, and two consignments of one consignee at the same moment."""
    ids = manifest["consignment_id"].drop_duplicates().tolist()
    manifest = manifest.copy()
    of = manifest["consignment_id"]
    twin, other = of == ids[10], of == ids[11]
    for name in ("filed_at", "consignee_id", "consignee_name", "loading_port"):
        manifest.loc[other, name] = manifest.loc[twin, name].iloc[0]
    again = manifest[of == ids[5]].copy()
    again["version"] += 1
    again["filed_at"] += pd.Timedelta(hours=1)
    again["gross_weight_kg"] *= 1.5
    whole: pd.DataFrame = pd.concat([manifest, again]).sort_values("filed_at", kind="stable", ignore_index=True)
    return whole


def made_once(folder: Path, make: Callable[[Path], Office]) -> Office:
    """What the first process to come makes in the folder; the others wait for it and take it as it is."""
    import fcntl

    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Office(folder) if (folder / "training.json").exists() else make(folder)


def script() -> Path:
    """The installed command, for tests that need a process of its own."""
    return Path(sys.executable).with_name("risk")
