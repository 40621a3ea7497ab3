"""A stored assessment made again from what was stored, and whether it comes out the same.

The lines are those filed, the history is folded from the filings and outcomes that were there when the answer was
given and were earlier than the filing, the model is the registered version named in the answer. Rank and lane depend
on what was scored together and are not made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import select

from features.build import build
from features.events import Context
from risk.consignment import CONSIGNMENTS
from risk.errors import ModelError
from risk.layout import column
from serving.champion import Champion
from serving.day_work import NotThereError
from serving.history_tables import fold_store
from serving.knowledge import NOTHING, knowledge_then
from serving.receiving import records
from serving.scorer import Past, assess, model_target
from serving.settings import settings
from serving.store import Store, assessments, bases, events
from serving.store.append import microseconds
from serving.store.bases import Basis
from serving.store.events import Numbers, Span
from serving.store.tables import FILINGS
from training.registry import Registry

COMPARED: Final = ("probability", "raw_score", "input_fingerprint", "model_fingerprint", "reference_fingerprint",
                   "pack_fingerprint", "reasons", "indicators")  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """What came out: `same`, or the columns that differ with the stored and the new value; a note on what is known."""

    assessment_id: str
    consignment_id: str
    same: bool
    differs: dict[str, dict[str, Any]]
    model_version: str
    note: str | None = None

    def content(self) -> dict[str, Any]:
        """As JSON values."""
        return dict(vars(self))


def replay(store: Store, models: Champion | Registry, assessment_id: str) -> Replay:
    """Make an assessment again. Raises NotThereError, ModelError when its model is not to be had any more."""
    with store.reading() as connection:
        events.one_moment(connection)
        found = assessments.read(connection, ids=[assessment_id])
        if found.empty:
            raise NotThereError(f"there is no assessment {assessment_id}")
        stored = records(found)[0]
        basis = bases.of(connection, assessment_id)
        lines = events.lines_of(connection, [stored["consignment_id"]], Span())
    stage = column(lines, CONSIGNMENTS, "stage")
    at_stage = stage.isna() if stored["stage"] is None else stage == stored["stage"]
    lines = lines[(lines["version"] == stored["version"]) & at_stage].reset_index(drop=True)
    if lines.empty:
        raise NotThereError(
            f"the store holds no filing of {stored['consignment_id']} version {stored['version']}; it was scored from "
            "a file, and only `risk score` with that file can make the answer again"
        )
    model, version = models.load(str(stored["model_version"]))
    if model.fingerprint != stored["model_fingerprint"]:
        raise ModelError(
            f"version {stored['model_version']} of the model is now {model.fingerprint}; the answer was given by "
            f"{stored['model_fingerprint']}"
        )
    known = knowledge_then(store, stored["pack_fingerprint"], found["scored_at"].iloc[0].to_pydatetime())
    again = assess(
        lines,
        _past(store, lines, model_target(model), basis),
        model,
        capacity=1,
        seed=0,
        explained=int(_exact(stored["reasons"])),
        exact_lanes=(),
        known=known or NOTHING,
        model_name=stored["model_name"],
        model_version=version.version,
        threads=settings().threads,
    ).table
    new = records(again)[0]
    notes, left_out = list[str](), set[str]()
    if basis is None:
        notes.append(
            "what was known then was not noted (it was scored in bulk); all that is known now and was earlier counts"
        )
    if not stored["reasons"]:
        notes.append("no reasons were stored to compare with")
        left_out.add("reasons")
    if known is None:
        notes.append("the reference statistics it was made with are not kept any more; indicators are not compared")
        left_out |= {"indicators", "pack_fingerprint"}
    differs = {
        name: {"stored": stored[name], "again": new[name]}
        for name in COMPARED
        if stored[name] != new[name] and name not in left_out
    }
    note = "; ".join(notes) or None
    return Replay(assessment_id, stored["consignment_id"], not differs, differs, version.version, note)


def _exact(reasons: list[dict[str, Any]]) -> bool:
    """Whether exact reasons were given, and not quick ones."""
    return bool(reasons) and reasons[0].get("method", "shapley") == "shapley"


def _past(store: Store, lines: pd.DataFrame, target: Any, basis: Basis | None) -> Past:
    """What was known before these lines: of the events up to the basis, and of the manifest they came with."""
    first, last = (
        microseconds(moment.to_pydatetime()) for moment in (lines["filed_at"].min(), lines["filed_at"].max())
    )
    with store.transaction() as connection:
        everything = events.stored(connection)
    known = everything if basis is None else basis.known
    threads = settings().threads
    state = fold_store(store, target, known, threads=threads, before=first)
    with store.reading() as connection:
        events.one_moment(connection)
        meanwhile = events.lines(connection, Span(upto=known, start=first, before=last))
        since = events.outcomes(connection, Span(upto=known, start=first, before=last), target.name)
        own = _companions(connection, basis, known, last)
        ids = pd.unique(
            pd.concat([frame["consignment_id"] for frame in (lines, meanwhile, since, own)]).astype("str")
        ).tolist()
        earlier = Span(upto=known, before=first)
        before = Context(
            events.lines_of(connection, ids, earlier), events.outcomes_of(connection, ids, target.name, earlier)
        )
    of_manifest = own["filed_at"] < lines["filed_at"].min() if len(own) else pd.Series(dtype=bool)
    if len(own) and bool(of_manifest.any()):
        folded = own[of_manifest.to_numpy()]
        _, state = build(
            folded, state, context=before, reads=(folded["version"] < 0).to_numpy(), target=target, extras=(),
            threads=threads,
        )  # fmt: skip
        before = Context(pd.concat([before.lines, folded], ignore_index=True), before.outcomes)
        own = own[~of_manifest.to_numpy()]
    meanwhile = pd.concat([meanwhile, own], ignore_index=True) if len(own) else meanwhile
    mine = pd.MultiIndex.from_frame(lines[["consignment_id", "line_no", "version"]])
    kept = ~pd.MultiIndex.from_frame(meanwhile[["consignment_id", "line_no", "version"]]).isin(mine)
    return Past(state, before, since, meanwhile[kept])


def _companions(connection: Any, basis: Basis | None, known: Numbers, last: int) -> pd.DataFrame:
    """The lines that came with them in their manifest and were filed earlier than the last of them."""
    if basis is None:
        return events.lines(connection, Span(start=last, before=last))
    columns = FILINGS.c
    query = select(columns.consignment_id).where(columns.source == basis.source, columns.id > known.filings)
    numbers = query.where(columns.filed_at < last).distinct()
    ids = [row[0] for row in connection.execute(numbers)]
    return events.lines_of(connection, ids, Span(after=Numbers(known.filings, 0), before=last))


def described(found: Replay) -> list[str]:
    """A replay in sentences."""
    head = f"{found.assessment_id}: {'the same' if found.same else 'DIFFERS'} (model version {found.model_version})"
    lines = [f"  {name}: stored {entry['stored']!r}, now {entry['again']!r}" for name, entry in found.differs.items()]
    return [head, *lines, *([f"  note: {found.note}"] if found.note else [])]
