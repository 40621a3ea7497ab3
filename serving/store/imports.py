"""The record of what was imported: one run for each file, begun and finished, with what became of its rows.

A run without an end was interrupted. Importing the file again is safe, because appends are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update

from serving.store.append import microseconds, moment
from serving.store.tables import IMPORTS


@dataclass(frozen=True)
class ImportRun:
    """One run: the file's name and SHA-256 (hex), its rows and what became of them, times in UTC.

    The counts are None until it is finished.
    """

    id: int
    name: str
    sha256: str
    rows: int | None
    accepted: int | None
    known: int | None
    rejected: int | None
    started_at: datetime
    finished_at: datetime | None


def begin(connection: Connection, name: str, sha256: str) -> int:
    """Note that the import of a file began; returns the id of the run."""
    statement = insert(IMPORTS).values(name=name, sha256=sha256, started_at=microseconds(datetime.now(UTC)))
    return int(connection.execute(statement.returning(IMPORTS.c.id)).scalar_one())


def finish(connection: Connection, run: int, *, rows: int, accepted: int, known: int, rejected: int) -> None:
    """Note that a run came to its end, with what became of its rows. Raises KeyError for an unknown run."""
    counts = {"rows": rows, "accepted": accepted, "known": known, "rejected": rejected}
    statement = update(IMPORTS).where(IMPORTS.c.id == run)
    if not connection.execute(statement.values(**counts, finished_at=microseconds(datetime.now(UTC)))).rowcount:
        raise KeyError(run)


def runs(connection: Connection, *, sha256: str | None = None) -> list[ImportRun]:
    """The runs in the order they began, of one file or of all."""
    query = select(IMPORTS).order_by(IMPORTS.c.id)
    if sha256 is not None:
        query = query.where(IMPORTS.c.sha256 == sha256)
    found = []
    for row in connection.execute(query).mappings():
        ended = row["finished_at"]
        times = {"started_at": moment(row["started_at"]), "finished_at": None if ended is None else moment(ended)}
        found.append(ImportRun(**{**row, **times}))
    return found


def count(connection: Connection) -> int:
    """How many runs."""
    return connection.execute(select(func.count()).select_from(IMPORTS)).scalar_one()
