"""Finding consignments of the worklist: by bill, container or party, and by what was filed.

Every consignment that comes onto the worklist leaves the words it can be found by. A word is kept in the form in
which it is compared: numbers without blanks and in upper case, names as `risk.parties.names` normalises them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Column as SqlColumn
from sqlalchemy import (
    ColumnElement,
    Connection,
    PrimaryKeyConstraint,
    Table,
    and_,
    exists,
    func,
    or_,
    select,
)

from risk.parties.mentions import clean_code
from risk.parties.names import normalise_name
from serving.store import worklist
from serving.store.append import append
from serving.store.rows import CHUNK
from serving.store.tables import FILINGS, METADATA, ORDERED_TEXT
from serving.store.work import WORKLIST

WORDS: Final = Table(
    "worklist_words",
    METADATA,
    SqlColumn("word", ORDERED_TEXT, nullable=False),
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    PrimaryKeyConstraint("word", "consignment_id", name="pk_worklist_words"),
)
"""What a consignment of the worklist can be found by, a word a row."""

NUMBERS: Final = ("consignment_id", "bl_no", "master_bl_no", "consignee_id", "shipper_id")
NAMES: Final = ("consignee_name", "shipper_name", "notify_name")
MOST_WORDS: Final = 8
"""Words of a name that are kept, and words of a search that are looked for."""


def add(connection: Connection, consignments: Sequence[str]) -> None:
    """Keep what these consignments can be found by, out of their filings in the store."""
    columns = [FILINGS.c[name] for name in (*NUMBERS, *NAMES, "containers")]
    for start in range(0, len(consignments), CHUNK):
        wanted = FILINGS.c.consignment_id.in_(list(consignments[start : start + CHUNK]))
        rows = set(map(tuple, connection.execute(select(*columns).where(wanted)).all()))
        found = sorted({(word, str(row[0])) for row in rows for word in _all_words(row)})
        append(connection, WORDS, {"word": [word for word, _ in found], "consignment_id": [one for _, one in found]})


def _all_words(row: Sequence[str | None]) -> set[str]:
    """The words of a row of NUMBERS, NAMES and containers."""
    words = {clean_code(number) for number in row[: len(NUMBERS)] if number}
    words |= {word for name in row[len(NUMBERS) : -1] if name for word in _words(name)}
    words |= set(_containers(row[-1] or ""))
    return words - {""}


def ids(connection: Connection, text: str, offices: Sequence[str] | None, limit: int) -> list[str]:
    """Consignments that hold all words of a search, the latest day first and in order of risk within it.

    A word finds what begins with it. `offices` are those that may be seen, all when None.
    """
    code = clean_code(text)
    words = _words(text)
    ways = [_holding([code])] if code else []
    ways += [_holding(words)] if words else []
    if not ways:
        return []
    query = select(WORKLIST.c.consignment_id).where(or_(*ways)).order_by(WORKLIST.c.day.desc(), WORKLIST.c.place)
    if offices is not None:
        query = query.where(WORKLIST.c.office.in_(list(offices)))
    return [row[0] for row in connection.execute(query.limit(limit))]


def _holding(words: Sequence[str]) -> Any:
    """Holds for a consignment with a word beginning so, for each of the words."""
    return and_(
        *(
            WORKLIST.c.consignment_id.in_(
                select(WORDS.c.consignment_id).where(WORDS.c.word >= word, WORDS.c.word < word + "\U0010ffff")
            )
            for word in words
        )
    )


@dataclass(frozen=True)
class Filter:
    """What a page of the worklist is narrowed to; empty is anything.

    hs         beginnings of HS codes, any of them
    origin     country where the goods were loaded or produced, destination where they go (ISO 3166)
    """

    lane: str = ""
    mode: str = ""
    hs: tuple[str, ...] = ()
    origin: str = ""
    destination: str = ""
    state: str = "open"


def page(
    connection: Connection, day: str, offices: Sequence[str] | None, wanted: Filter, after: str, limit: int
) -> list[dict[str, Any]]:
    """At most so many entries of a day after a place (exclusive), in the strict order of risk, with who holds them."""
    entries = worklist.Wanted(day, offices, wanted.lane or None, wanted.state or None, after)
    return worklist.page(connection, entries, limit, *_of_lines(wanted))


def counts(connection: Connection, day: str, offices: Sequence[str] | None) -> dict[str, dict[str, int]]:
    """How many entries of a day there are: by lane, then by state."""
    columns = WORKLIST.c
    query = select(columns.lane, columns.state, func.count()).where(columns.day == day)
    if offices is not None:
        query = query.where(columns.office.in_(list(offices)))
    found: dict[str, dict[str, int]] = {}
    for lane, state, number in connection.execute(query.group_by(columns.lane, columns.state)):
        found.setdefault(lane, {})[state] = number
    return found


def days(connection: Connection, offices: Sequence[str] | None, limit: int) -> list[str]:
    """The latest days of which there is an entry, one step of the index each."""
    found: list[str] = []
    while len(found) < limit:
        query = select(func.max(WORKLIST.c.day))
        if found:
            query = query.where(WORKLIST.c.day < found[-1])
        if offices is not None:
            query = query.where(WORKLIST.c.office.in_(list(offices)))
        day = connection.execute(query).scalar_one()
        if day is None:
            break
        found.append(day)
    return found


def _of_lines(wanted: Filter) -> list[ColumnElement[bool]]:
    """What one of the lines of an entry's last version has to fulfil."""
    filed = FILINGS.c
    line: list[ColumnElement[bool]] = []
    if wanted.mode:
        line.append(filed.mode == wanted.mode)
    if wanted.hs:
        line.append(or_(*(filed.hs_code.startswith(prefix, autoescape=True) for prefix in wanted.hs)))
    if wanted.origin:
        line.append(or_(filed.origin_country == wanted.origin, filed.loading_country == wanted.origin,
                        filed.loading_port.startswith(wanted.origin, autoescape=True)))  # fmt: skip
    if wanted.destination:
        line.append(or_(filed.destination_country == wanted.destination,
                        filed.discharge_port.startswith(wanted.destination, autoescape=True)))  # fmt: skip
    own = (filed.consignment_id == WORKLIST.c.consignment_id, filed.version == WORKLIST.c.version)
    return [exists().where(*own, *line)] if line else []


def _words(text: str) -> list[str]:
    return [word for word in normalise_name(text).split() if len(word) > 1][:MOST_WORDS]


def _containers(text: str) -> list[str]:
    try:
        found = orjson.loads(text) if text else []
    except orjson.JSONDecodeError:
        return []
    return [clean_code(str(one.get("no") or "")) for one in found if isinstance(one, dict)]
