"""What a key of a system has when nothing else is said: days until it ends, requests a minute, bytes of a body."""

from __future__ import annotations

from typing import Final

DAYS: Final = 365
RATE: Final = 6_000
SIZE: Final = 100_000_000
