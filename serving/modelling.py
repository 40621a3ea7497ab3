"""From tables to a registered model, and what a person reads about it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import pandas as pd
from rich.table import Table

from risk.errors import UsageError
from serving.settings import settings
from serving.tables import Tables, load_tables
from serving.terminal import Steps, out, say, steps
from training.evaluate import CAPACITIES
from training.registry import Registered, Registry
from training.report import figure_text
from training.train import Trained, train

WORDS: Final[Mapping[str, str]] = {
    "random": "chance",
    "corridor_rate_last_year": "last year's corridor rates",
    "risk_profile": "risk profile of party, goods and route",
}


def registry() -> Registry:
    """The model registry of the settings."""
    return Registry.open(settings().home, settings().tracking_uri)


@dataclass(frozen=True)
class Made:
    """A model that was trained and registered."""

    trained: Trained
    registered: Registered


def train_tables(
    tables: Tables,
    progress: Steps,
    *,
    validate_from: datetime | None = None,
    test_from: datetime | None = None,
    capacity: float | None = None,
    seed: int = 1,
    simulated: bool = False,
    budget: float = 0.0,
) -> Made:
    """Train on the tables, log the run and register the model; the first one becomes champion."""
    progress.begin("Training")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        trained = train(
            tables.lines,
            tables.outcomes,
            files,
            target=tables.target,
            validate_from=_utc(validate_from, tables.time_zone),
            test_from=_utc(test_from, tables.time_zone),
            capacities=CAPACITIES if capacity is None else (capacity,),
            seed=seed,
            threads=settings().threads,
            simulated=simulated,
            budget=budget,
            progress=progress.detail,
        )
        progress.begin("Registering the model")
        facts = trained.report
        registered = registry().record(
            trained.model,
            parameters=facts["parameters"],
            metrics=_flat(facts["metrics"]),
            files=files,
            tags={
                "target": tables.target.name,
                "source": tables.source,
                "simulated": str(simulated).lower(),
                "data_fingerprint": facts["data"]["fingerprint"],
                **{f"span_{name}": f"{span['from']} to {span['before']}" for name, span in facts["spans"].items()},
            },
        )
    return Made(trained, registered)


def train_and_register(
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    *,
    mapping: Path | None,
    label: str | None,
    validate_from: datetime | None,
    test_from: datetime | None,
    capacity: float | None,
    seed: int,
    budget: str | None = None,
) -> dict[str, Any]:
    """What `risk train` does; the object it prints. Raises UsageError for a capacity that is no share."""
    seconds = 0.0 if budget is None else seconds_of(budget)
    if capacity is not None and not 0 < capacity < 1:
        raise UsageError(f"the capacity is {capacity:g}; give the share inspected, above 0 and below 1, such as 0.01")
    with steps() as progress:
        tables = load_tables(consignments, outcomes, progress, mapping=mapping, label=label)
        made = train_tables(
            tables,
            progress,
            validate_from=validate_from,
            test_from=test_from,
            capacity=capacity,
            seed=seed,
            budget=seconds,
        )
    return training_json(made, rejected=tables.rejected)


def seconds_of(budget: str) -> float:
    """A time such as 90s, 10m or 1h in seconds. Raises UsageError for another form."""
    number, unit = budget[:-1], budget[-1:].lower()
    if unit not in {"s", "m", "h"} or not number.replace(".", "", 1).isdigit():
        raise UsageError(f"the budget is {budget!r}; give a time such as 90s, 10m or 1h")
    return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def training_json(made: Made, rejected: int = 0) -> dict[str, Any]:
    """The figures of a training as one JSON object."""
    facts = made.trained.report
    return {
        "model": "risk",
        "version": made.registered.version,
        "alias": made.registered.alias,
        "run_id": made.registered.run_id,
        "fingerprint": made.trained.model.fingerprint,
        "target": facts["target"]["name"],
        "simulated": facts["simulated"],
        "rejected": rejected,
        **{
            name: facts[name]
            for name in (
                "data",
                "spans",
                "gap_days",
                "rows",
                "positives",
                "metrics",
                "baselines",
                "trials",
                "parameters",
            )
        },
    }


def print_training(found: Mapping[str, Any]) -> None:
    """The figures of a training for a person."""
    test = found["metrics"]["test"]
    table = Table(title=f"Test {found['spans']['test']['from'][:10]} to {found['spans']['test']['before'][:10]}")
    table.add_column("inspected")
    for name in ("precision", "recall", *(WORDS[name] for name in found["baselines"])):
        table.add_column(name, justify="right")
    for capacity in sorted(test["precision_at"], key=float):
        table.add_row(
            f"{100 * float(capacity):g} %",
            figure_text(test["precision_at"][capacity]),
            figure_text(test["recall_at"][capacity]),
            *(figure_text(found["baselines"][name]["precision_at"][capacity]) for name in found["baselines"]),
        )
    out.print(table)
    simulated = "SIMULATED figures. " if found["simulated"] else ""
    out.print(
        f"{simulated}{test['consignments']:,} consignments with a known outcome, {test['positives']:,} positive; "
        "columns to the right are the precision of simple rankings; intervals are 95 %."
    )
    say(f"model risk version {found['version']} ({found['alias']}), run {found['run_id']}")


def _utc(moment: datetime | None, zone: tzinfo) -> pd.Timestamp | None:
    """A moment in UTC; a day without a zone is one of the zone given."""
    if moment is None:
        return None
    return pd.Timestamp(moment if moment.tzinfo else moment.replace(tzinfo=zone)).tz_convert("UTC")


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Figures as single numbers: test_precision_at_0.01 with _low and _high."""
    found: dict[str, float] = {}
    for name, entry in metrics.items():
        if not isinstance(entry, Mapping):
            found[f"{prefix}{name}"] = float(entry)
        elif "value" in entry:
            if entry["value"] is not None:
                found[f"{prefix}{name}"] = entry["value"]
                found |= {f"{prefix}{name}_{end}": entry[end] for end in ("low", "high")}
        else:
            found |= _flat(entry, f"{prefix}{name}_")
    return found
