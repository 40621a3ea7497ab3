"""Consignments written by hand for the tests of indicators, and an everyday one that nothing is wrong with."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from features.build import build
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.feature import FeatureTable
from risk.layout import column_names, dtype

FILED: Final = pd.Timestamp("2026-03-10 08:00", tz="UTC")
DAY: Final = pd.Timedelta(days=1)
BOX: Final = '[{"no":"CSQU3054383","type":"22G1","seals":["S1448629"],"full":true,"vgm_kg":22400}]'

EVERYDAY: Final[dict[str, Any]] = {
    "consignment_id": "C1", "line_no": 1, "version": 1, "stage": "pre_arrival", "mode": "sea",
    "customs_office": "VNCLI1", "carrier": "QPCM", "vessel_imo": "9074729", "voyage": "013W",
    "bl_no": "QPCM10000006", "bl_type": "straight", "origin_country": "JP", "original_loading_port": "JPTYO",
    "loading_port": "JPTYO", "loading_country": "JP", "discharge_port": "VNCLI", "destination_country": "VN",
    "final_destination": "VNCLI", "shipper_id": "JP7755331", "shipper_name": "KAWASE MACHINE WORKS",
    "shipper_address": "12 Minato Street, Tokyo", "shipper_country": "JP", "consignee_id": "0861650033",
    "consignee_name": "BAO LAN TOOLS CO., LTD", "consignee_address": "Unit 19, 442 Le Thanh Tong, Ha Noi",
    "consignee_country": "VN", "notify_name": "SON VUONG TOOLS", "notify_country": "VN",
    "forwarder_name": "TRUNG LINH FREIGHT CO., LTD", "declarant_id": "D0034", "hs_code": "845710",
    "description": "MACHINING CENTRES FOR METAL, MODEL KW", "marks": "KW54/VNCLI", "package_type": "CS",
    "packages": 10.0, "gross_weight_kg": 20_000.0, "net_weight_kg": 19_000.0, "volume_m3": 25.0, "value": 400_000.0,
    "currency": "USD", "freight": 2_000.0, "freight_payment": "collect", "containers": BOX,
    "permits": '[]',
}  # fmt: skip
"""Machines from Tokyo to Cat Lai, with everything stated."""


def consignments(*rows: dict[str, Any]) -> pd.DataFrame:
    """A table of consignments; each row says only what differs from the everyday one, None for missing.

    `days` is when it was filed, counted from FILED; departure is nine days before and arrival three days after,
    unless the row says otherwise. Every row has its own bill and consignment unless it names one.
    """
    whole = []
    for number, row in enumerate(rows):
        filed = FILED + row.get("days", 0) * DAY
        own = {"consignment_id": f"C{number + 1}", "bl_no": f"QPCM1{number:07d}"}
        times = {"filed_at": filed, "etd": filed - 9 * DAY, "eta": filed + 3 * DAY}
        whole.append({**EVERYDAY, **own, **times, **{key: value for key, value in row.items() if key != "days"}})
    kinds = {entry.name: dtype(entry) for entry in CONSIGNMENTS}
    names = [name for name in column_names(CONSIGNMENTS) if any(name in row for row in whole)]
    return pd.DataFrame({name: _series([row.get(name) for row in whole], kinds[name]) for name in names})


def _series(values: list[Any], kind: Any) -> pd.Series[Any]:
    return pd.Series(values).astype(kind)


def outcomes(*rows: dict[str, Any]) -> pd.DataFrame:
    """A table of outcomes; each row names `consignment_id` and `days`, and a `result` (wildlife by default)."""
    return pd.DataFrame(
        {
            "consignment_id": pd.array([row["consignment_id"] for row in rows], dtype="str"),
            "line_no": np.zeros(len(rows), np.int64),
            "recorded_at": pd.Series([FILED + row["days"] * DAY for row in rows], dtype="datetime64[us, UTC]"),
            "selection_reason": pd.array(["rule"] * len(rows), dtype="str"),
            "result": pd.array([row.get("result", "wildlife") for row in rows], dtype="str"),
        }
    )


def features(lines: pd.DataFrame, found: pd.DataFrame | None = None) -> FeatureTable:
    """The features of all lines, each with the history before it."""
    return build(lines, State(), outcomes=found, threads=1)[0]
