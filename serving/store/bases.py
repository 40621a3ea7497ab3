"""What an assessment could know when it was made, so that it can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from serving.store.append import append
from serving.store.events import Numbers
from serving.store.rows import CHUNK, Columns
from serving.store.tables import FILINGS, OUTCOME_ROWS
from serving.store.work import BASES


@dataclass(frozen=True)
class Basis:
    """Events numbered up to `known`, and the lines of the manifest itself, stored under `source`."""

    known: Numbers
    source: str


def now(connection: Connection) -> Numbers:
    """The numbers of the last filing and outcome that this connection sees."""
    last = (connection.execute(select(func.max(table.c.id))).scalar_one() for table in (FILINGS, OUTCOME_ROWS))
    return Numbers(*(number or 0 for number in last))


def add(connection: Connection, ids: Sequence[str], lines: Sequence[int], basis: Basis) -> None:
    """Note the basis of assessments and their riskiest lines; the first stands, as with the assessments themselves."""
    n, order = len(ids), sorted(range(len(ids)), key=ids.__getitem__)
    columns: Columns = {
        "assessment_id": [ids[at] for at in order],
        "line_no": [lines[at] for at in order],
        "source": [basis.source] * n,
        "filings_to": [basis.known.filings] * n,
        "outcomes_to": [basis.known.outcomes] * n,
    }
    append(connection, BASES, columns)


def riskiest_lines(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """The riskiest line of each assessment of which it is known."""
    found: dict[str, int] = {}
    for start in range(0, len(ids), CHUNK):
        wanted = BASES.c.assessment_id.in_(list(ids[start : start + CHUNK]))
        found |= {
            row[0]: row[1] for row in connection.execute(select(BASES.c.assessment_id, BASES.c.line_no).where(wanted))
        }
    return found


def of(connection: Connection, assessment_id: str) -> Basis | None:
    """The basis of an assessment; None when it was not made from the store."""
    query = select(BASES.c.filings_to, BASES.c.outcomes_to, BASES.c.source)
    row = connection.execute(query.where(BASES.c.assessment_id == assessment_id)).one_or_none()
    return None if row is None else Basis(Numbers(row[0], row[1]), row[2])
