"""Bulk scoring: manifests from files, their past from a history file or the store, results into a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from risk.errors import InputError
from serving.modelling import registry
from serving.past import described, past_from_file, past_from_store
from serving.reading import load_mapping, read_files
from serving.results import result_format, write_results
from serving.scorer import Assessments, Past, assess, model_target, summary
from serving.settings import settings
from serving.store import ASSESSMENTS, Store
from serving.terminal import Steps, say, steps


@dataclass(frozen=True)
class Scored:
    """The assessments of the files' consignments, their lines, and the counts that `risk score --json` prints."""

    assessments: Assessments
    lines: pd.DataFrame
    counts: dict[str, Any]


def score_files(
    manifests: Sequence[Path],
    output: Path,
    *,
    history: Path | None = None,
    capacity: float | None = None,
    format: str | None = None,
    mapping: Path | None = None,
    explained: int = 100,
    model: str = "champion",
    received_at: datetime | None = None,
    sheet: str | None = None,
) -> Scored:
    """What `risk score` does."""
    result_format(output, format)
    with steps() as progress:
        progress.begin("Loading the model")
        trained, version = registry().load(model)
        progress.begin("Reading manifests")
        read = read_files(
            manifests, table="consignments", mapping=load_mapping(mapping), received_at=received_at, sheet=sheet
        )
        lines = read.consignments
        if lines.empty:
            raise InputError(
                f"{', '.join(map(str, manifests))}: no record was accepted ({len(read.rejects):,} rejected)"
            )
        progress.begin("Looking up the history")
        past = _past(history, lines, trained, progress)
        progress.begin("Scoring")
        assessed = assess(
            lines,
            past,
            trained,
            capacity=settings().capacity if capacity is None else capacity,
            seed=settings().seed,
            random_share=settings().random_share,
            explained=explained,
            model_name=version.name,
            model_version=version.version,
            threads=settings().threads,
        )
        progress.begin(f"Writing {output.name}")
        write_results(assessed.table, output, format)
        if history is None:  # who works with the store finds its worklist there
            with Store.open(settings().store_url) as store:
                save_assessments(store, assessed)
    counts = {
        "read": read.rows,
        "scored": len(lines),
        "rejected": len(read.rejects),
        **summary(assessed),
        "model": {"name": version.name, "version": version.version, "fingerprint": trained.fingerprint},
        "history": described(past),
        "output": str(output),
    }
    return Scored(assessed, lines, counts)


def save_assessments(store: Store, assessed: Assessments) -> None:
    """Keep the assessments in the store, where the worklist reads them."""
    names = [column.name for column in ASSESSMENTS if column.name in assessed.table]
    store.save_assessments(assessed.table[names])


def _past(history: Path | None, lines: pd.DataFrame, trained: Any, progress: Steps) -> Past:
    target = model_target(trained)
    if history is not None:
        return past_from_file(history, target)
    with Store.open(settings().store_url) as store:
        past = past_from_store(store, lines, target, settings().threads)
    if past.state.as_of <= 0:
        say("note: the store holds nothing from before these manifests, so every party counts as new")
    return past
