"""Batches: manifests taken in to be scored later, their files, and which worker is at it.

A worker takes a batch for itself with one statement and shows now and then that it is alive. One that was killed
shows nothing any more; its batch is taken again, and given up after some attempts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from serving.store.append import microseconds, moment
from serving.store.work import BATCH_FILES, BATCHES

PART: Final = 1 << 20
"""Bytes of a file in one row."""
_TIMES: Final = ("submitted_at", "started_at", "finished_at", "alive_at")


def add(connection: Connection, key: str, *, submitted_at: datetime, **values: Any) -> None:
    """Take a batch in; it waits."""
    counts = dict.fromkeys(("attempts", "lines", "done", "consignments", "known", "rejected"), 0)
    connection.execute(
        insert(BATCHES).values(id=key, state="waiting", submitted_at=microseconds(submitted_at), **counts, **values)
    )


def one(connection: Connection, key: str) -> dict[str, Any] | None:
    """A batch by its id, times as datetime."""
    row = connection.execute(select(*BATCHES.columns).where(BATCHES.c.id == key)).mappings().one_or_none()
    return None if row is None else _shown(row)


def recent(connection: Connection, limit: int, submitted_by: str | None = None) -> list[dict[str, Any]]:
    """The latest batches, of one sender or of all."""
    query = select(*BATCHES.columns).order_by(BATCHES.c.submitted_at.desc(), BATCHES.c.id).limit(limit)
    if submitted_by is not None:
        query = query.where(BATCHES.c.submitted_by == submitted_by)
    return [_shown(row) for row in connection.execute(query).mappings()]


def waiting(connection: Connection) -> int:
    """How many are not done yet."""
    query = select(func.count()).select_from(BATCHES).where(BATCHES.c.state.in_(("waiting", "running")))
    return connection.execute(query).scalar_one()


def take(connection: Connection, worker: str, now: datetime, stale_before: datetime) -> dict[str, Any] | None:
    """The batch that has waited longest, or whose worker shows no life since a time; now it is this worker's."""
    columns, stale = BATCHES.c, microseconds(stale_before)
    free = or_(columns.state == "waiting", (columns.state == "running") & (columns.alive_at < stale))
    first = select(columns.id).where(free).order_by(columns.submitted_at, columns.id).limit(1)
    if connection.dialect.name == "postgresql":
        first = first.with_for_update(skip_locked=True)
    statement = update(BATCHES).where(columns.id == first.scalar_subquery(), free)
    at = microseconds(now)
    new = {"state": "running", "worker": worker, "started_at": at, "alive_at": at, "attempts": columns.attempts + 1}
    row = connection.execute(statement.values(**new).returning(*columns)).mappings().one_or_none()
    return None if row is None else _shown(row)


def tell(connection: Connection, key: str, worker: str, now: datetime, **values: Any) -> bool:
    """Note progress or the end; False when another worker has taken the batch over."""
    own = (BATCHES.c.id == key, BATCHES.c.worker == worker, BATCHES.c.state == "running")
    found = connection.execute(update(BATCHES).where(*own).values(alive_at=microseconds(now), **values))
    return found.rowcount > 0


def put_file(connection: Connection, key: str, name: str, content: bytes) -> None:
    """Keep a file of a batch, in place of an earlier one of that name."""
    connection.execute(delete(BATCH_FILES).where(BATCH_FILES.c.batch_id == key, BATCH_FILES.c.name == name))
    for part, start in enumerate(range(0, max(len(content), 1), PART)):
        connection.execute(
            insert(BATCH_FILES).values(batch_id=key, name=name, part=part, content=content[start : start + PART])
        )


def drop_file(connection: Connection, key: str, name: str) -> None:
    """Drop a file of a batch."""
    connection.execute(delete(BATCH_FILES).where(BATCH_FILES.c.batch_id == key, BATCH_FILES.c.name == name))


def file(connection: Connection, key: str, name: str) -> Iterator[bytes]:
    """The parts of a file; none when there is no such file."""
    columns, part = BATCH_FILES.c, 0
    while True:
        query = select(columns.content).where(columns.batch_id == key, columns.name == name, columns.part == part)
        content = connection.execute(query).scalar_one_or_none()
        if content is None:
            return
        yield bytes(content)
        part += 1


def _shown(row: Any) -> dict[str, Any]:
    return {name: moment(value) if name in _TIMES and value is not None else value for name, value in row.items()}
