"""A rule as data: what it says, when it fires, and who answers for it. Made by `rule_file`, kept as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final

import orjson

LANES: Final = ("red", "yellow", "blue")
"""The lanes that a rule can propose; it never proposes to let something go."""
STRENGTHS: Final = ("weak", "medium", "strong")


@dataclass(frozen=True)
class Rule:
    """An officer's rule.

    statement   one sentence for the officer who meets the shipment
    when        the condition; see docs/rules.md
    share       so many per cent of the consignments that match, chosen by a hash of rule and consignment
    expires     the last day (UTC, by the time of filing) on which it fires; None for no end
    offices     customs offices at which it applies; all when empty
    lists       values by the name under which the condition asks for them
    """

    id: str
    statement: str
    when: str
    lane: str = "yellow"
    strength: str = "medium"
    author: str = ""
    reason: str = ""
    share: float = 100.0
    expires: date | None = None
    offices: tuple[str, ...] = ()
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The rule as JSON text, the same for the same rule."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS).decode()

    @classmethod
    def from_json(cls, text: str) -> Rule:
        """The rule that `to_json` wrote."""
        entry: dict[str, Any] = orjson.loads(text)
        expires = entry.pop("expires")
        return cls(
            **{
                **entry,
                "expires": None if expires is None else date.fromisoformat(expires),
                "offices": tuple(entry["offices"]),
                "lists": {name: tuple(values) for name, values in entry["lists"].items()},
            }
        )

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over all that the rule says, its lists included."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]
