"""Drift and the monthly job: look, train, compare, and leave the decision to a person.

The job holds one lock, keeps what each step found under `retraining/FINGERPRINT/` in the home folder, and goes on
where it stopped when it is started again on the same data. It never promotes.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from risk.errors import NotEnoughDataError, RiskError
from serving.governance import gates_of
from serving.modelling import registry, seconds_of, train_tables, training_json
from serving.scorer import model_target
from serving.settings import settings
from serving.tables import Tables, load_tables
from serving.terminal import steps
from training.dataset import fingerprint
from training.drift import RECENT_DAYS, drift
from training.registry import CHAMPION

FOLDER: Final = "retraining"


class BusyError(RiskError):
    """Another retraining is under way in this home."""


def look_for_drift(
    consignments: Sequence[Path], outcomes: Sequence[Path], mapping: Path | None, label: str | None, recent_days: int
) -> dict[str, Any]:
    """What `risk drift` prints."""
    with steps() as progress:
        version = registry().load(CHAMPION)[1]
        tables = load_tables(consignments, outcomes, progress, mapping=mapping, label=label)
        progress.begin("Measuring drift")
        return {"version": version.version, **_drift(tables, recent_days)}


def retrain(
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    mapping: Path | None,
    label: str | None,
    budget: str | None = None,
) -> dict[str, Any]:
    """What `risk retrain` does; what each step found, and the files it left.

    Raises BusyError when another one is under way.
    """
    with _locked(settings().home / FOLDER), steps() as progress:
        tables = load_tables(consignments, outcomes, progress, mapping=mapping, label=label)
        folder = settings().home / FOLDER / fingerprint(tables.lines, tables.outcomes)
        folder.mkdir(parents=True, exist_ok=True)
        champion = registry().champion()
        before: dict[str, Any] = {"retrain": True, "why": ["there is no champion yet"]}
        if champion is not None:
            progress.begin("Measuring drift")
            before = _once(folder / "drift.json", lambda: _drift(tables, RECENT_DAYS))

        def train() -> dict[str, Any]:
            seconds = 0.0 if budget is None else seconds_of(budget)
            return training_json(train_tables(tables, progress, budget=seconds), rejected=tables.rejected)

        trained = _once(folder / "training.json", train)
        gates: dict[str, Any] = {"gates": [], "says": "it is the first model and became champion"}
        if champion is not None and champion.version != trained["version"]:
            progress.begin("Comparing with the champion")
            gates = _once(folder / "comparison.json", lambda: gates_of(champion.version, trained["version"], tables))
        decision = folder / "decision.md"
        decision.write_text(_decision(before, trained, gates), encoding="utf-8")
        return {"drift": before, "version": trained["version"], "comparison": gates, "decision": str(decision)}


def _drift(tables: Tables, recent_days: int) -> dict[str, Any]:
    model, _ = registry().load(CHAMPION)
    return drift(
        model,
        tables.lines,
        tables.outcomes,
        model_target(model),
        recent_days=recent_days,
        threads=settings().threads,
    )


def _once(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the step found when it was done before on the same data, else what it finds now; written whole or not."""
    if path.exists():
        found: dict[str, Any] = orjson.loads(path.read_bytes())
        return found
    try:
        found = make()
    except NotEnoughDataError as error:
        return {"gates": [], "says": str(error), "retrain": True, "why": [str(error)]}
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
    part.replace(path)
    return found


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone in this home; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another retraining is under way in {folder.parent.resolve()}; wait for it") from None
        yield


def _decision(before: Mapping[str, Any], trained: Mapping[str, Any], gates: Mapping[str, Any]) -> str:
    """What the person who decides reads first."""
    version = trained["version"]
    held = "\n".join(
        f"- {'holds' if gate['passed'] else '**fails**'}: {gate['name']} ({gate['says']})" for gate in gates["gates"]
    )
    good = gates["gates"] and all(gate["passed"] for gate in gates["gates"])
    advice = (
        f"Every gate holds. To put it in service: `risk promote {version}`; to go back: `risk rollback`."
        if good
        else f"Not every gate holds or could be tried. Read the card of version {version} before anything else."
    )
    return f"""# Decision on version {version}

Drift: {"; ".join(before["why"])}.

{held or gates.get("says", "")}

{advice}
"""
