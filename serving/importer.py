"""Files into the store, batch by batch: consignments of all files first, then the outcomes that point at them.

Every record ends in one of three places: stored, already known, or the file of rejects. An import that was cut off
can be run again; what is stored is then known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from risk.manifests import ColumnMapping, Findings, Reading, Reject, read_manifest
from serving.reading import tell
from serving.store import Added, Store
from serving.terminal import Steps


@dataclass
class _Tally:
    """What became of the records so far."""

    read: int = 0
    stored: int = 0
    known: int = 0
    rejects: list[Reject] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


def import_files(
    store: Store,
    files: Sequence[Path],
    progress: Steps,
    *,
    mapping: ColumnMapping | None = None,
    label: str | None = None,
) -> dict[str, int]:
    """Store the consignments and outcomes of the files; counts read, stored, known and rejected."""
    target = "wildlife" if mapping is None else mapping.target(label).name
    total = _Tally()
    waiting: list[tuple[Path, pd.DataFrame]] = []
    for file in files:
        progress.begin(f"Importing {file.name}")
        run = store.begin_import(file.name, _sha256(file))
        tally = _Tally()
        for batch in read_manifest(file, mapping=mapping, label=label):
            tally.read += batch.rows
            tally.rejects += batch.rejects
            tally.findings += batch.findings
            if len(batch.consignments):
                _count(tally, store.add_consignments(batch.consignments, file.name), batch.consignments, file)
            if len(batch.outcomes):
                waiting.append((file, batch.outcomes))
            progress.detail(f"{tally.read:,} records")
        store.finish_import(run, rows=tally.read, accepted=tally.stored, known=tally.known, rejected=len(tally.rejects))
        _add(total, tally)
    progress.begin("Storing outcomes")
    for file, outcomes in waiting:
        tally = _Tally()
        _count(tally, store.add_outcomes(outcomes, file.name, label=target), outcomes, file)
        _add(total, tally)
    progress.end()
    tell(Reading(pd.DataFrame(), pd.DataFrame(), total.rejects, total.findings, total.read), files)
    return {"read": total.read, "stored": total.stored, "known": total.known, "rejected": len(total.rejects)}


def _count(tally: _Tally, added: Added, frame: pd.DataFrame, file: Path) -> None:
    tally.stored += added.new
    tally.known += added.known
    for conflict in added.conflicts:
        tally.rejects.append(Reject(str(file), 0, "consignment_id", conflict.consignment_id, str(conflict)))
    for place in added.unknown:
        consignment = str(frame["consignment_id"].iloc[place])
        reason = "an outcome of a consignment that the store does not hold; import the consignment first"
        tally.rejects.append(Reject(str(file), 0, "consignment_id", consignment, reason))


def _add(total: _Tally, tally: _Tally) -> None:
    total.read += tally.read
    total.stored += tally.stored
    total.known += tally.known
    total.rejects += tally.rejects
    total.findings += tally.findings


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
