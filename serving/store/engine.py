"""From a database URL to an engine: which databases there are, and how each is set up. Knows no tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from risk.errors import RiskError, UsageError

PATIENCE: Final = 60_000
"""Milliseconds that a writer waits for another one to finish with a SQLite file."""

_WRITES: Final = "store_writes"


class StoreError(RiskError):
    """The store cannot be reached, is busy, or is of another version than the program."""


def connect(url: str, *, create: bool) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`.

    `create` makes the folder and the file of a SQLite store that is not there.
    Raises UsageError for any other URL, StoreError when the file is not there or no server answers.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        file = Path(str(address.database))
        if create:
            _make_folder(file.parent)
        elif not file.exists():
            raise StoreError(f"There is no store at {file}; `risk db upgrade` makes one")
        engine = create_engine(address, connect_args={"timeout": PATIENCE / 1000})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(address, pool_pre_ping=True)
    try:
        engine.connect().close()
    except DatabaseError as error:
        raise StoreError(f"The store {shown(engine)} cannot be opened: {_reason(error)}") from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: all of it or, after an exception or a kill, nothing.

    On SQLite it is alone in writing from the first statement on, so that it never has to give up halfway.
    Raises StoreError when another writer does not finish within PATIENCE, the disk is full, the server is gone.
    """
    try:
        with engine.execution_options(**{_WRITES: True}).begin() as connection:
            yield connection
    except OperationalError as error:
        if "database is locked" in str(error.orig):
            raise StoreError(f"The store {shown(engine)} is busy with another writer; try again later") from error
        raise StoreError(f"The store {shown(engine)} took nothing of this write: {_reason(error)}") from error


def shown(engine: Engine) -> str:
    """The URL for people, without the password."""
    return engine.url.render_as_string(hide_password=True)


def _address(url: str) -> URL:
    expected = "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise UsageError(f"The database URL cannot be read; expected is {expected}") from error
    if address.drivername in ("postgresql", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    if address.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise UsageError(f"The database URL names {address.drivername}; expected is {expected}")
    if address.database in (None, "", ":memory:"):
        raise UsageError(f"The database URL {url} names no file, so nothing would be kept; expected is {expected}")
    return address


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} of the store cannot be made: {error.strerror}") from error


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # The driver must not begin transactions of its own accord: `_begin_sqlite` does, tables included.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={PATIENCE}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _reason(error: DatabaseError) -> str:
    return str(error.orig).strip().splitlines()[0]
