"""A manifest that was sent in: read, checked, scored with its past, and kept with its answers in one transaction.

Either the filings, the assessments, their places in the worklist and the note in the audit are all in the store when
the sender hears of them, or none of it is. The same version at the same stage by the same model has one answer for
ever: whoever sends it again gets the first one.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
import structlog
from sqlalchemy import Connection

from risk.consignment import CONSIGNMENTS, GOODS, PARTIES, ROUTE
from risk.errors import RiskError
from risk.layout import column, utc
from risk.manifests import Cancellation, Findings, Reject, cancellations, read_manifest
from risk.manifests.records import concatenate
from serving.champion import InService
from serving.knowledge import knowledge
from serving.live_history import LiveHistory
from serving.past import past_from_store
from serving.scorer import assess
from serving.spool import Part
from serving.store import (
    ASSESSMENTS,
    Conflict,
    Store,
    assessment_id,
    assessments,
    bases,
    filings,
    finding,
    worklist,
)
from serving.store import cancellations as cancelled_rows
from serving.store.append import Added, moment
from serving.store.bases import Basis
from serving.store.rows import plain

MOST_EXPLAINED: Final = 0
"""Consignments of a manifest that get exact reasons beside those inspected; all others get quick ones."""
WATCHED: Final = (*ROUTE, *GOODS, *PARTIES, "gross_weight_kg", "value", "containers")
"""Columns of which it is watched how often they are left out."""
SAVED: Final = [entry.name for entry in ASSESSMENTS]


@dataclass(frozen=True)
class Wish:
    """How a manifest is to be scored.

    capacity    inspections among its consignments: a share below 1, else a number
    threads     for folding and scoring; one is quickest for a small manifest
    dry_run     leave no trace in the store
    """

    capacity: float
    seed: int
    random_share: float
    threads: int = 1
    dry_run: bool = False


@dataclass
class Received:
    """What became of a manifest.

    consignments    the assessments in order of rank, one object each; those given before are given again
    cancelled       consignments taken back by the manifest
    scored          how many answers are new, `known` how many had been given before
    """

    consignments: list[dict[str, Any]]
    rejects: list[Reject]
    findings: Findings
    cancelled: list[str]
    lines: int = 0
    scored: int = 0
    known: int = 0
    stated: dict[str, int] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """The answer as JSON values."""
        return {
            "consignments": self.consignments,
            "rejects": [
                {"line": one.line, "field": one.field, "value": one.value, "reason": one.reason} for one in self.rejects
            ],
            "findings": [
                {"field": one.field, "reason": one.reason, "count": one.count, "line": one.line, "value": one.value}
                for one in self.findings
            ],
            "cancelled": self.cancelled,
            "counts": {
                "lines": self.lines,
                "scored": self.scored,
                "known": self.known,
                "rejected": len(self.rejects),
            },
        }


Saving = Callable[[Connection, Received], None]
"""What else is to be written in the same transaction: the audit, an answer kept for a repeated request."""


class _RefusedError(Exception):
    """Lines that the store holds with another content; their consignments are taken out and the rest is tried again."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__()
        self.conflicts = list(conflicts)


def receive(
    store: Store,
    body: bytes,
    service: InService,
    wish: Wish,
    received_at: datetime,
    *,
    saving: Saving = lambda _, __: None,
    progress: Callable[[int], None] = lambda _: None,
    offices: Collection[str] | None = None,
    live: LiveHistory | None = None,
) -> Received:
    """Score a manifest in any format that is read, told by its content, and keep all of it.

    Lines of other offices than `offices` (all when None) become rejects. `live` gives the past of a small one quickly.

    Raises InputError when it cannot be read as a whole; StoreError when the store takes nothing.
    """
    lines, rejects, findings, taken_back = _read(store, body, received_at)
    if offices is not None:
        lines, strange = _within(lines, offices)
        rejects = [*rejects, *strange]
    source = f"manifest {hashlib.sha256(body).hexdigest()[:32]}"
    while True:
        received = Received([], rejects, findings, sorted({one.consignment_id for one in taken_back}), len(lines))
        received.stated = {
            name: len(lines) - int(lines[name].array.isna().sum()) if name in lines else 0 for name in WATCHED
        }
        part = _without_cancelled(lines, taken_back)
        try:
            return _scored(
                store, part, taken_back, service, wish, received, source, received_at, saving, progress, live
            )
        except _RefusedError as refused:
            names = {conflict.consignment_id for conflict in refused.conflicts}
            rejects = [*rejects, *(_reject(conflict) for conflict in refused.conflicts)]
            lines = lines[~lines["consignment_id"].isin(names)].reset_index(drop=True)


def _read(
    store: Store, body: bytes, received_at: datetime
) -> tuple[pd.DataFrame, list[Reject], Findings, list[Cancellation]]:
    """The lines of a manifest, what was rejected or remarked, and what it takes back."""
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        path = Path(folder) / "manifest"
        path.write_bytes(body)
        try:
            batches = list(
                read_manifest(path, table="consignments", received_at=received_at, now=received_at, filed=store.filed)
            )
        except RiskError as error:
            raise type(error)(str(error).replace(str(path), "the manifest")) from None
        findings, taken_back = Findings(), list[Cancellation]()
        for batch in batches:
            rows, remarks = cancellations(batch.messages, received_at, None)
            taken_back += rows
            findings = findings + batch.findings + remarks
    frames = [batch.consignments for batch in batches]
    lines = frames[0] if len(frames) == 1 else concatenate(frames, CONSIGNMENTS)
    return lines, [reject for batch in batches for reject in batch.rejects], findings, taken_back


def _within(lines: pd.DataFrame, offices: Collection[str]) -> tuple[pd.DataFrame, list[Reject]]:
    """The lines of consignments of these offices, and a reject for each other line."""
    office = column(lines, CONSIGNMENTS, "customs_office")
    strange = lines["consignment_id"].isin(lines["consignment_id"][~office.isin(list(offices))])
    reason = "is of an office outside your scope"
    rejects = [
        Reject("", 0, "customs_office", value if isinstance(value, str) else "", reason) for value in office[strange]
    ]
    return lines[~strange].reset_index(drop=True), rejects


def _without_cancelled(lines: pd.DataFrame, taken_back: Sequence[Cancellation]) -> Part:
    """The lines, of which those of consignments cancelled at or after their last filing are not scored."""
    part = Part.whole(lines)
    if not taken_back or lines.empty:
        return part
    when = pd.DataFrame([(one.consignment_id, one.cancelled_at) for one in taken_back], columns=["id", "at"])
    last = pd.to_datetime(when["at"], utc=True).groupby(when["id"]).max()
    cancelled_at = lines["consignment_id"].map(last)
    filed = lines.groupby("consignment_id", sort=False)["filed_at"].transform("max")
    gone = (cancelled_at >= filed).to_numpy()
    return Part(part.lines, part.reads & ~gone, part.later, part.before)


def _scored(
    store: Store,
    part: Part,
    taken_back: Sequence[Cancellation],
    service: InService,
    wish: Wish,
    received: Received,
    source: str,
    received_at: datetime,
    saving: Saving,
    progress: Callable[[int], None],
    live: LiveHistory | None,
) -> Received:
    lines, wanted = part.lines, part.wanted
    ids = {
        name: assessment_id(name, version, stage, service.model.fingerprint)
        for name, version, stage in zip(
            wanted["consignment_id"].tolist(),
            wanted["version"].tolist(),
            plain(column(wanted, CONSIGNMENTS, "stage")),
            strict=True,
        )
    }
    given = _given(store, ids, lines) if ids else {}
    table, basis, known, own = pd.DataFrame(), None, None, None
    if len(given) < len(ids):
        known = None if live is None else live.past(part.columns, service.target)
        if known is None:
            with store.reading() as connection:
                basis = Basis(bases.now(connection), source)
            past = past_from_store(store, lines, service.target, wish.threads, [lines], _log_note)
        else:
            basis, past = Basis(known.numbers, source), known.past
        table = assess(
            [part],
            past,
            service.model,
            capacity=wish.capacity,
            seed=wish.seed,
            random_share=wish.random_share,
            explained=MOST_EXPLAINED,
            known=knowledge(store, wanted["filed_at"].min(), service.target),
            model_name=service.version.name,
            model_version=service.version.version,
            threads=wish.threads,
            progress=progress,
        ).table
    if wish.dry_run:
        _answer(received, table, ids, given)
        _refuse(store, lines, source, received_at)
        return received
    with store.transaction() as connection:
        added = filings.add(connection, lines, source, received_at=received_at) if len(lines) else Added()
        if added.conflicts:
            raise _RefusedError(added.conflicts)
        if taken_back:
            cancelled_rows.add(connection, taken_back, source, received_at=received_at)
        if basis is not None:
            _keep(connection, table, ids, basis, received, given, lines)
        if taken_back:
            worklist.settle(connection, [one.consignment_id for one in taken_back])
        if live is not None and known is not None:
            own = live.add(connection, known.own, list(dict.fromkeys(lines["consignment_id"].tolist())), known.numbers)
        _answer(received, table, ids, given)
        saving(connection, received)
    if live is not None:
        live.take_over(own)
    return received


def _log_note(note: str) -> None:
    structlog.get_logger("risk").info("history_folded_anew", note=note)


class _UndoneError(Exception):
    """Ends a transaction that was only to see what it would do."""


def _refuse(store: Store, lines: pd.DataFrame, source: str, received_at: datetime) -> None:
    """Raise for lines that the store would refuse, leaving nothing."""
    if lines.empty:
        return
    try:
        with store.transaction() as connection:
            added = filings.add(connection, lines, source, received_at=received_at)
            raise _UndoneError
    except _UndoneError:
        if added.conflicts:
            raise _RefusedError(added.conflicts) from None


def _keep(
    connection: Connection,
    table: pd.DataFrame,
    ids: dict[str, str],
    basis: Basis,
    received: Received,
    given: dict[str, dict[str, Any]],
    lines: pd.DataFrame,
) -> None:
    """Save the assessments; those that another request gave meanwhile join `given`."""
    saved = assessments.save(connection, table[[name for name in SAVED if name in table]])
    order = table["consignment_id"].tolist()
    worklist.put(connection, table, saved.ids)
    finding.add(connection, order)
    bases.add(connection, saved.ids, table["line_no"].tolist(), basis)
    if saved.known > len(given):
        given |= _stored(connection, {name: ids[name] for name in order if name not in given}, lines, table)
    received.scored, received.known = saved.new, saved.known


def _given(store: Store, ids: dict[str, str], lines: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The answers given before to these consignments."""
    with store.reading() as connection:
        return _stored(connection, ids, lines) if assessments.some(connection, list(ids.values())) else {}


def _stored(
    connection: Connection, ids: dict[str, str], lines: pd.DataFrame, ours: pd.DataFrame | None = None
) -> dict[str, dict[str, Any]]:
    """Answers in the store as those just made look; with `ours`, only those that are not ours."""
    found = assessments.read(connection, ids=list(ids.values()))
    if ours is not None and len(found):
        mine = set(zip(ours["consignment_id"], ours["scored_at"], strict=True))
        other = [key not in mine for key in zip(found["consignment_id"], found["scored_at"], strict=True)]
        found = found[other]
    if found.empty:
        return {}
    riskiest = bases.riskiest_lines(connection, found["id"].tolist())
    last = lines.sort_values("version").drop_duplicates("consignment_id", keep="last").set_index("consignment_id")
    of = last.reindex(found["consignment_id"])
    office = column(of, CONSIGNMENTS, "customs_office")
    found = found.assign(
        filed_at=pd.to_datetime(of["filed_at"], utc=True).to_numpy(),
        customs_office=office.to_numpy(object),
        line_no=pd.Series([riskiest.get(key) for key in found["id"]], dtype="Int64"),
    )
    found["filed_at"] = pd.to_datetime(found["filed_at"], utc=True)
    return {entry["consignment_id"]: entry for entry in records(found)}


def _answer(received: Received, table: pd.DataFrame, ids: dict[str, str], given: dict[str, dict[str, Any]]) -> None:
    """Fill the answer: what was given before is given again, the rest is new; in the strict order of risk."""
    fresh = table[~table["consignment_id"].isin(given)] if len(table) else table
    entries = [*records(fresh), *(given[name] for name in ids if name in given)]
    if given and entries:
        places = worklist.places(
            [entry["consignment_id"] for entry in entries],
            np.array([entry["probability"] for entry in entries]),
            np.array([entry["raw_score"] for entry in entries]),
        )
        entries = [entries[at] for at in sorted(range(len(entries)), key=places.__getitem__)]
    for entry in entries:
        entry["assessment_id"] = ids[entry["consignment_id"]]
    received.consignments = entries
    received.scored, received.known = len(fresh), len(given)


def _reject(conflict: Conflict) -> Reject:
    return Reject("", 0, "version", str(conflict.version), str(conflict))


COLUMNS: Final = (
    "consignment_id", "version", "stage", "filed_at", "customs_office", "line_no", "probability", "raw_score", "rank",
    "out_of", "lane", "selected_by", "propensity", "model_name", "model_version", "model_fingerprint",
    "reference_fingerprint", "pack_fingerprint", "history_as_of", "input_fingerprint", "scored_at", "reasons",
    "indicators",
)  # fmt: skip
"""What an assessment says, in the order in which it is written."""
_JSON: Final = frozenset({"reasons", "indicators"})
_WHOLE: Final = frozenset({"version", "line_no", "rank", "out_of"})


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Assessments as JSON values: times as text, missing as null, reasons and indicators as lists."""
    if table.empty:
        return []
    columns: dict[str, list[Any]] = {}
    for name in COLUMNS:
        if name not in table:
            columns[name] = [[] if name in _JSON else None] * len(table)
            continue
        values = plain(table[name])
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            values = [None if value is None else utc(moment(value)) for value in values]
        elif name in _JSON:
            values = [[] if value is None else orjson.loads(value) for value in values]
        elif name in _WHOLE:
            values = [None if value is None else int(value) for value in values]
        columns[name] = values
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns.values(), strict=True)]
