"""The writing of rows, and what an append can say about them: new, known, in conflict, unknown.

Rows are only ever added. A row whose key is already there is left alone by the database itself, in the same
statement that adds the others, so that two writers at once can neither lose nor double one. Knows no layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, Table

from serving.store.rows import CHUNK, Columns


@dataclass(frozen=True)
class Conflict:
    """A line that the store holds with another content; the store keeps what it has.

    `row` is the place in the frame from 0, `source` where the stored line came from, `differs` the columns.
    """

    row: int
    consignment_id: str
    line_no: int
    version: int
    source: str
    differs: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.consignment_id} line {self.line_no} version {self.version} is already there from "
            f"{self.source} with another {', '.join(self.differs)}; a change needs a new version"
        )


@dataclass
class Added:
    """What became of the rows of a frame; the five add up to its length.

    `unknown` are the places (from 0) of outcomes whose consignment the store does not hold, `early` of those
    recorded before it was filed.
    """

    new: int = 0
    known: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    early: list[int] = field(default_factory=list)


def append(connection: Connection, table: Table, columns: Columns) -> int:
    """Add the rows that are not there yet and return how many that were.

    Goes to the driver without a detour: a row is only a tuple, a statement is prepared once.
    """
    rows = list(zip(*columns.values(), strict=True))
    if not rows:
        return 0
    quote = connection.dialect.identifier_preparer.quote
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, columns))}) "
        f"VALUES ({', '.join([mark] * len(columns))}) ON CONFLICT DO NOTHING"
    )
    return connection.exec_driver_sql(statement, rows).rowcount


def stream(connection: Connection, query: Select[Any], size: int = CHUNK) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows of a query, `size` at a time, without holding all of them on either side."""
    # Options of this query alone: on the connection they would outlive it, and a write cannot be streamed.
    result = connection.execute(query, execution_options={"stream_results": True, "max_row_buffer": size})
    yield from result.partitions(size)


def microseconds(time: datetime) -> int:
    """A time as whole microseconds since 1970 UTC. Raises ValueError when it has no zone."""
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone; the store keeps UTC")
    since = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """The time of whole microseconds since 1970, in UTC."""
    return datetime.fromtimestamp(value // 1_000_000, tz=UTC).replace(microsecond=value % 1_000_000)
