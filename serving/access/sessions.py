"""Sessions of people in a browser: begun by a password, ended by signing out, by leaving it alone, or by time.

The browser holds 256 random bits in a cookie, the store their SHA-256. Signing in always begins a new session and
ends the one before. The token against forged requests is made of the session (HMAC), so nothing else has to be kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from serving import audit
from serving.access.errors import UnknownError
from serving.access.known import Known, digest
from serving.access.names import clean_name
from serving.access.passwords import check_password, outdated, rehash_password
from serving.access.principal import Principal
from serving.access.roles import Role
from serving.access.throttle import Attempts
from serving.store import Store
from serving.store import access as table
from serving.store.access import Session, User

RATE: Final = 1_200
"""Requests a minute of a person."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""That a session is in use is written down no more often."""


@dataclass(frozen=True)
class Begun:
    """A session that began: what the browser is to hold, until when at the latest, and who it is."""

    token: str
    ends_at: datetime
    principal: Principal


class Sessions:
    """Begins, finds and ends sessions. `idle` and `longest` are how long one lasts unused and at all."""

    def __init__(
        self, store: Store, idle: timedelta, longest: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._store, self._idle, self._longest, self._now = store, idle, longest, now
        self._attempts = Attempts(store)
        self.known: Known[Session] = Known()

    def begin(self, name: str, password: str, address: str, before: str | None = None) -> Begun:
        """Sign somebody in from an address; `before` is the session the browser still had.

        Raises UnknownError for a wrong name or password, alike in words and time; TooOftenError after many failures.
        """
        wanted, now = clean_name(name)[:64], self._now()
        self._attempts.check(wanted, address, now)
        with self._store.reading() as connection:
            user = None if "\0" in wanted else table.user(connection, wanted)
        if not check_password(None if user is None else user.password, password) or user is None or user.disabled:
            self._attempts.failed(wanted, address, now)
            self._note_failure(user, now)
            raise UnknownError("the name or the password is wrong")
        self._attempts.succeeded(wanted, address)
        token, ends_at = secrets.token_urlsafe(32), now + self._longest
        who = _principal(user)
        with self._store.transaction() as connection:
            if before:
                table.end_session(connection, digest(before))
            if outdated(user.password):
                table.change_user(connection, user.name, now, password=rehash_password(password))
            table.begin_session(connection, digest(token), user.name, now, ends_at)
            audit.record(connection, who, "session.begin", user.name, now=now)
        if before:
            self.known.forget(digest(before))
        return Begun(token, ends_at, who)

    def at_hand(self, token: str) -> Principal | None:
        """Who it is, if that was found out a moment ago."""
        found = self.known.fresh(digest(token))
        return _principal(found.user) if found is not None and self._lasts(found, self._now()) else None

    def find(self, token: str) -> Principal:
        """Who it is; asks the store. Raises UnknownError when the session is over."""
        held, now = digest(token), self._now()
        with self._store.reading() as connection:
            found = table.session(connection, held)
        if found is None or found.user.disabled or not self._lasts(found, now):
            self.known.forget(held)
            raise UnknownError("you are not signed in, or the session is over; sign in again")
        if now - found.seen_at >= SEEN_EVERY:
            with self._store.transaction() as connection:
                table.see_session(connection, held, now)
        self.known.put(held, found)
        return _principal(found.user)

    def end(self, token: str) -> None:
        """Sign somebody out."""
        held, now = digest(token), self._now()
        self.known.forget(held)
        with self._store.transaction() as connection:
            found = table.session(connection, held)
            if found is not None:
                table.end_session(connection, held)
                audit.record(connection, _principal(found.user), "session.end", found.user.name, now=now)

    def _lasts(self, session: Session, now: datetime) -> bool:
        # The last use may be noted up to SEEN_EVERY late.
        return now < session.ends_at and now - session.seen_at < self._idle + SEEN_EVERY and not _ahead(session, now)

    def _note_failure(self, user: User | None, now: datetime) -> None:
        """Only names that there are: what else is typed there may be a password."""
        subject = "unknown" if user is None else user.name
        nobody = Principal("unknown", frozenset(), frozenset(), "session")
        with self._store.transaction() as connection:
            audit.record(connection, nobody, "session.refused", subject, now=now)


def forgery_token(token: str) -> str:
    """What a form or a script must send beside the cookie of this session."""
    return hmac.new(token.encode(), b"forgery", hashlib.sha256).hexdigest()


def _ahead(session: Session, now: datetime) -> bool:
    """A session of a clock that has been set back by more than a day is over."""
    return session.begun_at - now > timedelta(days=1)


def _principal(user: User) -> Principal:
    offices = None if user.offices is None else frozenset(user.offices)
    return Principal(user.name, frozenset(map(Role, user.roles)), offices, "session", rate=RATE)
