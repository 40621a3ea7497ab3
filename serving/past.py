"""What was known before a manifest: from a history file, from the store, or nothing at all.

Whatever the source, the scorer gets a state folded up to a moment before the first consignment to be scored,
and what was recorded between that moment and the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from features.build import build
from features.events import Context
from features.snapshot import load_history
from features.state import State
from risk.consignment import KEY
from risk.errors import HistoryError
from risk.inspection import Target
from risk.layout import utc
from serving.past_in_store import past_from_history
from serving.scorer import Past
from serving.store import Store
from serving.terminal import say


def past_from_file(path: Path, target: Target) -> Past:
    """The history that `risk history snapshot` wrote. Raises HistoryError when it was folded for another target."""
    history = load_history(path)
    if history.target != target:
        raise HistoryError(
            f"{path} was folded for the target {history.target.name!r}, the model was trained for {target.name!r}; "
            "fold the history again for this model"
        )
    return Past(history.state)


def fold_all(lines: pd.DataFrame, outcomes: pd.DataFrame, target: Target, threads: int = 2) -> State:
    """The history of everything in the tables."""
    nobody = np.zeros(len(lines), bool)
    _, state = build(lines, State(), outcomes=outcomes, reads=nobody, target=target, threads=threads)
    return state


def past_from_tables(
    lines: pd.DataFrame, outcomes: pd.DataFrame, manifest: pd.DataFrame, target: Target, threads: int = 2
) -> Past:
    """What tables of consignments and outcomes tell about a manifest: folded to its first filing, and since.

    Nothing filed or recorded at the manifest's first moment or later is folded. What was filed or recorded while
    the manifest was being filed is passed on and counts from its own time; the manifest's own lines are left out.
    Of the manifest only its key and `filed_at` are read.
    """
    first, last = manifest["filed_at"].min(), manifest["filed_at"].max()
    earlier, known = lines["filed_at"] < first, outcomes["recorded_at"] < first
    before = lines[earlier]
    state = fold_all(before, outcomes[known], target, threads)
    meanwhile = lines[~earlier & (lines["filed_at"] < last)]
    own = pd.MultiIndex.from_frame(meanwhile[list(KEY)]).isin(pd.MultiIndex.from_frame(manifest[list(KEY)]))
    since = outcomes[~known & (outcomes["recorded_at"] < last)]
    return Past(state, Context(before, outcomes[known]), since, meanwhile[~own])


def past_from_store(
    store: Store,
    manifest: pd.DataFrame,
    target: Target,
    threads: int = 2,
    lines: Iterable[pd.DataFrame] | None = None,
    tell: Callable[[str], None] = say,
) -> Past:
    """The same from the store: by its history tables where they serve (`lines`: the manifest in full), else folded."""
    past = None if lines is None else past_from_history(store, manifest, lines, target, threads, tell)
    if past is not None:
        return past
    last = manifest["filed_at"].max().to_pydatetime()
    filed = store.consignments(filed_before=last)
    outcomes = store.outcomes(label=target.name, recorded_before=last)
    return past_from_tables(filed, outcomes, manifest, target, threads)


def described(past: Past) -> str:
    """How far a history reaches, for people."""
    if past.state.as_of <= 0:
        return "no history: every party is new"
    return f"history up to {utc(pd.Timestamp(past.state.as_of, unit='us', tz='UTC'))}"
