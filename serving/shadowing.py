"""Shadow scoring: the challenger scores what the champion scored, without effect, and who would move lanes is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd
from rich.table import Table

from risk.errors import NotEnoughDataError
from risk.selection import LANES
from serving.modelling import registry
from serving.past import past_from_store
from serving.scorer import assess, model_target
from serving.settings import settings
from serving.store import Store, shadow
from serving.terminal import out, say, steps

MOVED: Final = 20
"""How many of those that would change lanes are named."""


def score_in_shadow(since: datetime | None, reference: str = "challenger") -> dict[str, Any]:
    """Score by another model what was assessed since a moment, each day on its own; the difference report.

    Capacity of a day is the number of inspections that the champion proposed. What was scored in shadow before keeps
    its answer. Raises NotEnoughDataError when nothing was assessed.
    """
    with steps() as progress, Store.open(settings().store_url) as store:
        progress.begin("Reading assessments")
        model, version = registry().load(reference)
        given = store.assessments(scored_from=since)
        given = given[given["model_fingerprint"] != model.fingerprint]
        if given.empty:
            raise NotEnoughDataError("nothing was assessed by another model in that time; `risk score` comes first")
        progress.begin("Scoring in shadow")
        new = 0
        for day, assessed in given.groupby(given["scored_at"].dt.floor("D")):
            progress.detail(f"{day:%Y-%m-%d}")
            last = assessed.sort_values("scored_at").drop_duplicates("consignment_id", keep="last")
            keys = last[["consignment_id", "version"]]
            filed = pd.concat([store.consignment(key) for key in keys["consignment_id"]], ignore_index=True)
            lines = filed.merge(keys, on=["consignment_id", "version"]).sort_values("filed_at", ignore_index=True)
            answers = assess(
                lines,
                past_from_store(store, lines, model_target(model), settings().threads),
                model,
                capacity=max(int((last["lane"] == "red").sum()), 1),
                seed=settings().seed,
                random_share=settings().random_share,
                explained=0,
                threads=settings().threads,
            ).table
            ids = last.set_index("consignment_id")["id"]
            frame = pd.DataFrame(
                {
                    "assessment_id": ids.loc[answers["consignment_id"]].to_numpy(),
                    "model_fingerprint": model.fingerprint,
                    "model_version": version.version,
                    "consignment_id": answers["consignment_id"].to_numpy(),
                    "probability": answers["probability"].to_numpy(),
                    "rank": answers["rank"].to_numpy(),
                    "lane": answers["lane"].to_numpy(),
                    "scored_at": answers["scored_at"].to_numpy(),
                }
            )
            frame["scored_at"] = answers["scored_at"].to_numpy(object)
            with store.transaction() as connection:
                new += shadow.save(connection, frame)
        with store.reading() as connection:
            return {"version": version.version, "new": new, **difference(shadow.beside(connection, model.fingerprint))}


def difference(both: pd.DataFrame) -> dict[str, Any]:
    """How many would move from which lane to which, and those that would move the furthest up and down."""
    moved = both[both["lane"] != both["shadow_lane"]]
    lanes = both.groupby(["lane", "shadow_lane"]).size().to_dict()
    up = moved.assign(gain=moved["rank"] - moved["shadow_rank"]).sort_values("gain", ascending=False, kind="stable")
    named = pd.concat([up.head(MOVED // 2), up.tail(MOVED // 2)]).drop_duplicates("consignment_id")
    return {
        "consignments": len(both),
        "moved": len(moved),
        "inspected_by_both": int(((both["lane"] == "red") & (both["shadow_lane"] == "red")).sum()),
        "lanes": {lane: {to: int(lanes.get((lane, to), 0)) for to in LANES} for lane in LANES},
        "movers": named.drop(columns="gain").to_dict("records"),
    }


def print_difference(found: Mapping[str, Any]) -> None:
    """The difference report for a person."""
    table = Table(title=f"Lanes, the champion's against those of version {found['version']}")
    table.add_column("champion")
    for lane in LANES:
        table.add_column(lane, justify="right")
    for lane in LANES:
        table.add_row(lane, *(f"{found['lanes'][lane][to]:,}" for to in LANES))
    out.print(table)
    for mover in found["movers"]:
        out.print(
            f"{mover['consignment_id']}: {mover['lane']} (rank {mover['rank']:,}) to "
            f"{mover['shadow_lane']} (rank {mover['shadow_rank']:,})"
        )
    say(f"{found['moved']:,} of {found['consignments']:,} consignments would change lanes; nothing was changed")
