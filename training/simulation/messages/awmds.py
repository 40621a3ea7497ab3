"""Writes simulated consignments as a manifest of ASYCUDA World (`Awmds`), bill after bill.

One message has one time of preparation, so the consignments given should have been filed together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, TextIO
from xml.sax.saxutils import escape

import orjson
import pandas as pd

from training.simulation.messages.air import told

_MODES: Final = {"sea": "1", "rail": "2", "road": "3", "air": "4"}
_TRADERS: Final = (("Exporter", "shipper"), ("Notify", "notify"), ("Consignee", "consignee"))
_GOODS: Final = (
    ("Number_of_packages", "packages"),
    ("Package_type_code", "package_type"),
    ("Gross_mass", "gross_weight_kg"),
    ("Net_mass", "net_weight_kg"),
    ("Shipping_marks", "marks"),
    ("Goods_description", "description"),
    ("HS_code", "hs_code"),
    ("Volume_in_cubic_meters", "volume_m3"),
)


def write(consignments: pd.DataFrame, file: TextIO, prepared_at: datetime) -> None:
    """Write all bills as one manifest of the first one's voyage, prepared at a time (with its zone)."""
    first = consignments.iloc[0]
    boxes = {box["no"] for text in consignments["containers"].dropna().unique() for box in orjson.loads(text)}
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<Awmds>')
    for part in _head(first, prepared_at):
        file.write(part)
    totals = {
        "Total_number_of_bols": str(consignments["consignment_id"].nunique()),
        "Total_number_of_packages": f"{consignments['packages'].sum():.0f}",
        "Total_number_of_containers": str(len(boxes)),
        "Total_gross_mass": f"{consignments['gross_weight_kg'].sum():.1f}",
    }
    stated = "".join(_tag(name, total) for name, total in totals.items())
    file.write(f"<Totals_segment>{stated}</Totals_segment></General_segment>\n")
    for number, (_, bill) in enumerate(consignments.groupby("consignment_id", sort=False), 1):
        file.write("".join(_bill(bill, number)))
    file.write("</Awmds>\n")


def _head(row: pd.Series, prepared_at: datetime) -> Iterator[str]:
    yield "<General_segment><General_segment_id>"
    yield _tag("Customs_office_code", told(row, "customs_office")) + _tag("Voyage_number", told(row, "voyage"))
    yield _tag("Date_of_departure", f"{row['etd']:%Y-%m-%d}") + _tag("Time_of_departure", f"{row['etd']:%H:%M}Z")
    yield _tag("Date_of_arrival", f"{row['eta']:%Y-%m-%d}") + _tag("Time_of_arrival", f"{row['eta']:%H:%M}Z")
    yield _tag("Date_of_preparation", prepared_at.isoformat()) + "</General_segment_id><Transport_information>"
    yield f"<Carrier>{_tag('Carrier_name', told(row, 'carrier'))}</Carrier>"
    yield _tag("Mode_of_transport_code", _MODES.get(told(row, "mode"), ""))
    yield _tag("Registration_number_of_transport_code", told(row, "vessel_imo")) + "</Transport_information>"


def _bill(bill: pd.DataFrame, number: int) -> Iterator[str]:
    row = bill.iloc[0]
    yield "<Bol_segment><Bol_id>" + _tag("Bol_reference", told(row, "bl_no")) + _tag("Line_number", str(number))
    yield _tag("Bol_type_code", told(row, "bl_type")) + _tag("Master_bol_ref_number", told(row, "master_bl_no"))
    yield "</Bol_id><Load_unload_place>" + _tag("Port_of_origin_code", told(row, "original_loading_port"))
    yield _tag("Place_of_loading_code", told(row, "loading_port"))
    yield _tag("Place_of_unloading_code", told(row, "discharge_port"))
    yield _tag("Place_of_ultimate_destination_code", told(row, "final_destination"))
    yield "</Load_unload_place><Traders_segment>"
    for tag, role in _TRADERS:
        parts = "".join(_tag(f"{tag}_{end}", told(row, f"{role}_{name}")) for end, name in _PARTS)
        yield f"<{tag}>{parts}</{tag}>"
    yield _tag("FreightForwarder_name", told(row, "forwarder_name")) + "</Traders_segment>"
    for box in orjson.loads(told(row, "containers") or "[]"):
        yield "<ctn_segment>" + _tag("Ctn_reference", box["no"]) + _tag("Type_of_container", box.get("type", ""))
        yield _tag("Empty_Full", "FCL" if box.get("full", True) else "MTY")
        yield "".join(_tag(f"Marks{at}", seal) for at, seal in enumerate(box.get("seals", [])[:3], 1))
        yield "</ctn_segment>"
    for _, line in bill.iterrows():
        yield "<Goods_segment>" + "".join(_tag(tag, told(line, name)) for tag, name in _GOODS) + "</Goods_segment>"
    payment = {"prepaid": "PP", "collect": "CC"}.get(told(row, "freight_payment"), "")
    yield f"<Value_segment><Freight_segment>{_tag('PC_indicator', payment)}</Freight_segment></Value_segment>"
    yield "</Bol_segment>\n"


_PARTS: Final = (("code", "id"), ("name", "name"), ("address", "address"))


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>"
