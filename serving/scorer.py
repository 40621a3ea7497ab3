"""The one scoring path: consignments and their history in, assessments out. Batch, API and console call it.

An assessment says of a consignment version: calibrated probability, rank, lane, reasons, and what it was made
with (model, reference data, history, a fingerprint of the inputs), so that it can be traced and made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, Literal

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.catalogue import catalogue
from features.events import Context
from features.profiles import comparison_features
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.explanation import Explanation, stored
from risk.feature import FeatureTable
from risk.indicators import Pack, load_pack
from risk.inspection import Target
from risk.layout import EXTRA_PREFIX, column
from risk.model import RiskModel, Scores
from risk.reference import tables as reference
from risk.selection import RANDOM_SHARE, select
from serving.kept import Texts
from serving.knowledge import NOTHING, Knowledge, fingerprint
from serving.spool import Part
from serving.telling import Telling
from training.dataset import by_consignment

EXPLAINED: Final = 100
"""How many consignments of the highest risk get exact reasons when nothing else is said, beside those inspected."""
EXACT_LANES: Final = frozenset({"red"})
"""Lanes whose consignments get exact reasons."""
CHUNK: Final = 20_000
"""Consignments put together with their reasons at a time."""
SAID: Final = ("reasons", "indicators")
"""Columns kept apart as texts."""


@dataclass(frozen=True)
class Past:
    """What was known before the consignments to be scored: the folded history, and lines and outcomes since.

    state       folded up to a moment before the first consignment to be scored
    context     lines already folded that the outcomes may point at
    outcomes    outcomes recorded since then, up to the last consignment to be scored
    meanwhile   other lines filed since then; they are history, and not scored
    """

    state: State
    context: Context | None = None
    outcomes: pd.DataFrame | None = None
    meanwhile: pd.DataFrame | None = None


@dataclass(frozen=True)
class Assessments:
    """The assessments of a manifest, in order of rank.

    scored       one row a consignment; see `assess` for its columns, of which reasons and indicators are kept apart
    lines        the riskiest line of each of the first `explained`, in order of rank
    superseded   versions in the manifest that a later version of the same consignment replaces
    capacity     how many inspections the capacity came to
    """

    scored: pd.DataFrame
    lines: pd.DataFrame
    superseded: int
    capacity: int
    texts: Texts

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a consignment with all columns, for manifests that fit into memory with all their reasons."""
        return self._complete(self.scored)

    def chunks(self, rows: int = CHUNK) -> Iterator[pd.DataFrame]:
        """The table in pieces of so many rows, of which only one is in memory."""
        for start in range(0, max(len(self.scored), 1), rows):
            yield self._complete(self.scored.iloc[start : start + rows])

    def explanations(self, most: int) -> list[Explanation]:
        """The explanations of so many of the highest risk."""
        told = self._complete(self.scored.head(most))[list(SAID)]
        return [explanation_of(row) for row in told.to_dict("records")]

    def _complete(self, scored: pd.DataFrame) -> pd.DataFrame:
        said = {
            name: pd.Series(self.texts.read(scored[f"{name}_at"].to_numpy(np.int64)), scored.index, dtype=object)
            for name in SAID
        }
        kept = {name: scored[name].array for name in scored if str(name).removesuffix("_at") not in SAID}
        return pd.DataFrame(kept | said, index=scored.index)


def explanation_of(assessment: Mapping[Any, Any]) -> Explanation:
    """The one explanation of an assessment, from its reasons and indicators as they are kept (JSON texts)."""
    reasons, indicators = (orjson.loads(assessment.get(name) or "[]") for name in SAID)
    return stored(reasons, indicators)


@cache
def packaged() -> Pack:
    """The pack of indicators that comes with the program."""
    return load_pack(features=[feature.name for feature in catalogue()])


def model_target(model: RiskModel) -> Target:
    """What the model was trained to find."""
    entry = model.facts.get("target")
    return Target(entry["name"], tuple(entry["positive"]), tuple(entry["unknown"])) if entry else Target()


def assess(
    lines: pd.DataFrame | Iterable[Part],
    past: Past,
    model: RiskModel,
    *,
    capacity: float,
    seed: int,
    random_share: float = RANDOM_SHARE,
    explained: int = EXPLAINED,
    exact_lanes: Collection[str] = EXACT_LANES,
    pack: Pack | Literal["packaged"] | None = "packaged",
    known: Knowledge = NOTHING,
    model_name: str = "risk",
    model_version: str = "",
    scored_at: pd.Timestamp | None = None,
    threads: int = 2,
    progress: Callable[[int], None] = lambda _: None,
) -> Assessments:
    """Score the last version of each consignment among the lines and select under capacity.

    `lines` are a table, or its parts in order of time: the result is the same bit for bit, and only one part is in
    memory at a time. `past.state` is left as it was; `progress` is told the lines done so far. Every consignment gets
    reasons along the paths of the trees; those of `exact_lanes` and the first `explained` get exact ones, and the
    evidence of the indicators of `pack` written out. `known` has the reference statistics, without which an indicator
    that needs them is not evaluable, and the office's rules in force; neither changes the score. The answer is given at
    `scored_at`, by default when `known` was looked up, else now.

    Columns of the table: consignment_id, version, stage, filed_at, customs_office, line_no (the riskiest line, which
    the reasons are about), probability, raw_score, base_score (of an average consignment, which the reasons start
    from), rank, out_of, lane, selected_by, propensity, reasons and indicators (JSON), model_name, model_version,
    model_fingerprint, reference_fingerprint, pack_fingerprint, history_as_of, input_fingerprint, scored_at.

    Raises HistoryError when a consignment was filed before the history ends.
    """
    parts = [Part.whole(lines)] if isinstance(lines, pd.DataFrame) else lines
    pack = packaged() if pack == "packaged" else pack
    folding, telling = _Folding(past, model, threads), Telling(model, pack, known, threads)
    rows, replaced, done = [], [], 0
    for part in parts:
        table = folding.features(part)
        read = part.wanted
        scores = model.score(table, threads=threads)
        said = telling.add(read, table, scores, last=part.before is None)
        rows.append(_rows(read, table, scores, said))
        if not part.reads.all():
            replaced.append(part.lines.loc[~part.reads, ["consignment_id", "version"]])
        done += len(part.lines)
        progress(done)
    # In order of lines, so that of equally risky ones the first speaks, whatever the order of the file.
    scored = rows[0] if len(rows) == 1 else pd.concat(rows, ignore_index=True)
    if not scored["line_no"].is_monotonic_increasing:
        scored = scored.sort_values("line_no", kind="stable", ignore_index=True)
    line, number = by_consignment(
        scored["consignment_id"], scored["probability"].to_numpy(), scored["raw_score"].to_numpy()
    )
    fingerprints = _fingerprints(scored["digest"].to_numpy(), number)
    speaking: dict[str, Any] = {str(name): scored[name].array[line] for name in scored if name != "digest"}
    ids, numbers = speaking["consignment_id"].tolist(), np.array(speaking.pop("number"), np.int64)
    selection = select(
        ids,
        np.array(speaking["probability"]),
        np.array(speaking["raw_score"]),
        capacity=capacity,
        seed=seed,
        random_share=random_share,
    )
    exact = np.isin(selection.lane.astype("str"), list(exact_lanes)) | (selection.rank <= explained)
    reasons_at = np.array(speaking["reasons_at"], np.int64)
    reasons_at[exact] = telling.exact(numbers[exact])
    indicators_at = telling.indicators(scored["number"].to_numpy(np.int64), number, exact)
    order = np.argsort(selection.rank, kind="stable")
    assessed = pd.DataFrame(
        {name: values[order] for name, values in (speaking | {"reasons_at": reasons_at}).items()}
        | {
            "base_score": model.average,
            "rank": selection.rank[order],
            "out_of": len(ids),
            "lane": selection.lane[order],
            "selected_by": selection.selected_by[order],
            "propensity": selection.propensity[order],
            "model_name": model_name,
            "model_version": model_version,
            "model_fingerprint": model.fingerprint,
            "reference_fingerprint": reference.fingerprint(),
            "pack_fingerprint": fingerprint(pack, known.learnt),
            "history_as_of": pd.Timestamp(max(past.state.as_of, 0), unit="us", tz="UTC"),
            "input_fingerprint": [fingerprints[place] for place in order.tolist()],
            "scored_at": scored_at or pd.Timestamp(known.at or pd.Timestamp.now("UTC")),
            "indicators_at": indicators_at[order],
        }
    )
    shown = telling.lines(numbers[order][:explained])
    superseded = len(pd.concat(replaced).drop_duplicates()) if replaced else 0
    return Assessments(assessed, shown, superseded, selection.capacity, telling.texts)


class _Folding:
    """The history going on from part to part, with what was filed and found beside the manifest meanwhile."""

    def __init__(self, past: Past, model: RiskModel, threads: int) -> None:
        self._past, self._threads = past, threads
        self._target = model_target(model)
        self._extras = [feature for feature in model.features if feature.name.startswith(EXTRA_PREFIX)]
        self._state = past.state
        self._since: pd.Timestamp | None = None
        self._carried: list[pd.DataFrame] = []

    def features(self, part: Part) -> FeatureTable:
        """The features of the lines of the part that are to be scored; the history now ends with the part."""
        past = self._past
        meanwhile = _between(past.meanwhile, "filed_at", self._since, part.before)
        beside = 0 if meanwhile is None else len(meanwhile)
        table, self._state = build(
            pd.concat([part.lines, meanwhile], ignore_index=True) if beside else part.columns,
            self._state,
            outcomes=_between(past.outcomes, "recorded_at", self._since, part.before),
            context=self._context(),
            reads=np.append(part.reads, np.zeros(beside, bool)),
            target=self._target,
            extras=self._extras,
            comparisons=True,
            threads=self._threads,
        )
        named = np.zeros(len(part.lines), bool)
        if past.outcomes is not None:
            named = part.lines["consignment_id"].isin(past.outcomes["consignment_id"]).to_numpy()
        if part.before is not None:
            self._carried.append(part.lines[part.later | named])
            self._since = part.before
        return table

    def _context(self) -> Context | None:
        """What was folded so far and later lines and outcomes may belong to."""
        past = self._past
        if self._since is None:
            return past.context
        before = past.context or Context(self._carried[0].iloc[:0])
        lines = [before.lines, _between(past.meanwhile, "filed_at", None, self._since), *self._carried]
        outcomes = [before.outcomes, _between(past.outcomes, "recorded_at", None, self._since)]
        known = [frame for frame in outcomes if frame is not None]
        return Context(
            pd.concat([frame for frame in lines if frame is not None and len(frame)] or [before.lines]),
            pd.concat(known) if known else None,
        )


def _between(
    frame: pd.DataFrame | None, time: str, since: pd.Timestamp | None, before: pd.Timestamp | None
) -> pd.DataFrame | None:
    """The rows from a moment (inclusive) and before another one."""
    if frame is None or (since is None and before is None):
        return frame
    wanted = np.ones(len(frame), bool)
    if since is not None:
        wanted &= (frame[time] >= since).to_numpy()
    if before is not None:
        wanted &= (frame[time] < before).to_numpy()
    return frame[wanted]


def _rows(lines: pd.DataFrame, table: FeatureTable, scores: Scores, said: pd.DataFrame) -> pd.DataFrame:
    """What is kept of each line that was scored."""
    return pd.DataFrame(
        {
            "consignment_id": lines["consignment_id"].array,
            "version": lines["version"].array,
            "stage": column(lines, CONSIGNMENTS, "stage").array,
            "filed_at": pd.to_datetime(lines["filed_at"], utc=True).array,
            "customs_office": column(lines, CONSIGNMENTS, "customs_office").array,
            "line_no": lines["line_no"].array,
            "probability": scores.probability,
            "raw_score": scores.raw,
            "digest": _digests(table),
            **{name: said[name].array for name in said},
        }
    )


def _digests(table: FeatureTable) -> NDArray[np.uint64]:
    """Eight bytes over all that the model was given of each line, which the ranges it is compared with are not."""
    given = table.numbers.shape[1] - len(comparison_features())
    categories = list(zip(*table.categories.values(), strict=True)) if table.categories else []
    digests = bytearray()
    for row in range(len(table)):
        digest = hashlib.blake2b(table.numbers[row, :given].tobytes(), digest_size=8)
        if categories:
            digest.update("\x1f".join(value or "" for value in categories[row]).encode())
        digests += digest.digest()
    return np.frombuffer(bytes(digests), np.uint64)


def _fingerprints(digests: NDArray[np.uint64], number: NDArray[np.int64]) -> list[str]:
    """Sixteen hex digits over the lines of each consignment; lines are in order, `number` says whose they are."""
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number)).tolist()
    ordered = digests[order]
    return [
        hashlib.blake2b(ordered[start:end].tobytes(), digest_size=8).hexdigest()
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def summary(assessed: Assessments) -> dict[str, Any]:
    """Counts of an assessment: consignments by lane and what was superseded."""
    lanes = assessed.table["lane"].value_counts()
    return {
        "consignments": len(assessed.table),
        "superseded": assessed.superseded,
        "capacity": assessed.capacity,
        "lanes": {lane: int(lanes.get(lane, 0)) for lane in ("red", "yellow", "blue", "green")},
    }
