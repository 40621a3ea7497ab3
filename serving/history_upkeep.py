"""The history tables kept close behind a live service: old enough events are folded in, the latest are left open.

What reaches a service does not come in order of its times. Events can only be folded forward, so those of the last
minute stay unfolded, where each request still reads them in their right order; of a busy minute so many at most.
"""

from __future__ import annotations

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


def settle(store: Store, target: Target, now: datetime, *, threads: int = 1) -> Condition:
    """Fold in what is old enough; make the tables anew where they are of no use to this target. What they were."""
    with store.transaction() as connection:
        upto = events.stored(connection)
    if upto == Numbers():
        return "none"
    with store.reading() as connection:
        head = history.head(connection)
        found = condition(connection, head)
        if head is not None and found == "current" and target_of(head) == target:
            filed, recorded = events.unfolded(connection, folded(head), upto, target.name)
            cut = _cut(filed, recorded, folded(head), microseconds(now - GRACE))
            fresh = len(filed) + len(recorded)
            if cut == folded(head) or (fresh < _WORTH and _young(filed, recorded, now)):
                return found
        elif found == "foreign":
            return found
        else:
            cut = None
    if cut is None:
        rebuild(store, target, threads=threads)
    else:
        keep_up(store, target, threads=threads, upto=cut)
    return found


def _young(filed: Series, recorded: Series, now: datetime) -> bool:
    oldest = min((int(part[:, 1].min()) for part in (filed, recorded) if len(part)), default=0)
    return oldest >= microseconds(now - 3 * GRACE)


def _cut(filed: Series, recorded: Series, after: Numbers, before: int) -> Numbers:
    """Up to which numbers events may be folded in so that none left over is earlier than one folded."""
    times = np.sort(np.concatenate([filed[:, 1], recorded[:, 1]]))
    if len(times) > OPEN_MOST:
        before = max(before, int(times[-OPEN_MOST]))
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
