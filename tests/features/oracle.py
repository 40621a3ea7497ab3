"""What a line may see of a key, found by going through everything that was filed and recorded. Slow and plain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

Row = Any


def reads(lines: pd.DataFrame, outcomes: pd.DataFrame, key: Any, partner: Any, chapter: Any) -> list[dict[str, float]]:
    """For each line what it sees of its key (a hash a line, and of its partner and chapter), by the names of READS."""
    boxes = lines["containers"].str.count('"no"')
    columns = {"key": key, "partner": partner, "chapter": chapter}
    plain = {name: [int(value) for value in values] for name, values in columns.items()}
    filed = list(lines.assign(**plain, boxes=boxes).itertuples())
    recorded = list(outcomes.itertuples())
    return [_seen(row, filed, recorded) for row in filed]


def _seen(reader: Row, filed: list[Row], recorded: list[Row]) -> dict[str, float]:
    now = reader.filed_at
    first_filed = {}
    for consignment in {row.consignment_id for row in filed}:
        times = [
            row.filed_at
            for row in filed
            if (row.consignment_id, row.version, row.key) == (consignment, 1, reader.key) and row.filed_at < now
        ]
        if times:
            first_filed[consignment] = min(times)
    seen: dict[str, float] = {
        "filings": len(first_filed),
        "filings_30d": sum(_decayed(now, time, 30) for time in first_filed.values()),
        "filings_180d": sum(_decayed(now, time, 180) for time in first_filed.values()),
        "days_since_filing": _days(now, max(first_filed.values(), default=None)),
    }
    for name in ("inspections", "random_inspections", "hits", "offences"):
        since = [
            time for consignment in {row.consignment_id for row in filed}
            if (time := _since(name, consignment, reader, filed, recorded, now)) is not None
        ]  # fmt: skip
        seen[name] = len(since)
        for half_life in (30, 180):
            seen[f"{name}_{half_life}d"] = sum(_decayed(now, time, half_life) for time in since)
    for name, above, below in (
        ("weight", "gross_weight_kg", "packages"),
        ("value", "value", "gross_weight_kg"),
        ("container", "gross_weight_kg", "boxes"),
    ):
        logs = [
            np.log(getattr(row, above) / getattr(row, below))
            for row in filed
            if row.version == 1
            and row.key == reader.key
            and row.filed_at < now
            and getattr(row, above) > 0
            and getattr(row, below) > 0
        ]
        seen[f"{name}_n"] = len(logs)
        seen[f"{name}_mean"] = float(np.mean(logs)) if logs else np.nan
        seen[f"{name}_sd"] = float(np.std(logs)) if logs else np.nan
    mine = [row for row in filed if row.version == 1 and row.key == reader.key and row.filed_at < now]
    seen["partners"] = _how_many({row.partner for row in mine if row.partner})
    chapters = {row.chapter for row in mine if row.chapter}
    seen["chapters"] = _how_many(chapters)
    bits = {chapter >> 58 for chapter in chapters}
    seen["new_chapter"] = float(reader.chapter >> 58 not in bits) if reader.chapter else np.nan
    return seen


def _how_many(hashes: set[int]) -> int:
    """Linear counting on 64 bits."""
    return round(64 * float(np.log(64 / (64 - len({hashed >> 58 for hashed in hashes})))))


def _since(name: str, consignment: str, reader: Row, filed: list[Row], recorded: list[Row], now: Any) -> Any:
    """Since when the consignment counts for the reader's key, as known just before `now`; None when it does not."""
    since = None
    for time in sorted({o.recorded_at for o in recorded if o.consignment_id == consignment and o.recorded_at < now}):
        is_so = any(
            _line_is(name, line, recorded, time)
            for line in _first_versions(consignment, filed)
            if line.key == reader.key
        )
        since = (since or time) if is_so else None
    return since


def _first_versions(consignment: str, filed: list[Row]) -> Iterator[Row]:
    mine = [row for row in filed if row.consignment_id == consignment]
    for line_no in {row.line_no for row in mine}:
        yield min((row for row in mine if row.line_no == line_no), key=lambda row: (row.filed_at, row.version))


def _line_is(name: str, line: Row, recorded: list[Row], now: Any) -> bool:
    mine = [
        o for o in recorded
        if o.consignment_id == line.consignment_id and o.line_no in (0, line.line_no)
        and line.filed_at <= o.recorded_at <= now
    ]  # fmt: skip
    if not mine:
        return False
    first, last = min(o.recorded_at for o in mine), max(o.recorded_at for o in mine)
    if name == "inspections":
        return True
    if name == "random_inspections":
        return any(o.selection_reason == "random" for o in mine if o.recorded_at == first)
    found = "wildlife" if name == "hits" else "other_offence"
    return any(o.result == found for o in mine if o.recorded_at == last)


def _decayed(now: pd.Timestamp, time: pd.Timestamp, half_life: float) -> float:
    return float(2.0 ** (-((now - time) / pd.Timedelta(days=1)) / half_life))


def _days(now: pd.Timestamp, time: pd.Timestamp | None) -> float:
    return float("nan") if time is None else (now - time) / pd.Timedelta(days=1)
