"""The history as tables of the store: folded anew from everything, kept up after each import, compared, thinned.

The tables hold what `features.state` holds: a row for each key, as of the last event folded in. Events are only
folded forward. When one comes late, earlier than what is folded already, the tables are behind: nothing is folded
in any more until they are made anew. Whether they are is never noted but found out from the store itself, so no
writer can forget to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Final, Literal

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.build import build
from features.columns import Lines
from features.events import Context
from features.keys import KINDS, row_keys
from features.row import NEVER, fresh_rows, settle_rows
from features.snapshot import layout
from features.state import KeyState, Layer, State
from risk.errors import HistoryError
from risk.inspection import Target
from risk.layout import utc
from serving.store import Store, events, history
from serving.store.append import microseconds, moment
from serving.store.events import Numbers, Span
from serving.store.history import Head, Rows

UInt64 = NDArray[np.uint64]

BATCH: Final = 50_000
"""Filings, and outcomes, folded at a time."""

Condition = Literal["none", "foreign", "behind", "current"]
"""What the tables are: not there, of another layout, overtaken by a late event, or good as of their last event."""


@dataclass(frozen=True)
class Comparison:
    """How the tables differ from a history folded anew: keys in both and alike, in one only, or with other rows."""

    alike: int
    missing: int
    beyond: int
    different: int
    same_time: bool
    behind: bool
    """Whether a late event came that the tables do not hold."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.same_time and not (self.behind or self.missing or self.beyond or self.different)


def target_of(head: Head) -> Target:
    """The target for which the rows were folded."""
    entry = orjson.loads(head.target)
    return Target(entry["name"], tuple(entry["positive"]), tuple(entry["unknown"]))


def condition(connection: Connection, head: Head | None) -> Condition:
    """What the tables are good for now."""
    if head is None:
        return "none"
    if head.layout != layout_text():
        return "foreign"
    since = events.times(connection, Span(folded(head)), target_of(head).name)
    return "behind" if since is not None and since[0] < head.as_of else "current"


def folded(head: Head) -> Numbers:
    """Which events are folded in."""
    return Numbers(head.filings_to, head.outcomes_to)


def rebuild(
    store: Store,
    target: Target,
    *,
    threads: int = 2,
    rows: int = BATCH,
    upto: Numbers | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Head:
    """Fold everything in the store, or up to these numbers, anew and put it in place of the tables, at once.

    `progress` is told the lines. In memory are the state and one batch of events. Others may read and write meanwhile;
    only the last part, the writing of the rows, is alone. What they store meanwhile is folded in later.
    """
    if upto is None:
        with store.transaction() as connection:
            upto = events.stored(connection)
    state = fold_store(store, target, upto, threads=threads, rows=rows, progress=progress)
    head = Head(_target(target), layout_text(), state.as_of, upto.filings, upto.outcomes)
    with store.transaction() as connection:
        history.lock(connection)
        history.clear(connection)
        for name, kind in KINDS.items():
            history.fill(connection, name, _rows(state, name, kind.words))
        history.set_head(connection, head)
    return head


def fold_store(
    store: Store,
    target: Target,
    upto: Numbers,
    *,
    threads: int = 2,
    rows: int = BATCH,
    before: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> State:
    """The history of all events in the store up to these numbers, folded batch by batch in order of time.

    `before` (microseconds) leaves out what happened at that time or later.
    """
    state, done = State(), 0
    with store.reading() as connection:
        events.one_moment(connection)
        for batch in _batches(connection, target.name, Numbers(), upto, rows, before):
            state = batch.folded(state, target, threads)
            done += len(batch.lines)
            progress(done)
    return state


def keep_up(
    store: Store, target: Target, *, threads: int = 2, rows: int = BATCH, upto: Numbers | None = None
) -> Condition:
    """Fold in what was stored since the last time, up to these numbers; returns what the tables were found to be.

    For `none`, the tables are made for the target. For `foreign` and `behind` they stay as they are. Otherwise they
    keep the target that they have. All is folded in, or nothing.
    """
    if upto is None:
        with store.transaction() as connection:
            upto = events.stored(connection)
    with store.transaction() as connection:
        history.lock(connection)
        head = history.head(connection)
        found = condition(connection, head)
        if head is not None and found == "current":
            _fold_in(connection, head, upto, threads, rows)
    if found == "none":
        rebuild(store, target, threads=threads, rows=rows)
    return found


def compare(store: Store, *, threads: int = 2, rows: int = BATCH) -> Comparison:
    """Hold the tables against a history folded anew of the events that they say are folded in.

    Raises HistoryError when there are none, or they are of another layout.
    """
    with store.reading() as connection:
        events.one_moment(connection)
        head = _readable(connection)
        behind = condition(connection, head) == "behind"
        kept = state_of(connection, head)
    anew = fold_store(store, target_of(head), folded(head), threads=threads, rows=rows)
    counts = np.zeros(4, np.int64)
    for name, kind in KINDS.items():
        old, new = _rows(kept, name, kind.words), _rows(anew, name, kind.words)
        places, at = (np.isin(one.hashes, other.hashes) for one, other in ((old, new), (new, old)))
        one, other = old.at(places), new.at(at)
        same = (one.settled == other.settled).all(axis=1) & (one.open == other.open).all(axis=1)
        same &= (one.is_open == other.is_open) & (one.open_at == other.open_at)
        counts += [same.sum(), (~at).sum(), (~places).sum(), (~same).sum()]
    alike, missing, beyond, different = counts.tolist()
    return Comparison(alike, missing, beyond, different, kept.as_of == anew.as_of, behind)


def evict(store: Store, before: datetime) -> tuple[int, int]:
    """Drop the keys that `State.evict` drops; returns how many were dropped and how many stay.

    Raises HistoryError when there are no tables, or they are of another layout.
    """
    since, gone, left = microseconds(before), 0, 0
    with store.transaction() as connection:
        history.lock(connection)
        head = _readable(connection)
        for name in KINDS:
            key = key_state(connection, head, name)
            kept = State({name: key}, head.as_of).evict(before).key(name)
            stays = np.union1d(kept.compact().hashes, kept.open.hashes)
            dropped = np.setdiff1d(np.union1d(key.compact().hashes, key.open.hashes), stays)
            history.remove(connection, name, dropped)
            gone, left = gone + len(dropped), left + len(stays)
        latest = since if head.evicted_before is None else max(since, head.evicted_before)
        history.set_head(connection, replace(head, evicted_before=latest))
    return gone, left


def state_of(connection: Connection, head: Head, hashes: dict[str, UInt64] | None = None) -> State:
    """The history in the tables: of some keys of each kind (hashes ascending, each once), all by default."""
    return State(
        {name: key_state(connection, head, name, None if hashes is None else hashes[name]) for name in KINDS},
        head.as_of,
    )


def key_state(connection: Connection, head: Head, name: str, hashes: UInt64 | None = None) -> KeyState:
    """The same of one kind of key."""
    return kept_state(head, name, history.rows(connection, name, KINDS[name].words, hashes))


def kept_state(head: Head, name: str, found: Rows) -> KeyState:
    """The state that rows of one kind of key stand for."""
    if len(found) == 0:
        return KeyState()
    passed = found.is_open & (found.open_at < head.as_of)
    settle_rows(found.settled, found.open, np.flatnonzero(passed), *KINDS[name].places)
    still = found.is_open & ~passed
    opened = Layer(found.hashes[still], found.open[still])
    return KeyState((Layer(found.hashes, found.settled),), opened, head.as_of if len(opened) else int(NEVER))


def known_keys(*sources: Iterable[pd.DataFrame]) -> dict[str, UInt64]:
    """The keys of all lines of the frames, one frame in memory at a time: for each kind the hashes, ascending."""
    known = {name: [np.empty(0, np.uint64)] for name in KINDS}
    for frame in chain(*sources):
        if len(frame):
            for name, hashes in row_keys(Lines(frame)).items():
                known[name].append(np.unique(hashes))
    together = {name: np.unique(np.concatenate(hashes)) for name, hashes in known.items()}
    return {name: hashes[hashes > 0] for name, hashes in together.items()}


def after_import(store: Store, target: Target, *, threads: int = 2) -> str | None:
    """Keep up the tables after an import; a sentence for people when they cannot be."""
    found = keep_up(store, target, threads=threads)
    if found == "behind":
        return (
            "note: something stored is earlier than the history folded so far; the next scoring folds it anew, "
            "or `risk history rebuild` does now"
        )
    if found == "foreign":
        return "note: the history was folded by another version of the program; `risk history rebuild` folds it anew"
    return None


@dataclass(frozen=True)
class _Batch:
    """Events from one moment to another, and what was folded before and they may belong to."""

    lines: pd.DataFrame
    outcomes: pd.DataFrame
    context: Context

    def folded(self, state: State, target: Target, threads: int) -> State:
        nobody = np.zeros(len(self.lines), bool)
        return build(
            self.lines,
            state,
            outcomes=self.outcomes,
            context=self.context,
            reads=nobody,
            target=target,
            extras=(),
            threads=threads,
        )[1]


def _batches(
    connection: Connection, label: str, after: Numbers, upto: Numbers, rows: int, before: int | None = None
) -> Iterator[_Batch]:
    """The events numbered above `after` and up to `upto`, and before a time, in order of time."""
    every = Span(after, upto, before=before)
    first = events.times(connection, every, label)
    start = None if first is None else first[0]
    while start is not None:
        end = events.cut(connection, replace(every, start=start), label, rows)
        span = replace(every, start=start, before=before if end is None else end)
        lines, outcomes = events.lines(connection, span), events.outcomes(connection, span, label)
        ids = pd.unique(pd.concat([lines["consignment_id"], outcomes["consignment_id"]])).tolist()
        done = (
            [Span(upto=after), replace(every, before=start)] if after != Numbers() else [replace(every, before=start)]
        )
        yield _Batch(
            lines,
            outcomes,
            Context(events.lines_of(connection, ids, *done), events.outcomes_of(connection, ids, label, *done)),
        )
        start = end


def _fold_in(connection: Connection, head: Head, upto: Numbers, threads: int, rows: int) -> None:
    target, after = target_of(head), folded(head)
    for batch in _batches(connection, target.name, after, upto, rows):
        keys = known_keys([batch.lines, batch.context.lines])
        state = state_of(connection, head, keys)
        new = batch.folded(state, target, threads)
        for name, kind in KINDS.items():
            changed = _changed(state.key(name), new.key(name), keys[name], kind.words)
            history.put(connection, name, _rows(new, name, kind.words, keys[name][changed]))
        head = replace(head, as_of=new.as_of)
    last = Numbers(max(after.filings, upto.filings), max(after.outcomes, upto.outcomes))
    history.set_head(connection, replace(head, filings_to=last.filings, outcomes_to=last.outcomes))


def _changed(old: KeyState, new: KeyState, hashes: UInt64, words: int) -> NDArray[np.bool_]:
    """Which rows to write: those that differ, and those open now, whose moment is new even where the bytes are not."""
    differ = (old.rows(hashes, words) != new.rows(hashes, words)).any(axis=1)
    return np.asarray(differ | np.isin(hashes, new.open.hashes))


def _rows(state: State, name: str, words: int, hashes: UInt64 | None = None) -> Rows:
    """The rows to store of one kind of key; of a key to which nothing happened there is none."""
    key = state.key(name)
    if hashes is None:
        hashes = np.union1d(key.compact().hashes, key.open.hashes).astype(np.uint64)
    settled, opened = np.hsplit(key.rows(hashes, words), 2)
    fresh = fresh_rows(1, words)
    is_open = (opened != fresh).any(axis=1)
    touched = np.flatnonzero(is_open | (settled != fresh).any(axis=1))
    opened = np.where(is_open[:, None], opened, 0)
    return Rows(hashes, settled, opened, np.where(is_open, key.open_time, 0), is_open).at(touched)


def _readable(connection: Connection) -> Head:
    head = history.head(connection)
    if head is None:
        raise HistoryError("the store holds no folded history; make it with `risk history rebuild`")
    if head.layout != layout_text():
        raise HistoryError("the history was folded by another version of the program; `risk history rebuild` makes it")
    return head


def shown(head: Head) -> str | None:
    """How far the tables reach; None when no event was there to fold."""
    return None if head.as_of == NEVER else utc(moment(head.as_of))


def evicted(head: Head) -> str | None:
    """Before when old keys were dropped; None for never."""
    return None if head.evicted_before is None else utc(moment(head.evicted_before))


def _target(target: Target) -> str:
    return orjson.dumps(asdict(target)).decode()


def layout_text() -> str:
    """The layout of rows that this program folds into, as text."""
    return orjson.dumps(layout(), option=orjson.OPT_SORT_KEYS).decode()
