"""Writes simulated consignments by air as Cargo-XML: XFZB for a house waybill, XFWB for a waybill, one document each.

Takes what `air.as_air_freight` gives; Cargo-XML would hold any text, so wider ones are fine here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd
from lxml import etree
from lxml.builder import ElementMaker

from training.simulation.messages.air import iata, told

RAM: Final = "iata:datamodel:3"
_HEADS: Final = {"HouseWaybill": ("iata:housewaybill:1", "703"), "Waybill": ("iata:waybill:1", "740")}
_PARTIES: Final = (("ConsignorParty", "shipper"), ("ConsigneeParty", "consignee"), ("AssociatedParty", "notify"))
_SUBJECTS: Final = (("SHP", "shipper"), ("CNE", "consignee"), ("NFY", "notify"))

Element = etree._Element
_R = ElementMaker(namespace=RAM)


def documents(consignments: pd.DataFrame) -> Iterator[bytes]:
    """One XML document for each bill, in order of the table."""
    for _, bill in consignments.groupby("consignment_id", sort=False):
        yield document(bill)


def document(bill: pd.DataFrame) -> bytes:
    """The document of one bill with all its goods lines: XFZB when it has a master, else XFWB."""
    first = bill.iloc[0]
    house = bool(told(first, "master_bl_no"))
    root = "HouseWaybill" if house else "Waybill"
    namespace, code = _HEADS[root]
    rsm = ElementMaker(namespace=namespace, nsmap={"rsm": namespace, "ram": RAM})
    number = told(first, "bl_no")
    head = rsm.MessageHeaderDocument(
        _R.ID(number),
        _R.Name(root),
        _R.TypeCode(code),
        _R.IssueDateTime(first["filed_at"].isoformat()),
        _R.PurposeCode("Creation"),
        _R.VersionID("3.00"),
    )
    content = _consignment(bill, "IncludedHouseConsignmentItem" if house else "IncludedMasterConsignmentItem")
    if house:
        master = _R.TransportContractDocument(_R.ID(told(first, "master_bl_no").replace("-", "")))
        body = rsm.MasterConsignment(
            master, *_ends(first), _R.IncludedHouseConsignment(_R.ID(number), *content)
        )  # fmt: skip
    else:
        body = rsm.MasterConsignment(*content)
    message = rsm(root, head, rsm.BusinessHeaderDocument(_R.ID(number)), body)
    written: bytes = etree.tostring(message, xml_declaration=True, encoding="UTF-8")
    return written


def _consignment(bill: pd.DataFrame, item: str) -> Iterator[Element]:
    first = bill.iloc[0]
    currency = told(first, "currency")
    if bill["value"].notna().any():
        yield _R.DeclaredValueForCustomsAmount(f"{bill['value'].sum():.2f}", currencyID=currency)
    if told(first, "freight_payment"):
        yield _R.TotalChargePrepaidIndicator("true" if told(first, "freight_payment") == "prepaid" else "false")
    yield _R.IncludedTareGrossWeightMeasure(f"{bill['gross_weight_kg'].sum():.1f}", unitCode="KGM")
    yield _R.TotalPieceQuantity(f"{bill['packages'].sum():.0f}")
    for name, role in _PARTIES:
        if told(first, f"{role}_name"):
            yield _party(first, name, role)
    if told(first, "forwarder_name"):
        yield _R.FreightForwarderParty(_R.Name(told(first, "forwarder_name")))
    yield from _ends(first)
    yield from _legs(first)
    if currency:
        yield _R.ApplicableOriginCurrencyExchange(_R.SourceCurrencyCode(currency))
    for subject, role in _SUBJECTS:
        if told(first, f"{role}_id"):
            yield _R.IncludedCustomsNote(
                _R.ContentCode("T"), _R.Content(told(first, f"{role}_id")), _R.SubjectCode(subject)
            )
    items = [_R(item, *_item(row, number, currency)) for number, (_, row) in enumerate(bill.iterrows(), 1)]
    if item == "IncludedMasterConsignmentItem":
        yield _R.ApplicableRating(_R.TypeCode("F"), *items)
    else:
        yield from items


def _party(row: pd.Series, name: str, role: str) -> Element:
    address = []
    if told(row, f"{role}_address"):
        address.append(_R.StreetName(told(row, f"{role}_address")))
    if told(row, f"{role}_country"):
        address.append(_R.CountryID(told(row, f"{role}_country")))
    party: Element = _R(name, _R.Name(told(row, f"{role}_name")), _R.PostalStructuredAddress(*address))
    if name == "AssociatedParty":
        party.append(_R.RoleCode("NI"))
    return party


def _ends(row: pd.Series) -> Iterator[Element]:
    yield _R.OriginLocation(_R.ID(iata(told(row, "loading_port"))))
    yield _R.FinalDestinationLocation(_R.ID(iata(told(row, "discharge_port"))))


def _legs(row: pd.Series) -> Iterator[Element]:
    """The flights: those to the places of transhipment, which have no number of their own, and the last."""
    stops = [*told(row, "transhipment_ports").split(), told(row, "discharge_port")]
    start = told(row, "loading_port")
    for number, stop in enumerate(stops, 1):
        departure = [_R.OccurrenceDepartureLocation(_R.ID(iata(start)))]
        arrival = [_R.OccurrenceArrivalLocation(_R.ID(iata(stop)))]
        if number == 1:
            departure.insert(0, _R.ScheduledOccurrenceDateTime(row["etd"].isoformat()))
        if number == len(stops):
            arrival.insert(0, _R.ScheduledOccurrenceDateTime(row["eta"].isoformat()))
        yield _R.SpecifiedLogisticsTransportMovement(
            _R.ModeCode("4"),
            _R.ID(told(row, "voyage")),
            _R.SequenceNumeric(str(number)),
            _R.ArrivalEvent(*arrival),
            _R.DepartureEvent(*departure),
        )
        start = stop


def _item(row: pd.Series, number: int, currency: str) -> Iterator[Element]:
    yield _R.SequenceNumeric(str(number))
    if told(row, "hs_code"):
        yield _R.TypeCode(told(row, "hs_code"), listAgencyID="1")
    yield _R.GrossWeightMeasure(told(row, "gross_weight_kg"), unitCode="KGM")
    if told(row, "net_weight_kg"):
        yield _R.NetWeightMeasure(told(row, "net_weight_kg"), unitCode="KGM")
    if told(row, "volume_m3"):
        yield _R.GrossVolumeMeasure(told(row, "volume_m3"), unitCode="MTQ")
    yield _R.PieceQuantity(told(row, "packages"))
    yield _R.NatureIdentificationTransportCargo(_R.Identification(told(row, "description")))
    if told(row, "origin_country"):
        yield _R.OriginCountry(_R.ID(told(row, "origin_country")))
    if told(row, "freight"):
        yield _R.ApplicableFreightRateServiceCharge(_R.AppliedAmount(told(row, "freight"), currencyID=currency))
