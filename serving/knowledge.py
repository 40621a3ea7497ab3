"""What the office knows beside model and history: reference statistics of its filings, and its own rules in force.

Statistics are learnt once a day by `risk indicators learn` and kept in the store, where every process finds them. A
manifest is judged with the latest that were learnt before its first filing, so nothing that came later is used. An
answer names those it was made with, and is made again with them and with the rules that were in force.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

import pandas as pd

from risk.errors import UsageError
from risk.indicators import Learnt, learn
from risk.indicators.pack import Pack
from risk.inspection import Target
from risk.rules import CompiledRule, Field
from serving.rulebook import ActiveRules, active_rules, fields
from serving.store import Store, rules, statistics, watch_lists
from serving.store.statistics import Entry

HELD: Final = 2
"""Statistics that a process holds in memory."""
LOOKED_UP: Final = timedelta(minutes=1)
"""So long rules serve without being read again when none of them changed."""
_fields: dict[str, Field] = {}
_in_force: WeakKeyDictionary[Store, tuple[int, datetime, ActiveRules]] = WeakKeyDictionary()
_held: dict[str, Learnt] = {}
_lock: Final = threading.Lock()


@dataclass(frozen=True)
class Knowledge:
    """What consignments are judged with beside model and history, as it was at a time.

    learnt     reference statistics; None when there are none that are early enough
    rules      the rules in force
    at         when that was looked up, which is when the answer is given
    problems   one sentence for each rule that does not fit this program any more
    """

    learnt: Learnt | None = None
    rules: tuple[CompiledRule, ...] = ()
    at: datetime | None = None
    problems: tuple[str, ...] = ()


NOTHING: Final = Knowledge()


def knowledge(store: Store, first_filed: pd.Timestamp | None, target: Target) -> Knowledge:
    """What is known now for a manifest whose first consignment was filed at a time."""
    at = datetime.now(UTC)
    upto = None if first_filed is None or pd.isna(first_filed) else first_filed.to_pydatetime()
    with store.reading() as connection:
        entry = statistics.newest(connection, target.name, upto)
        state = rules.latest_change(connection)
    learnt = None if entry is None else _load(store, entry.fingerprint)
    held = _in_force.get(store)
    if held is None or held[0] != state or at - held[1] > LOOKED_UP:
        held = _in_force[store] = (state, at, _rules(store, at))
    return Knowledge(learnt, held[2].rules, at, held[2].problems)


def knowledge_then(store: Store, named: str | None, at: datetime) -> Knowledge | None:
    """What an answer was made with that was given at a time and names this; None when it is not kept any more."""
    _, _, fingerprint = (named or "").partition("+")
    learnt = _load(store, fingerprint) if fingerprint else None
    found = _rules(store, at)
    return None if fingerprint and learnt is None else Knowledge(learnt, found.rules, at, found.problems)


def fingerprint(pack: Pack | None, learnt: Learnt | None) -> str | None:
    """How an answer names the indicators it was made with: pack, and statistics behind a plus sign."""
    if pack is None:
        return None
    return pack.fingerprint if learnt is None else f"{pack.fingerprint}+{learnt.fingerprint}"


def learn_statistics(store: Store, target: Target, as_of: datetime | None = None, now: datetime | None = None) -> Entry:
    """Learn statistics from what the store holds from before a moment (by default `usual_moment`), and keep them.

    Raises UsageError when the store holds nothing from before it.
    """
    now = now or datetime.now(UTC)
    as_of = as_of or usual_moment(store, now)
    lines, outcomes = store.consignments(filed_before=as_of), store.outcomes(label=target.name, recorded_before=as_of)
    if lines.empty:
        raise UsageError(f"the store holds no filing from before {as_of:%Y-%m-%d %H:%M} UTC to learn from")
    learnt = learn(lines, outcomes, pd.Timestamp(as_of), watched=_watched(store, min(as_of, now)), target=target)
    entry = Entry(learnt.fingerprint, target.name, as_of, now)
    with store.transaction() as connection:
        statistics.add(connection, entry, learnt.to_bytes())
    return entry


def usual_moment(store: Store, now: datetime) -> datetime:
    """The beginning of this day (UTC), or of the day after the last filing where that is earlier."""
    day, last = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0), store.latest_filed_at()
    if last is None:
        return day
    return min(day, last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))


def _watched(store: Store, at: datetime) -> pd.DataFrame:
    """The names and numbers of the watch lists that were in force."""
    with store.reading() as connection:
        entries = [
            (name, entry["kind"], entry["entry"])
            for name, _ in watch_lists.lists(connection)
            for entry in watch_lists.entries(connection, name, at)
        ]
    rows: list[Mapping[str, str]] = [
        {"list": name, column: value} for name, kind, value in entries if (column := _COLUMNS.get(kind)) is not None
    ]
    return pd.DataFrame(rows, columns=["list", "id", "name"])


_COLUMNS: Final = {"party": "name", "name": "name", "identifier": "id"}
"""Which kinds of entries of a watch list are of parties, and whether a name or a number is meant."""


def _rules(store: Store, at: datetime) -> ActiveRules:
    if not _fields:
        _fields.update(fields())
    return active_rules(store, at, _fields)


def _load(store: Store, fingerprint: str) -> Learnt | None:
    """Statistics of the store; the last ones that were asked for stay in memory."""
    with _lock:
        found = _held.pop(fingerprint, None)
        if found is None:
            with store.reading() as connection:
                content = statistics.content(connection, fingerprint)
            if content is None:
                return None
            found = Learnt.from_bytes(content, f"the reference statistics {fingerprint} in the store")
        _held[fingerprint] = found
        while len(_held) > HELD:
            del _held[next(iter(_held))]
        return found
