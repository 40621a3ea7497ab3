"""The past of a small manifest in a live service: rows of its keys from the tables, and the latest events from memory.

What was filed and found since the tables were last kept up (`serving.history_upkeep`) is kept here as events, read
from the store once, or taken over from the manifest that this process has just stored. The result is the same bit
for bit as folding everything in the store; where that cannot be, None is given and the caller folds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from features.columns import Lines, filing_times
from features.events import Context, make_events
from features.history import Events, Filings, Findings, fold
from features.keys import KINDS
from features.state import State
from risk.inspection import Target
from serving.history_tables import folded, kept_state, layout_text, target_of
from serving.scorer import Past
from serving.store import Store, bases, events, history
from serving.store.events import Numbers, Span
from serving.store.history import Head
from serving.store.tables import FILINGS, OUTCOME_ROWS

LINES_MOST = 2_000
"""Lines of a manifest beyond which the general way is as quick."""
_WORDS = {name: kind.words for name, kind in KINDS.items()}


@dataclass(frozen=True)
class _Part:
    """Events stored together: `numbers` are those of the filings, in the order of the events."""

    numbers: NDArray[np.int64]
    events: Events


@dataclass
class _Tail:
    """All that was stored and is not folded into the tables."""

    head: Head
    filings: set[int] = field(default_factory=set)
    outcomes: set[int] = field(default_factory=set)
    consignments: set[str] = field(default_factory=set)
    parts: list[_Part] = field(default_factory=list)
    upto: Numbers | None = None
    """Where one writes at a time, nothing of a lower number can still come."""

    @property
    def first(self) -> int:
        """The time of the first of its events."""
        return min((part.events.span[0] for part in self.parts if part.events.span), default=np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Known:
    """The past of a manifest, what of the store it holds, and the manifest's own events, to be taken over later."""

    past: Past
    numbers: Numbers
    own: Events | None


class LiveHistory:
    """One for each process and store."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self._tail: _Tail | None = None

    def past(self, lines: Lines, target: Target) -> Known | None:
        """What was known before the lines were filed; None where folding is needed."""
        if not 0 < len(lines) <= LINES_MOST:
            return None
        times = filing_times(lines.frame)
        first, last = int(times.min()), int(times.max())
        ids = list(dict.fromkeys(lines.frame["consignment_id"].tolist()))
        own = make_events(lines, reads=np.zeros(len(lines), bool))
        with self._store.reading() as connection:
            events.one_moment(connection)
            head = history.head(connection)
            if head is None or head.as_of >= first or head.layout != layout_text() or target_of(head) != target:
                return None
            numbers = bases.now(connection)
            with self._lock:
                tail = self._caught_up(connection, head, target)
                parts = list(tail.parts)
            if tail.first < head.as_of or _between(parts, first, last):
                return None
            context = _context(connection, ids, target, numbers, first)
            keys = {name: np.unique(hashes[hashes > 0]) for name, hashes in own.filings.keys.items()}
            found = history.rows_of_kinds(connection, keys, _WORDS)
        state = State({name: kept_state(head, name, rows) for name, rows in found.items()}, head.as_of)
        state = fold(state, _together(parts, first, numbers.filings), KINDS)[1]
        return Known(Past(state, context), numbers, own if context is None else None)

    def add(self, connection: Connection, own: Events | None, ids: Sequence[str], after: Numbers) -> _Own | None:
        """What `take_over` needs of lines that were just stored in the transaction of this connection."""
        if own is None:
            return None
        columns = FILINGS.c
        query = select(columns.id, columns.filed_at).where(
            columns.consignment_id.in_(list(ids)), columns.id > after.filings
        )
        rows = sorted((row[1], row[0]) for row in connection.execute(query))
        if len(rows) != len(own.filings.time):
            return None
        return _Own(_Part(np.array([number for _, number in rows], np.int64), own), frozenset(ids))

    def take_over(self, own: _Own | None) -> None:
        """Keep the events of lines whose transaction has been committed."""
        if own is None:
            return
        with self._lock:
            tail, numbers = self._tail, set(own.part.numbers.tolist())
            if tail is None or min(numbers) <= tail.head.filings_to or numbers & tail.filings:
                return
            if own.consignments & tail.consignments:
                return
            tail.filings |= numbers
            tail.consignments |= own.consignments
            tail.parts.append(own.part)

    def _caught_up(self, connection: Connection, head: Head, target: Target) -> _Tail:
        """The tail with all that the connection sees; made anew when the tables moved or events touch each other."""
        done = folded(head)
        tail = self._tail
        if tail is None or tail.head != head:
            tail = _Tail(head)
        one_writer = connection.dialect.name == "sqlite"
        filings, outcomes = _beyond(connection, (one_writer and tail.upto) or done)
        new, found = filings - tail.filings, outcomes - tail.outcomes
        if new or found:
            lines, results = events.numbered(connection, sorted(new), sorted(found), target.name)
            names = set(lines["consignment_id"]) | set(results["consignment_id"])
            if names & tail.consignments:  # lines and outcomes of one consignment are made into events together
                tail = _Tail(head)
                new, found = filings, outcomes = _beyond(connection, done)
                lines, results = events.numbered(connection, sorted(new), sorted(found), target.name)
                names = set(lines["consignment_id"]) | set(results["consignment_id"])
            tail.filings |= new
            tail.outcomes |= found
            tail.consignments |= names
            tail.parts.append(_part(connection, lines, results, sorted(names), target, done))
        before = tail.upto or done
        tail.upto = Numbers(max(filings, default=before.filings), max(outcomes, default=before.outcomes))
        if len(tail.parts) > 50:
            tail.parts = [_joined(tail.parts)]
        self._tail = tail
        return tail


def _beyond(connection: Connection, after: Numbers) -> tuple[set[int], set[int]]:
    """The numbers of filings and outcomes after these that the connection sees."""
    filings, outcomes = (
        {row[0] for row in connection.execute(select(table.c.id).where(table.c.id > number)).all()}
        for table, number in ((FILINGS, after.filings), (OUTCOME_ROWS, after.outcomes))
    )
    return filings, outcomes


@dataclass(frozen=True)
class _Own:
    part: _Part
    consignments: frozenset[str]


def _context(
    connection: Connection, ids: Sequence[str], target: Target, numbers: Numbers, first: int
) -> Context | None:
    """Earlier lines and outcomes of the consignments of a manifest; mostly there are none."""
    columns = FILINGS.c
    if connection.execute(select(columns.id).where(columns.consignment_id.in_(list(ids))).limit(1)).first() is None:
        return None
    earlier = Span(upto=numbers, before=first)
    return Context(events.lines_of(connection, ids, earlier), events.outcomes_of(connection, ids, target.name, earlier))


def _part(
    connection: Connection, lines: pd.DataFrame, results: pd.DataFrame, names: list[str], target: Target, done: Numbers
) -> _Part:
    before = Span(upto=done)
    context = Context(
        events.lines_of(connection, names, before), events.outcomes_of(connection, names, target.name, before)
    )
    numbers = lines.pop("number").to_numpy(np.int64)
    order = np.argsort(lines["filed_at"].dt.tz_convert(None).to_numpy(), kind="stable")
    made = make_events(Lines(lines), results, target, context=context, reads=np.zeros(len(lines), bool))
    return _Part(numbers[order], made)


def _between(parts: Sequence[_Part], first: int, last: int) -> bool:
    """Whether anything happened from the first to before the last moment of a manifest."""
    if first == last:
        return False
    times = [part.events.filings.time for part in parts]
    times += [found.time for part in parts for found in part.events.findings.values()]
    return any(bool(((some >= first) & (some < last)).any()) for some in times)


def _joined(parts: Sequence[_Part]) -> _Part:
    latest = np.iinfo(np.int64).max
    numbers = np.concatenate([part.numbers for part in parts])
    order = np.argsort(np.concatenate([part.events.filings.time for part in parts]), kind="stable")
    return _Part(numbers[order], _together(parts, latest, latest))


def _together(parts: Sequence[_Part], before: int, upto: int) -> Events:
    """The events of all parts earlier than a time, filings up to a number, in order of time."""
    if not parts:
        empty = np.empty(0, np.int64)
        none = {name: np.empty(0, np.uint64) for name in KINDS}
        counted = {name: np.empty(0, bool) for name in KINDS}
        return Events(Filings(empty, empty, np.empty((0, 3), np.int32), np.empty(0, bool), none, counted), {})
    all_ = [part.events.filings for part in parts]
    time = np.concatenate([filings.time for filings in all_])
    wanted = np.flatnonzero((time < before) & (np.concatenate([part.numbers for part in parts]) <= upto))
    order = wanted[np.argsort(time[wanted], kind="stable")]
    filings = Filings(
        time=time[order],
        reader=np.full(len(order), -1, np.int64),
        measurements=np.concatenate([one.measurements for one in all_])[order],
        enters=np.concatenate([one.enters for one in all_])[order],
        keys={name: np.concatenate([one.keys[name] for one in all_])[order] for name in KINDS},
        counted={name: np.concatenate([one.counted[name] for one in all_])[order] for name in KINDS},
    )
    return Events(filings, _findings([part.events.findings for part in parts if part.events.findings], before))


def _findings(parts: Sequence[dict[str, Findings]] | Sequence[object], before: int) -> dict[str, Findings]:
    found: dict[str, Findings] = {}
    for name in KINDS if parts else ():
        own = [part[name] for part in parts if name in part]  # type: ignore[operator,index]
        time = np.concatenate([one.time for one in own])
        wanted = np.flatnonzero(time < before)
        order = wanted[np.argsort(time[wanted], kind="stable")]
        columns = ("hashes", "count", "change", "dated")
        found[name] = Findings(
            time[order], *(np.concatenate([getattr(one, column) for one in own])[order] for column in columns)
        )
    return found
