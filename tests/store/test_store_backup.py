"""A backup is the whole store, a restore brings it back, and neither ever writes over anything unasked."""

from __future__ import annotations

import gzip
import hashlib
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import DatabaseError

from risk.errors import InputError, RiskError, UsageError
from serving import audit
from serving.access import keys
from serving.access.principal import local
from serving.store import Store, StoreError, backup, schema
from serving.store.access import SESSIONS
from serving.store.tables import METADATA
from serving.store.work import BATCH_FILES

NOW = datetime(2026, 2, 19, 8, tzinfo=UTC)


def _fill(url: str, filled: pd.DataFrame, results: pd.DataFrame) -> None:
    with Store.open(url) as store:
        store.add_consignments(filled, "manifest")
        store.add_outcomes(results, "results")
        keys.add(store, keys.Wanted("customs", ["operator"], ["VNHPH"]), local(), NOW)
        with store.transaction() as connection:
            connection.execute(insert(BATCH_FILES).values(batch_id="b", name="m", part=0, content=bytes(range(256))))
            times = {"begun_at": 1, "seen_at": 1, "ends_at": 2**62}
            connection.execute(insert(SESSIONS).values(id_hash="h", user_name="an", **times))
            audit.record(connection, local(), "consignment.read", "C001", "đọc 'quoted'", {"half": 0.1})


def _content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                 for name, table in METADATA.tables.items()}  # fmt: skip
    engine.dispose()
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of another store, not made yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'other' / 'store.db'}"
        return
    server = request.getfixturevalue("server")
    url = server.database()
    yield url
    server.drop(url)


def test_what_is_backed_up_comes_back_to_the_last_bit_in_either_kind_of_database(
    url: str, other_url: str, filled: pd.DataFrame, results: pd.DataFrame, tmp_path: Path
) -> None:
    _fill(url, filled, results)
    file, before = tmp_path / "store.backup", _content(url)
    made = backup.backup(url, file)
    assert made.rows["filings"] == len(filled) and made.version == schema.newest()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (tmp_path / "store.backup.sha256").read_text() == f"{made.sha256}  store.backup\n"
    assert backup.restore(other_url, file).rows == made.rows
    assert _content(other_url) == {**before, **{name: [] for name in backup.FLEETING}}
    assert before["sessions"] and before["audit"] and before["batch_files"]
    with Store.open(other_url, create=False) as store:
        pd.testing.assert_frame_equal(store.consignments(), Store.open(url).consignments())
        store.add_consignments(filled.assign(version=2), "more")  # numbers go on where they were
        with store.transaction() as connection:
            audit.record(connection, local(), "store.restore", "x")
            assert audit.verify(connection).sound
        with pytest.raises(DatabaseError, match="only added to"), store.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM audit")


def test_a_store_that_holds_anything_is_not_written_over_unless_forced(
    url: str, filled: pd.DataFrame, results: pd.DataFrame, tmp_path: Path
) -> None:
    Store.open(url).close()
    backup.backup(url, tmp_path / "empty")
    _fill(url, filled, results)
    before = _content(url)
    with pytest.raises(UsageError, match=r"holds filings.*--force"):
        backup.restore(url, tmp_path / "empty")
    assert _content(url) == before
    backup.restore(url, tmp_path / "empty", force=True)
    assert not any(_content(url).values())


@pytest.mark.parametrize("spoilt", ["a bit", "cut", "no sum", "another sum"])
def test_a_file_that_is_not_whole_is_refused_and_the_store_stays(
    url: str, filled: pd.DataFrame, results: pd.DataFrame, tmp_path: Path, spoilt: str
) -> None:
    _fill(url, filled, results)
    file, beside = tmp_path / "b", tmp_path / "b.sha256"
    backup.backup(url, file)
    content = bytearray(file.read_bytes())
    if spoilt == "a bit":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif spoilt == "cut":
        file.write_bytes(content[:-20])
    elif spoilt == "no sum":
        beside.unlink()
    else:
        beside.write_text("0" * 64 + "  b\n")
    before = _content(url)
    with pytest.raises(InputError, match="b"):
        backup.restore(url, file, force=True)
    assert _content(url) == before


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b'{"kind": "another thing"}'],
        [b'{"kind": "risk store", "format": 1, "version": "0004"}', b'{"table": "filings", "columns": ["id"]}', b"[1]"],
        [b'{"kind": "risk store", "format": 1, "version": "0004"}', b'{"table": "pg_authid", "columns": ["id"]}',
         b'{"end": {"pg_authid": 0}}'],
        [b'{"kind": "risk store", "format": 1, "version": "0004"}', b'{"end": {"filings": 7}}'],
        [b'{"kind": "risk store", "format": 1, "version": "9999"}', b'{"end": {}}'],
        [b"no json"],
    ],
)  # fmt: skip
def test_a_file_that_only_looks_like_a_backup_leaves_the_store_as_it_was(
    url: str, filled: pd.DataFrame, results: pd.DataFrame, tmp_path: Path, lines: list[bytes]
) -> None:
    _fill(url, filled, results)
    before, file = _content(url), tmp_path / "made up"
    file.write_bytes(gzip.compress(b"\n".join(lines)))
    (tmp_path / "made up.sha256").write_text(hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises((RiskError, DatabaseError)):
        backup.restore(url, file, force=True)
    assert _content(url) == before


def test_a_backup_never_writes_over_a_file_and_leaves_none_when_it_fails(url: str, tmp_path: Path) -> None:
    Store.open(url).close()
    file = tmp_path / "b"
    file.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        backup.backup(url, file)
    assert file.read_text() == "mine"
    with pytest.raises(StoreError):
        backup.backup(f"sqlite:///{tmp_path / 'nothing.db'}", tmp_path / "c")
    assert not list(tmp_path.glob("c*")), "nothing half-written"


def test_a_backup_is_of_one_moment_while_others_write(
    url: str, filled: pd.DataFrame, results: pd.DataFrame, tmp_path: Path
) -> None:
    _fill(url, filled, results)
    stop, more = threading.Event(), iter(range(2, 10_000))

    def write() -> None:
        with Store.open(url) as own:
            while not stop.is_set():
                version = next(more)
                with own.transaction() as connection:
                    audit.record(connection, local(), "filing", str(version))
                    connection.exec_driver_sql(f"UPDATE filings SET version = {version}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup.backup(url, tmp_path / "b")
    finally:
        stop.set()
        writer.join()
    other = f"sqlite:///{tmp_path / 'other.db'}"
    backup.restore(other, tmp_path / "b")
    content = _content(other)
    versions = {row[3] for row in content["filings"]}
    last = max((int(row[5]) for row in content["audit"] if row[4] == "filing"), default=1)
    assert versions == {last}


@pytest.mark.parametrize("version", ["0001", "0004"])
def test_a_backup_of_an_older_program_is_restored_and_brought_forward(
    empty_url: str, version: str, tmp_path: Path
) -> None:
    old = f"sqlite:///{tmp_path / 'old.db'}"
    engine = create_engine(old)
    with engine.begin() as connection:
        schema.migrate(connection, version)
        connection.exec_driver_sql(
            "INSERT INTO imports (name, sha256, started_at) VALUES ('manifest.edi', 'abc', 5), ('two', 'def', 6)"
        )
    engine.dispose()
    made = backup.backup(old, tmp_path / "b")
    assert made.version == version
    backup.restore(empty_url, tmp_path / "b")
    with Store.open(empty_url, create=False) as store:
        assert [run.name for run in store.imports()] == ["manifest.edi", "two"]
        assert store.begin_import("three", "x") == 3
