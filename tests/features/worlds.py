"""Small random worlds: few parties and places, many equal times, amendments, late and corrected outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

START = pd.Timestamp("2024-02-28 12:00", tz="UTC")
STEP = pd.Timedelta(days=17, hours=5)
"""So that a few steps cross several half-lives."""

TEXTS = ("consignee_id", "consignee_name", "shipper_name", "hs_code", "loading_port", "discharge_port", "containers")


@dataclass(frozen=True)
class World:
    lines: pd.DataFrame
    outcomes: pd.DataFrame


def at(step: int) -> pd.Timestamp:
    """The time of a step."""
    return START + step * STEP


def lines_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A table of consignments; each row needs `id` and `step`, all else has a default."""
    frame = pd.DataFrame(
        {
            "consignment_id": pd.array([row["id"] for row in rows], dtype="str"),
            "line_no": np.array([row.get("line", 1) for row in rows], np.int64),
            "version": np.array([row.get("version", 1) for row in rows], np.int64),
            "filed_at": _times([row["step"] for row in rows]),
            "packages": np.array([row.get("packages", 10.0) for row in rows], np.float64),
            "gross_weight_kg": np.array([row.get("weight", 1000.0) for row in rows], np.float64),
            "value": np.array([row.get("value", np.nan) for row in rows], np.float64),
        }
    )
    for name in TEXTS:
        frame[name] = pd.array([row.get(name) for row in rows], dtype="str")
    return frame


def outcomes_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A table of outcomes; each row needs `id` and `step`."""
    return pd.DataFrame(
        {
            "consignment_id": pd.array([row["id"] for row in rows], dtype="str"),
            "line_no": np.array([row.get("line", 0) for row in rows], np.int64),
            "recorded_at": _times([row["step"] for row in rows]),
            "selection_reason": pd.array([row.get("reason", "rule") for row in rows], dtype="str"),
            "result": pd.array([row.get("result", "nothing") for row in rows], dtype="str"),
        }
    )


def _times(steps: list[int]) -> pd.Series[pd.Timestamp]:
    return pd.Series([at(step) for step in steps], dtype="datetime64[us, UTC]")


_HS = st.sampled_from(["440349", "440710", "080131", "05", None])
_STEPS = st.integers(0, 12)


@st.composite
def worlds(draw: st.DrawFn, most: int = 7) -> World:
    """A world of up to `most` consignments, rows in any order."""
    rows: list[dict[str, Any]] = []
    outcomes: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, most))):
        name, step = f"C{number}", draw(_STEPS)
        common = {
            "id": name,
            "consignee_id": draw(st.sampled_from(["T1", "T2", None])),
            "consignee_name": draw(st.sampled_from(["Alpha Ltd", "ALPHA LIMITED", "Beta", "To order", None])),
            "shipper_name": draw(st.sampled_from(["Gamma", "Delta", None])),
            "loading_port": draw(st.sampled_from(["NGAPP", "MYPKG"])),
            "discharge_port": draw(st.sampled_from(["VNHPH", None])),
            "containers": draw(st.sampled_from([None, '[{"no":"CSQU3054383"}]', '[{"no":"A1"},{"no":"A2"}]'])),
        }
        for line in range(1, draw(st.integers(1, 3)) + 1):
            goods = {
                "hs_code": draw(_HS),
                "packages": draw(st.sampled_from([1.0, 7.0, 0.0, np.nan])),
                "weight": draw(st.sampled_from([3.0, 1200.5, np.nan])),
                "value": draw(st.sampled_from([10.0, 999.9, np.nan])),
            }
            late = draw(st.sampled_from([0, 0, 0, 1, 3]))
            rows.append({**common, **goods, "line": line, "step": step + late})
            if draw(st.integers(0, 3)) == 0:
                changed = {"hs_code": draw(_HS), "step": step + draw(st.integers(0, 4)), "version": 2}
                rows.append({**common, **goods, **changed, "line": line})
        for _ in range(draw(st.integers(0, 3))):
            outcomes.append(
                {
                    "id": name,
                    "line": draw(st.sampled_from([0, 0, 1, 2])),
                    "step": draw(_STEPS),
                    "reason": draw(st.sampled_from(["random", "rule"])),
                    "result": draw(st.sampled_from(["nothing", "wildlife", "other_offence", "inconclusive"])),
                }
            )
    rows = draw(st.permutations(rows))
    return World(lines_table(rows), outcomes_table(draw(st.permutations(outcomes))))
