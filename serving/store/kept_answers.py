"""Answers kept under an idempotency key, so that a request sent twice is done once.

The first to come keeps its answer in the transaction of its work. A second one with the same key waits for that
transaction in the database and then finds the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from serving.store.append import append, microseconds
from serving.store.work import ANSWERS


@dataclass(frozen=True)
class Kept:
    """An answer and the fingerprint of the request it was given to."""

    request: str
    status: int
    content: bytes


def find(connection: Connection, owner: str, key: str) -> Kept | None:
    """The answer kept for an owner under a key."""
    columns = ANSWERS.c
    query = select(columns.request, columns.status, columns.content).where(columns.owner == owner, columns.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else Kept(row[0], row[1], bytes(row[2]))


def keep(connection: Connection, owner: str, key: str, answer: Kept, now: datetime) -> bool:
    """Keep an answer; False when there is one under this key already."""
    values = {
        "owner": owner,
        "key": key,
        "request": answer.request,
        "status": answer.status,
        "content": answer.content,
        "kept_at": microseconds(now),
    }
    return append(connection, ANSWERS, {name: [value] for name, value in values.items()}) == 1


def forget(connection: Connection, before: datetime) -> int:
    """Drop the answers kept before a time; how many."""
    return connection.execute(delete(ANSWERS).where(ANSWERS.c.kept_at < microseconds(before))).rowcount
