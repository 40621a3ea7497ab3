"""The audit: who saw and did what, and why, in the same transaction as what it tells of.

`record` is called last in a transaction. `verify` reads the whole chain and says which row is not as it was
written; against a head kept outside the store it also sees that rows are missing at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from risk.errors import UsageError
from serving.access.principal import Principal
from serving.store import audit
from serving.store.audit import Entry, Head, Row

LONGEST: Final = 4_000
"""Characters of a reason or of details that are kept."""
MOST_FAULTS: Final = 20
"""Faults that are told one by one."""


def record(
    connection: Connection,
    principal: Principal,
    action: str,
    subject: str,
    reason: str | None = None,
    details: Any = None,
    *,
    now: datetime | None = None,
) -> Head:
    """Note what was seen or done; `action` like `worklist.claim`, `subject` an id, `details` whatever JSON can say.

    Holds the end of the chain until the transaction ends, so it comes last in it. Nothing secret belongs into it, and
    no name or address of a party: these go with the filings when they are old, the audit stays.
    """
    said = None
    if details is not None:
        said = orjson.dumps(details, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY, default=str).decode()
    entry = Entry(
        now or datetime.now(UTC), _kept(principal.id) or "", principal.how, action, _kept(subject) or "", _kept(reason),
        _kept(said),
    )  # fmt: skip
    return audit.add(connection, entry)


@dataclass
class Verdict:
    """What reading the chain showed: how many rows, its end, and what is wrong, the first first."""

    rows: int
    head: Head
    faults: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.count == 0

    def add(self, fault: str) -> None:
        """Note what is wrong."""
        self.count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def verify(
    connection: Connection, kept: Head | None = None, progress: Callable[[int], None] = lambda _: None
) -> Verdict:
    """Hold every row against its hash and its predecessor, and the chain against a head kept earlier."""
    found = Verdict(0, Head())
    last: Row | None = None
    for row in audit.rows(connection):
        _check(connection, found, row, last)
        last = row
        found.rows += 1
        if found.rows % 10_000 == 0:
            progress(found.rows)
    if last is not None:
        found.head = Head(last.number, last.hash)
    if kept is not None and kept.number:
        _check_kept(connection, found, kept)
    return found


def parse_head(text: str) -> Head:
    """A head as it is printed: NUMBER:HASH. Raises UsageError."""
    number, _, own = text.strip().partition(":")
    if not number.isdecimal() or len(own) != 64 or set(own) - set("0123456789abcdef"):
        raise UsageError(f"the head is {text!r}; expected is NUMBER:HASH as `risk audit head` prints it")
    return Head(int(number), own)


def _check(connection: Connection, found: Verdict, row: Row, last: Row | None) -> None:
    number = row.number
    before = Head() if last is None else Head(last.number, last.hash)
    if number != before.number + 1:
        gone = f"{before.number + 1}" if number == before.number + 2 else f"{before.number + 1} to {number - 1}"
        found.add(f"row {gone} is missing (removed)")
    if row.own_hash() != row.hash:
        found.add(f"row {number} was changed: {row.entry.action} of {row.entry.who} does not match its hash")
    if row.previous == before.hash:
        return
    other = audit.number_of(connection, row.previous)
    if other is not None:
        found.add(f"row {number} was written after row {other}, not after row {before.number}: moved or inserted")
    elif row.previous == audit.START:
        found.add(f"row {number} was written as the first one, not after row {before.number}: moved or inserted")
    elif number == before.number + 1:
        found.add(
            f"row {number} does not follow row {before.number}: the row it was written after was changed or removed"
        )


def _check_kept(connection: Connection, found: Verdict, kept: Head) -> None:
    own = audit.hash_at(connection, kept.number)
    if own is None:
        found.add(f"the kept head is row {kept.number}, the last row is {found.head.number}: the end was cut off")
    elif own != kept.hash:
        found.add(f"row {kept.number} is not the one that was kept: the chain was written anew")


def _kept(text: str | None) -> str | None:
    """Text that every database can hold, and not endlessly much of it."""
    if text is None:
        return None
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= LONGEST else clean[:LONGEST] + "…"
