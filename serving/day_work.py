"""A day's work at an office: its selection under capacity, and officers' overrides of lanes.

Everything decided is a row that stays; the worklist shows what is in force. Knows nothing of the web.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from risk.errors import RiskError, UsageError
from risk.selection import LANES, select
from serving.store import Store, decisions, worklist
from serving.store.append import microseconds


class NotThereError(RiskError):
    """What was asked for is not in the store."""


class ClashError(RiskError):
    """What was asked for does not go with how things are."""


@dataclass(frozen=True)
class Draw:
    """A day's selection: inspections (a share below 1, else a number), the seed and the share drawn at random."""

    capacity: float
    seed: int
    random_share: float


def select_day(connection: Connection, office: str, day: str, draw: Draw, who: str, now: datetime) -> dict[str, Any]:
    """Select among the open consignments of an office and day whose lane was not decided; once a day.

    Each of them gets a decision with its lane and propensity. A second call gives the selection that was made.
    """
    entries = worklist.day_of(connection, office, day)
    ids = [entry["consignment_id"] for entry in entries]
    chosen = select(
        ids,
        np.array([entry["probability"] for entry in entries], np.float64),
        np.array([entry["raw_score"] for entry in entries], np.float64),
        capacity=draw.capacity,
        seed=draw.seed,
        random_share=draw.random_share,
    )
    number = decisions.begin_selection(
        connection,
        office=office,
        day=day,
        capacity=draw.capacity,
        seed=draw.seed,
        random_share=draw.random_share,
        consignments=len(ids),
        inspections=chosen.capacity,
        made_at=now,
        made_by=who,
    )
    if number is not None and ids:
        lanes, by, propensity = chosen.lane.tolist(), chosen.selected_by.tolist(), chosen.propensity.tolist()
        n = len(ids)
        decisions.add_all(
            connection,
            {
                "consignment_id": ids,
                "assessment_id": [entry["assessment_id"] for entry in entries],
                "kind": ["selection"] * n,
                "lane": lanes,
                "lane_before": [entry["lane"] for entry in entries],
                "selected_by": by,
                "propensity": propensity,
                "decided_at": [microseconds(now)] * n,
                "decided_by": [who] * n,
                "selection_id": [number] * n,
            },
        )
        new = {"consignment_id": ids, "lane": lanes, "selected_by": by, "propensity": propensity}
        worklist.set_lanes(connection, new, "selection")
    made = decisions.selection(connection, office, day)
    assert made is not None
    return {**made, "new": number is not None}


@dataclass(frozen=True)
class Override:
    """Another lane for a consignment, and why. `level`: from this probability on, leaving red takes two people."""

    consignment_id: str
    lane: str
    reason: str
    level: float


def override(connection: Connection, wanted: Override, who: str, now: datetime) -> dict[str, Any]:
    """Put a consignment into another lane, or ask for it where a second person has to confirm; the decision.

    A second person is needed to take a consignment out of red when its probability is at least the level, or when
    it was drawn at random: to leave those out would bias what is learned. Raises NotThereError, ClashError.
    """
    if wanted.lane not in LANES:
        raise UsageError(f"the lane is {wanted.lane!r}; expected is one of {', '.join(LANES)}")
    entry = worklist.one(connection, wanted.consignment_id, lock=True)
    if entry is None:
        raise NotThereError(f"no consignment {wanted.consignment_id} is on the worklist")
    if entry["lane"] == wanted.lane:
        raise ClashError(f"{wanted.consignment_id} is in the lane {wanted.lane} already")
    grave = entry["probability"] >= wanted.level or entry["selected_by"] == "random"
    asked = entry["lane"] == "red" and grave
    number = decisions.add(
        connection,
        consignment_id=wanted.consignment_id,
        assessment_id=entry["assessment_id"],
        kind="asked" if asked else "override",
        lane=wanted.lane,
        lane_before=entry["lane"],
        selected_by=None if asked else "officer",
        decided_at=now,
        decided_by=who,
        reason=wanted.reason,
    )
    if not asked:
        _put(connection, wanted.consignment_id, wanted.lane)
    made = decisions.one(connection, number)
    assert made is not None
    return made


def answer(store: Store, number: int, *, confirm: bool, reason: str, who: str, now: datetime,
           offices: Any = None, noted: Any = None) -> dict[str, Any]:  # fmt: skip
    """What a second person says of an override that was asked for; the decision. Said once, by somebody else.

    `offices` raises for an entry of the worklist that this person may not see, `noted` writes the audit.
    Raises NotThereError, ClashError.
    """
    try:
        with store.transaction() as connection:
            asked = decisions.one(connection, number)
            if asked is None or asked["kind"] != "asked":
                raise NotThereError(f"there is no override {number} that waits for a second person")
            entry = worklist.one(connection, asked["consignment_id"], lock=True)
            if entry is None:
                raise NotThereError(f"no consignment {asked['consignment_id']} is on the worklist")
            if decisions.answer_to(connection, number) is not None:
                raise ClashError(f"override {number} was answered already")
            if offices is not None:
                offices(entry)
            if asked["decided_by"] == who:
                raise ClashError(f"override {number} was asked for by {who}; somebody else has to answer it")
            if confirm and entry["lane"] != asked["lane_before"]:
                raise ClashError(f"the lane of {asked['consignment_id']} has changed to {entry['lane']} meanwhile")
            made = decisions.add(
                connection,
                consignment_id=asked["consignment_id"],
                assessment_id=asked["assessment_id"],
                kind="confirmed" if confirm else "refused",
                lane=asked["lane"] if confirm else entry["lane"],
                lane_before=entry["lane"],
                selected_by="officer" if confirm else entry["selected_by"],
                decided_at=now,
                decided_by=who,
                reason=reason,
                answers=number,
            )
            if confirm:
                _put(connection, asked["consignment_id"], asked["lane"])
            found = decisions.one(connection, made)
            assert found is not None
            if noted is not None:
                noted(connection, found)
            return found
    except IntegrityError:
        raise ClashError(f"override {number} was answered already") from None


def _put(connection: Connection, consignment_id: str, lane: str) -> None:
    columns: dict[str, list[Any]] = {
        "consignment_id": [consignment_id],
        "lane": [lane],
        "selected_by": ["officer"],
        "propensity": [None],
    }
    worklist.set_lanes(connection, columns, "override")


RESULT_REASONS: Final = {"random": "random", "risk": "model", "officer": "officer"}
"""What selected a consignment, as its outcome says it."""


def why_selected(entry: dict[str, Any] | None) -> tuple[str | None, float | None]:
    """Selection reason and probability of an inspection, from the worklist."""
    if entry is None or entry["selected_by"] is None:
        return None, None
    return RESULT_REASONS.get(entry["selected_by"]), entry["propensity"]
