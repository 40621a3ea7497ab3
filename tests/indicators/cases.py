"""The public cases as tables: consignments in the order of their seizure, each seized two days after filing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import yaml

from risk.consignment import CONSIGNMENTS
from risk.layout import dtype

FILE: Final = Path(__file__).parent / "public_cases.yaml"
BEFORE: Final = pd.Timedelta(days=2)
"""How long before its seizure a case is taken to be filed; reports hardly ever say."""


@dataclass(frozen=True)
class Case:
    """A public seizure: what the report says of the consignment, and which indicators its facts must fire."""

    id: str
    source: str
    seized: pd.Timestamp
    record: dict[str, Any]
    fires: tuple[str, ...]
    origin_missing: bool


def cases() -> list[Case]:
    """All cases, the earliest first."""
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    found = [
        Case(one["id"], one["source"], pd.Timestamp(one["date"], tz="UTC"), one["record"], tuple(one["fires"]),
             one.get("open", False))
        for one in entries
    ]  # fmt: skip
    return sorted(found, key=lambda case: case.seized)


def tables(among: list[Case], moved_to: pd.Timestamp | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The consignments of cases, and the outcomes of their inspection; all filed at `moved_to` when that is given."""
    kinds = {entry.name: dtype(entry) for entry in CONSIGNMENTS}
    filed = [moved_to if moved_to is not None else case.seized - BEFORE for case in among]
    rows = [
        {"consignment_id": case.id, "line_no": 1, "version": 1, "filed_at": when, **case.record}
        for case, when in zip(among, filed, strict=True)
    ]
    names = [entry.name for entry in CONSIGNMENTS if any(entry.name in row for row in rows)]
    lines = pd.DataFrame({name: _series([row.get(name) for row in rows], kinds[name]) for name in names})
    outcomes = pd.DataFrame({"consignment_id": lines["consignment_id"], "line_no": 0,
                             "recorded_at": lines["filed_at"] + BEFORE, "selection_reason": "intelligence",
                             "result": "wildlife"}).astype({"selection_reason": "str", "result": "str"})  # fmt: skip
    return lines, outcomes


def _series(values: list[Any], kind: Any) -> pd.Series[Any]:
    return pd.Series(values).astype(kind)
