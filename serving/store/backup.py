"""A store as one file, and back again.

Of a SQLite store the file is a SQLite database, taken while others go on writing. Of a PostgreSQL store it is text
(gzip): a line that says what it is, then for each of our tables its columns and its rows, one JSON array a line, and
a last line that says how many there were; all of it as of one moment. Beside the file lies its SHA-256, as `sha256sum
-c` reads it; without that, or when it does not match, nothing is restored. A file of an older program is restored
and brought forward; either kind of file can be restored into either kind of database.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import (
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    NullPool,
    Table,
    create_engine,
    insert,
    inspect,
    select,
)

from risk.errors import InputError, UsageError
from serving.store import engine as engines
from serving.store import events, schema
from serving.store.append import stream
from serving.store.engine import StoreError, writing
from serving.store.tables import METADATA

KIND: Final = "risk store"
ROWS: Final = 2_000
"""Rows written at a time."""
FLEETING: Final = ("sessions", "login_failures", "claims")
"""Tables that are empty after a restore: nobody is still signed in or at work."""
_SQLITE: Final = b"SQLite format 3\0"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """A backup that was made: its SHA-256, the version of its tables, and how many rows there are of each."""

    sha256: str
    version: str
    rows: dict[str, int]


def backup(url: str, file: Path, progress: Progress = lambda _: None) -> Written:
    """Write the store at `url` into a new file, only its owner can read it, with its SHA-256 beside it.

    Raises UsageError when the file is there already, StoreError when there is no store.
    """
    beside = _beside(file)
    for path in (file, beside):
        if path.exists():
            raise UsageError(f"{path} is there already; a backup never writes over anything")
    opened = engines.connect(url, create=False)
    part, sqlite = file.with_name(file.name + ".part"), opened.dialect.name == "sqlite"
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with opened.connect() as connection:
            version = schema.current(connection)
        if version is None:
            raise StoreError(f"the store {engines.shown(opened)} has no tables, so there is nothing to back up")
        rows = _copy_file(opened, part, progress) if sqlite else _dump(opened, part, version, progress)
        digest = _sha256(part)
        beside.write_text(f"{digest}  {file.name}\n", encoding="utf-8")
        part.replace(file)
    finally:
        opened.dispose()
        part.unlink(missing_ok=True)
    return Written(digest, version, rows)


def restore(url: str, file: Path, *, force: bool = False, progress: Progress = lambda _: None) -> Written:
    """Put a backup in the place of an empty store; with `force` of any store, all of whose rows then go.

    All or nothing: whatever fails, the store stays as it was. Raises UsageError when the store holds anything and
    `force` is not given, InputError for a file that is not a whole backup, StoreError for one of a newer program.
    """
    digest = _checked(file)
    opened = engines.connect(url, create=True)
    try:
        with writing(opened) as connection:
            filled = [name for name, n in _counts(connection).items() if n]
            if filled and not force:
                raise UsageError(
                    f"the store {engines.shown(opened)} holds {', '.join(filled)}; a restore would write over them "
                    "(--force does)"
                )
            with _reading(file) as source:
                if source.version not in schema.versions():
                    raise StoreError(f"{file} has tables of version {source.version}, newer than this program's")
                _drop(connection)
                schema.migrate(connection, source.version)
                rows = _load(connection, source, progress)
            schema.migrate(connection)
            for name in FLEETING:
                connection.execute(METADATA.tables[name].delete())
    finally:
        opened.dispose()
    return Written(digest, source.version, rows)


@dataclass
class _Source:
    """A backup being read: the version of its tables, and each table's name, columns and rows."""

    version: str
    tables: Iterator[tuple[str, list[str], Iterator[Sequence[Any]]]]


def _copy_file(opened: Engine, file: Path, progress: Progress) -> dict[str, int]:
    progress("copying the database")
    with closing(sqlite3.connect(str(opened.url.database))) as own, closing(sqlite3.connect(file)) as copy:
        own.backup(copy, pages=4_096)
        copy.execute("PRAGMA journal_mode=DELETE").close()
        said = copy.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise StoreError(f"the database {opened.url.database} is damaged: {said}")
    with _opened_file(file) as copied, copied.connect() as connection:
        return _counts(connection)


def _dump(opened: Engine, file: Path, version: str, progress: Progress) -> dict[str, int]:
    rows: dict[str, int] = {}
    with opened.connect() as connection, gzip.open(file, "wb", compresslevel=4) as out:
        events.one_moment(connection)
        out.write(_line({"kind": KIND, "format": 1, "version": version}))
        for name, table in _tables(connection).items():
            progress(name)
            out.write(_line({"table": name, "columns": [column.name for column in table.columns]}))
            packed = [place for place, column in enumerate(table.columns) if isinstance(column.type, LargeBinary)]
            rows[name] = 0
            for part in stream(connection, select(table)):
                for row in part:
                    values = list(row)
                    for place in packed:
                        if values[place] is not None:
                            values[place] = base64.b64encode(values[place]).decode()
                    out.write(_line(values))
                rows[name] += len(part)
        out.write(_line({"end": rows}))
    return rows


@contextmanager
def _reading(file: Path) -> Iterator[_Source]:
    with file.open("rb") as start:
        sqlite = start.read(len(_SQLITE)) == _SQLITE
    if not sqlite:
        try:
            with gzip.open(file, "rb") as lines:
                yield _text(file, map(orjson.loads, lines))
        except (gzip.BadGzipFile, EOFError, zlib.error, orjson.JSONDecodeError) as error:
            raise InputError(f"{file} is no backup, or not a whole one: {error}") from error
        return
    with _opened_file(file) as opened, opened.connect() as connection:
        version = schema.current(connection)
        if version is None:
            raise InputError(f"{file} is a database, but not of this program's")
        yield _Source(version, (
            (name, [column.name for column in table.columns], _all_rows(connection, table))
            for name, table in _tables(connection).items()
        ))  # fmt: skip


def _text(file: Path, lines: Iterator[Any]) -> _Source:
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("kind") != KIND or head.get("format") != 1:
        raise InputError(f"{file} is no backup that this program knows")

    def tables() -> Iterator[tuple[str, list[str], Iterator[Sequence[Any]]]]:
        ahead: list[Any] = [next(lines, None)]

        counts: dict[str, int] = {}

        def rows(name: str, packed: list[int]) -> Iterator[Sequence[Any]]:
            counts[name] = 0
            for line in lines:
                if isinstance(line, dict):
                    ahead[0] = line
                    return
                counts[name] += 1
                for place in packed:
                    if line[place] is not None:
                        line[place] = base64.b64decode(line[place])
                yield line
            ahead[0] = None

        while ahead[0] is not None and "table" in ahead[0]:
            name, columns = ahead[0]["table"], ahead[0]["columns"]
            if name not in METADATA.tables:
                raise InputError(f"{file} holds a table {name} that this program does not know")
            kinds = METADATA.tables[name].columns
            packed = [at for at, one in enumerate(columns) if one in kinds and isinstance(kinds[one].type, LargeBinary)]
            yield name, columns, rows(name, packed)
        if ahead[0] is None or ahead[0].get("end") != counts:
            raise InputError(f"{file} ends in the middle, or not with the rows that were written")

    return _Source(str(head["version"]), tables())


def _load(connection: Connection, source: _Source, progress: Progress) -> dict[str, int]:
    tables = _tables(connection)
    counts: dict[str, int] = {}
    for name, columns, rows in source.tables:
        progress(name)
        counts[name], statement = 0, insert(tables[name])
        for row in rows:
            part = [dict(zip(columns, one, strict=True)) for one in chain([row], _some(rows, ROWS - 1))]
            connection.execute(statement, part)
            counts[name] += len(part)
        if connection.dialect.name == "postgresql" and "id" in columns and _numbered(tables[name]):
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            connection.exec_driver_sql(f"SELECT setval({sequence}, coalesce(max(id), 0) + 1, false) FROM {name}")
    return counts


def _numbered(table: Table) -> bool:
    """Whether the database itself numbers the rows."""
    return isinstance(table.columns["id"].type, Integer)


def _some(rows: Iterator[Any], most: int) -> Iterator[Any]:
    for _ in range(most):
        row = next(rows, None)
        if row is None:
            return
        yield row


def _all_rows(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    for part in stream(connection, select(table)):
        yield from part


def _tables(connection: Connection) -> dict[str, Table]:
    """Our tables as they are in the database, which may be of an older version; no one else's there."""
    there = set(inspect(connection).get_table_names())
    found = MetaData()
    found.reflect(connection, only=[name for name in METADATA.tables if name in there])
    return {name: found.tables[name] for name in METADATA.tables if name in there}


def _counts(connection: Connection) -> dict[str, int]:
    return {
        name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in _tables(connection)
    }


def _drop(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    for name in [*METADATA.tables, schema.VERSION_TABLE]:
        if name in there:
            connection.exec_driver_sql(f"DROP TABLE {name}")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS risk_audit_is_only_added_to()")


def _checked(file: Path) -> str:
    """The SHA-256 of a backup. Raises InputError unless it is the one beside it."""
    beside = _beside(file)
    if not file.exists():
        raise InputError(f"there is no backup {file}")
    if not beside.exists():
        raise InputError(f"{beside} is missing, so nobody can say whether {file} is whole; restore both together")
    wanted, found = beside.read_text(encoding="utf-8").split()[:1], _sha256(file)
    if wanted != [found]:
        raise InputError(f"{file} is not the file that was written: its SHA-256 is {found}, not that in {beside.name}")
    return found


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".sha256")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _line(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


@contextmanager
def _opened_file(file: Path) -> Iterator[Engine]:
    """An engine that only reads a SQLite file, closed at the end."""
    where = f"{file.resolve().as_uri()}?mode=ro"
    opened = create_engine("sqlite://", creator=lambda: sqlite3.connect(where, uri=True), poolclass=NullPool)
    try:
        yield opened
    finally:
        opened.dispose()
