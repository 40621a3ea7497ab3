"""Users, keys and sessions in the store. Of passwords, keys and sessions only hashes are kept; names are kept as given.

Times are microseconds since 1970 UTC. `roles` and `offices` are JSON lists, `offices` null for all. Knows nothing of
how a hash is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import Column as SqlColumn

from serving.store.append import append, microseconds, moment
from serving.store.tables import METADATA, ORDERED_TEXT, SERIAL

USERS: Final = Table(
    "users",
    METADATA,
    SqlColumn("name", ORDERED_TEXT, nullable=False),
    SqlColumn("password", Text, nullable=False),
    SqlColumn("roles", Text, nullable=False),
    SqlColumn("offices", Text),
    SqlColumn("disabled", Boolean, nullable=False),
    SqlColumn("made_at", BigInteger, nullable=False),
    SqlColumn("made_by", Text, nullable=False),
    SqlColumn("changed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", name="pk_users"),
)
"""One row for each person who signs in here."""

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    SqlColumn("prefix", ORDERED_TEXT, nullable=False),
    SqlColumn("secret", Text, nullable=False),
    SqlColumn("name", ORDERED_TEXT, nullable=False),
    SqlColumn("roles", Text, nullable=False),
    SqlColumn("offices", Text),
    SqlColumn("rate", BigInteger, nullable=False),
    SqlColumn("size", BigInteger, nullable=False),
    SqlColumn("made_at", BigInteger, nullable=False),
    SqlColumn("made_by", Text, nullable=False),
    SqlColumn("expires_at", BigInteger, nullable=False),
    SqlColumn("revoked_at", BigInteger),
    PrimaryKeyConstraint("prefix", name="pk_api_keys"),
    Index("ix_api_keys_name", "name"),
)
"""One row for each key of a system; several may have one name, so that a key can be changed without a pause.
`rate` is requests a minute, `size` bytes a body."""

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    SqlColumn("id_hash", ORDERED_TEXT, nullable=False),
    SqlColumn("user_name", ORDERED_TEXT, nullable=False),
    SqlColumn("begun_at", BigInteger, nullable=False),
    SqlColumn("seen_at", BigInteger, nullable=False),
    SqlColumn("ends_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id_hash", name="pk_sessions"),
    Index("ix_sessions_user_name", "user_name"),
)
"""One row for each browser signed in."""

FAILURES: Final = Table(
    "login_failures",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("subject", ORDERED_TEXT, nullable=False),
    SqlColumn("at", BigInteger, nullable=False),
    Index("ix_login_failures_subject", "subject", "at"),
)
"""One row for each failed attempt and each of its subjects (a hash of the user's name, of the address)."""


@dataclass(frozen=True)
class User:
    """A person who signs in; `password` is the hash."""

    name: str
    password: str
    roles: tuple[str, ...]
    offices: tuple[str, ...] | None
    disabled: bool
    made_at: datetime
    made_by: str


@dataclass(frozen=True)
class ApiKey:
    """A key of a system; `secret` is the hash."""

    prefix: str
    secret: str
    name: str
    roles: tuple[str, ...]
    offices: tuple[str, ...] | None
    rate: int
    size: int
    made_at: datetime
    made_by: str
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class Session:
    """A browser signed in, and the person."""

    user: User
    begun_at: datetime
    seen_at: datetime
    ends_at: datetime


def add_user(connection: Connection, new: User) -> bool:
    """Add a person; False when there is one of this name."""
    values = {
        "name": new.name,
        "password": new.password,
        "roles": _list(new.roles),
        "offices": None if new.offices is None else _list(new.offices),
        "disabled": new.disabled,
        "made_at": microseconds(new.made_at),
        "made_by": new.made_by,
        "changed_at": microseconds(new.made_at),
    }
    return bool(append(connection, USERS, {name: [value] for name, value in values.items()}))


def user(connection: Connection, name: str) -> User | None:
    """A person by name."""
    row = connection.execute(select(USERS).where(USERS.c.name == name)).mappings().one_or_none()
    return None if row is None else _user(row)


def users(connection: Connection) -> list[User]:
    """All people, by name."""
    return [_user(row) for row in connection.execute(select(USERS).order_by(USERS.c.name)).mappings()]


def count_users(connection: Connection) -> int:
    """How many people there are, whoever is disabled included."""
    return connection.execute(select(func.count()).select_from(USERS)).scalar_one()


def change_user(
    connection: Connection,
    name: str,
    at: datetime,
    *,
    password: str | None = None,
    roles: Sequence[str] | None = None,
    offices: Sequence[str] | bool | None = False,
    disabled: bool | None = None,
) -> bool:
    """Change what is given (`offices`: None for all); False when there is nobody of this name."""
    values: dict[str, Any] = {"changed_at": microseconds(at)}
    if password is not None:
        values["password"] = password
    if roles is not None:
        values["roles"] = _list(roles)
    if not isinstance(offices, bool):
        values["offices"] = None if offices is None else _list(offices)
    if disabled is not None:
        values["disabled"] = disabled
    return bool(connection.execute(update(USERS).where(USERS.c.name == name).values(values)).rowcount)


def add_key(connection: Connection, new: ApiKey) -> None:
    """Add a key."""
    values = {
        **vars(new),
        "roles": _list(new.roles),
        "offices": None if new.offices is None else _list(new.offices),
        "made_at": microseconds(new.made_at),
        "expires_at": microseconds(new.expires_at),
        "revoked_at": None,
    }
    connection.execute(insert(API_KEYS).values(values))


def key(connection: Connection, prefix: str) -> ApiKey | None:
    """A key by its public part."""
    row = connection.execute(select(API_KEYS).where(API_KEYS.c.prefix == prefix)).mappings().one_or_none()
    return None if row is None else _key(row)


def keys(connection: Connection) -> list[ApiKey]:
    """All keys, by name and time made."""
    query = select(API_KEYS).order_by(API_KEYS.c.name, API_KEYS.c.made_at, API_KEYS.c.prefix)
    return [_key(row) for row in connection.execute(query).mappings()]


def revoke(connection: Connection, prefix: str, at: datetime) -> bool:
    """Revoke a key for good; False when there is none, or it was revoked before."""
    wanted = (API_KEYS.c.prefix == prefix) & API_KEYS.c.revoked_at.is_(None)
    return bool(connection.execute(update(API_KEYS).where(wanted).values(revoked_at=microseconds(at))).rowcount)


def begin_session(connection: Connection, id_hash: str, name: str, at: datetime, ends_at: datetime) -> None:
    """Note that somebody signed in, and forget sessions that are over."""
    connection.execute(delete(SESSIONS).where(SESSIONS.c.ends_at < microseconds(at)))
    values = {"begun_at": microseconds(at), "seen_at": microseconds(at), "ends_at": microseconds(ends_at)}
    connection.execute(insert(SESSIONS).values(id_hash=id_hash, user_name=name, **values))


def session(connection: Connection, id_hash: str) -> Session | None:
    """A session with its person, whether it is over or not."""
    times = (SESSIONS.c.begun_at, SESSIONS.c.seen_at, SESSIONS.c.ends_at)
    query = select(USERS, *times).join(SESSIONS, SESSIONS.c.user_name == USERS.c.name)
    row = connection.execute(query.where(SESSIONS.c.id_hash == id_hash)).mappings().one_or_none()
    return None if row is None else Session(_user(row), *(moment(row[time.name]) for time in times))


def see_session(connection: Connection, id_hash: str, at: datetime) -> None:
    """Note that the session is in use."""
    connection.execute(update(SESSIONS).where(SESSIONS.c.id_hash == id_hash).values(seen_at=microseconds(at)))


def end_session(connection: Connection, id_hash: str) -> bool:
    """Forget a session; False when there was none."""
    return bool(connection.execute(delete(SESSIONS).where(SESSIONS.c.id_hash == id_hash)).rowcount)


def end_sessions_of(connection: Connection, name: str) -> int:
    """Sign somebody out everywhere."""
    return connection.execute(delete(SESSIONS).where(SESSIONS.c.user_name == name)).rowcount


def failures(connection: Connection, subject: str, since: datetime) -> list[datetime]:
    """When attempts of a subject failed, from a time on, the earliest first."""
    query = select(FAILURES.c.at).where(FAILURES.c.subject == subject, FAILURES.c.at >= microseconds(since))
    return [moment(row[0]) for row in connection.execute(query.order_by(FAILURES.c.at))]


def add_failure(connection: Connection, subjects: Sequence[str], at: datetime, forget: datetime) -> None:
    """Note a failed attempt, and forget those before a time."""
    connection.execute(delete(FAILURES).where(FAILURES.c.at < microseconds(forget)))
    connection.execute(insert(FAILURES), [{"subject": subject, "at": microseconds(at)} for subject in subjects])


def forget_failures(connection: Connection, subject: str) -> None:
    """Forget the failed attempts of a subject."""
    connection.execute(delete(FAILURES).where(FAILURES.c.subject == subject))


def _user(row: Any) -> User:
    return User(
        row["name"], row["password"], _tuple(row["roles"]) or (), _tuple(row["offices"]), row["disabled"],
        moment(row["made_at"]), row["made_by"],
    )  # fmt: skip


def _key(row: Any) -> ApiKey:
    times = {"made_at": moment(row["made_at"]), "expires_at": moment(row["expires_at"])}
    revoked = None if row["revoked_at"] is None else moment(row["revoked_at"])
    lists = {"roles": _tuple(row["roles"]) or (), "offices": _tuple(row["offices"])}
    return ApiKey(**{**row, **times, **lists, "revoked_at": revoked})


def _list(values: Sequence[str]) -> str:
    return orjson.dumps(sorted(set(values))).decode()


def _tuple(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(orjson.loads(text))
