"""Writes simulated consignments as cargo reports CUSCAR (UN/EDIFACT D.95B and later)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, TextIO

import orjson
import pandas as pd

from training.simulation.messages.air import told, wrapped

SENDER: Final = "SIMULATION"

_MODES: Final = {"sea": "1", "rail": "2", "road": "3", "air": "4"}
_PLACES: Final = (
    ("41", "customs_office"), ("88", "place_of_receipt"), ("76", "original_loading_port"), ("9", "loading_port"),
    ("11", "discharge_port"), ("20", "final_destination"), ("27", "origin_country"), ("36", "destination_country"),
)  # fmt: skip
_PARTIES: Final = (("CZ", "shipper"), ("CN", "consignee"), ("N1", "notify"))
_ESCAPES: Final = str.maketrans({"?": "??", "+": "?+", ":": "?:", "'": "?'"})


def write(
    consignments: pd.DataFrame,
    file: TextIO,
    prepared_at: datetime | None = None,
    *,
    version: str = "95B",
    between: str = "\n",
) -> None:
    """Write an interchange: a message for each moment of filing, or one prepared at a time (with its zone).

    A message whose bills are amended versions is a change. `version` is that of the directory, `between` what
    stands behind each segment.
    """
    end = "'" + between
    messages: list[tuple[Any, pd.DataFrame]] = list(consignments.groupby("filed_at", sort=True))
    if prepared_at is not None:
        messages = [(prepared_at, consignments)]
    first = pd.Timestamp(messages[0][0])
    file.write(f"UNA:+.? {end}UNB+UNOC:3+{SENDER}+CUSTOMS+{first:%y%m%d:%H%M}+1{end}")
    for number, (moment, bills) in enumerate(messages, 1):
        count = 1
        for segment in _message(bills, pd.Timestamp(moment), number, version):
            file.write(segment + end)
            count += 1
        file.write(f"UNT+{count}+{number}{end}")
    file.write(f"UNZ+{len(messages)}+1{end}")


def _message(consignments: pd.DataFrame, moment: pd.Timestamp, number: int, version: str) -> Iterator[str]:
    yield f"UNH+{number}+CUSCAR:D:{version}:UN"
    yield f"BGM+85+MANIFEST{number}+{4 if (consignments['version'] > 1).all() else 9}"
    yield f"DTM+137:{_time(moment)}"
    boxes = {
        box["no"]: box
        for text in consignments["containers"].dropna().unique()
        for box in orjson.loads(text)
    }  # fmt: skip
    for box in boxes.values():
        yield from _equipment(box)
    groups = consignments.groupby("consignment_id", sort=False)
    for place, (_, bill) in enumerate(groups, 1):
        yield from _bill(bill, place)
    yield f"CNT+7:{consignments['gross_weight_kg'].sum():.10g}:KGM"
    yield f"CNT+10:{groups.ngroups}"
    yield f"CNT+11:{consignments['packages'].sum():.10g}"
    yield f"CNT+16:{len(boxes)}"


def _equipment(box: dict[str, Any]) -> Iterator[str]:
    full = {True: "5", False: "4"}.get(box.get("full"), "")  # type: ignore[arg-type]
    yield f"EQD+CN+{box['no']}+{box.get('type', '')}:102:5++3+{full}"
    if "vgm_kg" in box:
        yield f"MEA+AAE+VGM+KGM:{box['vgm_kg']:.10g}"
    for seal in box.get("seals", []):
        yield f"SEL+{_safe(seal)}+CA"


def _bill(bill: pd.DataFrame, place: int) -> Iterator[str]:
    row = bill.iloc[0]
    number, master = told(row, "bl_no"), told(row, "master_bl_no")
    yield f"CNI+{place}+{_safe(number)}"
    if master:
        yield f"RFF+MB:{_safe(master)}"
    yield f"RFF+{'BH' if master else 'BM'}:{_safe(number)}"
    yield f"CNT+7:{bill['gross_weight_kg'].sum():.10g}:KGM"
    yield f"CNT+11:{bill['packages'].sum():.10g}"
    for code, column in _PLACES:
        if told(row, column):
            yield f"LOC+{code}+{_safe(told(row, column))}"
    for port in told(row, "transhipment_ports").split():
        yield f"LOC+13+{port}"
    yield _transport(row)
    for code, column in (("133", "etd"), ("132", "eta")):
        if pd.notna(row[column]):
            yield f"DTM+{code}:{_time(row[column])}"
    payment = {"prepaid": "P", "collect": "C"}.get(told(row, "freight_payment"))
    if payment:
        yield f"CPI+4++{payment}"
    for code, role in _PARTIES:
        yield from _party(row, code, role)
    if told(row, "forwarder_name"):
        yield f"NAD+FW+++{_parts(told(row, 'forwarder_name'))}"
    if told(row, "declarant_id"):
        yield f"NAD+DT+{_safe(told(row, 'declarant_id'))}"
    for _, line in bill.iterrows():
        yield from _goods(line)


def _transport(row: pd.Series) -> str:
    carrier, imo = _safe(told(row, "carrier")), told(row, "vessel_imo")
    means = f"+++{imo}:146" if imo else ""
    mode = _MODES.get(told(row, "mode"), "")
    return f"TDT+20+{_safe(told(row, 'voyage'))}+{mode}++{carrier}:172:20:{carrier}{means}"


def _party(row: pd.Series, code: str, role: str) -> Iterator[str]:
    identity, name, address, country = (told(row, f"{role}_{part}") for part in ("id", "name", "address", "country"))
    if identity or name:
        yield f"NAD+{code}+{_safe(identity)}++{_parts(name)}+{_parts(address)}++++{country}"


def _goods(line: pd.Series) -> Iterator[str]:
    yield f"GID+{told(line, 'line_no')}+{told(line, 'packages')}:{told(line, 'package_type')}"
    description = wrapped(told(line, "description"), 70)
    for at in range(0, len(description), 5):
        yield "FTX+AAA+++" + ":".join(map(_safe, description[at : at + 5]))
    for code, unit, column in (
        ("G", "KGM", "gross_weight_kg"),
        ("AAC", "KGM", "net_weight_kg"),
        ("AAW", "MTQ", "volume_m3"),
    ):
        if told(line, column):
            yield f"MEA+AAE+{code}+{unit}:{told(line, column)}"
    for code, column in (("40", "value"), ("64", "freight")):
        if told(line, column):
            yield f"MOA+{code}:{told(line, column)}:{told(line, 'currency')}"
    for box in orjson.loads(told(line, "containers") or "[]"):
        yield f"SGP+{box['no']}"
    if told(line, "marks"):
        yield f"PCI+28+{_parts(told(line, 'marks'))}"
    if told(line, "hs_code"):
        yield f"CST+{told(line, 'line_no')}+{told(line, 'hs_code')}:122"


def _parts(text: str) -> str:
    """A text in components of 35 letters, as names and addresses have."""
    return ":".join(map(_safe, wrapped(text, 35)))


def _safe(text: str) -> str:
    return text.translate(_ESCAPES)


def _time(moment: pd.Timestamp) -> str:
    return f"{moment.tz_convert('UTC'):%Y%m%d%H%M%S}UTC:304"
