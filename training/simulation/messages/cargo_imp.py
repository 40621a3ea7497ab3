"""Writes simulated consignments by air as Cargo-IMP: FWB for waybills, FHL for house waybills.

One message for each bill, with a teletype header that gives its time of sending. Takes what `air.as_air_freight` gives.
A house list has one line of goods for a house, so packages and weights of several are added up there.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from training.simulation.messages.air import iata, told, wrapped

_ROLES = (("SHP", "shipper"), ("CNE", "consignee"), ("NFY", "notify"))


def write(consignments: pd.DataFrame) -> str:
    """All bills as messages, in order of the table; each bill's lines are taken together."""
    return "".join(text for _, bill in consignments.groupby("consignment_id", sort=False) for text in _message(bill))


def _message(bill: pd.DataFrame) -> Iterator[str]:
    first = bill.iloc[0]
    lines = _house_list(bill) if told(first, "master_bl_no") else _waybill(bill)
    yield f"QU {iata(told(first, 'discharge_port'))}CSXX\r\n.{iata(told(first, 'loading_port'))}FFXX "
    yield f"{first['filed_at']:%d%H%M}\r\n" + "".join(f"{line}\r\n" for line in lines)


def _waybill(bill: pd.DataFrame) -> Iterator[str]:
    first = bill.iloc[0]
    origin, end = iata(told(first, "loading_port")), iata(told(first, "discharge_port"))
    yield "FWB/17"
    total = f"T{bill['packages'].sum():.0f}K{bill['gross_weight_kg'].sum():.1f}"
    yield f"{told(first, 'bl_no')}{origin}{end}/{total}"
    yield f"FLT/{told(first, 'voyage')}/{first['etd']:%d}"
    via = [iata(port) for port in told(first, "transhipment_ports").split()]
    yield "RTG" + "".join(f"/{stop}{told(first, 'carrier')}" for stop in [*via, end])
    yield from _parties(first)
    if told(first, "forwarder_name"):
        yield "AGT//0000000"
        yield f"/{told(first, 'forwarder_name')}"
    paid = {"prepaid": "PP", "collect": "CC"}.get(told(first, "freight_payment"), "")
    value = f"{bill['value'].sum():.2f}" if bill["value"].notna().any() else "NCV"
    yield f"CVD/{told(first, 'currency')}/{paid}/{paid}/NVD/{value}/XXX"
    yield from _goods(bill)
    yield f"ISU/{first['filed_at']:%d%b%y}/{origin}".upper()
    yield from _customs(first)


def _house_list(bill: pd.DataFrame) -> Iterator[str]:
    first = bill.iloc[0]
    ends = iata(told(first, "loading_port")) + iata(told(first, "discharge_port"))
    pieces, weight = f"{bill['packages'].sum():.0f}", f"K{bill['gross_weight_kg'].sum():.1f}"
    yield "FHL/5"
    yield f"MBI/{told(first, 'master_bl_no')}{ends}/T{pieces}{weight}"
    yield f"HBS/{told(first, 'bl_no')}/{ends}/{pieces}/{weight}//{told(first, 'description')[:15]}"
    for place, line in enumerate(wrapped(told(first, "description"), 65)):
        yield f"{'' if place else 'TXT'}/{line}"
    for place, code in enumerate(bill["hs_code"].dropna()):
        yield f"{'' if place else 'HTS'}/{code}"
    yield from _customs(first)
    yield from _parties(first)
    paid = {"prepaid": "PP", "collect": "CC"}.get(told(first, "freight_payment"), "")
    value = f"{bill['value'].sum():.2f}" if bill["value"].notna().any() else "NCV"
    yield f"CVD/{told(first, 'currency')}/{paid}/NVD/{value}/XXX"


def _parties(row: pd.Series) -> Iterator[str]:
    for name, role in _ROLES:
        if not told(row, f"{role}_name"):
            continue
        yield name
        for place, line in enumerate(wrapped(told(row, f"{role}_name"), 35)):
            yield f"{'' if place else 'NAM'}/{line}"
        for place, line in enumerate(wrapped(told(row, f"{role}_address"), 35)):
            yield f"{'' if place else 'ADR'}/{line}"
        if told(row, f"{role}_country"):
            yield "LOC/"
            yield f"/{told(row, f'{role}_country')}"


def _goods(bill: pd.DataFrame) -> Iterator[str]:
    number = 0
    for _, row in bill.iterrows():
        number += 1
        freight = told(row, "freight")
        rate = f"/{number}/P{row['packages']:.0f}/K{row['gross_weight_kg']:.1f}/CQ" + (
            f"/T{freight}" if freight else ""
        )
        yield f"{'RTD' if number == 1 else ''}{rate}"
        for place, text in enumerate(wrapped(told(row, "description"), 20)):
            number += 1 if place else 0
            yield f"/{number}/NG/{text}" if place else f"/NG/{text}"
        volume = told(row, "volume_m3")
        for code, text in (
            ("NV", f"MC{volume}" if volume else ""),
            ("NH", told(row, "hs_code")),
            ("NO", told(row, "origin_country")),
        ):
            if text:
                number += 1
                yield f"/{number}/{code}/{text}"


def _customs(row: pd.Series) -> Iterator[str]:
    stated = [(name, role) for name, role in _ROLES if told(row, f"{role}_id")]
    for place, (name, role) in enumerate(stated):
        yield f"{'' if place else 'OCI'}/{told(row, f'{role}_country')}/{name}/T/{told(row, f'{role}_id')}"
