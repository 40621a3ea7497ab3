"""The audit: one chain however many write, and nothing done to it stays unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DatabaseError

from risk.errors import UsageError
from serving import audit
from serving.access.principal import Principal
from serving.access.roles import Role
from serving.store import Store
from serving.store.audit import START, Entry, Head, Wanted, hash_of, latest, rows
from serving.store.audit import add as add_entry

AN = Principal("an", frozenset({Role.OFFICER}), None, "session")
AT = datetime(2026, 2, 19, 8, tzinfo=UTC)


def _write(store: Store, n: int) -> list[Head]:
    heads = []
    for number in range(1, n + 1):
        with store.transaction() as connection:
            heads.append(audit.record(connection, AN, "consignment.read", f"C{number}", "why not", {"n": number}))
    return heads


def _tamper(url: str, change: Callable[[Connection], object]) -> None:
    """What somebody does who owns the database: first the triggers go."""
    engine = create_engine(url)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        else:
            connection.execute(text("DROP TRIGGER audit_only_added_to ON audit"))
        change(connection)
    engine.dispose()


def _faults(store: Store, kept: Head | None = None) -> list[str]:
    with store.reading() as connection:
        return audit.verify(connection, kept).faults


def test_who_did_what_and_why_is_kept_and_shown(opened: Store) -> None:
    heads = _write(opened, 3)
    with opened.reading() as connection:
        found = latest(connection, Wanted(subject="C2"), 10)
        assert [row.number for row in latest(connection, Wanted(who="an", below=3), 10)] == [2, 1]
        assert latest(connection, Wanted(who="binh"), 10) == latest(connection, Wanted(action="party"), 10) == []
        verdict = audit.verify(connection, heads[0])
    (row,) = found
    assert (row.entry.who, row.entry.how, row.entry.action, row.entry.reason, row.entry.details) == (
        "an", "session", "consignment.read", "why not", '{"n":2}'
    )  # fmt: skip
    assert (verdict.sound, verdict.rows, verdict.head) == (True, 3, heads[-1])


def test_the_chain_can_be_checked_by_anybody_with_sha_256(opened: Store) -> None:
    _write(opened, 1)
    with opened.reading() as connection:
        (row,) = rows(connection)
    one = row.entry
    micros = int(one.at.timestamp()) * 1_000_000 + one.at.microsecond
    said = {"at": micros, "who": "an", "how": "session", "action": "consignment.read", "subject": "C1",
            "reason": "why not", "details": '{"n":1}', "previous": START}  # fmt: skip
    assert row.hash == hash_of(said)


def test_what_is_rolled_back_leaves_no_trace_in_the_audit(opened: Store) -> None:
    _write(opened, 2)
    with pytest.raises(RuntimeError), opened.transaction() as connection:
        audit.record(connection, AN, "consignment.read", "C9")
        raise RuntimeError
    _write(opened, 1)
    with opened.reading() as connection:
        assert [row.entry.subject for row in rows(connection)] == ["C1", "C2", "C1"]
    assert _faults(opened) == []


@pytest.mark.parametrize("verb", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_database_itself_refuses_to_change_a_row(opened: Store, url: str, verb: str) -> None:
    if verb.startswith("TRUNCATE") and url.startswith("sqlite"):
        verb = "DELETE FROM audit WHERE number = 1"
    _write(opened, 2)
    with pytest.raises(DatabaseError, match="only added to"), opened.transaction() as connection:
        connection.exec_driver_sql(verb)
    assert _faults(opened) == []


CHANGES = {
    "who did it": ("UPDATE audit SET who = 'binh' WHERE number = 3", "row 3 was changed"),
    "when": ("UPDATE audit SET at = at + 1 WHERE number = 1", "row 1 was changed"),
    "why": ("UPDATE audit SET reason = NULL WHERE number = 5", "row 5 was changed"),
    "what, with its hash left": ("UPDATE audit SET action = 'party.read' WHERE number = 6", "row 6 was changed"),
    "its hash": (f"UPDATE audit SET hash = '{'a' * 64}' WHERE number = 2", "row 2 was changed"),
    "one removed": ("DELETE FROM audit WHERE number = 4", "row 4 is missing"),
    "several removed": ("DELETE FROM audit WHERE number BETWEEN 2 AND 4", "row 2 to 4 is missing"),
    "the first removed": ("DELETE FROM audit WHERE number = 1", "row 1 is missing"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_found_and_the_row_is_named(opened: Store, url: str, what: str) -> None:
    statement, says = CHANGES[what]
    _write(opened, 6)
    _tamper(url, lambda connection: connection.exec_driver_sql(statement))
    faults = _faults(opened)
    assert says in faults[0], faults


def test_rows_that_changed_places_are_found(opened: Store, url: str) -> None:
    _write(opened, 6)

    def swap(connection: Connection) -> None:
        for old, new in ((2, 100), (3, 2), (100, 3)):
            connection.exec_driver_sql(f"UPDATE audit SET number = {new} WHERE number = {old}")

    _tamper(url, swap)
    faults = _faults(opened)
    assert any("row 2 was written after row 3, not after row 1: moved" in one for one in faults), faults


def test_a_row_removed_with_the_numbers_closed_up_is_found(opened: Store, url: str) -> None:
    _write(opened, 6)

    def close_up(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM audit WHERE number = 3")
        for number in (4, 5, 6):
            connection.exec_driver_sql(f"UPDATE audit SET number = {number - 1} WHERE number = {number}")

    _tamper(url, close_up)
    assert "row 3 does not follow row 2" in _faults(opened)[0]


def test_a_row_put_in_between_is_found(opened: Store, url: str) -> None:
    heads = _write(opened, 5)

    def put_in(connection: Connection) -> None:
        for number in (5, 4, 3):
            connection.exec_driver_sql(f"UPDATE audit SET number = {number + 1} WHERE number = {number}")
        said = {"at": 1, "who": "an", "how": "session", "action": "x", "subject": "y", "reason": None, "details": None,
                "previous": "f" * 64}  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO audit VALUES (3, :at, :who, :how, :action, :subject, :reason, :details, :previous, :hash)"
            ),
            {**said, "hash": hash_of(said)},
        )

    _tamper(url, put_in)
    faults = _faults(opened)
    assert "row 3 does not follow row 2" in faults[0] and "row 4 was written after row 2" in faults[1], faults
    assert heads


def test_an_end_that_was_cut_off_is_found_against_a_kept_head(opened: Store, url: str) -> None:
    heads = _write(opened, 6)
    _tamper(url, lambda connection: connection.exec_driver_sql("DELETE FROM audit WHERE number > 4"))
    assert _faults(opened) == [], "without a head kept elsewhere nobody can know"
    assert _faults(opened, heads[3]) == []
    assert "the kept head is row 6, the last row is 4" in _faults(opened, audit.parse_head(str(heads[-1])))[0]


def test_a_chain_written_anew_is_found_against_a_kept_head(opened: Store, url: str) -> None:
    heads = _write(opened, 4)
    _tamper(url, lambda connection: connection.exec_driver_sql("DELETE FROM audit"))
    for number in range(5):
        with opened.transaction() as connection:
            add_entry(connection, Entry(AT, "an", "session", "consignment.read", f"D{number}"))
    assert _faults(opened) == []
    assert "written anew" in _faults(opened, heads[-1])[0]


def test_many_writers_at_once_keep_one_chain(opened: Store, url: str) -> None:
    def write() -> None:
        with Store.open(url) as own:
            for number in range(15):
                with own.transaction() as connection:
                    audit.record(connection, AN, "worklist.claim", f"C{number}")

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with opened.reading() as connection:
        verdict = audit.verify(connection)
    assert (verdict.sound, verdict.rows, verdict.head.number) == (True, 90, 90)


@pytest.mark.parametrize("head", ["", "5", "5:abc", f"x:{START}", f"-1:{START}", f"5:{'G' * 64}"])
def test_a_head_that_is_none_is_refused(head: str) -> None:
    with pytest.raises(UsageError, match="NUMBER:HASH"):
        audit.parse_head(head)


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in which the audit grows from example to example."""
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('audit') / 'store.db'}") as store:
        yield store


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30), st.none() | st.text(max_size=5_000)), max_size=5))
def test_whatever_is_said_is_kept_and_stays_sound(growing: Store, said: list[tuple[str, str, str | None]]) -> None:
    with growing.transaction() as connection:
        before = audit.verify(connection).rows
        for action, subject, reason in said:
            audit.record(connection, AN, action.replace("\0", ""), subject, reason, {subject: reason})
    with growing.reading() as connection:
        verdict = audit.verify(connection)
    assert (verdict.sound, verdict.rows) == (True, before + len(said))
