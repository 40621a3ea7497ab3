"""Personal data that has been kept long enough: replaced by pseudonyms, or removed.

Names, addresses and numbers of parties and the ids of officers become keyed hashes (HMAC-SHA-256): equal before means
equal after, in the sense in which the history compares them, and nobody without the key can try names. Free text that
may hold names, the files of batches and what the worklist can be searched by are removed. Routes, goods, weights,
results and lanes stay, so old filings can still be learned from. The audit stays whole. What this does to the history
is told in docs/access.md.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, bindparam, delete, or_, select, true, update

from risk.parties.mentions import clean_code
from risk.parties.names import normalise_address, normalise_name
from serving.store import engine as engines
from serving.store.append import microseconds
from serving.store.finding import WORDS
from serving.store.parties import PARTY_JUDGEMENTS
from serving.store.rows import CHUNK
from serving.store.statistics import STATISTICS
from serving.store.tables import ASSESSMENT_ROWS, EXTRA, FILINGS, OUTCOME_ROWS
from serving.store.work import ANSWERS, BATCH_FILES, BATCHES, DECISIONS, SELECTIONS, WORKLIST

PSEUDONYM: Final = re.compile(r"P[0-9A-F]{20}")
Clean = Callable[[str], str]

_PARTIES: Final[dict[str, Clean]] = {
    **{f"{role}_id": clean_code for role in ("shipper", "consignee", "notify")},
    **{f"{role}_name": normalise_name for role in ("shipper", "consignee", "notify")},
    **{f"{role}_address": normalise_address for role in ("shipper", "consignee", "notify")},
    "forwarder_name": normalise_name,
    "declarant_id": clean_code,
}
_REPLACED: Final[tuple[tuple[Table, str, dict[str, Clean]], ...]] = (
    (FILINGS, "filed_at", _PARTIES),
    (OUTCOME_ROWS, "recorded_at", {"officer_id": str}),
    (PARTY_JUDGEMENTS, "judged_at", {"judged_by": str}),
    (DECISIONS, "decided_at", {"decided_by": str}),
    (SELECTIONS, "made_at", {"made_by": str}),
    (BATCHES, "submitted_at", {"submitted_by": str}),
)
"""Table, its time, and the columns that become pseudonyms, each with what makes two values the same one."""
_REMOVED: Final[tuple[tuple[Table, str, dict[str, str | None]], ...]] = (
    (FILINGS, "filed_at", {"marks": None, EXTRA: None}),
    (ASSESSMENT_ROWS, "scored_at", {"indicators": None}),
    (PARTY_JUDGEMENTS, "judged_at", {"why": ""}),
    (DECISIONS, "decided_at", {"reason": None}),
)
"""Table, its time, and the columns that are emptied: free text, columns of one's own, evidence that quotes names."""


def retain(connection: Connection, before: datetime, key: bytes) -> dict[str, int]:
    """Replace and remove the personal data of what came before a time (exclusive), within the caller's transaction.

    Returns the rows changed in each table. A second run finds nothing to do.
    """
    moment = microseconds(before)
    counts: dict[str, int] = {}
    for table, time, columns in _REPLACED:
        counts[str(table.name)] = _replace(connection, table, table.c[time] < moment, columns, key)
    for table, time, emptied in _REMOVED:
        filled = or_(*(and_(table.c[name].is_not(None), table.c[name] != (to or "")) for name, to in emptied.items()))
        done = connection.execute(update(table).where(table.c[time] < moment, filled).values(emptied)).rowcount
        counts[str(table.name)] = max(counts.get(str(table.name), 0), done)
    old_batches = select(BATCHES.c.id).where(BATCHES.c.submitted_at < moment)
    old_work = select(WORKLIST.c.consignment_id).where(WORKLIST.c.filed_at < moment)
    for table, wanted in (
        (STATISTICS, true()),  # names may be in them, however late they were learnt
        (BATCH_FILES, BATCH_FILES.c.batch_id.in_(old_batches)),
        (ANSWERS, ANSWERS.c.kept_at < moment),
        (WORDS, WORDS.c.consignment_id.in_(old_work)),
    ):
        counts[str(table.name)] = connection.execute(delete(table).where(wanted)).rowcount
    return counts


def pseudonym(value: str, clean: Clean, key: bytes) -> str | None:
    """What stands for a value: the same for all that are cleaned to the same; nothing for a dummy such as UNKNOWN."""
    if PSEUDONYM.fullmatch(value):
        return value
    same = clean(value)
    return "P" + hmac.new(key, same.encode(), hashlib.sha256).hexdigest()[:20].upper() if same else None


def _replace(connection: Connection, table: Table, old: Any, columns: dict[str, Clean], key: bytes) -> int:
    number, known = table.c.id, dict[tuple[str, str], str | None]()
    query = select(number, *(table.c[name] for name in columns)).where(old).order_by(number).limit(CHUNK)
    statement = (
        update(table).where(number == bindparam("row")).values({name: bindparam(f"new_{name}") for name in columns})
    )
    changed, rows = 0, connection.execute(query).all()
    while rows:
        new = [_new(row, columns, key, known) for row in rows]
        some = [values for row, values in zip(rows, new, strict=True) if tuple(values.values())[1:] != tuple(row)[1:]]
        if some:
            connection.execute(statement, some)
        changed += len(some)
        known.clear()
        rows = connection.execute(query.where(number > rows[-1][0])).all()
    return changed


def _new(
    row: Sequence[Any], columns: dict[str, Clean], key: bytes, known: dict[tuple[str, str], str | None]
) -> dict[str, Any]:
    values: dict[str, Any] = {"row": row[0]}
    for (name, clean), value in zip(columns.items(), row[1:], strict=True):
        if value is None:
            values[f"new_{name}"] = None
            continue
        at = (name, value)
        if at not in known:
            known[at] = pseudonym(value, clean, key)
        values[f"new_{name}"] = known[at]
    return values


def reclaim(url: str) -> None:
    """Let the database give up the room of what was replaced, so that it is not in its files any more."""
    opened = engines.connect(url, create=False)
    try:
        raw = opened.raw_connection()
        if opened.dialect.name == "sqlite":
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(statement).close()
        else:
            raw.driver_connection.autocommit = True  # type: ignore[union-attr]
            tables = ", ".join(dict.fromkeys(table.name for table, _, _ in (*_REPLACED, *_REMOVED)))
            emptied = ", ".join(table.name for table in (BATCH_FILES, ANSWERS, WORDS, STATISTICS))
            raw.cursor().execute(f"VACUUM {tables}, {emptied}")
        raw.close()
    finally:
        opened.dispose()
