"""Files into the store, batch by batch: consignments and cancellations of all files first, then the outcomes.

Every record ends in one of three places: stored, already known, or the file of rejects. An import that was cut off
can be run again; what is stored is then known. Consignments are never all in memory; outcomes are, until the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from risk.inspection import Target
from risk.manifests import (
    Batch,
    ColumnMapping,
    Finding,
    Findings,
    Reject,
    RejectWriter,
    cancellations,
    read_manifest,
)
from serving.history_tables import after_import
from serving.reading import SHOWN, tell_findings, tell_rejects
from serving.store import Added, Store
from serving.store.described import described
from serving.terminal import Steps, say


@dataclass
class _Tally:
    """What became of the records so far, and the first rejects to tell."""

    read: int = 0
    stored: int = 0
    known: int = 0
    rejected: int = 0
    cancelled: int = 0
    shown: list[Reject] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def counts(self) -> dict[str, int]:
        return {
            "read": self.read,
            "stored": self.stored,
            "known": self.known,
            "rejected": self.rejected,
            "cancelled": self.cancelled,
        }


def import_files(
    store: Store,
    files: Sequence[Path],
    progress: Steps,
    *,
    mapping: ColumnMapping | None = None,
    label: str | None = None,
    received_at: datetime | None = None,
    sheet: str | None = None,
) -> dict[str, int]:
    """Store the consignments and outcomes of the files; counts read, stored, known and rejected.

    `cancelled` counts the cancellations that are new to the store; they are no records, and not among those read.
    """
    target = Target() if mapping is None else mapping.target(label)
    tally = _Tally()
    waiting: list[tuple[Path, RejectWriter, pd.DataFrame]] = []
    writers: list[RejectWriter] = []
    with ExitStack() as open_files:
        for file in files:
            progress.begin(f"Importing {file.name}")
            rejects = open_files.enter_context(RejectWriter(file))
            writers.append(rejects)
            before = tally.counts()
            sha256 = _sha256(file)
            run = store.begin_import(file.name, sha256)
            # What a message files without a time of its own is the same version when the same file comes again.
            received = received_at or store.imports(sha256=sha256)[0].started_at
            batches = read_manifest(
                file, mapping=mapping, label=label, received_at=received, sheet=sheet, filed=store.filed,
                described=partial(_described, store),
            )  # fmt: skip
            for batch in batches:
                tally.read += batch.rows
                tally.findings += batch.findings
                _reject(tally, rejects, batch.rejects)
                if len(batch.consignments):
                    added = store.add_consignments(batch.consignments, file.name)
                    _count(tally, rejects, file, batch.consignments, added)
                _cancel(store, tally, file, batch, received, mapping)
                if len(batch.outcomes):
                    waiting.append((file, rejects, batch.outcomes))
                progress.detail(f"{tally.read:,} records")
            done = {name: count - before[name] for name, count in tally.counts().items()}
            store.finish_import(
                run, rows=done["read"], accepted=done["stored"], known=done["known"], rejected=done["rejected"]
            )
        store.reopen_filed_again()
        progress.begin("Storing outcomes")
        for file, rejects, outcomes in waiting:
            _count(tally, rejects, file, outcomes, store.add_outcomes(outcomes, file.name, label=target.name))
        progress.begin("Folding into the history")
        note = after_import(store, target) if tally.stored else None
        progress.end()
    for writer in writers:
        if writer.count:
            say(f"rejected records: {writer.path}")
    if note:
        say(note)
    tell_rejects(tally.shown, tally.rejected)
    tell_findings(tally.findings)
    return tally.counts()


def _described(store: Store, ids: Sequence[str]) -> set[str]:
    with store.reading() as connection:
        return described(connection, ids)


def _cancel(
    store: Store, tally: _Tally, file: Path, batch: Batch, received: datetime, mapping: ColumnMapping | None
) -> None:
    """Store what the messages that ended in the batch take back."""
    rows, findings = cancellations(batch.messages, received, None if mapping is None else mapping.time_zone)
    tally.findings += findings
    if rows:
        taken = store.add_cancellations(rows, file.name)
        tally.cancelled += taken.new
        if taken.unfiled:
            reason = "is cancelled, and the store does not hold it; kept, for the filing may come later"
            count, first = len(taken.unfiled), taken.unfiled[0]
            line = next(facts.line for facts in batch.messages if first in facts.cancelled)
            tally.findings.add(Finding("consignment_id", reason, count, str(file), line, first))


def _count(tally: _Tally, rejects: RejectWriter, file: Path, frame: pd.DataFrame, added: Added) -> None:
    tally.stored += added.new
    tally.known += added.known
    nowhere = "an outcome of a consignment that the store does not hold; import the consignment first"
    refused = [(conflict.row, "consignment_id", str(conflict)) for conflict in added.conflicts]
    refused += [(place, "consignment_id", nowhere) for place in added.unknown]
    refused += [(place, "recorded_at", "is earlier than the consignment was filed") for place in added.early]
    records = frame.iloc[[place for place, _, _ in refused]].to_dict("records")
    _reject(
        tally,
        rejects,
        [
            Reject(str(file), 0, name, str(record[name]), reason, _json(record))
            for record, (_, name, reason) in zip(records, refused, strict=True)
        ],
    )


def _json(record: dict[Any, Any]) -> str:
    """The record as in the other rejects: a JSON object without what is missing."""
    stated = {str(name): value for name, value in record.items() if pd.notna(value)}
    return orjson.dumps(stated, default=str, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _reject(tally: _Tally, writer: RejectWriter, rejects: Sequence[Reject]) -> None:
    writer.write(rejects)
    tally.rejected += len(rejects)
    tally.shown += rejects[: SHOWN - len(tally.shown)] if len(tally.shown) < SHOWN else []


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
