"""What holds when processes are killed, or write at once: nothing half done, nothing lost, nothing doubled."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from serving.store import Store, StoreError, assessments, filings, outcomes

Python = Callable[..., "subprocess.Popen[str]"]

FRAME = """
import sys
import pandas as pd
from serving.store import Store, filings

def frame(name, start, n):
    filed = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(range(start, start + n), unit="s")
    ids = [f"{name}{row:06d}" for row in range(start, start + n)]
    values = {"consignment_id": ids, "filed_at": filed.as_unit("us"), "description": "x" * 200}
    return pd.DataFrame(values)

store = Store.open(sys.argv[1])
"""

UNFINISHED = (
    FRAME
    + """
with store.transaction() as connection:
    filings.add(connection, frame("K", 0, 12_000), "killed.csv")
    print("written", flush=True)
    sys.stdin.read()
"""
)

IMPORTING = (
    FRAME
    + """
for start in range(0, int(sys.argv[2]), 500):
    added = store.add_consignments(frame("K", start, 500), "killed.csv")
    print(added.new, added.known, flush=True)
"""
)

WRITING = (
    FRAME
    + """
sys.stdin.readline()
new = 0
for start in range(0, 1_000, 100):
    new += store.add_consignments(frame(sys.argv[2], start, 100), "own.csv").new
    new += store.add_consignments(frame("shared", start, 100)[::int(sys.argv[3])], "shared.csv").new
print(new)
"""
)


def test_a_kill_before_the_end_of_a_transaction_leaves_nothing(url: str, python: Python) -> None:
    process = python(UNFINISHED, url)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "written"
    with Store.open(url) as store:
        assert store.counts()["lines"] == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert store.counts()["lines"] == 0


def test_an_import_killed_in_the_middle_can_be_run_again(sqlite_url: str, tmp_path: Path, python: Python) -> None:
    process = python(IMPORTING, sqlite_url, "500000")
    assert process.stdout is not None
    finished = [process.stdout.readline() for _ in range(5)]
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Store.open(sqlite_url) as store:
        lines = store.counts()["lines"]
        assert lines >= 500 * len(finished)
        assert lines % 500 == 0
        with store.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    whole = lines + 1_500
    output, _ = python(IMPORTING, sqlite_url, str(whole)).communicate(timeout=60)
    new, known = (sum(column) for column in zip(*(map(int, line.split()) for line in output.splitlines()), strict=True))
    assert (new, known) == (1_500, lines)
    with Store.open(sqlite_url) as store:
        ids = store.consignments()["consignment_id"]
        assert ids.tolist() == [f"K{row:06d}" for row in range(whole)]


def test_two_processes_that_start_and_write_at_once_lose_and_double_nothing(empty_url: str, python: Python) -> None:
    started = [python(WRITING, empty_url, "one", "1"), python(WRITING, empty_url, "two", "-1")]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    new = [int(process.communicate(timeout=60)[0]) for process in started]
    with Store.open(empty_url) as store:
        ids = store.consignments()["consignment_id"]
    assert sum(new) == len(ids) == 3_000
    assert ids.is_unique
    assert ids.str.rstrip("0123456789").value_counts().to_dict() == {"one": 1_000, "two": 1_000, "shared": 1_000}


def test_several_writes_in_one_transaction_are_all_or_nothing(
    opened: Store, filled: pd.DataFrame, results: pd.DataFrame
) -> None:
    def write() -> None:
        with opened.transaction() as connection:
            filings.add(connection, filled, "june.csv")
            assert outcomes.add(connection, results, "june.csv").new == len(results)
            assert assessments.count(connection) == 0
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        write()
    assert set(opened.counts().values()) == {0}


def test_threads_may_share_a_store(opened: Store, filled: pd.DataFrame) -> None:
    parts = [filled.assign(version=version) for version in range(1, 9)]

    def work(part: pd.DataFrame) -> int:
        added = opened.add_consignments(part, "thread")
        return added.new if len(opened.consignments(offices=["nowhere"])) == 0 else -1

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, parts)) == [len(filled)] * 8
    assert opened.counts()["lines"] == 8 * len(filled)


def test_a_full_store_says_that_nothing_was_kept(sqlite_url: str, filled: pd.DataFrame) -> None:
    def write() -> None:
        with store.transaction() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}").close()
            filings.add(connection, filled, "june.csv")

    with Store.open(sqlite_url) as store:
        with pytest.raises(StoreError, match="took nothing of this write: database or disk is full"):
            write()
        assert store.counts()["lines"] == 0


def test_a_writer_that_never_gets_its_turn_says_so(
    sqlite_url: str, filled: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.store.engine.PATIENCE", 50)
    with Store.open(sqlite_url) as one, Store.open(sqlite_url) as two:
        with one.transaction() as connection, pytest.raises(StoreError, match="busy with another writer"):
            filings.add(connection, filled, "june.csv")
            two.add_consignments(filled, "july.csv")
        assert two.counts()["lines"] == len(filled)
