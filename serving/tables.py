"""Consignments and outcomes for training and history: from files, or from the store when no file is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

import pandas as pd

from risk.errors import NotEnoughDataError, UsageError
from risk.inspection import Target
from risk.manifests import Findings, check_outcomes
from serving.reading import load_mapping, read_files, tell
from serving.settings import settings
from serving.store import Store
from serving.terminal import Steps


@dataclass(frozen=True)
class Tables:
    """Both tables, what the outcomes are read for, and how many records were rejected on the way."""

    lines: pd.DataFrame
    outcomes: pd.DataFrame
    target: Target
    rejected: int
    source: str
    time_zone: tzinfo = UTC
    """The zone in which a day without a zone is meant."""


def load_tables(
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    progress: Steps,
    *,
    mapping: Path | None = None,
    label: str | None = None,
) -> Tables:
    """The tables of the files; of the store when neither consignments nor outcomes are given."""
    rules = load_mapping(mapping)
    target = Target() if rules is None else rules.target(label)
    if label is not None and rules is None:
        raise UsageError(f"--label {label} names outcomes of a mapping file; give the file with --mapping")
    if not consignments and not outcomes:
        return _from_store(target, progress)
    if not consignments:
        raise UsageError("outcomes without consignments; give the consignments too, with --consignments")
    progress.begin("Reading consignments")
    read = read_files(consignments, mapping=rules, label=label, table=None if rules else "consignments")
    found, rejected = read.outcomes, len(read.rejects)
    if outcomes:
        progress.begin("Reading outcomes")
        # A mapping that takes outcomes out of the consignments' table does not speak of our own outcomes' columns.
        own = None if rules is not None and rules.has_outcomes else rules
        more = read_files(outcomes, mapping=own, label=label, table="outcomes")
        found = more.outcomes if found.empty else pd.concat([found, more.outcomes], ignore_index=True)
        rejected += len(more.rejects)
    if found.empty:
        raise NotEnoughDataError("no outcomes; give them with --outcomes, or a mapping that has `outcomes:`")
    good, bad = check_outcomes(found, read.consignments)
    tell(bad, Findings(), [*outcomes] or [*consignments], append=True)
    source = " ".join(path.name for path in [*consignments, *outcomes])
    zone = rules.time_zone if rules is not None and rules.time_zone is not None else UTC
    return Tables(read.consignments, good, target, rejected + len(bad), source, zone)


def _from_store(target: Target, progress: Steps) -> Tables:
    progress.begin("Reading the store")
    with Store.open(settings().store_url) as store:
        lines, outcomes = store.consignments(), store.outcomes(label=target.name)
    if lines.empty or outcomes.empty:
        what = "consignments" if lines.empty else f"outcomes for {target.name!r}"
        raise NotEnoughDataError(f"the store holds no {what}; bring them in with `risk import`, or give files")
    return Tables(lines, outcomes, target, 0, "store")
