"""The folded history in the store: a row for each key, and one that says of what and how far it was folded.

These tables are made of the filings and outcomes and can be made again; everything else in the store is the truth.
A row of a key is kept as bytes (words of 64 bits, little-endian) in two parts, as in `features.state`: what is
settled, and what happened at `open_at`, which is not in the settled part yet. A part that is open at an earlier
moment than the head's `as_of` has only not been settled yet. Hashes are unsigned in memory and signed here, bit for
bit. Knows nothing of what a row means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    insert,
    select,
)
from sqlalchemy import Column as SqlColumn

from serving.store.rows import CHUNK
from serving.store.tables import METADATA, ORDERED_TEXT

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]

HISTORY_KEYS: Final = Table(
    "history_keys",
    METADATA,
    SqlColumn("kind", ORDERED_TEXT, nullable=False),
    SqlColumn("hash", BigInteger, nullable=False),
    SqlColumn("settled", LargeBinary, nullable=False),
    SqlColumn("open", LargeBinary),
    SqlColumn("open_at", BigInteger),
    PrimaryKeyConstraint("kind", "hash", name="pk_history_keys"),
    sqlite_with_rowid=False,
)
"""One row for each key of each kind."""

HISTORY_STATE: Final = Table(
    "history_state",
    METADATA,
    SqlColumn("id", BigInteger, autoincrement=False, nullable=False),
    SqlColumn("target", Text, nullable=False),
    SqlColumn("layout", Text, nullable=False),
    SqlColumn("as_of", BigInteger, nullable=False),
    SqlColumn("filings_to", BigInteger, nullable=False),
    SqlColumn("outcomes_to", BigInteger, nullable=False),
    SqlColumn("evicted_before", BigInteger),
    PrimaryKeyConstraint("id", name="pk_history_state"),
)
"""One row, or none while nothing was folded."""

SCAN: Final = 100_000
"""From so many keys of a kind on it is quicker to read all of them."""

AT_A_TIME: Final = 500
"""So many rows are taken from the driver at a time: more would not stay in the cache until they are made arrays."""


@dataclass(frozen=True)
class Head:
    """What the rows are: the target and the layout (JSON), the time of the last event, and the events folded in.

    Folded in are all filings and outcomes whose number in the store is at most `filings_to` and `outcomes_to`.
    `evicted_before` is the latest time before which old keys were dropped; None for never. Times in microseconds.
    """

    target: str
    layout: str
    as_of: int
    filings_to: int = 0
    outcomes_to: int = 0
    evicted_before: int | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of one kind of key: `hashes` ascending, `settled` and `open` (n, words), `open_at` (n).

    Where nothing is open, `open` holds zeros and `is_open` is False.
    """

    hashes: UInt64
    settled: Int64
    open: Int64
    open_at: Int64
    is_open: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.hashes)

    def at(self, places: NDArray[Any] | slice) -> Rows:
        """Some of the rows."""
        return Rows(*(getattr(self, part.name)[places] for part in fields(self)))


def head(connection: Connection) -> Head | None:
    """What the rows are; None while nothing was folded."""
    columns = [HISTORY_STATE.c[part.name] for part in fields(Head)]
    row = connection.execute(select(*columns)).one_or_none()
    return None if row is None else Head(*row)


def lock(connection: Connection) -> None:
    """Let nobody else write the history until the end of the transaction; readers go on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE history_state IN EXCLUSIVE MODE")


def set_head(connection: Connection, new: Head) -> None:
    """Say what the rows are now."""
    connection.execute(delete(HISTORY_STATE))
    values = zip((part.name for part in fields(Head)), astuple(new), strict=True)
    connection.execute(insert(HISTORY_STATE).values(id=1, **dict(values)))


def rows(connection: Connection, kind: str, words: int, hashes: UInt64 | None = None) -> Rows:
    """The rows of one kind of key, of the hashes (ascending, each once) that are there; all by default."""
    if hashes is None or len(hashes) > SCAN:
        whole = _whole(connection, kind, words)
        return whole if hashes is None else whole.at(np.isin(whole.hashes, hashes))
    columns = HISTORY_KEYS.c
    query = select(columns.hash, columns.settled, columns.open, columns.open_at).where(columns.kind == kind)
    signed = hashes.view(np.int64).tolist()
    parts = [signed[start : start + CHUNK] for start in range(0, len(signed), CHUNK)]
    found = [row for part in parts for row in connection.execute(query.where(columns.hash.in_(part))).all()]
    return _ascending(_rows(found, words))


def _whole(connection: Connection, kind: str, words: int) -> Rows:
    """Every row of a kind. SQLite gives them as they lie: first the negative hashes, unsigned the greatest."""
    small, great = [_rows([], words)], []
    for part in _all(connection, kind):
        some = _rows(part, words)
        cut = int(np.count_nonzero(some.hashes.view(np.int64) < 0))
        small.append(some.at(slice(cut, None)))
        great.append(some.at(slice(cut)))
    together = (np.concatenate([getattr(some, part.name) for some in small + great]) for part in fields(Rows))
    return _ascending(Rows(*together))


def _all(connection: Connection, kind: str) -> Iterator[Sequence[Sequence[Any]]]:
    """Every row of a kind, some hundreds at a time, straight from the driver: a row object each would cost most."""
    driver: Any = connection.connection.driver_connection
    sqlite = connection.dialect.name == "sqlite"
    cursor = driver.cursor() if sqlite else driver.cursor(name="history_keys", binary=True)  # a name: read as it comes
    try:
        mark = "?" if sqlite else "%s"
        cursor.execute(f"SELECT hash, settled, open, open_at FROM history_keys WHERE kind = {mark}", (kind,))
        while part := cursor.fetchmany(AT_A_TIME):
            yield part
    finally:
        cursor.close()


def _ascending(some: Rows) -> Rows:
    """The rows with their hashes ascending, as they are when SQLite gives them in the order of the table."""
    if (some.hashes[1:] > some.hashes[:-1]).all():
        return some
    return some.at(np.argsort(some.hashes))


def rows_of_kinds(connection: Connection, wanted: dict[str, UInt64], words: dict[str, int]) -> dict[str, Rows]:
    """The rows of some keys of several kinds, in one statement; for a few hundred keys. Names are ours, not given."""
    parts = [
        f"SELECT '{name}', hash, settled, open, open_at FROM history_keys WHERE kind = '{name}' "
        f"AND hash IN ({','.join(map(str, hashes.view(np.int64).tolist()))})"
        for name, hashes in wanted.items()
        if len(hashes)
    ]
    found: dict[str, list[Sequence[Any]]] = {name: [] for name in wanted}
    if parts:
        for row in connection.exec_driver_sql(" UNION ALL ".join(parts)):
            found[row[0]].append(row[1:])
    together = {name: _rows(some, words[name]) for name, some in found.items()}
    return {name: _ascending(some) for name, some in together.items()}


def _rows(found: Sequence[Sequence[Any]], words: int) -> Rows:
    n = len(found)
    hashes, settled, opened, open_at = zip(*found, strict=True) if found else ((), (), (), ())
    waiting, times, is_open = np.zeros((n, words), np.int64), np.zeros(n, np.int64), np.zeros(n, bool)
    places = [place for place, at in enumerate(open_at) if at is not None]
    if places:
        is_open[places], times[places] = True, [open_at[place] for place in places]
        waiting[places] = np.frombuffer(b"".join(opened[place] for place in places), "<i8").reshape(-1, words)
    rows_of = np.frombuffer(bytearray().join(settled), "<i8").reshape(-1, words)  # a bytearray: it will be written to
    return Rows(np.fromiter(hashes, np.int64, n).view(np.uint64), rows_of, waiting, times, is_open)


def put(connection: Connection, kind: str, new: Rows) -> None:
    """Write rows in place of those of the same keys."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"INSERT INTO history_keys (kind, hash, settled, open, open_at) VALUES ({', '.join([mark] * 5)}) "
        "ON CONFLICT (kind, hash) DO UPDATE SET settled = excluded.settled, open = excluded.open, "
        "open_at = excluded.open_at"
    )
    if len(new):
        connection.exec_driver_sql(statement, list(_tuples(kind, new)))


def clear(connection: Connection) -> None:
    """Drop all rows and what is said of them."""
    connection.execute(delete(HISTORY_KEYS))
    connection.execute(delete(HISTORY_STATE))


def fill(connection: Connection, kind: str, new: Rows) -> None:
    """Write the rows of a kind of which there are none; much quicker than `put` on PostgreSQL."""
    if connection.dialect.name == "sqlite":
        for start in range(0, len(new), SCAN):
            put(connection, kind, new.at(np.arange(start, min(start + SCAN, len(new)))))
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(
        "COPY history_keys (kind, hash, settled, open, open_at) FROM STDIN (FORMAT BINARY)"
    ) as to:
        to.set_types(["text", "int8", "bytea", "bytea", "int8"])
        for row in _tuples(kind, new):
            to.write_row(row)


def remove(connection: Connection, kind: str, hashes: UInt64) -> None:
    """Drop the rows of some keys of a kind."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    if len(hashes):
        statement = f"DELETE FROM history_keys WHERE kind = {mark} AND hash = {mark}"
        connection.exec_driver_sql(statement, [(kind, hashed) for hashed in hashes.view(np.int64).tolist()])


def _tuples(kind: str, new: Rows) -> Iterator[tuple[str, int, bytes, bytes | None, int | None]]:
    size = 8 * new.settled.shape[1]
    settled, opened = (part.astype("<i8", copy=False).tobytes() for part in (new.settled, new.open))
    # In the order in which the table lies, which the database adds to fastest.
    order = np.argsort(new.hashes.view(np.int64))
    hashes, open_at, is_open = (part.tolist() for part in (new.hashes.view(np.int64), new.open_at, new.is_open))
    for place in order.tolist():
        start, end = place * size, (place + 1) * size
        waiting = (opened[start:end], open_at[place]) if is_open[place] else (None, None)
        yield (kind, hashes[place], settled[start:end], *waiting)
