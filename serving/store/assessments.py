"""The assessments in the store: every answer given, once for each version, stage and model.

The first answer stands: scoring the same version at the same stage with the same model again finds the
answer already given, whatever batch it is in. Knows nothing of how an answer is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, func, select

from risk.layout import column_names
from serving.store.append import append, microseconds, moment, stream
from serving.store.rows import CHUNK, chunks, fingerprints, frame_of
from serving.store.tables import ASSESSMENT_KEY, ASSESSMENT_ROWS, ASSESSMENTS

_CONTENT: Final = [ASSESSMENT_ROWS.c[name] for name in [*column_names(ASSESSMENTS), "id"]]


@dataclass
class Saved:
    """How many answers were new and how many had been given before; `ids`, one for each row of the frame."""

    new: int = 0
    known: int = 0
    ids: list[str] = field(default_factory=list)


def assessment_id(consignment_id: str, version: int, stage: str | None, model_fingerprint: str) -> str:
    """The id of the answer for a version at a stage by a model: 32 hex digits."""
    key = (consignment_id, version, stage, model_fingerprint)
    return fingerprints({name: [value] for name, value in sorted(zip(ASSESSMENT_KEY, key, strict=True))})[0]


def save(connection: Connection, frame: pd.DataFrame) -> Saved:
    """Store the answers of a frame in the layout ASSESSMENTS within the caller's transaction; the first stands.

    Raises InputError when the frame does not have the layout (see `serving.store.rows.chunks`).
    """
    saved = Saved()
    for chunk in chunks(frame, ASSESSMENTS):
        ids = fingerprints({name: chunk.column(name) for name in sorted(ASSESSMENT_KEY)})
        # In the order of the unique key, so that two writers of the same rows cannot wait for each other in a ring.
        order = sorted(range(len(ids)), key=ids.__getitem__)
        columns = {**chunk.columns, "id": ids}
        new = append(
            connection, ASSESSMENT_ROWS, {name: [values[at] for at in order] for name, values in columns.items()}
        )
        saved.new += new
        saved.known += len(ids) - new
        saved.ids += ids
    return saved


def read(
    connection: Connection,
    *,
    consignment_id: str | None = None,
    ids: Sequence[str] | None = None,
    scored_from: datetime | None = None,
) -> pd.DataFrame:
    """The assessments in the layout ASSESSMENTS and their `id`, by time scored and id."""
    columns = ASSESSMENT_ROWS.c
    query = select(*_CONTENT).order_by(columns.scored_at, columns.id)
    if consignment_id is not None:
        query = query.where(columns.consignment_id == consignment_id)
    if scored_from is not None:
        query = query.where(columns.scored_at >= microseconds(scored_from))
    if ids is None:
        return frame_of(stream(connection, query), ASSESSMENTS, also=["id"])
    parts = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    rows = (part for some in parts for part in stream(connection, query.where(columns.id.in_(some))))
    frame = frame_of(rows, ASSESSMENTS, also=["id"])
    return frame if len(parts) < 2 else frame.sort_values(["scored_at", "id"], ignore_index=True)


def some(connection: Connection, ids: Sequence[str]) -> bool:
    """Whether any of these is there."""
    parts = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    query = select(ASSESSMENT_ROWS.c.id).limit(1)
    return any(connection.execute(query.where(ASSESSMENT_ROWS.c.id.in_(part))).first() is not None for part in parts)


def one(connection: Connection, key: str) -> dict[str, Any] | None:
    """One assessment by its id: times as datetime in UTC, JSON as text, what is missing as None."""
    row = connection.execute(select(*_CONTENT).where(ASSESSMENT_ROWS.c.id == key)).mappings().one_or_none()
    if row is None:
        return None
    times = {column.name for column in ASSESSMENTS if column.kind == "time"}
    return {name: moment(value) if name in times and value is not None else value for name, value in row.items()}


def count(connection: Connection) -> int:
    """How many assessments."""
    return connection.execute(select(func.count()).select_from(ASSESSMENT_ROWS)).scalar_one()


def latest_probabilities(connection: Connection, model_fingerprint: str, limit: int) -> list[float]:
    """The probabilities of the latest answers of a model, at most so many."""
    columns = ASSESSMENT_ROWS.c
    latest = select(columns.probability, columns.model_fingerprint).order_by(columns.scored_at.desc()).limit(limit)
    return [row[0] for row in connection.execute(latest) if row[1] == model_fingerprint]
