"""Refusals of the gate, each with the status that the web gives it."""

from __future__ import annotations

from risk.errors import RiskError


class AccessError(RiskError):
    """A request is not let in. The sentence never says whether a name, a key or a password was the wrong one."""

    status = 403


class UnknownError(AccessError):
    """Who asks is not known, or no longer."""

    status = 401


class TooOftenError(AccessError):
    """Too many requests or attempts; try again after `seconds`."""

    status = 429

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = max(1, round(seconds + 0.5))


class TooLargeError(AccessError):
    """More bytes than this key may send."""

    status = 413
