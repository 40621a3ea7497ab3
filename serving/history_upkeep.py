"""The history tables kept close behind a live service: old enough events are folded in, the latest are left open.

What reaches a service does not come in order of its times. Events can only be folded forward, so those of the last
minute stay unfolded, where each request still reads them in their right order; of a busy minute so many at most.
What is dated ahead stays unfolded until its time has come: folded, it would make everything until then late.
A late event makes the tables anew, once: whoever needs them meanwhile waits for the one that is at it.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from risk.inspection import Target
from serving.history_tables import Condition, condition, folded, keep_up, rebuild, target_of
from serving.store import Store, events, history
from serving.store.append import microseconds
from serving.store.events import Numbers, Series

GRACE: Final = timedelta(seconds=60)
"""So late an event may come and still find its place without everything being folded anew."""
OPEN_MOST: Final = 1_000
"""So many events stay open at most, if they came in order."""
_WORTH: Final = 200
"""So many are folded in at least, as long as they are not older than that twice over."""


_ANEW: Final = threading.Lock()
"""Held while the tables are made anew, so that a process does it once and not for each request."""


def settle(store: Store, target: Target, now: datetime, *, threads: int = 1) -> Condition:
    """Fold in what is old enough; make the tables anew where they are of no use to this target. What they were."""
    with store.transaction() as connection:
        upto = events.stored(connection)
    if upto == Numbers():
        return "none"
    with store.reading() as connection:
        head = history.head(connection)
        found = condition(connection, head)
        if head is None or found != "current" or target_of(head) != target:
            head = None
        else:
            filed, recorded = events.unfolded(connection, folded(head), upto, target.name)
            cut = _cut(filed, recorded, folded(head), now)
            fresh = len(filed) + len(recorded)
            if cut == folded(head) or (fresh < _WORTH and _young(filed, recorded, now)):
                return found
    if head is not None:
        keep_up(store, target, threads=threads, upto=cut)
    elif found != "foreign":
        make_anew(store, target, now, threads=threads)
    return found


def make_anew(store: Store, target: Target, now: datetime, *, threads: int = 1) -> None:
    """Make the tables anew up to what is old enough, unless another thread has just done so."""
    with _ANEW:
        with store.transaction() as connection:
            upto = events.stored(connection)
        with store.reading() as connection:
            head = history.head(connection)
            if head is not None and condition(connection, head) == "current" and target_of(head) == target:
                return
            filed, recorded = events.unfolded(connection, Numbers(), upto, target.name)
        rebuild(store, target, threads=threads, upto=_cut(filed, recorded, Numbers(), now))


def _young(filed: Series, recorded: Series, now: datetime) -> bool:
    oldest = min((int(part[:, 1].min()) for part in (filed, recorded) if len(part)), default=0)
    return oldest >= microseconds(now - 3 * GRACE)


def _cut(filed: Series, recorded: Series, after: Numbers, now: datetime) -> Numbers:
    """Up to which numbers events may be folded in so that none left over is earlier than one folded."""
    times, before = np.sort(np.concatenate([filed[:, 1], recorded[:, 1]])), microseconds(now - GRACE)
    if len(times) > OPEN_MOST:
        before = min(max(before, int(times[-OPEN_MOST])), microseconds(now))
    while True:
        upto = Numbers(_first_from(filed, after.filings, before), _first_from(recorded, after.outcomes, before))
        left = [
            int(part[part[:, 0] > number, 1].min(initial=np.iinfo(np.int64).max))
            for part, number in ((filed, upto.filings), (recorded, upto.outcomes))
        ]
        if min(left) >= before or not len(times) or before <= int(times[0]):
            return upto
        before = min(left)


def _first_from(events_of: Series, after: int, before: int) -> int:
    """The last number before the first event at that time or later."""
    late = np.flatnonzero(events_of[:, 1] >= before)
    if len(late) == 0:
        return int(events_of[-1, 0]) if len(events_of) else after
    return int(events_of[late[0], 0]) - 1 if late[0] else after
