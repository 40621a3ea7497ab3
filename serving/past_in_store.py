"""The past of a manifest from the history tables: only the keys that matter are read, and what came since is folded.

The same bits as folding the filings from the beginning (`serving.past`), in time that depends on the manifest and
not on the store. Where the tables cannot answer, nothing is returned and the caller folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from features.build import build
from features.events import Context
from risk.consignment import KEY
from risk.inspection import Target
from serving.history_tables import condition, folded, known_keys, state_of, target_of
from serving.history_upkeep import make_anew
from serving.scorer import Past
from serving.store import Store, events, history
from serving.store.append import microseconds
from serving.store.events import Span
from serving.store.history import Head
from serving.terminal import say


def past_from_history(
    store: Store,
    manifest: pd.DataFrame,
    lines: Iterable[pd.DataFrame],
    target: Target,
    threads: int = 2,
    tell: Callable[[str], None] = say,
) -> Past | None:
    """What the history tables and the events since tell about a manifest; None where the tables are of no use.

    They are when they hold nothing of the manifest's first moment or later and were folded for its target. Tables
    that are not there, or overtaken by a late event, are made anew if they are of use then.

    manifest   key and `filed_at` of its lines
    lines      the lines in full, in parts; read at most once
    tell       is told when the tables are made anew, which takes its time
    """
    first, last = (microseconds(moment.to_pydatetime()) for moment in _ends(manifest))
    with store.reading() as connection:
        events.one_moment(connection)
        head = history.head(connection)
        found = condition(connection, head)
        if head is not None and (target_of(head) != target or (found == "current" and head.as_of >= first)):
            return None
        if head is not None and found == "current":
            return _read(connection, head, manifest, lines, target, first, last, threads)
        spanned = events.times(connection, Span(), target.name)
    if spanned is None or spanned[1] >= first:
        return None
    reason = "is behind what the store holds" if found == "behind" else "is not there yet for this program"
    tell(f"note: the history in the store {reason}; folding it anew")
    make_anew(store, target, datetime.now(UTC), threads=threads)
    with store.reading() as connection:
        events.one_moment(connection)
        head = history.head(connection)
        if head is None or condition(connection, head) != "current" or head.as_of >= first:
            return None
        return _read(connection, head, manifest, lines, target, first, last, threads)


def _ends(manifest: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    return manifest["filed_at"].min(), manifest["filed_at"].max()


def _read(
    connection: Connection,
    head: Head,
    manifest: pd.DataFrame,
    lines: Iterable[pd.DataFrame],
    target: Target,
    first: int,
    last: int,
    threads: int,
) -> Past:
    label, done = target.name, folded(head)
    between = Span(done, start=head.as_of, before=first)
    filed, recorded = events.lines(connection, between), events.outcomes(connection, between, label)
    during = Span(start=first, before=last)
    meanwhile, since = events.lines(connection, during), events.outcomes(connection, during, label)
    own = pd.MultiIndex.from_frame(meanwhile[list(KEY)]).isin(pd.MultiIndex.from_frame(manifest[list(KEY)]))
    meanwhile = meanwhile[~own]

    named = pd.concat([frame["consignment_id"] for frame in (manifest, filed, recorded, meanwhile, since)])
    ids, earlier = pd.unique(named).tolist(), Span(upto=done, before=first)
    before = Context(events.lines_of(connection, ids, earlier), events.outcomes_of(connection, ids, label, earlier))
    state = state_of(connection, head, known_keys([filed, meanwhile, before.lines], lines))
    if len(filed) or len(recorded):
        nobody = np.zeros(len(filed), bool)
        _, state = build(
            filed, state, outcomes=recorded, context=before, reads=nobody, target=target, extras=(), threads=threads
        )
    assert before.outcomes is not None
    context = Context(_both(before.lines, filed), _both(before.outcomes, recorded))
    return Past(state, context, since, meanwhile)


def _both(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    if one.empty or other.empty:
        return other if one.empty else one
    return pd.concat([one, other], ignore_index=True)
