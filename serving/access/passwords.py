"""Passwords of people and secrets of keys: argon2id hashes, checked a few at a time.

A password is stretched with the library's defaults (64 MiB, three passes, RFC 9106's second choice). The secret of a
key is 256 random bits, which need no stretching; its hash is made lightly so that a flood of wrong keys costs little.
"""

from __future__ import annotations

import secrets
from functools import cache
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from risk.errors import UsageError

SHORTEST: Final = 12
LONGEST: Final = 256
_PEOPLE: Final = PasswordHasher()
_SYSTEMS: Final = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)
_AT_ONCE: Final = BoundedSemaphore(2)
"""Each check takes memory and a core; more than these wait."""


def hash_password(password: str, name: str) -> str:
    """The hash to keep of somebody's password. Raises UsageError for one that is too easily guessed or endless."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}")
    told = len(name) >= 4 and name.lower() in password.lower()  # shorter ones come by chance
    if told or len(set(password)) < 5:
        raise UsageError("the password contains the name or hardly any different characters; take another one")
    with _AT_ONCE:
        return _PEOPLE.hash(password)


def check_password(kept: str | None, password: str) -> bool:
    """Whether this is the password; takes as long for somebody who is not there (`kept` None)."""
    with _AT_ONCE:
        return _fits(_PEOPLE, kept or _nobody(), password[: LONGEST + 1]) and kept is not None


def outdated(kept: str) -> bool:
    """Whether the hash was made with weaker settings than those of today."""
    return _PEOPLE.check_needs_rehash(kept)


def rehash_password(password: str) -> str:
    """The hash of a password that was in force already, with the settings of today."""
    with _AT_ONCE:
        return _PEOPLE.hash(password)


def new_password() -> str:
    """A password nobody chose: 120 random bits."""
    return secrets.token_urlsafe(15)


def hash_secret(secret: str) -> str:
    """The hash to keep of a key's secret."""
    return _SYSTEMS.hash(secret)


def check_secret(kept: str, secret: str) -> bool:
    """Whether this is the secret of the key."""
    with _AT_ONCE:
        return _fits(_SYSTEMS, kept, secret)


def _fits(hasher: PasswordHasher, kept: str, given: str) -> bool:
    try:
        return hasher.verify(kept, given)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _PEOPLE.hash(secrets.token_urlsafe(16))
