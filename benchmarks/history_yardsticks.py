"""What the fold reads of a key, written in pandas, Polars and DuckDB: counts, decayed counts, recency, moments.

Each takes the lines and findings of one kind of key and gives float32 (lines, features) in line order. Left out, in
favour of the yardsticks: sketches, novelty, rates and deviations. Decay is by cumulated weights 2^(t / half-life),
safe in float64 for three years.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from features.history import Events
from features.row import COUNTS, FIXED_POINT

from .history_world import DAY, MINUTE

HALF_LIVES: Final = (30, 180)
_FOUND: Final = COUNTS[1:]
Block = NDArray[np.float32]


def tables(events: Events, name: str, measured: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The lines and the findings of one kind of key as tables that all three engines take; times in minutes."""
    filings, found = events.filings, events.findings[name]
    start = int(filings.time[0])
    lines = pd.DataFrame({"key": filings.keys[name].view(np.int64), "time": (filings.time - start) // MINUTE})
    _weigh(lines, "filings", np.ones(len(lines)))
    for m in range(3 * measured):
        lines[f"s{m}"] = filings.measurements[:, m] / FIXED_POINT
        lines[f"q{m}"] = lines[f"s{m}"] ** 2
    outcomes = pd.DataFrame({"key": found.hashes.view(np.int64), "time": (found.time - start) // MINUTE})
    for count in _FOUND:
        _weigh(outcomes, count, (found.count == COUNTS.index(count)).astype(np.float64))
    outcomes["last_hit"] = np.where(outcomes["hits"] > 0, outcomes["time"], -1)
    return lines, outcomes


def _weigh(table: pd.DataFrame, name: str, amount: NDArray[np.float64]) -> None:
    table[name] = amount
    for days in HALF_LIVES:
        table[f"{name}_{days}d"] = amount * np.exp2(table["time"].to_numpy() * (MINUTE / DAY / days))


def _finish(seen: dict[str, Any]) -> Block:
    """Decay to the reader's time and moments from sums, the same arithmetic for all."""
    time = np.asarray(seen.pop("time"), np.float64)
    columns = []
    for name, values in seen.items():
        x = np.asarray(values, np.float64)
        if name.endswith("d"):
            days = int(name.rsplit("_", 1)[1][:-1])
            x = x * np.exp2(-time * (MINUTE / DAY / days))
        elif name in ("last", "last_hit"):
            x = (time - np.where(x < 0, np.nan, x)) * (MINUTE / DAY)
        elif name[0] == "s" and name[1:].isdigit():
            with np.errstate(all="ignore"):
                mean = x / np.asarray(seen["filings"])
                spread = np.asarray(seen[f"q{name[1:]}"]) / np.asarray(seen["filings"]) - mean * mean
            columns += [mean, np.sqrt(np.maximum(spread, 0))]
            continue
        elif name[0] == "q" and name[1:].isdigit():
            continue
        columns.append(x)
    return np.column_stack([column.astype(np.float32) for column in columns])


def with_pandas(lines: pd.DataFrame, outcomes: pd.DataFrame) -> Block:
    """pandas: cumulated sums by key, those of ties taken from their first line, and merge_asof."""
    names = list(lines.columns[2:])
    ordered = lines.sort_values(["key", "time"], kind="stable")
    summed = ordered.groupby("key")[names].cumsum() - ordered[names]
    first = ~ordered.duplicated(["key", "time"])
    summed["last"] = ordered.groupby("key")["time"].shift().fillna(-1)
    summed = summed.where(first).ffill().sort_index()
    cumulated = outcomes.copy()
    found = list(outcomes.columns[2:])
    cumulated[found[:-1]] = outcomes.groupby("key")[found[:-1]].cumsum()
    cumulated["last_hit"] = outcomes.groupby("key")["last_hit"].cummax()
    known = pd.merge_asof(lines[["key", "time"]], cumulated, on="time", by="key", allow_exact_matches=False)
    seen = {"time": lines["time"].to_numpy(), **{str(name): summed[name].to_numpy() for name in summed}}
    for name in found:
        seen[name] = known[name].fillna(-1.0 if name == "last_hit" else 0.0).to_numpy()
    return _finish(seen)


def with_polars(lines: pd.DataFrame, outcomes: pd.DataFrame) -> Block:
    """Polars: the same with expressions over the key and join_asof."""
    names, found = list(lines.columns[2:]), list(outcomes.columns[2:])
    left = pl.from_pandas(lines).with_row_index("row")
    instants = left.group_by("key", "time").agg(pl.col(names).sum()).sort("key", "time")
    instants = instants.with_columns(
        *(pl.col(name).cum_sum().shift(1, fill_value=0).over("key") for name in names),
        pl.col("time").shift(1, fill_value=-1).over("key").alias("last"),
    )
    right = pl.from_pandas(outcomes).sort("key", "time")
    right = right.with_columns(
        *(pl.col(name).cum_sum().over("key") for name in found[:-1]), pl.col("last_hit").cum_max().over("key")
    )
    right = right.group_by("key", "time", maintain_order=True).last()
    known = instants.sort("time").join_asof(
        right.sort("time"), on="time", by="key", strategy="backward", allow_exact_matches=False, check_sortedness=False
    )
    seen = left.select("row", "key", "time").join(known, on=["key", "time"], how="left").sort("row")
    filled = seen.with_columns(pl.col("last_hit").fill_null(-1), *(pl.col(name).fill_null(0) for name in found[:-1]))
    return _finish({name: filled[name].to_numpy() for name in ("time", *names, "last", *found)})


def with_duckdb(lines: pd.DataFrame, outcomes: pd.DataFrame) -> Block:
    """DuckDB: windows over distinct (key, instant), ASOF join of the findings, joined back."""
    names, found = list(lines.columns[2:]), list(outcomes.columns[2:])
    window = "OVER (PARTITION BY key ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    grouped = ", ".join(f'sum("{name}") AS "{name}"' for name in names)
    windows = ", ".join(f'coalesce(sum("{name}") {window}, 0) AS "{name}"' for name in names)
    upto = "OVER (PARTITION BY key ORDER BY time)"
    cumulated = ", ".join(f'sum("{name}") {upto} AS "{name}"' for name in found[:-1])
    known = ", ".join(f'coalesce(f."{name}", {-1 if name == "last_hit" else 0}) AS "{name}"' for name in found)
    taken = ", ".join(f'i."{name}"' for name in (*names, "last"))
    with duckdb.connect(config={"threads": 2}) as db:
        db.register("lines", lines.assign(row=np.arange(len(lines))))
        db.register("outcomes", outcomes)
        seen = db.execute(f"""
            WITH grouped AS (SELECT key, time, {grouped} FROM lines GROUP BY key, time),
            i AS (SELECT key, time, {windows}, coalesce(max(time) {window}, -1) AS last FROM grouped),
            f AS (SELECT DISTINCT key, time, {cumulated}, max(last_hit) {upto} AS last_hit FROM outcomes),
            k AS (SELECT i.key, i.time, {taken}, {known} FROM i ASOF LEFT JOIN f ON i.key = f.key AND i.time > f.time)
            SELECT k.* EXCLUDE (key) FROM lines JOIN k USING (key, time) ORDER BY lines.row
        """).fetchnumpy()
    return _finish({name: seen[name] for name in ("time", *names, "last", *found)})


YARDSTICKS: Final[dict[str, Callable[[pd.DataFrame, pd.DataFrame], Block]]] = {
    "pandas": with_pandas,
    "Polars": with_polars,
    "DuckDB": with_duckdb,
}
