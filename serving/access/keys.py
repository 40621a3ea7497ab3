"""API keys of systems: `risk_PREFIX_SECRET`. The prefix is public and finds the row; of the secret a hash is kept.

A key is shown once, when it is made. It ends at a time, can be revoked, and carries roles, offices, a rate and a size.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from risk.errors import UsageError
from serving import audit
from serving.access.errors import UnknownError
from serving.access.known import Known, digest
from serving.access.limits import DAYS, RATE, SIZE
from serving.access.names import checked_name, checked_offices, checked_roles
from serving.access.passwords import check_secret, hash_secret
from serving.access.principal import Principal
from serving.access.roles import Role
from serving.store import Store
from serving.store import access as table
from serving.store.access import ApiKey

START: Final = "risk_"


@dataclass(frozen=True)
class Wanted:
    """A key to be made: for a system, with these roles, offices (None for all) and limits."""

    name: str
    roles: Sequence[str]
    offices: Sequence[str] | None
    days: int = DAYS
    rate: int = RATE
    size: int = SIZE


def add(store: Store, wanted: Wanted, by: Principal, now: datetime) -> tuple[ApiKey, str]:
    """Make a key; the row and the key itself, which is never seen again. Raises UsageError."""
    for what, number in (("days", wanted.days), ("rate", wanted.rate), ("size", wanted.size)):
        if number < 1:
            raise UsageError(f"the {what} of a key is {number}; at least 1 is expected")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    made = ApiKey(
        prefix, hash_secret(secret), checked_name(wanted.name), checked_roles(wanted.roles),
        checked_offices(wanted.offices), wanted.rate, wanted.size, now, by.id, now + timedelta(days=wanted.days), None,
    )  # fmt: skip
    with store.transaction() as connection:
        table.add_key(connection, made)
        details = {"name": made.name, "roles": made.roles, "offices": made.offices, "days": wanted.days}
        audit.record(connection, by, "key.add", prefix, None, details, now=now)
    return made, f"{START}{prefix}_{secret}"


def revoke(store: Store, prefix: str, by: Principal, now: datetime, reason: str | None = None) -> None:
    """Revoke a key for good; it is out of use within seconds. Raises UsageError when there is none in force."""
    with store.transaction() as connection:
        if not table.revoke(connection, prefix, now):
            raise UsageError(f"there is no key {prefix} in force; `risk keys list` shows them")
        audit.record(connection, by, "key.revoke", prefix, reason, now=now)


def listed(store: Store) -> list[ApiKey]:
    """All keys, by name and time made."""
    with store.reading() as connection:
        return table.keys(connection)


class Keys:
    """Finds out which system a key stands for."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store, self._now = store, now
        self.known: Known[ApiKey] = Known()

    def at_hand(self, given: str) -> Principal | None:
        """The system, if it was found out a moment ago and the key has not ended since."""
        found = self.known.fresh(digest(given))
        return _principal(found) if found is not None and found.expires_at > self._now() else None

    def find(self, given: str) -> Principal:
        """The system; asks the store. Raises UnknownError, the same for every kind of bad key."""
        held = digest(given)
        prefix, _, secret = given.removeprefix(START).partition("_")
        with self._store.reading() as connection:
            row = table.key(connection, prefix) if prefix and secret and "\0" not in prefix else None
        before = self.known.held(held)
        good = row is not None and row.revoked_at is None and row.expires_at > self._now()
        # What was checked before needs no second check while the hash in the store is the same.
        if (
            row is None
            or not good
            or not ((before and before.secret == row.secret) or check_secret(row.secret, secret))
        ):
            self.known.forget(held)
            raise UnknownError("the key is not known, has ended or was revoked")
        self.known.put(held, row)
        return _principal(row)


def _principal(row: ApiKey) -> Principal:
    offices = None if row.offices is None else frozenset(row.offices)
    return Principal(row.name, frozenset(map(Role, row.roles)), offices, "key", row.prefix, row.rate, row.size)
