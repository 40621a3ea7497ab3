"""Officers' rules in the store: every text of every rule, and every change of its state, each a row that stays.

A rule is known by its id and the fingerprint of its text; another text under the same id is another version, of which
one at most is active. The state of a version is that of its last change. Knows nothing of who may change what.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Connection, Double, Index, Table, Text, UniqueConstraint, and_, func, insert, select
from sqlalchemy import Column as SqlColumn

from risk.rules import Rule
from serving.store.append import append, microseconds, moment
from serving.store.engine import StoreError
from serving.store.tables import METADATA, ORDERED_TEXT, SERIAL

RULES: Final = Table(
    "rules",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("rule_id", ORDERED_TEXT, nullable=False),
    SqlColumn("fingerprint", ORDERED_TEXT, nullable=False),
    SqlColumn("content", Text, nullable=False),
    SqlColumn("made_at", BigInteger, nullable=False),
    SqlColumn("made_by", Text, nullable=False),
    UniqueConstraint("rule_id", "fingerprint", name="uq_rules_content"),
)
"""One row for each text of a rule: its JSON, its lists included, and who brought it in."""

RULE_STATES: Final = Table(
    "rule_states",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("rule", BigInteger, nullable=False),
    SqlColumn("state", Text, nullable=False),
    SqlColumn("changed_at", BigInteger, nullable=False),
    SqlColumn("changed_by", Text, nullable=False),
    SqlColumn("reason", Text),
    SqlColumn("volume", Double),
    Index("ix_rule_states_rule", "rule", "id"),
)
"""One row for each change of a version: draft, active, retired. `volume` is the share of recent filings on which it
fired when it was activated, `reason` why it was activated in spite of that, or why it was retired."""


@dataclass(frozen=True)
class StoredRule:
    """A version of a rule and its state at a time: draft, active or retired."""

    number: int
    rule: Rule
    fingerprint: str
    made_at: datetime
    made_by: str
    state: str
    changed_at: datetime
    changed_by: str
    reason: str | None = None
    volume: float | None = None


def add(connection: Connection, rule: Rule, by: str, at: datetime) -> tuple[int, bool]:
    """Keep a rule as a draft; its number, and whether this text of it is new. A text known before stays as it is."""
    new = append(
        connection,
        RULES,
        {
            "rule_id": [rule.id],
            "fingerprint": [rule.fingerprint],
            "content": [rule.to_json()],
            "made_at": [microseconds(at)],
            "made_by": [by],
        },
    )
    wanted = and_(RULES.c.rule_id == rule.id, RULES.c.fingerprint == rule.fingerprint)
    number = connection.execute(select(RULES.c.id).where(wanted)).scalar_one()
    if new:
        change(connection, number, "draft", by, at)
    return number, bool(new)


def change(
    connection: Connection,
    number: int,
    state: str,
    by: str,
    at: datetime,
    reason: str | None = None,
    volume: float | None = None,
) -> None:
    """Append a change of state."""
    values = {"rule": number, "state": state, "changed_at": microseconds(at), "changed_by": by}
    connection.execute(insert(RULE_STATES).values(**values, reason=reason, volume=volume))


def lock(connection: Connection, rule_id: str) -> None:
    """Keep others from changing the versions of a rule until the transaction ends; SQLite lets one writer in anyway."""
    connection.execute(select(RULES.c.id).where(RULES.c.rule_id == rule_id).order_by(RULES.c.id).with_for_update())


def read(
    connection: Connection, *, rule_id: str | None = None, state: str | None = None, at: datetime | None = None
) -> list[StoredRule]:
    """The versions with their state (at a time, by default now), in the order in which they were brought in.

    Raises StoreError for a text that was altered after it was stored.
    """
    last = select(RULE_STATES.c.rule, func.max(RULE_STATES.c.id).label("id")).group_by(RULE_STATES.c.rule)
    if at is not None:
        last = last.where(RULE_STATES.c.changed_at <= microseconds(at))
    latest = last.subquery()
    query = (
        select(RULES, RULE_STATES.c.state, *(RULE_STATES.c[name] for name in _OF_STATE))
        .join(latest, latest.c.rule == RULES.c.id)
        .join(RULE_STATES, RULE_STATES.c.id == latest.c.id)
        .order_by(RULES.c.id)
    )
    if rule_id is not None:
        query = query.where(RULES.c.rule_id == rule_id)
    if state is not None:
        query = query.where(RULE_STATES.c.state == state)
    found = []
    for row in connection.execute(query).mappings():
        rule = Rule.from_json(row["content"])
        if rule.fingerprint != row["fingerprint"]:
            raise StoreError(
                f"The rule {row['rule_id']!r} in the store was altered: its text has the fingerprint "
                f"{rule.fingerprint}, {row['fingerprint']} was stored; bring it in again"
            )
        found.append(
            StoredRule(
                number=row["id"],
                rule=rule,
                fingerprint=row["fingerprint"],
                made_at=moment(row["made_at"]),
                made_by=row["made_by"],
                state=row["state"],
                changed_at=moment(row["changed_at"]),
                changed_by=row["changed_by"],
                reason=row["reason"],
                volume=row["volume"],
            )
        )
    return found


def latest_change(connection: Connection) -> int:
    """The number of the last change of any rule; 0 when there was none."""
    return int(connection.execute(select(func.max(RULE_STATES.c.id))).scalar() or 0)


_OF_STATE: Final = ("changed_at", "changed_by", "reason", "volume")
