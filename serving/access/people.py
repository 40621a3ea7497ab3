"""The people who sign in here: added, changed and disabled, each change in the audit with it.

Whoever is changed is signed out everywhere, so that old rights end with the session that had them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from risk.errors import UsageError
from serving import audit
from serving.access.names import checked_name, checked_offices, checked_roles, clean_name
from serving.access.passwords import hash_password
from serving.access.principal import Principal
from serving.store import Store
from serving.store import access as table
from serving.store.access import User


def add(
    store: Store, name: str, password: str, roles: Sequence[str], offices: Sequence[str] | None, by: Principal,
    now: datetime,
) -> User:  # fmt: skip
    """Add a person (`offices`: None for all). Raises UsageError when the name is taken or anything is off."""
    wanted = checked_name(name)
    new = User(
        wanted, hash_password(password, wanted), checked_roles(roles), checked_offices(offices), False, now, by.id
    )
    with store.transaction() as connection:
        if not table.add_user(connection, new):
            raise UsageError(f"there is somebody named {wanted} already; `risk users role` and `password` change them")
        details = {"roles": new.roles, "offices": new.offices}
        audit.record(connection, by, "user.add", wanted, None, details, now=now)
    return new


def set_password(store: Store, name: str, password: str, by: Principal, now: datetime) -> None:
    """Give somebody another password. Raises UsageError."""
    hashed = hash_password(password, clean_name(name))
    _change(store, name, by, now, "user.password", None, {}, password=hashed)


def set_roles(store: Store, name: str, roles: Sequence[str], by: Principal, now: datetime,
              offices: Sequence[str] | bool | None = False) -> None:  # fmt: skip
    """Give somebody these roles instead, and these offices unless `offices` is False. Raises UsageError."""
    given: dict[str, Any] = {"roles": checked_roles(roles)}
    if not isinstance(offices, bool):
        given["offices"] = checked_offices(offices)
    _change(store, name, by, now, "user.role", None, given, **given)


def set_disabled(
    store: Store, name: str, disabled: bool, by: Principal, now: datetime, reason: str | None = None
) -> None:
    """Let somebody in no more, or again; the row stays, for the audit names it. Raises UsageError."""
    _change(store, name, by, now, "user.disable" if disabled else "user.enable", reason, {}, disabled=disabled)


def listed(store: Store) -> list[User]:
    """Everybody, by name."""
    with store.reading() as connection:
        return table.users(connection)


def anybody(connection: Connection) -> bool:
    """Whether there is anybody who could sign in."""
    return table.count_users(connection) > 0


def _change(
    store: Store, name: str, by: Principal, now: datetime, action: str, reason: str | None, details: dict[str, Any],
    **changes: Any,
) -> None:  # fmt: skip
    wanted = clean_name(name)
    with store.transaction() as connection:
        if not table.change_user(connection, wanted, now, **changes):
            raise UsageError(f"there is nobody named {wanted}; `risk users list` shows everybody")
        table.end_sessions_of(connection, wanted)
        audit.record(connection, by, action, wanted, reason, details or None, now=now)
