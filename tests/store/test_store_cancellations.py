"""What messages took back, on both databases: kept once, in force until the consignment is filed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from risk.manifests import Cancellation
from serving.store import Store, cancellations
from serving.store.tables import FILINGS

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
