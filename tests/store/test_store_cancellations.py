"""What messages took back, on both databases: kept once, in force until the consignment is filed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from risk.manifests import Cancellation
from serving.store import Store, cancellations, worklist
from serving.store.tables import FILINGS
from serving.store.work import WORKLIST

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute, microseconds=7)


def lines(rows: set[tuple[str, int]]) -> pd.DataFrame:
    """A filing of each consignment at each minute, versions in order of time."""
    frame = pd.DataFrame(sorted(rows), columns=["consignment_id", "minute"])
    filed = pd.Series([at(minute) for minute in frame["minute"]]).astype("datetime64[us, UTC]")
    version = frame.groupby("consignment_id").cumcount() + 1
    ids = frame["consignment_id"].astype("str")
    return pd.DataFrame({"consignment_id": ids, "line_no": 1, "version": version, "filed_at": filed})


def test_cancellations_come_back_once_and_to_the_microsecond(opened: Store) -> None:
    rows = [Cancellation("B/2", at(2)), Cancellation("Bé 1", at(1)), Cancellation("Bé 1", at(3))]
    first = opened.add_cancellations([*rows, rows[0]], "one.edi")
    assert (first.new, first.known, first.unfiled) == (3, 0, ("B/2", "Bé 1"))
    again = opened.add_cancellations(rows, "the same under another name.edi")
    assert (again.new, again.known) == (0, 3)
    assert opened.cancellations() == sorted(rows, key=lambda row: row.cancelled_at)
    assert opened.cancellations(consignment_id="Bé 1") == [rows[1], rows[2]]


def test_cancellations_in_a_transaction_that_fails_are_not_kept(opened: Store) -> None:
    with pytest.raises(ZeroDivisionError), opened.transaction() as connection:
        cancellations.add(connection, [Cancellation("B1", NOON)], "one.edi")
        raise ZeroDivisionError
    assert opened.cancellations() == []


def test_what_was_never_filed_counts_from_the_moment_that_is_given(opened: Store) -> None:
    opened.add_cancellations([Cancellation("B1", NOON)], "one.edi")
    assert opened.cancelled(["B1", "B2"], unfiled_since=NOON) == {"B1"}
    assert opened.cancelled(["B1", "B2"], unfiled_since=at(1)) == set()


EVENTS = st.sets(st.tuples(st.sampled_from("ABC"), st.integers(0, 4)), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filed=EVENTS, taken_back=EVENTS)
def test_a_consignment_is_cancelled_unless_a_filing_is_later_than_its_last_cancellation(
    opened: Store, filed: set[tuple[str, int]], taken_back: set[tuple[str, int]]
) -> None:
    with opened.transaction() as connection:
        connection.execute(delete(FILINGS))
        connection.execute(delete(cancellations.CANCELLATIONS))
    if filed:
        opened.add_consignments(lines(filed), "some.csv")
    taken = opened.add_cancellations([Cancellation(name, at(minute)) for name, minute in taken_back], "some.edi")
    held = {name for name, _ in filed}
    assert set(taken.unfiled) == {name for name, _ in taken_back} - held
    expected = {
        name
        for name, minute in taken_back
        if minute >= max((when for other, when in filed if other == name), default=2)
    }
    assert opened.cancelled(["A", "B", "C"], unfiled_since=at(2)) == expected


def assessed(scored: dict[str, int]) -> pd.DataFrame:
    """An assessment of each consignment as filed at its minute."""
    filed = pd.Series([at(minute) for minute in scored.values()]).astype("datetime64[us, UTC]")
    told: dict[str, Any] = {"version": 1, "customs_office": "HPH", "probability": 0.5, "raw_score": 0.0}
    decided: dict[str, Any] = {"lane": "green", "selected_by": None, "propensity": 0.1}
    return pd.DataFrame({"consignment_id": list(scored), "filed_at": filed}).assign(**told, **decided)


def states(store: Store) -> dict[str, str]:
    with store.reading() as connection:
        found = connection.execute(select(WORKLIST.c.consignment_id, WORKLIST.c.state))
        return {row.consignment_id: row.state for row in found}


@pytest.mark.parametrize("scored_last", [False, True])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scored=st.dictionaries(st.sampled_from("ABC"), st.integers(0, 4), min_size=1),
    filed=EVENTS,
    taken_back=EVENTS,
    inspected=st.sets(st.sampled_from("ABC")),
)
def test_the_worklist_leaves_out_what_was_cancelled_since_it_was_filed_and_keeps_what_was_inspected(
    opened: Store,
    scored_last: bool,
    scored: dict[str, int],
    filed: set[tuple[str, int]],
    taken_back: set[tuple[str, int]],
    inspected: set[str],
) -> None:
    with opened.transaction() as connection:
        for table in (FILINGS, cancellations.CANCELLATIONS, WORKLIST):
            connection.execute(delete(table))

    def score() -> None:
        with opened.transaction() as connection:
            worklist.put(connection, assessed(scored), list(scored))
            worklist.set_state(connection, sorted(inspected), worklist.INSPECTED)

    if not scored_last:
        score()
    opened.add_cancellations([Cancellation(name, at(minute)) for name, minute in taken_back], "some.edi")
    if filed:
        opened.add_consignments(lines(filed), "some.csv")
        opened.reopen_filed_again()
    if scored_last:
        score()
    last = {name: max([minute, *(when for other, when in filed if other == name)]) for name, minute in scored.items()}
    expected = {
        name: worklist.INSPECTED
        if name in inspected
        else worklist.CANCELLED
        if any(other == name and minute >= last[name] for other, minute in taken_back)
        else worklist.OPEN
        for name in scored
    }
    assert states(opened) == expected
    with opened.transaction() as connection:
        worklist.settle(connection)
        worklist.settle(connection, list("ABC"))
    assert states(opened) == expected, "settling again changes nothing"


def test_an_entry_that_closed_opens_when_the_consignment_is_filed_again_and_closes_with_the_next_cancellation(
    opened: Store,
) -> None:
    with opened.transaction() as connection:
        worklist.put(connection, assessed({"A": 0, "B": 0}), ["a", "b"])
    seen = []
    opened.add_cancellations([Cancellation("A", at(1))], "one.edi")
    seen.append(states(opened)["A"])
    opened.add_consignments(lines({("A", 2)}), "two.csv")
    opened.reopen_filed_again()
    seen.append(states(opened)["A"])
    opened.add_cancellations([Cancellation("A", at(3))], "three.edi")
    seen.append(states(opened)["A"])
    assert seen == [worklist.CANCELLED, worklist.OPEN, worklist.CANCELLED]
    assert states(opened)["B"] == worklist.OPEN
