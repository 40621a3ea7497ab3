"""Cargo-IMP: waybills, house lists and flight manifests as teletype carries them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import Reading, read_all, read_manifest
from training.simulation.messages import cargo_imp
from training.simulation.messages.air import as_air_freight
from training.simulation.world import simulate

RECEIVED = datetime(2025, 3, 13, 12, tzinfo=UTC)
FWB = """FWB/{version}
{number}LOSHKG/T14L412.0MC2.10
FLT/EK782/12/EK380/13
RTG/DXBEK/HKGEK
SHP/A77
/A CO
/1 ROAD
/LAGOS
/NG//TE/234
CNE
/B CO
/2 ROAD
/KOWLOON/HK
/HK
AGT//3360525/0151
/F AGENT
/LAGOS
NFY/C CO
/3 ROAD
/KOWLOON
/HK
CVD/USD/CC/CC/NVD/500.00/XXX
RTD/1/P10/L300.0/CQ/W300.0/R3.1/T930
/NG/DRIED FISH
/2/NG/MAW
/3/NH/030572
/4/NO/NG
/5/NU/AKE12345EK
/6/P4/L112.0/CQ/W112.0/R3.1/T347.2
/NG/WOOD HS CODE 4407.11
OTH/P/AWA10
ISU/11MAR25/LAGOS/J
OCI/HK/CNE/T/TIN 998
/NG/SHP/T/VAT-17
"""
FHL = """FHL/{version}
MBI/176-12345675LOSHKG/T14K412.0
HBS/H1/LOSHKG/10/K300.0/10/FISH
/PER/SPX
TXT/DRIED FISH MAW
/IN BAGS
HTS/030572
/030579
OCI/HK/CNE/T/998
SHP
NAM/A CO
ADR/1 ROAD
LOC/LAGOS/LA
/NG/101
CNE
/B CO
/2 ROAD
/KOWLOON
/HK
CVD/USD/PP/NVD/NCV/XXX
HBS/H 2/LOSHKG/4/K112.0//WOOD
"""
FFM = """FFM/8
1/EK380/13MAR1030/DXB/A6ABC
HKG/13MAR2200
176-12345675LOSHKG/P10K300.0T14/DRIED FISH MAW
/PER
ULD/AKE12345EK
176-12345675LOSHKG/P4K112.0T14/DRIED FISH MAW
176-12345686LOSHKG/P2K10T9/WOOD
{end}
"""


def fwb(number: str = "176-12345675", version: int = 16) -> str:
    return FWB.format(number=number, version=version)


def read(folder: Path, text: str | bytes, received: datetime | None = RECEIVED) -> Reading:
    path = folder / "m"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_all([path], received_at=received)


def test_a_waybill_gives_a_line_for_each_rate_line_with_route_parties_and_identifiers(tmp_path: Path) -> None:
    reading = read(tmp_path, fwb(), received=None)
    first, second = reading.consignments.to_dict("records")
    assert (first["consignment_id"], first["line_no"], second["line_no"]) == ("176-12345675", 1, 2)
    assert (first["loading_port"], first["transhipment_ports"], first["discharge_port"]) == ("NGLOS", "AEDXB", "HKHKG")
    assert (first["carrier"], first["voyage"]) == ("EK", "EK380")
    assert first["etd"] == datetime(2025, 3, 12, tzinfo=UTC)
    assert (first["shipper_name"], first["shipper_address"], first["shipper_id"]) == ("A CO", "1 ROAD, LAGOS", "17")
    assert (first["consignee_address"], first["consignee_country"]) == ("2 ROAD, KOWLOON, HK", "HK")
    assert (first["consignee_id"], first["notify_name"], first["forwarder_name"]) == ("998", "C CO", "F AGENT")
    assert (first["description"], first["hs_code"], first["origin_country"]) == ("DRIED FISH MAW", "030572", "NG")
    assert (second["hs_code"], second["packages"], second["freight"]) == ("440711", 4, 347.2)
    assert first["gross_weight_kg"] == pytest.approx(300 * 0.45359237)
    assert (first["volume_m3"], first["value"], first["freight_payment"]) == (2.1, 500, "collect")
    assert pd.isna(second["volume_m3"])
    assert pd.isna(second["value"])
    assert orjson.loads(first["containers"]) == [{"no": "AKE12345EK", "type": "AKE"}]
    assert second["containers"] == first["containers"]  # a line that names no unit has those of the waybill
    assert reading.findings.count("hs_code", "inferred") == 1
    assert reading.messages[0].differences() == {}


def test_houses_name_their_master_and_keep_their_own_parties(tmp_path: Path) -> None:
    reading = read(tmp_path, FHL.format(version=5))
    lines = reading.consignments.set_index("consignment_id")
    assert list(lines.index) == ["176-12345675/H1", "176-12345675/H1", "176-12345675/H2"]
    first, further = lines.iloc[0], lines.iloc[1]
    assert (further["hs_code"], further["line_no"], further["shipper_name"]) == ("030579", 2, "A CO")
    assert pd.isna(further["gross_weight_kg"])
    assert (first["description"], first["hs_code"]) == ("DRIED FISH MAW IN BAGS", "030572")
    assert (first["shipper_address"], first["consignee_id"]) == ("1 ROAD, LAGOS, LA, 101", "998")
    assert list(lines["gross_weight_kg"].dropna()) == [300, 112]
    assert pd.isna(lines["consignee_name"].iloc[2])
    assert set(lines["filed_at"]) == {RECEIVED}


def test_a_house_list_that_exceeds_its_master_is_a_finding_and_one_that_lacks_houses_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, FHL.format(version=4)).messages[0].differences() == {}
    more = read(tmp_path, FHL.format(version=4).replace("T14K412.0", "T13K400.0"))
    assert more.messages[0].differences() == {"packages": (13, 14), "gross_weight_kg": (400, 412)}
    fewer = read(tmp_path, FHL.format(version=4).replace("T14K412.0", "T20K900.0"))
    assert fewer.messages[0].differences() == {}


def test_a_house_list_without_houses_is_remarked_on(tmp_path: Path) -> None:
    reading = read(tmp_path, fwb() + "FHL/4\nMBI/176-12345675LOSHKG/T14K412.0\n")
    assert set(reading.consignments["bl_no"]) == {"176-12345675"}
    assert reading.findings.count("bl_no", "no house was read") == 1


def test_a_waybill_in_small_letters_reads_like_one_in_capitals(tmp_path: Path) -> None:
    assert read(tmp_path, fwb().lower()).consignments.equals(read(tmp_path, fwb()).consignments)


@pytest.mark.parametrize("answer", ["FMA\nACK/PROCESSED\n", "FNA\nACK/AWB NOT ACCEPTED\n", "FNA/1\nACK/NO\n"])
@pytest.mark.parametrize("between", ["", "NNNN\n", ".LOSFFXX 120900\n"])
def test_a_waybill_inside_an_acknowledgement_or_rejection_is_none(tmp_path: Path, answer: str, between: str) -> None:
    other = fwb("176-12345686")
    reading = read(tmp_path, answer + fwb() + between + other)
    assert set(reading.consignments["bl_no"]) == {"176-12345686"}
    assert not reading.rejects
    assert reading.findings.count("message", "no consignments to read") == 1
    alone = read(tmp_path, answer + fwb())
    assert (len(alone.consignments), alone.findings.count("message")) == (0, 1)


def test_a_flight_manifest_gives_no_version_of_a_bill_that_an_earlier_reading_described(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text(FFM.format(end="LAST"))
    (batch,) = read_manifest(path, received_at=RECEIVED, described=lambda ids: {"176-12345675"} & set(ids))
    assert set(batch.consignments["bl_no"]) == {"176-12345686"}


def test_a_flight_manifest_alone_gives_its_waybills_with_their_parts_added_up(tmp_path: Path) -> None:
    reading = read(tmp_path, FFM.format(end="LAST"))
    lines = reading.consignments.set_index("bl_no")
    whole = lines.loc["176-12345675"]
    assert (whole["packages"], whole["gross_weight_kg"], whole["voyage"]) == (14, 412, "EK380")
    assert (whole["original_loading_port"], whole["loading_port"], whole["discharge_port"]) == (
        "NGLOS",
        "AEDXB",
        "HKHKG",
    )
    assert whole["etd"] == datetime(2025, 3, 13, 10, 30, tzinfo=UTC)
    assert whole["eta"] == datetime(2025, 3, 13, 22, tzinfo=UTC)
    assert reading.findings.count("packages", "part of the waybill") == 1


def test_a_manifest_in_two_messages_is_one(tmp_path: Path) -> None:
    reading = read(tmp_path, FFM.format(end="CONT") + FFM.format(end="LAST").replace("1/EK", "2/EK"))
    assert list(reading.consignments["packages"]) == [28, 4]
    assert len(reading.messages) == 1


@pytest.mark.parametrize("order", [0, 1])
def test_a_waybill_gets_its_flight_from_the_manifest_and_is_not_given_twice(tmp_path: Path, order: int) -> None:
    texts = [fwb(), FFM.format(end="LAST")]
    reading = read(tmp_path, "".join(texts if order else reversed(texts)))
    counts = reading.consignments.groupby("bl_no").size().to_dict()
    assert counts == {"176-12345675": 2, "176-12345686": 1}
    joined = reading.consignments[reading.consignments["bl_no"] == "176-12345675"].iloc[0]
    assert (joined["shipper_name"], joined["eta"]) == ("A CO", datetime(2025, 3, 13, 22, tzinfo=UTC))
    assert joined["etd"] == datetime(2025, 3, 12, tzinfo=UTC)  # the day from Lagos; the manifest's is from Dubai


@pytest.mark.parametrize("version", range(2, 18))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_versions_and_line_ends_read_the_same_with_and_without_headers(
    tmp_path: Path, version: int, end: str
) -> None:
    plain = read(tmp_path, fwb()).consignments.drop(columns="filed_at")
    header = "\x01QU HKGCSEK\n.LOSFFXX 121145\n\x02"
    text = header + fwb(version=version) + "\x03NNNN\n" + header + FHL.format(version=2 + version % 4)
    reading = read(tmp_path, text.replace("\n", end))
    lines = reading.consignments
    pd.testing.assert_frame_equal(plain, lines[lines["master_bl_no"].isna()][list(plain)].reset_index(drop=True))
    assert set(lines["filed_at"]) == {datetime(2025, 3, 12, 11, 45, tzinfo=UTC)}
    assert {message.sender for message in reading.messages} == {"LOSFFXX"}


@pytest.mark.parametrize(
    ("received", "header", "sent"),
    [
        (datetime(2025, 1, 2, tzinfo=UTC), "312350", datetime(2024, 12, 31, 23, 50, tzinfo=UTC)),
        (datetime(2025, 3, 1, 9, tzinfo=UTC), "301000", datetime(2025, 1, 30, 10, tzinfo=UTC)),
        (None, "120930", datetime(2025, 3, 12, 9, 30, tzinfo=UTC)),
    ],
)
def test_month_and_year_of_the_header_are_the_latest_before_receipt(
    tmp_path: Path, received: datetime | None, header: str, sent: datetime
) -> None:
    reading = read(tmp_path, f".LOSFFXX {header}\n{fwb()}", received)
    assert set(reading.consignments["filed_at"]) == {sent}


@pytest.mark.parametrize("further", [0, 4, 5])  # the cut within a word, before a blank, after it
def test_a_line_cut_at_69_letters_goes_on_in_the_next(tmp_path: Path, further: int) -> None:
    long = "RTD/1/P14/L412.0/CQ/W412.0/R3.1/T1277.2" + "0" * further + "/NG/DRIED FISH MAW OF THE FINEST KIND"
    text = fwb().partition("RTD")[0] + long[:69] + "\n" + long[69:] + "\nISU/11MAR25/LAGOS\n"
    assert list(read(tmp_path, text).consignments["description"]) == ["DRIED FISH MAW OF THE FINEST KIND"]


def test_blanks_around_the_lines_do_not_matter(tmp_path: Path) -> None:
    plain = read(tmp_path, fwb()).consignments
    pd.testing.assert_frame_equal(plain, read(tmp_path, fwb().replace("\n", "  \n  ")).consignments)


def test_an_amended_waybill_sent_later_is_a_new_version(tmp_path: Path) -> None:
    text = f".LOSFFXX 111000\n{fwb()}.LOSFFXX 120900\n{fwb().replace('DRIED', 'SMOKED')}"
    lines = read(tmp_path, text).consignments
    assert list(lines[lines["line_no"] == 1]["version"]) == [1, 2]


def test_a_bad_waybill_does_not_lose_its_neighbours(tmp_path: Path) -> None:
    bad = fwb().replace("176-12345675LOSHKG", "176-LOSHKG")
    huge = fwb().replace("A CO", "A" * 5000)
    text = fwb() + bad + huge + "FSU/12\n176-1\n" + fwb("176-12345686")
    reading = read(tmp_path, text)
    assert sorted(set(reading.consignments["bl_no"])) == ["176-12345675", "176-12345686"]
    assert [reject.line for reject in reading.rejects] == [36, 69]
    assert "69" in reading.rejects[1].reason
    assert reading.findings.count("message", "no consignments") == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    reading = read(tmp_path, fwb().replace("A CO", "CAFÉ CO").encode(encoding))
    assert set(reading.consignments["shipper_name"]) == {"CAFÉ CO"}
    assert reading.findings.count("message", "Latin-1") == (encoding == "latin-1")


def test_without_any_time_the_caller_is_asked_for_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received_at"):
        read(tmp_path, FHL.format(version=4), received=None)


def test_a_very_long_line_is_refused_with_its_place(tmp_path: Path) -> None:
    reading = read(tmp_path, fwb() + "FWB/16\n" + "A" * 30_000_000 + "\n" + FHL.format(version=4))
    assert len(reading.consignments) == 5
    assert "line 36 has more than" in reading.rejects[0].reason


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 1400), put=st.text("AZ09/.-\n\0É ", max_size=8), upto=st.integers(0, 200))
def test_damaged_text_is_read_or_rejected_with_reasons(tmp_path: Path, cut: int, put: str, upto: int) -> None:
    text = fwb() + FHL.format(version=4) + FFM.format(end="LAST")
    try:
        reading = read(tmp_path, text[:cut] + put + text[cut + upto :])
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(reject.reason and reject.line for reject in reading.rejects)
        assert len(reading.consignments) + len(reading.rejects) == reading.rows


def test_simulated_waybills_and_houses_come_back_field_by_field(tmp_path: Path) -> None:
    air = as_air_freight(simulate(lines=2500, days=60, seed=6).consignments)
    air = air[air["consignment_id"].isin(air["consignment_id"].unique()[:80])].reset_index(drop=True)
    back = read(tmp_path, cargo_imp.write(air), received=air["filed_at"].max().to_pydatetime()).consignments
    house = air["master_bl_no"].notna()
    first = air.groupby("consignment_id")["line_no"].transform("size") == 1
    same = [
        "filed_at", "mode", "bl_no", "master_bl_no", "loading_port", "loading_country", "discharge_port", "currency",
        "shipper_id", "shipper_name", "shipper_country", "consignee_id", "consignee_name", "consignee_address",
        "consignee_country", "notify_name", "notify_country", "hs_code", "description", "packages", "gross_weight_kg",
        "value", "freight_payment",
    ]  # fmt: skip
    only_waybills = [
        "carrier",
        "voyage",
        "transhipment_ports",
        "forwarder_name",
        "freight",
        "volume_m3",
        "origin_country",
    ]
    for some, columns in ((first & house, same), (first & ~house, [*same, *only_waybills])):
        ours = air[some].set_index("bl_no", drop=False)
        theirs = back[back["bl_no"].isin(ours.index)].set_index("bl_no", drop=False)
        assert len(ours) == len(theirs) > 10
        for column in columns:
            pd.testing.assert_series_equal(ours[column], theirs[column], check_dtype=False, obj=column)
    several = air[~first & ~house]
    lines = back[back["bl_no"].isin(several["bl_no"])]
    assert len(several) > 5
    for column in ("line_no", "description", "packages", "gross_weight_kg", "hs_code", "freight"):
        assert list(lines[column].astype("object").fillna(0)) == list(several[column].astype("object").fillna(0)), (
            column
        )
