"""How often: requests of a key in a minute, and attempts to sign in that failed.

Requests are counted in each process by itself, so a server of several workers lets through up to so many times the
rate. Failed attempts are counted in the store, so they add up whichever worker they reach and survive a restart.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from serving.access.errors import TooOftenError
from serving.access.known import digest
from serving.store import Store
from serving.store import access as table

MEMORY: Final = timedelta(minutes=15)
"""A failed attempt counts for so long."""


class Rate:
    """Tokens in a bucket for each caller: a sixth of a minute's worth at once, refilled steadily."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self._clock, self._most, self._lock = clock, most, Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, rate: int) -> None:
        """Count a request of a caller who may make `rate` a minute. Raises TooOftenError with the time to wait."""
        burst, now = min(rate, max(10, rate // 6)), self._clock()
        with self._lock:
            left, at = self._left.get(who, (float(burst), now))
            left = min(float(burst), left + (now - at) * rate / 60)
            allowed = left >= 1
            self._left[who] = (left - 1 if allowed else left, now)
            self._left.move_to_end(who)
            while len(self._left) > self._most:
                self._left.popitem(last=False)
        if not allowed:
            raise TooOftenError(f"more than {rate:,} requests a minute; slow down", (1 - left) * 60 / rate)


@dataclass(frozen=True)
class Patience:
    """After `free` failures each further attempt waits: a second, two, four, at most `longest` seconds."""

    free: int
    longest: float

    def wait(self, failed: list[datetime], now: datetime) -> float:
        """Seconds until the next attempt."""
        over = len(failed) - self.free
        if over < 0:
            return 0.0
        return min(2.0 ** min(over, 30), self.longest) - (now - failed[-1]).total_seconds()


USER: Final = Patience(5, 60)
"""Not longer, or anybody could keep an officer out by failing in his name."""
ADDRESS: Final = Patience(30, 900)


class Attempts:
    """Attempts to sign in that failed, by name and by address; neither is kept in the clear."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, name: str, address: str, now: datetime) -> None:
        """Raise TooOftenError while this name or this address has to wait."""
        with self._store.reading() as connection:
            waits = [
                patience.wait(table.failures(connection, subject, now - MEMORY), now)
                for subject, patience in zip(_subjects(name, address), (USER, ADDRESS), strict=True)
            ]
        if max(waits) > 0:
            raise TooOftenError("too many attempts failed; wait before the next one", max(waits))

    def failed(self, name: str, address: str, now: datetime) -> None:
        """Count an attempt that failed."""
        with self._store.transaction() as connection:
            table.add_failure(connection, _subjects(name, address), now, now - MEMORY)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of this name; those of the address stay, for one account must not clear the others."""
        with self._store.transaction() as connection:
            table.forget_failures(connection, _subjects(name, address)[0])


def _subjects(name: str, address: str) -> tuple[str, str]:
    return digest(f"user:{name}"), digest(f"address:{address}")
