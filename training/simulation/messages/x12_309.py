"""Writes simulated consignments by sea as customs manifests 309 of ANSI X12 (004010)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TextIO

import orjson
import pandas as pd

from training.simulation.messages.air import told

_SERVICE: Final = re.compile(r"[*~>\s]+")
_PARTIES: Final = (("SH", "shipper"), ("CN", "consignee"), ("N1", "notify"))
_PLACES: Final = (
    ("O", "original_loading_port"), ("L", "loading_port"), ("D", "discharge_port"), ("M", "final_destination"),
)  # fmt: skip


def write(consignments: pd.DataFrame, file: TextIO) -> None:
    """Write an interchange with a functional group for each moment of filing and one bill in each LX loop."""
    groups = consignments.groupby("filed_at", sort=True)
    first = consignments["filed_at"].min()
    file.write(
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'SIMULATION':15}*ZZ*{'CUSTOMS':15}*{first:%y%m%d}*{first:%H%M}*U*00401*"
        "000000001*0*T*>~\n"
    )
    for number, (moment, bills) in enumerate(groups, 1):
        file.write(f"GS*SO*SIMULATION*CUSTOMS*{moment:%Y%m%d}*{moment:%H%M%S}*{number}*X*004010~\n")
        count = 1
        for segment in _manifest(bills, number):
            file.write(segment.rstrip("*") + "~\n")
            count += 1
        file.write(f"SE*{count}*{number:04d}~\nGE*1*{number}~\n")
    file.write(f"IEA*{groups.ngroups}*000000001~\n")


def _manifest(consignments: pd.DataFrame, number: int) -> Iterator[str]:
    row = consignments.iloc[0]
    bills = consignments.groupby("consignment_id", sort=False)
    yield f"ST*309*{number:04d}"
    yield f"M10**O**{told(row, 'vessel_imo')}**{_safe(told(row, 'voyage'))}*MAN{number}*1*W*L"
    yield f"P4***{bills.ngroups}"
    for place, (_, bill) in enumerate(bills, 1):
        yield f"LX*{place}"
        yield from _bill(bill)


def _bill(bill: pd.DataFrame) -> Iterator[str]:
    row = bill.iloc[0]
    weight, packages = bill["gross_weight_kg"].sum(), bill["packages"].sum()
    volume = f"{bill['volume_m3'].sum():.10g}*X" if bill["volume_m3"].notna().all() else "*"
    receipt, carrier = _safe(told(row, "place_of_receipt")), _safe(told(row, "carrier"))
    kind = told(row, "package_type")
    yield f"M11*{_safe(told(row, 'bl_no'))}**{packages:.10g}*{kind}*{weight:.10g}*K*{volume}**{receipt}**{carrier}"
    if told(row, "master_bl_no"):
        yield f"N9*MB*{_safe(told(row, 'master_bl_no'))}"
    yield from _parties(row)
    yield from _route(row)
    for box in orjson.loads(told(row, "containers") or "[]"):
        yield _equipment(box)
    for _, line in bill.iterrows():
        yield _goods(line)


def _parties(row: pd.Series) -> Iterator[str]:
    for code, role in _PARTIES:
        identity, name, address, country = (
            _safe(told(row, f"{role}_{part}")) for part in ("id", "name", "address", "country")
        )
        if name or identity:
            yield f"N1*{code}*{name}*25*{identity}"
            if address:
                yield f"N3*{address}"
            if country:
                yield f"N4****{country}"
    if told(row, "forwarder_name"):
        yield f"N1*FW*{_safe(told(row, 'forwarder_name'))}"
    if told(row, "declarant_id"):
        yield f"N1*CB**25*{_safe(told(row, 'declarant_id'))}"


def _route(row: pd.Series) -> Iterator[str]:
    for code, column in (("371", "eta"), ("369", "etd")):
        if pd.notna(row[column]):
            yield f"DTM*{code}*{row[column]:%Y%m%d*%H%M%S}"
    for code, column in _PLACES:
        if told(row, column):
            yield f"R4*{code}*UN*{_safe(told(row, column))}"
    for port in told(row, "transhipment_ports").split():
        yield f"R4*T*UN*{port}"


def _equipment(box: dict[str, Any]) -> str:
    status = {True: "L", False: "E"}.get(box.get("full", True))
    first, second = [*(_safe(seal) for seal in box.get("seals", [])), "", ""][:2]
    number, kind = box["no"], box.get("type", "")
    return f"VID*CN*{number[:4]}*{number[4:]}*{first}*{second}****{kind}*{status}"


def _goods(line: pd.Series) -> str:
    code = told(line, "hs_code")
    goods = "*".join(_safe(told(line, name)) for name in ("packages", "description", "marks"))
    weights = f"{told(line, 'value')}*K*{told(line, 'gross_weight_kg')}"
    rest = f"{told(line, 'package_type')}*{told(line, 'origin_country')}**{told(line, 'currency')}"
    return f"N10*{goods}*{'J' if code else ''}*{code}*{weights}**{rest}"


def _safe(text: str) -> str:
    return _SERVICE.sub(" ", text).strip()
