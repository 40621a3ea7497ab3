"""Who asks: a person or a system, with what it may do and for which offices."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, field
from typing import Literal

from serving.access.roles import PEOPLE_ONLY, Permission, Role, rights_of

How = Literal["key", "session", "token", "local"]
"""By an API key, a session of the console, a bearer token of the identity provider, or at this machine's terminal."""

KEY_PREFIX = "key:"
"""What the id of a system begins with; no person's name may."""


@dataclass(frozen=True)
class Principal:
    """Who asks, as every record names it.

    `offices` are the customs offices in scope, None for all. What belongs to no office is seen with all offices only.
    `rate` is how many requests a minute are allowed, `size` how many bytes a body may have; None for no limit.
    """

    name: str
    roles: frozenset[Role]
    offices: frozenset[str] | None
    how: How
    key_id: str | None = None
    rate: int | None = field(default=None, compare=False)
    size: int | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """By which it is told apart in decisions, claims and the audit: the same however a person comes in."""
        return KEY_PREFIX + self.name if self.how == "key" else self.name

    @property
    def code(self) -> str:
        """The code of an officer in outcomes."""
        return self.id

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that it may do."""
        rights = rights_of(self.roles)
        return rights - PEOPLE_ONLY if self.how == "key" else rights

    def sees(self, office: str | None) -> bool:
        """Whether what belongs to an office (None or empty: to none) is in scope."""
        return self.offices is None or (bool(office) and office in self.offices)

    def may(self, permission: Permission | str, office: str | None = None) -> bool:
        """Whether it may do this, and, when an office is named, for that office."""
        return permission in self.permissions and (office is None or self.sees(office))


def local() -> Principal:
    """Who works at the terminal of this machine, under the name of the operating system.

    No roles: a command that needs none asks none, for whoever can write the store's file can do anything with it.
    """
    return Principal(getpass.getuser(), frozenset(), None, "local")
