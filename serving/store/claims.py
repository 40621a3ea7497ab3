"""Who holds which consignment: one officer at a time, and not for ever.

A claim is one statement that takes the row only where nobody else holds it, so the database itself decides between
two officers at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from serving.store.append import microseconds, moment
from serving.store.work import CLAIMS


@dataclass(frozen=True)
class Claim:
    """Who holds a consignment, since when and until when (UTC)."""

    consignment_id: str
    claimed_by: str
    claimed_at: datetime
    expires_at: datetime


def claim(connection: Connection, consignment_id: str, who: str, now: datetime, lasts: timedelta) -> Claim:
    """Take a consignment, or keep it longer; the claim in force afterwards, which is another's when it was held."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(CLAIMS)
    columns, taken = CLAIMS.c, microseconds(now)
    statement = insert.values(
        consignment_id=consignment_id, claimed_by=who, claimed_at=taken, expires_at=microseconds(now + lasts)
    )
    statement = statement.on_conflict_do_update(
        index_elements=[columns.consignment_id],
        set_={name: statement.excluded[name] for name in ("claimed_by", "claimed_at", "expires_at")},
        where=or_(columns.expires_at <= taken, columns.claimed_by == who),
    )
    connection.execute(statement)
    held = holder(connection, consignment_id)
    assert held is not None
    return held


def holder(connection: Connection, consignment_id: str, now: datetime | None = None) -> Claim | None:
    """The claim on a consignment; with `now`, only when it has not run out."""
    query = select(*CLAIMS.columns).where(CLAIMS.c.consignment_id == consignment_id)
    if now is not None:
        query = query.where(CLAIMS.c.expires_at > microseconds(now))
    row = connection.execute(query).one_or_none()
    return None if row is None else Claim(row[0], row[1], moment(row[2]), moment(row[3]))


def release(connection: Connection, consignment_id: str, who: str | None = None) -> bool:
    """Give a consignment back; whether there was a claim (of `who`, when given)."""
    statement = delete(CLAIMS).where(CLAIMS.c.consignment_id == consignment_id)
    if who is not None:
        statement = statement.where(CLAIMS.c.claimed_by == who)
    return connection.execute(statement).rowcount > 0
