"""Cargo-XML: waybills, house waybills, flight manifests, from senders that write them differently."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import Reading, read_all
from training.simulation.messages import cargo_xml
from training.simulation.messages.air import as_air_freight
from training.simulation.world import simulate

HEAD = """<r:MessageHeaderDocument><m:ID>X1</m:ID><m:TypeCode>{code}</m:TypeCode>
<m:IssueDateTime>{when}</m:IssueDateTime><m:PurposeCode>{purpose}</m:PurposeCode><m:VersionID>4.00</m:VersionID>
</r:MessageHeaderDocument>"""
ITEM = """<m:IncludedMasterConsignmentItem><m:TypeCode>0305.72</m:TypeCode>
<m:GrossWeightMeasure unitCode="LBR">100</m:GrossWeightMeasure>
<m:GrossVolumeMeasure unitCode="FTQ">10</m:GrossVolumeMeasure><m:PieceQuantity>4</m:PieceQuantity>
<m:NatureIdentificationTransportCargo><m:Identification>DRIED FISH MAW</m:Identification>
</m:NatureIdentificationTransportCargo><m:OriginCountry><m:ID>NG</m:ID></m:OriginCountry>
<m:AssociatedUnitLoadTransportEquipment><m:ID>12345</m:ID><m:CharacteristicCode>AKE</m:CharacteristicCode>
<m:OperatingParty><m:PrimaryID>EK</m:PrimaryID></m:OperatingParty></m:AssociatedUnitLoadTransportEquipment>
</m:IncludedMasterConsignmentItem>"""
PARTIES = """<m:ConsignorParty><m:Name>A CO</m:Name><m:PostalStructuredAddress><m:StreetName>1 ROAD</m:StreetName>
<m:CityName>LAGOS</m:CityName><m:CountryID>NG</m:CountryID></m:PostalStructuredAddress></m:ConsignorParty>
<m:ConsigneeParty><m:Name>B CO</m:Name></m:ConsigneeParty>
<m:AssociatedParty><m:Name>C CO</m:Name><m:RoleCode>NI</m:RoleCode></m:AssociatedParty>
<m:AssociatedParty><m:PrimaryID>BR7</m:PrimaryID><m:RoleCode>CB</m:RoleCode></m:AssociatedParty>
<m:IncludedCustomsNote><m:ContentCode>T</m:ContentCode><m:Content>EORI: FR42</m:Content>
<m:SubjectCode>CNE</m:SubjectCode><m:CountryID>FR</m:CountryID></m:IncludedCustomsNote>"""


def wrap(
    root: str, body: str, code: str = "741", when: str = "2025-03-11T08:00:00+01:00", purpose: str = "Creation"
) -> str:
    head = HEAD.format(code=code, when=when, purpose=purpose)
    spaces = f'xmlns:r="iata:{root.lower()}:1" xmlns:m="iata:datamodel:4"'
    return f'<?xml version="1.0" encoding="UTF-8"?><!-- a --><r:{root} {spaces}>{head}{body}</r:{root}>'


def waybill(number: str = "176-12345675", items: str = ITEM, total: str = "4", **head: str) -> str:
    body = f"""<r:BusinessHeaderDocument><m:ID>{number}</m:ID></r:BusinessHeaderDocument><r:MasterConsignment>
<m:TotalPieceQuantity>{total}</m:TotalPieceQuantity>{PARTIES}<m:OriginLocation><m:ID>LOS</m:ID></m:OriginLocation>
<m:FinalDestinationLocation><m:ID>HKG</m:ID></m:FinalDestinationLocation>
<m:ApplicableRating><m:TypeCode>F</m:TypeCode>{items}</m:ApplicableRating>
<m:ApplicableRating><m:TypeCode>A</m:TypeCode>{items}</m:ApplicableRating></r:MasterConsignment>"""
    return wrap("Waybill", body, **head)


def flown(number: str, pieces: int, weight: float) -> str:
    return f"""<m:IncludedMasterConsignment><m:TransportContractDocument><m:ID>{number}</m:ID>
</m:TransportContractDocument><m:GrossWeightMeasure unitCode="KGM">{weight}</m:GrossWeightMeasure>
<m:TotalPieceQuantity>{pieces}</m:TotalPieceQuantity><m:SummaryDescription>FISH</m:SummaryDescription>
<m:OriginLocation><m:ID>LOS</m:ID></m:OriginLocation><m:FinalDestinationLocation><m:ID>HKG</m:ID>
</m:FinalDestinationLocation></m:IncludedMasterConsignment>"""


def manifest(cargo: str, pieces: int) -> str:
    body = f"""<r:ArrivalEvent><m:AssociatedTransportCargo>{cargo}</m:AssociatedTransportCargo>
<m:OccurrenceArrivalLocation><m:ID>HKG</m:ID></m:OccurrenceArrivalLocation>
<m:ArrivalOccurrenceDateTime>2025-03-13T22:00:00Z</m:ArrivalOccurrenceDateTime></r:ArrivalEvent>
<r:LogisticsTransportMovement><m:ID>EK-380</m:ID><m:TotalPieceQuantity>{pieces}</m:TotalPieceQuantity>
<m:DepartureEvent><m:DepartureOccurrenceDateTime>2025-03-13T10:30:00Z</m:DepartureOccurrenceDateTime>
<m:OccurrenceDepartureLocation><m:ID>DXB</m:ID></m:OccurrenceDepartureLocation></m:DepartureEvent>
</r:LogisticsTransportMovement>"""
    return wrap("FlightManifest", body, code="785")


def read(folder: Path, *texts: str | bytes) -> Reading:
    paths = []
    for place, text in enumerate(texts):
        paths.append(folder / str(place))
        paths[-1].write_bytes(text.encode() if isinstance(text, str) else text)
    return read_all(paths)


def test_a_waybill_gives_its_goods_once_in_our_units_with_parties_and_places(tmp_path: Path) -> None:
    reading = read(tmp_path, waybill())
    (row,) = reading.consignments.to_dict("records")
    assert (row["consignment_id"], row["bl_type"], row["mode"]) == ("176-12345675", "master", "air")
    assert row["filed_at"] == datetime(2025, 3, 11, 7, tzinfo=UTC)
    assert (row["loading_port"], row["discharge_port"], row["origin_country"]) == ("NGLOS", "HKHKG", "NG")
    assert (row["hs_code"], row["packages"]) == ("030572", 4)
    assert row["gross_weight_kg"] == pytest.approx(45.359237)
    assert row["volume_m3"] == pytest.approx(0.28316846592, abs=1e-6)
    assert (row["shipper_name"], row["shipper_address"], row["shipper_country"]) == ("A CO", "1 ROAD, LAGOS", "NG")
    assert (row["consignee_id"], row["notify_name"], row["declarant_id"]) == ("FR42", "C CO", "BR7")
    assert orjson.loads(row["containers"]) == [{"no": "AKE12345EK", "type": "AKE"}]
    assert reading.messages[0].differences() == {}


def test_declared_pieces_that_differ_from_the_lines_are_a_finding(tmp_path: Path) -> None:
    reading = read(tmp_path, waybill(total="5"))
    assert reading.messages[0].differences() == {"packages": (5, 4)}
    assert reading.findings.count("packages", "declared total differs") == 1


def test_an_update_is_a_new_version_and_a_deletion_takes_the_waybill_back(tmp_path: Path) -> None:
    later = waybill(purpose="Update", when="2025-03-12T08:00:00Z")
    gone = waybill("176-12345686", purpose="Deletion", when="2025-03-13T08:00:00Z")
    reading = read(tmp_path, waybill(), later, gone)
    assert list(reading.consignments["version"]) == [1, 2]
    assert [message.function for message in reading.messages] == ["original", "change", "cancel"]
    assert reading.messages[2].cancelled == ["176-12345686"]


def test_houses_name_their_master_and_one_without_a_number_does_not_lose_the_others(tmp_path: Path) -> None:
    text = "<m:SummaryDescription>HS CODE 030572</m:SummaryDescription>"
    house = f"<m:IncludedHouseConsignment>{{}}{text}{{}}</m:IncludedHouseConsignment>"
    houses = house.format("<m:ID>H 1</m:ID>", PARTIES) + house.format("", "") + house.format("<m:ID>H3</m:ID>", "")
    master = "<m:TransportContractDocument><m:ID>17612345675</m:ID></m:TransportContractDocument>"
    reading = read(tmp_path, wrap("HouseManifest", f"<r:MasterConsignment>{houses}{master}</r:MasterConsignment>"))
    assert list(reading.consignments["consignment_id"]) == ["176-12345675/H1", "176-12345675/H3"]
    assert set(reading.consignments["master_bl_no"]) == {"176-12345675"}
    assert reading.findings.count("hs_code", "inferred") == 2
    assert [(reject.line, reject.field) for reject in reading.rejects] == [(2, "bl_no")]


def test_a_flight_manifest_alone_gives_its_waybills_with_their_parts_added_up(tmp_path: Path) -> None:
    cargo = flown("17612345675", 3, 30) + flown("176-12345675", 2, 20.5) + flown("176-12345686", 1, 9)
    reading = read(tmp_path, manifest(cargo, 7))
    lines = reading.consignments.set_index("bl_no")
    assert list(lines["packages"]) == [5, 1]
    assert lines.loc["176-12345675", "gross_weight_kg"] == 50.5
    assert set(lines["voyage"]) == {"EK380"}
    assert set(lines["original_loading_port"]) == {"NGLOS"}
    assert set(lines["loading_port"]) == {"AEDXB"}
    assert reading.messages[0].differences() == {"packages": (7, 6)}


@pytest.mark.parametrize("first", ["flight", "waybill"])
def test_a_waybill_gets_its_flight_from_the_manifest_and_is_not_given_twice(tmp_path: Path, first: str) -> None:
    texts = [manifest(flown("176-12345675", 4, 45.4) + flown("176-12345686", 1, 9), 5), waybill()]
    reading = read(tmp_path, *(texts if first == "flight" else reversed(texts)))
    lines = reading.consignments.set_index("bl_no")
    assert sorted(lines.index) == ["176-12345675", "176-12345686"]
    joined = lines.loc["176-12345675"]
    assert (joined["shipper_name"], joined["voyage"]) == ("A CO", "EK380")
    assert joined["eta"] == datetime(2025, 3, 13, 22, tzinfo=UTC)
    assert pd.isna(joined["etd"])  # the flight leaves Dubai, the waybill begins in Lagos
    assert all(message.differences() == {} for message in reading.messages)


def test_a_house_with_a_message_of_its_own_is_not_given_again_by_the_house_manifest(tmp_path: Path) -> None:
    master = "<m:TransportContractDocument><m:ID>17612345675</m:ID></m:TransportContractDocument>"
    house = "<m:IncludedHouseConsignment><m:ID>{}</m:ID>{}</m:IncludedHouseConsignment>"
    listed = house.format("H1", "") + house.format("H2", PARTIES)
    texts = [
        wrap("HouseManifest", f"<r:MasterConsignment>{master}{listed}</r:MasterConsignment>"),
        wrap("HouseWaybill", f"<r:MasterConsignment>{master}{house.format('H1', PARTIES)}</r:MasterConsignment>"),
        manifest(flown("176-12345675", 4, 45.4), 4),
    ]
    lines = read(tmp_path, *texts).consignments
    assert list(lines["consignment_id"]) == ["176-12345675/H2", "176-12345675/H1", "176-12345675"]
    assert set(lines["voyage"]) == {"EK380"}


def test_each_hs_code_of_an_item_is_a_line_and_the_first_has_the_quantities(tmp_path: Path) -> None:
    items = ITEM.replace("<m:GrossWeight", "<m:TypeCode>960200</m:TypeCode><m:GrossWeight", 1)
    lines = read(tmp_path, waybill(items=items)).consignments
    assert list(lines["hs_code"]) == ["030572", "960200"]
    assert list(lines["packages"].fillna(0)) == [4, 0]
    assert set(lines["description"]) == {"DRIED FISH MAW"}


def test_a_wrong_check_digit_is_a_finding_and_no_reject(tmp_path: Path) -> None:
    reading = read(tmp_path, waybill("176-12345670"))
    assert len(reading.consignments) == 1
    assert reading.findings.count("bl_no", "check digit") == 1


def test_a_time_without_a_zone_is_utc_and_counted(tmp_path: Path) -> None:
    reading = read(tmp_path, waybill(when="2025-03-11T08:00:00"))
    assert reading.consignments["filed_at"].iloc[0] == datetime(2025, 3, 11, 8, tzinfo=UTC)
    assert reading.findings.count("filed_at", "no time zone") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("m:", "").replace("xmlns:m", "xmlns").replace(":m=", "="),
        lambda text: text.replace("r:", "ns2:").replace("xmlns:r", "xmlns:ns2"),
        lambda text: text.replace("iata:datamodel:4", "iata:datamodel:3").replace("4.00", "2.00"),
        lambda text: text.replace("UTF-8", "ISO-8859-1"),
        lambda text: "\n\n  " + text,
        lambda text: text.replace(">\n<", "><!-- note -->\r\n  <"),
    ],
)
def test_other_prefixes_versions_comments_and_line_ends_read_the_same(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain, other = read(tmp_path / "a", waybill()), read(tmp_path / "b", change(waybill()))
    pd.testing.assert_frame_equal(plain.consignments, other.consignments)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_the_encoding_is_that_of_the_declaration_or_the_mark(tmp_path: Path, encoding: str) -> None:
    named = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "latin-1": "ISO-8859-1"}[encoding]
    text = waybill().replace("A CO", "CAFÉ CO").replace("UTF-8", named)
    assert read(tmp_path, text.encode(encoding)).consignments["shipper_name"].iloc[0] == "CAFÉ CO"


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


HOSTILE: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "entities": (lambda: BOMB + waybill().partition("?>")[2].replace("A CO", "&b;"), "DTD"),
    "outside": (lambda: OUTSIDE + waybill().partition("?>")[2].replace("A CO", "&a;"), "DTD"),
    "unknown entity": (lambda: waybill().replace("A CO", "&unknown;"), "damaged"),
    "deep": (lambda: waybill().replace("A CO", "<a>" * 9000), "damaged"),
    "long text": (lambda: waybill().replace("A CO", "x" * 11_000_000), "damaged"),
    "many elements": (lambda: waybill().replace("A CO", "<a/>" * 1_100_000), "tags and attributes"),
    "many attributes": (lambda: waybill().replace("<m:Name>", "<m:Name a='' b='' c=''/>" * 400_000), "attributes"),
    "NUL": (lambda: waybill().replace("A CO", "x\0y"), "damaged"),
    "half": (lambda: waybill()[: len(waybill()) // 2], "damaged"),
    "wrong encoding": (lambda: waybill().encode().replace(b"A CO", b"A \xff\xfe CO"), "damaged"),
    "large": (lambda: waybill() + " " * (33 << 20), "more than 33,554,432 bytes"),
    "no time": (lambda: wrap("Waybill", "", when=""), "received_at"),
    "another message": (lambda: "<Unknown/>", "FlightManifest"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_or_damaged_messages_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, cause = HOSTILE[name]
    with pytest.raises(InputError, match=cause) as caught:
        read(tmp_path, make())
    assert str(tmp_path / "0") in str(caught.value)
    assert len(str(caught.value)) < 400


def test_gzip_is_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, gzip.compress(waybill().encode())).consignments) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 3000), put=st.binary(max_size=6), upto=st.integers(0, 200), flight=st.booleans())
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, cut: int, put: bytes, upto: int, flight: bool) -> None:
    text = (manifest(flown("176-12345675", 4, 45.4), 4) if flight else waybill()).encode()
    try:
        reading = read(tmp_path, text[:cut] + put + text[cut + upto :])
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert len(reading.consignments) + len(reading.rejects) <= reading.rows


def test_simulated_consignments_come_back_field_by_field(tmp_path: Path) -> None:
    air = as_air_freight(simulate(lines=1500, days=60, seed=5).consignments)
    air = air[air["consignment_id"].isin(air["consignment_id"].unique()[:45])]
    back = read(tmp_path, *cargo_xml.documents(air)).consignments
    assert len(back) == len(air) > 45
    columns = [
        "line_no", "filed_at", "mode", "carrier", "voyage", "bl_no", "master_bl_no", "origin_country",
        "loading_port", "loading_country", "transhipment_ports", "discharge_port", "etd", "eta", "shipper_id",
        "shipper_name", "shipper_address", "shipper_country", "consignee_id", "consignee_name",
        "consignee_address", "consignee_country", "notify_id", "notify_name", "notify_address",
        "notify_country", "forwarder_name", "hs_code", "description", "packages", "gross_weight_kg",
        "net_weight_kg", "volume_m3", "currency", "freight", "freight_payment",
    ]  # fmt: skip
    for column in columns:
        ours, theirs = air[column].reset_index(drop=True), back[column].reset_index(drop=True)
        pd.testing.assert_series_equal(ours, theirs, check_dtype=False, obj=column)
    values = air.groupby("bl_no", sort=False)["value"].sum(min_count=1).dropna()
    first = back[back["line_no"] == 1].set_index("bl_no")["value"]
    assert list(first[values.index].round(2)) == list(values.round(2))
