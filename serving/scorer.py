"""The one scoring path: consignments and their history in, assessments out. Batch, API and console call it.

An assessment says of a consignment version: calibrated probability, rank, lane, reasons, and what it was made
with (model, reference data, history, a fingerprint of the inputs), so that it can be traced and made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.events import Context
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.feature import FeatureTable
from risk.inspection import Target
from risk.layout import EXTRA_PREFIX, column
from risk.model import RiskModel
from risk.reasons import Reason, explain
from risk.reference import tables as reference
from risk.selection import RANDOM_SHARE, select
from training.dataset import by_consignment

EXPLAINED: Final = 100
"""How many consignments of the highest risk get reasons when nothing else is said."""


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

    table        one row a consignment; see `assess` for its columns
    reasons      by consignment, for those explained
    superseded   versions in the manifest that a later version of the same consignment replaces
    capacity     how many inspections the capacity came to
    """

    table: pd.DataFrame
    reasons: Mapping[str, tuple[Reason, ...]]
    superseded: int
    capacity: int


def model_target(model: RiskModel) -> Target:
    """What the model was trained to find."""
    entry = model.facts.get("target")
    return Target(entry["name"], tuple(entry["positive"]), tuple(entry["unknown"])) if entry else Target()


def assess(
    lines: pd.DataFrame,
    past: Past,
    model: RiskModel,
    *,
    capacity: float,
    seed: int,
    random_share: float = RANDOM_SHARE,
    explained: int = EXPLAINED,
    model_name: str = "risk",
    model_version: str = "",
    scored_at: pd.Timestamp | None = None,
    threads: int = 2,
) -> Assessments:
    """Score the last version of each consignment among the lines and select under capacity.

    `past.state` is left as it was. Columns of the table: consignment_id, version, stage, filed_at,
    customs_office, line_no (the riskiest line), probability, raw_score, rank, out_of, lane, selected_by,
    propensity, reasons (JSON, for those explained), model_name, model_version, model_fingerprint,
    reference_fingerprint, history_as_of, input_fingerprint, scored_at.

    Raises HistoryError when a consignment was filed before the history ends.
    """
    reads = _last_versions(lines)
    beside = 0 if past.meanwhile is None else len(past.meanwhile)
    table, _ = build(
        pd.concat([lines, past.meanwhile], ignore_index=True) if beside else lines,
        past.state,
        outcomes=past.outcomes,
        context=past.context,
        reads=np.append(reads, np.zeros(beside, bool)),
        target=model_target(model),
        extras=[feature for feature in model.features if feature.name.startswith(EXTRA_PREFIX)],
        threads=threads,
    )
    scored = lines[reads]
    scores = model.score(table, threads=threads)
    line, number = by_consignment(scored["consignment_id"], scores.probability, scores.raw)
    found = scored.iloc[line]
    ids = found["consignment_id"].tolist()
    probability, raw = scores.probability[line], scores.raw[line]
    selection = select(ids, probability, raw, capacity=capacity, seed=seed, random_share=random_share)
    assessed = pd.DataFrame(
        {
            "consignment_id": ids,
            "version": found["version"].to_numpy(),
            "stage": column(found, CONSIGNMENTS, "stage").to_numpy(),
            "filed_at": found["filed_at"].to_numpy(),
            "customs_office": column(found, CONSIGNMENTS, "customs_office").to_numpy(),
            "line_no": found["line_no"].to_numpy(),
            "probability": probability,
            "raw_score": raw,
            "rank": selection.rank,
            "out_of": len(ids),
            "lane": selection.lane,
            "selected_by": selection.selected_by,
            "propensity": selection.propensity,
            "model_name": model_name,
            "model_version": model_version,
            "model_fingerprint": model.fingerprint,
            "reference_fingerprint": reference.fingerprint(),
            "history_as_of": pd.Timestamp(max(past.state.as_of, 0), unit="us", tz="UTC"),
            "input_fingerprint": _fingerprints(table, number, scored["line_no"].to_numpy(), len(ids)),
            "scored_at": scored_at or pd.Timestamp.now("UTC"),
        }
    )
    assessed["filed_at"] = pd.to_datetime(assessed["filed_at"], utc=True)
    top = np.argsort(selection.rank)[:explained]
    reasons = dict(zip([ids[i] for i in top], explain(model, table.take(line[top])), strict=True))
    assessed["reasons"] = [_reasons_json(reasons.get(consignment)) for consignment in ids]
    assessed = assessed.sort_values("rank", ignore_index=True)
    return Assessments(assessed, reasons, _superseded(lines, reads), selection.capacity)


def _last_versions(lines: pd.DataFrame) -> NDArray[np.bool_]:
    """The lines of the last version of each consignment."""
    last = lines.groupby("consignment_id", sort=False)["version"].transform("max")
    return (lines["version"] == last).to_numpy()


def _superseded(lines: pd.DataFrame, reads: NDArray[np.bool_]) -> int:
    return len(lines.loc[~reads, ["consignment_id", "version"]].drop_duplicates())


def _fingerprints(table: FeatureTable, number: NDArray[np.int64], line: NDArray[np.int64], count: int) -> list[str]:
    """Sixteen hex digits over all that the model was given of each consignment, in order of its lines."""
    digests = [hashlib.blake2b(digest_size=8) for _ in range(count)]
    categories = list(zip(*table.categories.values(), strict=True)) if table.categories else []
    for row in np.argsort(line, kind="stable"):
        consignment = number[row]
        digests[consignment].update(table.numbers[row].tobytes())
        if categories:
            digests[consignment].update("\x1f".join(value or "" for value in categories[row]).encode())
    return [digest.hexdigest() for digest in digests]


def _reasons_json(reasons: tuple[Reason, ...] | None) -> str | None:
    return None if reasons is None else orjson.dumps([reason.to_json() for reason in reasons]).decode()


def reasons_text(reasons: tuple[Reason, ...]) -> list[str]:
    """The reasons as lines of text, the weightiest first."""
    return [f"{reason.direction} the risk ({reason.share:.0%}), {reason.concept}: {reason.words}" for reason in reasons]


def summary(assessed: Assessments) -> dict[str, Any]:
    """Counts of an assessment: consignments by lane and what was superseded."""
    lanes = assessed.table["lane"].value_counts()
    return {
        "consignments": len(assessed.table),
        "superseded": assessed.superseded,
        "capacity": assessed.capacity,
        "lanes": {lane: int(lanes.get(lane, 0)) for lane in ("red", "yellow", "blue", "green")},
    }
