"""Who asks, and may they: what routes need of access. Every route declares a permission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException
from sqlalchemy import Connection


@dataclass(frozen=True)
class Principal:
    """Stand-in until access is there."""

    id: str = "local"
    code: str = "local"
    offices: frozenset[str] | None = None


def require(permission: str) -> Callable[..., Principal]:
    """Stand-in until access is there."""

    def who() -> Principal:
        return Principal()

    return who


def record(connection: Connection, who: Principal, action: str, subject: str, reason: str | None = None,
           details: Any = None) -> None:  # fmt: skip
    """Stand-in until access is there."""


def may_see(who: Principal, office: str | None) -> None:
    """Raise unless the office is one of theirs; what is of no office is seen by those of all offices only."""
    if who.offices is not None and (office or "") not in who.offices:
        raise HTTPException(403, "this consignment belongs to an office outside your scope")
