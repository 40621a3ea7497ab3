"""Bearer tokens of an OpenID Connect provider, checked against its keys.

Accepted is one algorithm, one issuer, one audience; signature, expiry and time of issue are checked by the library.
The keys come from a file or from a URL of the issuer itself: no token can name another place to fetch them from, and a
redirect is not followed. Roles that are not ours are left out; without an offices claim nothing of any office is seen.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from risk.errors import UsageError
from serving.access.errors import UnknownError
from serving.access.principal import KEY_PREFIX, Principal
from serving.access.roles import Role
from serving.access.sessions import RATE

LONGEST: Final = 16_384
LEEWAY: Final = timedelta(seconds=30)
"""So much may the clocks of the two differ."""
_KEEP: Final = 3_600.0
_AGAIN: Final = 60.0
"""Seconds for which keys are kept, and after which a key not among them is looked for again."""
_LARGEST: Final = 1_000_000
_EVERY_OFFICE: Final = "*"


@dataclass(frozen=True)
class Issuer:
    """Who issues the tokens and what they must say. `keys` is a file, or a URL of the issuer's own origin."""

    issuer: str
    audience: str
    keys: str
    algorithm: str = "RS256"
    name_claim: str = "sub"
    roles_claim: str = "roles"
    offices_claim: str = "offices"

    def __post_init__(self) -> None:
        """Raises UsageError for keys that would come from anywhere else, or over an open line."""
        if "://" not in self.keys:
            return
        own, keys = urlsplit(self.issuer), urlsplit(self.keys)
        if (own.scheme, own.netloc) != (keys.scheme, keys.netloc):
            raise UsageError(
                f"RISK_OIDC_KEYS is {self.keys!r}; expected is a file or a URL of the issuer itself, {self.issuer}"
            )
        if keys.scheme != "https" and keys.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise UsageError(f"RISK_OIDC_KEYS is {self.keys!r}; expected is https")


class Tokens:
    """Finds out whom a token stands for."""

    def __init__(self, issuer: Issuer, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._clock, self._lock = issuer, clock, Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at: float | None = None

    def find(self, token: str) -> Principal:
        """The person a token names. Raises UnknownError, whatever is wrong with it."""
        own = self._issuer
        if len(token) > LONGEST:
            raise UnknownError("the token is too long")
        try:
            number = jwt.get_unverified_header(token).get("kid")
            claims = jwt.decode(
                token,
                self._key(number if isinstance(number, str) else ""),
                algorithms=[own.algorithm],
                issuer=own.issuer,
                audience=own.audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud"], "strict_aud": False},
            )
        except jwt.PyJWTError:
            raise UnknownError("the token is not one of the issuer's for this service, or has ended") from None
        return _principal(claims, own)

    def _key(self, number: str) -> jwt.PyJWK:
        """The issuer's key of this number; the only one, where a token names none."""
        with self._lock:
            age = None if self._read_at is None else self._clock() - self._read_at
            known = self._pick(number)
            if age is None or age > _KEEP or (known is None and age > _AGAIN):
                self._read_at = self._clock()
                self._keys = _read(self._issuer) or self._keys
                known = self._pick(number)
        if known is None:
            raise UnknownError("the token is signed with a key that the issuer does not have")
        return known

    def _pick(self, number: str) -> jwt.PyJWK | None:
        if number:
            return self._keys.get(number)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None


def _principal(claims: Mapping[str, Any], own: Issuer) -> Principal:
    name = _claim(claims, own.name_claim)
    if not isinstance(name, str) or not name.strip() or len(name) > 200 or name.lower().startswith(KEY_PREFIX):
        raise UnknownError(f"the token names nobody in {own.name_claim}")
    known = set(Role)
    roles = frozenset(Role(role) for role in _words(_claim(claims, own.roles_claim)) if role in known)
    offices = frozenset(_words(_claim(claims, own.offices_claim)))
    return Principal(name.strip(), roles, None if _EVERY_OFFICE in offices else offices, "token", rate=RATE)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, else by a path of names."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _words(claim: Any) -> list[str]:
    """A list of texts, or the words of one."""
    if isinstance(claim, str):
        return claim.split()
    return [one for one in claim if isinstance(one, str)] if isinstance(claim, list) else []


def _read(own: Issuer) -> dict[str, jwt.PyJWK]:
    """The issuer's keys for signatures by number; none when they cannot be read."""
    try:
        content = _fetch(own.keys) if "://" in own.keys else Path(own.keys).read_bytes()
        entries = json.loads(content)["keys"]
        found = {}
        for entry in entries:
            if entry.get("use", "sig") == "sig" and entry.get("alg", own.algorithm) == own.algorithm:
                try:
                    found[str(entry.get("kid", ""))] = jwt.PyJWK(entry, own.algorithm)
                except jwt.PyJWTError:
                    continue  # a key of another kind is none of ours
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _fetch(url: str) -> bytes:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    with urllib.request.build_opener(Stay).open(url, timeout=5) as answer:
        return bytes(answer.read(_LARGEST))
