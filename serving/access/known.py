"""What was found out about a credential a moment ago, so that not every request asks the store.

Held in memory by the SHA-256 of the credential, never by the credential. Whatever is older than FRESH seconds is asked
for again, so a key that is revoked, a person who is disabled or a session that ended elsewhere is out within FRESH.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

FRESH: Final = 2.0
MOST: Final = 10_000
"""So many credentials are held; the one used longest ago goes first."""

Found = TypeVar("Found")


def digest(credential: str) -> str:
    """By which a credential is held in memory and, of sessions, in the store."""
    return hashlib.sha256(credential.encode("utf-8", "surrogateescape")).hexdigest()


class Known(Generic[Found]):
    """Credentials found good, each with what was found and when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._held: OrderedDict[str, tuple[float, Found]] = OrderedDict()

    def fresh(self, key: str) -> Found | None:
        """What was found, if that is not long ago."""
        with self._lock:
            held = self._held.get(key)
        return held[1] if held is not None and self._clock() - held[0] < FRESH else None

    def held(self, key: str) -> Found | None:
        """What was found, however long ago: to be asked for again before it is trusted."""
        with self._lock:
            held = self._held.get(key)
        return None if held is None else held[1]

    def put(self, key: str, found: Found) -> None:
        """Hold what was found just now."""
        with self._lock:
            self._held[key] = (self._clock(), found)
            self._held.move_to_end(key)
            while len(self._held) > MOST:
                self._held.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget a credential."""
        with self._lock:
            self._held.pop(key, None)
