"""Bulk scoring: manifests from files, their past from a history file or the store, results into a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pandas as pd

from risk.errors import InputError
from risk.indicators import Learnt
from risk.language import ENGLISH, speaker
from risk.manifests import Batch, Findings, Reject, RejectWriter, cancellations, read_each
from risk.model import RiskModel
from serving.knowledge import NOTHING, Knowledge, knowledge
from serving.modelling import registry
from serving.past import described, past_from_file, past_from_store
from serving.reading import SHOWN, load_mapping, tell_findings, tell_rejects
from serving.results import result_format, write_results
from serving.scorer import Assessments, Past, assess, model_target, summary
from serving.settings import settings
from serving.spool import Spool
from serving.store import ASSESSMENTS, Store, assessments, finding, worklist
from serving.terminal import Steps, say, steps


@dataclass(frozen=True)
class Scored:
    """The assessments of the files' consignments, the riskiest lines, and the counts `risk score --json` prints."""

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
    statistics: Path | None = None,
    language: str = ENGLISH,
) -> Scored:
    """What `risk score` does."""
    result_format(output, format)
    speaker(language)
    with steps() as progress:
        progress.begin("Loading the model")
        trained, version = registry().load(model)
        with Spool() as spool:
            progress.begin("Reading manifests")
            mapped = load_mapping(mapping)
            batches = read_each(
                manifests,
                table="consignments",
                mapping=mapped,
                received_at=received_at,
                sheet=sheet,
            )
            zone = None if mapped is None else mapped.time_zone
            read, rejected = _spooled(batches, spool, manifests, progress, received_at or datetime.now(UTC), zone)
            if len(spool) == 0:
                raise InputError(f"{', '.join(map(str, manifests))}: no record was accepted ({rejected:,} rejected)")
            cancelled, taken_back = spool.cancelled()
            if cancelled and cancelled == len(spool.keys()["consignment_id"].unique()):
                raise InputError(f"{', '.join(map(str, manifests))}: all {cancelled:,} consignments are cancelled")
            if cancelled:
                say(f"note: {cancelled:,} consignments were cancelled after their last filing; they are not scored")
            progress.begin("Looking up the history")
            past = _past(history, spool, trained)
            known = _known(history, statistics, spool, trained)
            progress.begin("Scoring")
            assessed = assess(
                spool.parts(),
                past,
                trained,
                capacity=settings().capacity if capacity is None else capacity,
                seed=settings().seed,
                random_share=settings().random_share,
                explained=explained,
                model_name=version.name,
                model_version=version.version,
                known=known,
                threads=settings().threads,
                progress=lambda done: progress.detail(f"{done:,} of {len(spool):,} lines"),
            )
            scored = len(spool)
        progress.begin(f"Writing {output.name}")
        write_results(assessed, output, format, language)
        if history is None:  # who works with the store finds its worklist there
            with Store.open(settings().store_url) as store:
                save_assessments(store, assessed)
    counts = {
        "read": read,
        "scored": scored,
        "rejected": rejected,
        "cancelled": cancelled,
        **summary(assessed),
        "superseded": assessed.superseded - taken_back,
        "model": {"name": version.name, "version": version.version, "fingerprint": trained.fingerprint},
        "history": described(past),
        "output": str(output),
    }
    return Scored(assessed, assessed.lines, counts)


def _spooled(
    batches: Iterable[Batch],
    spool: Spool,
    sources: Sequence[Path],
    progress: Steps,
    received: datetime,
    zone: tzinfo | None,
) -> tuple[int, int]:
    """Put what was accepted on disk and what was not beside its file; how many records were read and rejected."""
    read, first, findings = 0, list[Reject](), Findings()
    with ExitStack() as open_files:
        writers = {str(source): open_files.enter_context(RejectWriter(source)) for source in dict.fromkeys(sources)}
        stray = writers[str(sources[0])]
        for batch in batches:
            read += batch.rows
            findings += batch.findings
            first += batch.rejects[: max(0, SHOWN - len(first))]
            for reject in batch.rejects:
                writers.get(reject.file, stray).write([reject])
            spool.add(batch.consignments)
            taken_back, remarks = cancellations(batch.messages, received, zone)
            spool.cancel(taken_back)
            findings += remarks
            progress.detail(f"{read:,} records")
    for writer in writers.values():
        if writer.count:
            say(f"rejected records: {writer.path}")
    rejected = sum(writer.count for writer in writers.values())
    tell_rejects(first, rejected)
    tell_findings(findings)
    return read, rejected


def save_assessments(store: Store, assessed: Assessments) -> None:
    """Keep the assessments in the store, where the worklist reads them."""
    with store.transaction() as connection:
        for chunk in assessed.chunks():
            names = [column.name for column in ASSESSMENTS if column.name in chunk]
            saved = assessments.save(connection, chunk[names])
            worklist.put(connection, chunk, saved.ids)
            finding.add(connection, chunk["consignment_id"].tolist())


def _known(history: Path | None, file: Path | None, spool: Spool, trained: RiskModel) -> Knowledge:
    """Reference statistics and rules: of the store, unless the history is a file; statistics may be a file, too."""
    known = NOTHING
    if history is None:
        with Store.open(settings().store_url) as store:
            known = knowledge(store, spool.keys()["filed_at"].min(), model_target(trained))
    for problem in known.problems:
        say(f"note: {problem}")
    if file is not None:
        known = replace(known, learnt=Learnt.load(file))
    if known.learnt is None:
        say(
            "note: there are no reference statistics from before these manifests, so some indicators cannot be judged; "
            "`risk indicators learn` makes them"
        )
    return known


def _past(history: Path | None, spool: Spool, trained: RiskModel) -> Past:
    target = model_target(trained)
    if history is not None:
        return past_from_file(history, target)
    with Store.open(settings().store_url) as store:
        parts = (part.lines for part in spool.parts())
        past = past_from_store(store, spool.keys(), target, settings().threads, parts)
    if past.state.as_of <= 0:
        say("note: the store holds nothing from before these manifests, so every party counts as new")
    return past
