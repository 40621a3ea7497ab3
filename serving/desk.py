"""What a person does at the desk, from the API or the console: in one transaction the check of the office, the act, and
its note in the audit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from serving.access.dependencies import see_office
from serving.access.principal import Principal
from serving.audit import record
from serving.day_work import Draw, NotThereError, answer, select_day
from serving.store import Store, claims, worklist
from serving.store.claims import Claim


def entry_of(connection: Connection, who: Principal, consignment_id: str) -> dict[str, Any]:
    """The worklist's entry of a consignment that this person may see. Raises NotThereError, or 403 of the web."""
    entry = worklist.one(connection, consignment_id)
    if entry is None:
        raise NotThereError(f"no consignment {consignment_id} is on the worklist")
    see_office(who, entry["office"])
    return entry


def claim(store: Store, who: Principal, consignment_id: str, now: datetime, lasts: timedelta) -> Claim:
    """Take a consignment to work on; the claim in force afterwards, which is another's when it was held."""
    with store.transaction() as connection:
        entry_of(connection, who, consignment_id)
        held = claims.claim(connection, consignment_id, who.id, now, lasts)
        if held.claimed_by == who.id:
            record(connection, who, "worklist.claim", consignment_id)
    return held


def make_selection(store: Store, who: Principal, office: str, day: str, draw: Draw, now: datetime) -> dict[str, Any]:
    """Make the day's selection of an office; given as it was when it had been made before (`new` is False)."""
    see_office(who, office)
    with store.transaction() as connection:
        made = select_day(connection, office, day, draw, who.id, now)
        if made["new"]:
            record(connection, who, "selection.make", f"{office} {day}", None, {"inspections": made["inspections"]})
    return made


def answer_override(
    store: Store, who: Principal, number: int, *, confirm: bool, reason: str, now: datetime
) -> dict[str, Any]:
    """Say as a second person what becomes of an override. Raises NotThereError, ClashError."""
    action = "worklist.confirm" if confirm else "worklist.refuse"
    return answer(
        store,
        number,
        confirm=confirm,
        reason=reason,
        who=who.id,
        now=now,
        offices=lambda entry: see_office(who, entry["office"]),
        noted=lambda connection, made: record(
            connection, who, action, made["consignment_id"], reason, {"answers": number}
        ),
    )
