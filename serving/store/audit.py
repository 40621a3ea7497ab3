"""The audit in the store: rows that are only ever added, each holding the hash of the one before it.

A row's hash covers everything it says and the hash of its predecessor, not its number; so a row that was changed
no longer matches its own hash, and one that was taken out, put in or moved breaks the link of its neighbour. A cut
at the end can only be seen against a head that was kept elsewhere. One writer at a time extends the chain; it waits
for the transaction of the other to end. Call `add` last in a transaction, so that nobody waits longer than needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)
from sqlalchemy import Column as SqlColumn

from serving.store.append import microseconds, moment, stream
from serving.store.tables import METADATA, ORDERED_TEXT

AUDIT: Final = Table(
    "audit",
    METADATA,
    SqlColumn("number", BigInteger, nullable=False, autoincrement=False),
    SqlColumn("at", BigInteger, nullable=False),
    SqlColumn("who", ORDERED_TEXT, nullable=False),
    SqlColumn("how", Text, nullable=False),
    SqlColumn("action", ORDERED_TEXT, nullable=False),
    SqlColumn("subject", ORDERED_TEXT, nullable=False),
    SqlColumn("reason", Text),
    SqlColumn("details", Text),
    SqlColumn("previous", Text, nullable=False),
    SqlColumn("hash", ORDERED_TEXT, nullable=False),
    PrimaryKeyConstraint("number", name="pk_audit"),
    UniqueConstraint("hash", name="uq_audit_hash"),
    UniqueConstraint("previous", name="uq_audit_previous"),
    Index("ix_audit_who", "who", "number"),
    Index("ix_audit_subject", "subject", "number"),
)
"""One row for each thing that was seen or done, numbered 1, 2, 3 ...; triggers refuse every change of a row."""

START: Final = "0" * 64
"""What stands for the predecessor of the first row."""

_LOCK: Final = 0x61756469
"""Key of the PostgreSQL lock that the one writer at the end of the chain holds."""

_SAID: Final = ("at", "who", "how", "action", "subject", "reason", "details", "previous")
"""What the hash covers, as one JSON object with its names in order."""


@dataclass(frozen=True)
class Entry:
    """Something that was seen or done; `details` is JSON text."""

    at: datetime
    who: str
    how: str
    action: str
    subject: str
    reason: str | None = None
    details: str | None = None


@dataclass(frozen=True)
class Row:
    """An entry as it is kept."""

    number: int
    entry: Entry
    previous: str
    hash: str

    def own_hash(self) -> str:
        """What its hash has to be."""
        one = self.entry
        said = (microseconds(one.at), one.who, one.how, one.action, one.subject, one.reason, one.details, self.previous)
        return hash_of(dict(zip(_SAID, said, strict=True)))


@dataclass(frozen=True)
class Head:
    """The end of the chain: the number and the hash of its last row; 0 and START when there is none."""

    number: int = 0
    hash: str = START

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


def hash_of(said: dict[str, Any]) -> str:
    """SHA-256 of a row's content as JSON with its names in order, no blanks, UTF-8."""
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def add(connection: Connection, entry: Entry) -> Head:
    """Put an entry at the end of the chain within the caller's transaction; the new end."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    last = head(connection)
    row = Row(last.number + 1, entry, last.hash, "")
    new = Head(row.number, row.own_hash())
    values = {**vars(entry), "at": microseconds(entry.at), "previous": last.hash, "hash": new.hash}
    connection.execute(insert(AUDIT).values(number=new.number, **values))
    return new


def head(connection: Connection) -> Head:
    """The end of the chain."""
    query = select(AUDIT.c.number, AUDIT.c.hash).order_by(AUDIT.c.number.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return Head() if found is None else Head(found[0], found[1])


def number_of(connection: Connection, wanted: str) -> int | None:
    """The number of the row with this hash."""
    return connection.execute(select(AUDIT.c.number).where(AUDIT.c.hash == wanted)).scalar_one_or_none()


def hash_at(connection: Connection, number: int) -> str | None:
    """The hash of the row with this number."""
    return connection.execute(select(AUDIT.c.hash).where(AUDIT.c.number == number)).scalar_one_or_none()


def rows(connection: Connection) -> Iterator[Row]:
    """All rows in order of number."""
    for part in stream(connection, select(AUDIT).order_by(AUDIT.c.number)):
        yield from map(_row, part)


@dataclass(frozen=True)
class Wanted:
    """Which rows to show: of somebody, about something, of a kind of action, from a time on, numbered below."""

    who: str | None = None
    subject: str | None = None
    action: str | None = None
    since: datetime | None = None
    below: int | None = None


def latest(connection: Connection, wanted: Wanted, limit: int) -> list[Row]:
    """The latest rows wanted, the last first."""
    columns = AUDIT.c
    query = select(AUDIT).order_by(columns.number.desc()).limit(limit)
    if wanted.who is not None:
        query = query.where(columns.who == wanted.who)
    if wanted.subject is not None:
        query = query.where(columns.subject == wanted.subject)
    if wanted.action is not None:
        query = query.where(columns.action.startswith(wanted.action, autoescape=True))
    if wanted.since is not None:
        query = query.where(columns.at >= microseconds(wanted.since))
    if wanted.below is not None:
        query = query.where(columns.number < wanted.below)
    return [_row(row) for row in connection.execute(query)]


def _row(row: Any) -> Row:
    number, at, who, how, action, subject, reason, details, previous, own = row
    return Row(number, Entry(moment(at), who, how, action, subject, reason, details), previous, own)
