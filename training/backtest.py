"""What rules would have done on stored history: how often they fire, what was found there, what they would displace.

Each line is judged with what was known strictly before it was filed. A consignment counts once, by the last version
that customs had before it was inspected (else by its last version), and fires when one of its lines does. Only an
inspected consignment says anything about precision: the random stream is the yardstick, what rules or the model
selected is shown beside it, raw and weighted by inverse selection probability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.events import Context
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.errors import NotEnoughDataError
from risk.feature import Feature, FeatureTable
from risk.inspection import Target
from risk.layout import column, utc
from risk.model import RiskModel
from risk.selection import inspections, ranks
from training.dataset import by_consignment, label_lines
from training.judges import Judges

Bools = NDArray[np.bool_]
Float64 = NDArray[np.float64]
Week = tuple[NDArray[np.intp], int]
"""The consignments of a week from the highest risk down, and how many of them can be inspected."""

PART_ROWS: Final = 50_000
"""Lines whose features are in memory at a time, about."""
Z: Final = 1.959963984540054
"""Quantile of the normal distribution for intervals of 95 %."""
NO_OFFICE: Final = "not stated"


@dataclass(frozen=True)
class Span:
    """Filed from (inclusive) and before (exclusive)."""

    start: pd.Timestamp
    before: pd.Timestamp


@dataclass(frozen=True)
class _Consignments:
    """One entry for each consignment of the span: n of them, S judges.

    label         1 positive, 0 negative, NaN not inspected or inconclusive; `weight` the inverse of its probability
    unweighted    inspected, but without a selection probability
    """

    ids: NDArray[np.object_]
    week: NDArray[np.object_]
    office: NDArray[np.object_]
    label: Float64
    weight: Float64
    random: Bools
    unweighted: Bools
    probability: Float64
    raw: Float64
    fired: Bools
    unknown: Bools

    @property
    def inspected(self) -> Bools:
        """Those whose outcome is known."""
        return ~np.isnan(self.label)


def backtest(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    judges: Judges,
    span: Span,
    *,
    model: RiskModel | None = None,
    capacity: float = 0.01,
    target: Target | None = None,
    extras: Sequence[Feature] | None = None,
    threads: int = 2,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """What each judge would have done among the lines of the span; JSON values.

    lines      all history in the layout of `risk.consignment`; what was filed before the span is folded
    outcomes   all outcomes in the layout of `risk.inspection`, those of the span included
    model      whose riskiest consignments are compared with; none when None
    capacity   inspections a week: a share of the week's consignments below 1, else a number

    Features are held for PART_ROWS lines at a time. Raises NotEnoughDataError when nothing was filed in the span.
    """
    target = target or Target()
    lines = lines.sort_values("filed_at", kind="stable", ignore_index=True)
    found = _judged(lines, outcomes, judges, span, model, target, extras, threads, progress)
    weeks = [] if model is None else _weeks(found, capacity)
    top = None if model is None else _first(weeks, len(found.ids))
    return {
        "from": utc(span.start),
        "before": utc(span.before),
        "target": target.name,
        "capacity": capacity if model is not None else None,
        "consignments": len(found.ids),
        "weeks": len(set(found.week)),
        "offices": sorted(set(found.office)),
        "all": _precision(found, np.ones(len(found.ids), bool)),
        "top": None if top is None else {"inspections": int(top.sum()), **_precision(found, top)},
        "rules": [
            {
                "id": judges.names[place],
                "statement": judges.statements[place],
                **_volume(found, place),
                **_precision(found, found.fired[:, place]),
                "recall_on_random": _recall(found, found.fired[:, place]),
                "model": None if top is None else _displacing(found, found.fired[:, place], top, weeks),
            }
            for place in range(len(judges.names))
        ],
    }


def features_of(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    reads: Bools,
    *,
    target: Target,
    extras: Sequence[Feature] | None = None,
    threads: int = 2,
    rows: int = PART_ROWS,
) -> Iterator[tuple[NDArray[np.intp], FeatureTable]]:
    """The features of the lines marked, part by part: the positions of the lines, and their table.

    `lines` are in order of `filed_at`; everything before the first line marked is folded at once, without features.
    The result is that of one `features.build.build` over everything, bit for bit.
    """
    wanted = np.flatnonzero(reads)
    if len(wanted) == 0:
        return
    filed, state, start = lines["filed_at"], State(), 0
    since: pd.Timestamp | None = None
    for end in _cuts(filed, int(wanted[0]), int(wanted[-1]) + 1, rows):
        before = None if end == len(lines) else filed.iloc[end]
        part, read = lines.iloc[start:end], reads[start:end]
        table, state = build(
            part,
            state,
            outcomes=_recorded(outcomes, since, before),
            context=None if start == 0 else Context(lines.iloc[:start], _recorded(outcomes, None, since)),
            reads=read,
            target=target,
            extras=extras,
            threads=threads,
        )
        if read.any():
            yield start + np.flatnonzero(read), table
        start, since = end, before


def wilson(share: float, n: float) -> dict[str, float | None]:
    """A share of n with its 95 % interval after Wilson (1927); n may be an effective size. None without any."""
    if not n > 0:
        return {"value": None, "low": None, "high": None}
    middle, width = share + Z**2 / (2 * n), Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = (middle - width) / (1 + Z**2 / n), (middle + width) / (1 + Z**2 / n)
    return {"value": round(share, 5), "low": round(float(max(low, 0.0)), 5), "high": round(float(min(high, 1.0)), 5)}


def _cuts(filed: pd.Series[pd.Timestamp], first: int, last: int, rows: int) -> list[int]:
    """Where parts end: before the first line read, then every so many lines; lines of one moment are never parted."""
    times = filed.to_numpy()
    ends, at = [], int(np.searchsorted(times, times[first], "left"))
    if at > 0:
        ends.append(at)
    while at < last:
        end = min(at + rows, len(times))
        if end < len(times):
            end = int(np.searchsorted(times, times[end - 1], "right"))
        ends.append(end)
        at = end
    return ends


def _recorded(outcomes: pd.DataFrame, since: pd.Timestamp | None, before: pd.Timestamp | None) -> pd.DataFrame:
    """The outcomes recorded from a moment (inclusive) and before another one."""
    wanted = np.ones(len(outcomes), bool)
    if since is not None:
        wanted &= (outcomes["recorded_at"] >= since).to_numpy()
    if before is not None:
        wanted &= (outcomes["recorded_at"] < before).to_numpy()
    return outcomes[wanted]


def _judged(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    judges: Judges,
    span: Span,
    model: RiskModel | None,
    target: Target,
    extras: Sequence[Feature] | None,
    threads: int,
    progress: Callable[[int], None],
) -> _Consignments:
    """Judge and score the lines of the span, and gather them by consignment."""
    end = pd.concat([lines["filed_at"], outcomes["recorded_at"]]).max() + pd.Timedelta(microseconds=1)
    labels = label_lines(lines, outcomes, target, end, max_weight=np.inf)
    filed = lines["filed_at"]
    reads = _seen(lines, labels.known) & ((filed >= span.start) & (filed < span.before)).to_numpy()
    if not reads.any():
        raise NotEnoughDataError(
            f"nothing was filed from {utc(span.start)} and before {utc(span.before)}; give other dates with --from and "
            "--until"
        )
    rows, fired, unknown, probability, raw, done = [], [], [], [], [], 0
    for places, table in features_of(lines, outcomes, reads, target=target, extras=extras, threads=threads):
        part = lines.iloc[places].reset_index(drop=True)
        yes, known = judges.judge(part, table)
        rows.append(places)
        fired.append(yes)
        unknown.append(~known)
        if model is not None:
            scores = model.score(table, threads=threads)
            probability.append(scores.probability)
            raw.append(scores.raw)
        done += len(places)
        progress(done)
    at = np.concatenate(rows)
    read = lines.iloc[at]
    nothing = [np.zeros(len(at))]
    chance, score = np.concatenate(probability or nothing), np.concatenate(raw or nothing)
    line, number = by_consignment(read["consignment_id"], chance, score)
    stated = ~np.isin(read["consignment_id"], _without_probability(outcomes))
    fires = _any(np.concatenate(fired), number)
    return _Consignments(
        ids=read["consignment_id"].to_numpy(object)[line],
        week=_week(read["filed_at"].iloc[line]),
        office=column(read, CONSIGNMENTS, "customs_office").iloc[line].fillna(NO_OFFICE).to_numpy(object),
        label=_most(labels.label[at], number),
        weight=np.nan_to_num(_most(np.where(labels.known[at], labels.weight[at], np.nan), number), nan=1.0),
        random=_any(labels.random[at][:, None], number)[:, 0],
        unweighted=~stated[line],
        probability=chance[line],
        raw=score[line],
        fired=fires,
        unknown=_any(np.concatenate(unknown), number) & ~fires,
    )


def _seen(lines: pd.DataFrame, labelled: Bools) -> Bools:
    """The lines of the version by which a consignment counts: the one that was inspected, else the last one."""
    version = column(lines, CONSIGNMENTS, "version").to_numpy(np.int64)
    number, _ = pd.factorize(lines["consignment_id"])
    counts, inspected = np.zeros((2, int(number.max(initial=-1)) + 1), np.int64)
    np.maximum.at(counts, number, version)
    np.maximum.at(inspected, number[labelled], version[labelled])
    return np.asarray(version == np.where(inspected > 0, inspected, counts)[number], bool)


def _without_probability(outcomes: pd.DataFrame) -> NDArray[np.object_]:
    if "selection_probability" not in outcomes:
        return outcomes["consignment_id"].to_numpy(object)
    return outcomes.loc[outcomes["selection_probability"].isna(), "consignment_id"].to_numpy(object)


def _week(filed: pd.Series[pd.Timestamp]) -> NDArray[np.object_]:
    """The Monday (UTC) of the week of each time, as an ISO date."""
    day = filed.dt.tz_convert("UTC").dt.normalize()
    monday = day - pd.to_timedelta(day.dt.day_of_week, unit="D")
    return monday.dt.strftime("%Y-%m-%d").to_numpy(object)


def _any(values: Bools, number: NDArray[np.int64]) -> Bools:
    """For each consignment whether it holds for one of its lines, column by column."""
    found = np.zeros((int(number.max(initial=-1)) + 1, values.shape[1]), bool)
    for place in range(values.shape[1]):
        found[number[values[:, place]], place] = True
    return found


def _most(values: Float64, number: NDArray[np.int64]) -> Float64:
    """The largest value among the lines of each consignment, NaN where none is known."""
    found = np.full(int(number.max(initial=-1)) + 1, np.nan)
    np.fmax.at(found, number, values)
    return found


def _volume(found: _Consignments, place: int) -> dict[str, Any]:
    """How often it fires: in all, by week and office, and where it could not be evaluated."""
    fired = found.fired[:, place]
    table = pd.DataFrame({"week": found.week, "office": found.office, "hits": fired, "consignments": 1})
    by_week = table.groupby("week")["hits"].sum()
    by_both = table.groupby(["week", "office"], as_index=False)[["hits", "consignments"]].sum()
    return {
        "hits": int(fired.sum()),
        "share": round(float(fired.mean()), 6),
        "not_evaluable": int(found.unknown[:, place].sum()),
        "a_week": {"median": float(by_week.median()), "most": int(by_week.max())},
        "by_week_and_office": by_both[by_both["hits"] > 0].to_dict("records"),
    }


def _precision(found: _Consignments, chosen: Bools) -> dict[str, Any]:
    """What was found among the chosen: in the random stream, and among all inspected, raw and weighted."""
    by_chance, opened = chosen & found.random & found.inspected, chosen & found.inspected
    w, y = found.weight[opened], found.label[opened]
    size = float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0
    return {
        "random": _found(found.label[by_chance]),
        "inspected": {
            **_found(y),
            "weighted": wilson(float(np.average(y, weights=w)) if len(w) else 0.0, size),
            "effective_size": round(size, 1),
            "without_probability": int((opened & found.unweighted).sum()),
        },
    }


def _found(label: Float64) -> dict[str, Any]:
    n, positives = len(label), int(label.sum())
    return {"inspected": n, "positives": positives, "precision": wilson(positives / n if n else 0.0, n)}


def _recall(found: _Consignments, fired: Bools) -> dict[str, float | None]:
    """Of the positives of the random stream, the share on which it fires."""
    positive = found.random & (found.label == 1)
    n = int(positive.sum())
    return wilson(float(fired[positive].mean()) if n else 0.0, n)


def _weeks(found: _Consignments, capacity: float) -> list[Week]:
    """The consignments of each week from the highest risk down, and how many can be inspected."""
    order = np.argsort(ranks(found.ids.tolist(), found.probability, found.raw))
    number, weeks = pd.factorize(found.week[order])
    by_week = [order[number == place] for place in range(len(weeks))]
    return [(rows, inspections(capacity, len(rows))) for rows in by_week]


def _first(weeks: Sequence[Week], count: int, before: Bools | None = None) -> Bools:
    """Which of all consignments are inspected: of each week the riskiest, those marked before all others."""
    chosen = np.zeros(count, bool)
    for rows, places in weeks:
        ordered = rows if before is None else rows[np.argsort(~before[rows], kind="stable")]
        chosen[ordered[:places]] = True
    return chosen


def _displacing(found: _Consignments, fired: Bools, top: Bools, weeks: Sequence[Week]) -> dict[str, Any]:
    """What changes when what the rule fires on goes first each week, within the same capacity."""
    after = _first(weeks, len(top), fired)
    return {
        "overlap": int((fired & top).sum()),
        "share_of_hits_in_top": round(float(top[fired].mean()), 5) if fired.any() else None,
        "taken_in": _group(found, after & ~top),
        "displaced": _group(found, top & ~after),
    }


def _group(found: _Consignments, chosen: Bools) -> dict[str, Any]:
    """Some consignments: how many, what the model expects among them, what was found in those inspected."""
    return {
        "consignments": int(chosen.sum()),
        "expected_by_model": round(float(found.probability[chosen].sum()), 2),
        **_precision(found, chosen),
    }
