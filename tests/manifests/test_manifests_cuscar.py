"""Cargo reports CUSCAR: what a bill becomes, versions and cancellations, totals, and a round trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from risk.manifests import Reading, read_all
from training.simulation.messages import cuscar
from training.simulation.world import simulate

BOXES = [
    "EQD+CN+CSQU 305438-3+45G1:102:5++3+5", "MEA+AAE+VGM+LBR:1000", "MEA+AAE+G+KGM:9999", "SEL+S1+CA", "SEL+S2",
    "EQD+CN+MSKU0000001+22G1++3+4", "EQD+BB+CARGO1",
]  # fmt: skip


def read(
    path: Path,
    *segments: str,
    function: str = "9",
    at: str = "202405011200:203",
    number: str = "M1",
    boxes: bool = True,
) -> Reading:
    path.write_text(interchange(message(*segments, function=function, at=at, number=number, boxes=boxes)))
    return read_all([path])


def message(
    *segments: str, function: str = "9", at: str = "202405011200:203", number: str = "M1", boxes: bool = True
) -> list[str]:
    head = [
        "UNH+1+CUSCAR:D:95B:UN", f"BGM+85+{number}+{function}", f"DTM+137:{at}", "NAD+CA+SCAC:172:20",
        "TDT+20+12E+1++SCAC:172:20:A LINE+++9150004:146::A SHIP:PA", "LOC+60+NLRTM::6", "DTM+132:20240520:102",
        *(BOXES if boxes else []),
    ]  # fmt: skip
    body = [*head, *segments]
    return [*body, f"UNT+{len(body) + 1}+1"]


def interchange(*messages: list[str]) -> str:
    segments = [segment for each in messages for segment in each]
    return "'".join(["UNB+UNOC:3+A+B+240501:1300+1", *segments, f"UNZ+{len(messages)}+1", ""])


def only(reading: Reading) -> dict[str, Any]:
    assert len(reading.consignments) == 1, reading
    return {str(name): value for name, value in reading.consignments.iloc[0].items() if pd.notna(value)}


BILL = (
    "CNI+1+B1", "RFF+BM:B1", "CNT+7:2,5:TNE", "LOC+9+VNHPH:139:6", "LOC+11+NLRTM", "LOC+76+VNSGN", "LOC+13+SGSIN",
    "LOC+13+LKCMB", "LOC+20+DEDUS::6:Duisburg", "LOC+88+VNHAN", "LOC+27+VN", "LOC+41+NL000510", "CPI+4++C",
    "NAD+CZ+T1++SELLER:CO LTD+1 ROAD:FLOOR 2+HAIPHONG++18000+VN", "NAD+SH+X++SOMEONE ELSE",
    "NAD+CN+T2+BUYER BV:DOCK 5:ROTTERDAM",
    "NAD+N1+++THE NOTIFIED", "RFF+VA:NL123", "NAD+FW+++A FORWARDER", "NAD+DT+D77",
    "GID+1+60:CT", "FTX+AAA+++WOODEN CHAIRS:AND TABLES", "FTX+AAA+++OF TEAK", "FTX+AAI+++PLEASE CALL",
    "MEA+AAE+G+KGM:1500",
    "MEA+AAE+AAC+KGM:1400", "MEA+AAE+AAW+LTR:7000", "MOA+40:5000.50:EUR", "MOA+64:300:EUR",
    "SGP+CSQU3054383+60", "MEA+AAE+G+KGM:1500",
    "DGS+IMD+3+1263", "FTX+AAA+++FLAMMABLE", "MEA+AAE+G+KGM:77", "PCI+28+B/L 1:LOT 2",
    "GID+2+40:BG", "FTX+AAA+++CASHEW NUTS", "MEA+WT++KGM:1000", "CST+2+0801.32:122", "SGP+MSKU0000001", "SGP+CARGO1",
)  # fmt: skip


def test_every_field_of_a_bill_finds_its_column(tmp_path: Path) -> None:
    reading = read(tmp_path / "m", *BILL)
    first, second = reading.consignments.to_dict("records")
    shared = {
        "consignment_id": "B1", "bl_no": "B1", "mode": "sea", "carrier": "A LINE", "voyage": "12E",
        "vessel_imo": "9150004",
        "loading_port": "VNHPH", "discharge_port": "NLRTM", "original_loading_port": "VNSGN",
        "transhipment_ports": "SGSIN LKCMB",
        "final_destination": "DEDUS", "place_of_receipt": "VNHAN", "origin_country": "VN", "customs_office": "NL000510",
        "freight_payment": "collect", "shipper_id": "T1", "shipper_name": "SELLER CO LTD",
        "shipper_address": "1 ROAD FLOOR 2, HAIPHONG, 18000", "shipper_country": "VN", "consignee_id": "T2",
        "consignee_name": "BUYER BV", "consignee_address": "DOCK 5, ROTTERDAM", "notify_name": "THE NOTIFIED",
        "notify_id": "NL123", "forwarder_name": "A FORWARDER", "declarant_id": "D77",
        "eta": pd.Timestamp("2024-05-20", tz="UTC"),
        "filed_at": pd.Timestamp("2024-05-01T12:00Z"),
    }  # fmt: skip
    assert {name: first[name] for name in shared} == shared
    assert {name: second[name] for name in shared} == shared
    lines = [
        {"description": "WOODEN CHAIRS AND TABLES OF TEAK", "packages": 60, "package_type": "CT",
         "gross_weight_kg": 1500,
         "net_weight_kg": 1400, "volume_m3": 7, "value": 5000.5, "currency": "EUR", "freight": 300,
         "marks": "B/L 1 LOT 2"},
        {"description": "CASHEW NUTS", "packages": 40, "package_type": "BG", "gross_weight_kg": 1000,
         "hs_code": "080132"},
    ]  # fmt: skip
    for row, expected in zip((first, second), lines, strict=True):
        assert {name: row[name] for name in expected} == pytest.approx(expected)
    boxes = [orjson.loads(row["containers"]) for row in (first, second)]
    assert boxes[0] == [
        {"no": "CSQU3054383", "type": "45G1", "full": True, "vgm_kg": pytest.approx(453.59237), "seals": ["S1", "S2"]}
    ]
    assert boxes[1] == [{"no": "MSKU0000001", "type": "22G1", "full": False}]
    assert reading.findings.count("containers", "check digit") == 1
    assert not [f for f in reading.findings if "total" in f.reason]


def test_weight_of_a_bill_stands_once_however_it_is_told(tmp_path: Path) -> None:
    goods = ("GID+1+5:CT", "SGP+CSQU3054383", "GID+2+6:CT", "SGP+MSKU0000001")
    by_bill = read(tmp_path / "a", "CNI+1+B1", "CNT+7:900:KGM", *goods).consignments
    assert by_bill["gross_weight_kg"].sum() == 900
    weighed = ("GID+1+5:CT", "MEA+AAE+G+KGM:900", "GID+2+6:CT", "MEA+AAE+G+KGM:900")
    repeated = read(tmp_path / "b", "CNI+1+B1", "CNT+7:900:KGM", *weighed)
    assert repeated.consignments["gross_weight_kg"].sum() == 900
    assert repeated.findings.count("gross_weight_kg", "repeated by every goods line") == 1
    split = ("GID+1+11:CT", "SGP+CSQU3054383+5", "MEA+AAE+G+KGM:400", "SGP+MSKU0000001+6", "MEA+AAE+G+KGM:500")
    assert only(read(tmp_path / "c", "CNI+1+B1", *split))["gross_weight_kg"] == 900


def test_a_container_shared_by_bills_is_one(tmp_path: Path) -> None:
    bills = [s for n in "12" for s in (f"CNI+{n}+B{n}", "GID+1+5:CT", "SGP+CSQU3054383")]
    reading = read(tmp_path / "m", *bills, "CNT+16:1", "CNT+10:2", "CNT+11:10")
    assert reading.messages[0].read["containers"] == 1
    assert reading.messages[0].differences() == {}
    assert reading.findings.count("containers", "no bill names") == 1


def test_equipment_described_behind_the_bills_is_found(tmp_path: Path) -> None:
    reading = read(tmp_path / "m", "CNI+1+B1", "GID+1+5:CT", "SGP+CSQU3054383", "CNI+2+B2", "GID+1+5:CT",
                   "SGP+CSQU3054383", *BOXES, boxes=False)  # fmt: skip
    for text in reading.consignments["containers"]:
        assert orjson.loads(text)[0]["seals"] == ["S1", "S2"]


def test_equipment_within_a_bill_is_its_own_and_of_a_sole_bill_anyway(tmp_path: Path) -> None:
    inside = read(tmp_path / "a", "CNI+1+B1", *BOXES[:5], "GID+1+5:CT", "CNI+2+B2", "GID+1+5:CT", boxes=False)
    assert [pd.notna(text) for text in inside.consignments["containers"]] == [True, False]
    sole = only(read(tmp_path / "b", "CNI+1+B1", "GID+1+5:CT"))
    assert [box["no"] for box in orjson.loads(sole["containers"])] == ["CSQU3054383", "MSKU0000001"]


@pytest.mark.parametrize(
    ("segments", "number", "master", "kind"),
    [
        (("CNI+1+B1",), "B1", None, None),
        (("CNI+1+B1:BOL",), "B1", None, None),
        (("CNI+1+7", "RFF+BM:B1"), "B1", None, None),
        (("CNI+1", "RFF+MB:M1", "RFF+BH:H1"), "H1", "M1", "house"),
        (("CNI+1", "RFF+BM:M1", "RFF+BH:H1"), "H1", "M1", "house"),
        (("CNI+1", "RFF+MB:M1", "RFF+BM:H1"), "H1", "M1", "house"),
        (("CNI+1", "RFF+MWB:M1"), "M1", None, "master"),
        (("RFF+BM:B1",), "B1", None, None),
    ],
)
def test_numbers_of_bills_and_their_masters(
    tmp_path: Path, segments: tuple[str, ...], number: str, master: str | None, kind: str | None
) -> None:
    row = only(read(tmp_path / "m", *segments, "GID+1+5:CT", "FTX+AAA+++GOODS"))
    assert (row["bl_no"], row.get("master_bl_no"), row.get("bl_type")) == (number, master, kind)


def test_several_bills_in_one_consignment_are_houses_of_its_number(tmp_path: Path) -> None:
    bills = [s for n in "12" for s in (f"RFF+BM:H{n}:1", "LOC+9+VNHPH", f"GID+1+{n}:CT", f"MEA+AAE+AAB+KGM:{n}00")]
    rows = read(tmp_path / "m", "CNI+1+M9", *bills, "RFF+BM::3", "GID+1+0", "CNT+11:3")
    assert list(rows.consignments["consignment_id"]) == ["M9/H1", "M9/H2"]
    assert list(rows.consignments["gross_weight_kg"]) == [100, 200]
    assert (rows.rejects[0].field, rows.rejects[0].reason[:10]) == ("bl_no", "is missing")


@pytest.mark.parametrize(
    "references", [("RFF+BM:M1", "RFF+BH:H1", "RFF+BH:H2"), ("RFF+MB:M1", "RFF+BM:H1", "RFF+BM:H2"),
                   ("RFF+MB:M1", "RFF+BH:H1", "RFF+MB:M1", "RFF+BH:H2")]
)  # fmt: skip
def test_houses_that_follow_each_other_keep_their_master(tmp_path: Path, references: tuple[str, ...]) -> None:
    segments = [s for r in references for s in ((r, "GID+1+1:CT", "FTX+AAA+++GOODS") if ":H" in r else (r,))]
    rows = read(tmp_path / "m", "CNI+1", *segments).consignments
    assert list(rows["consignment_id"]) == ["M1/H1", "M1/H2"]


def test_masters_that_change_within_a_consignment_go_with_their_houses(tmp_path: Path) -> None:
    segments = [s for n in "12" for s in (f"RFF+MB:M{n}", f"RFF+BH:H{n}", "GID+1+1:CT", "FTX+AAA+++GOODS")]
    rows = read(tmp_path / "m", "CNI+1", *segments).consignments
    assert list(rows["consignment_id"]) == ["M1/H1", "M2/H2"]


@pytest.mark.parametrize("totals", ["CNT+10:3", "CNT+11:31", "CNT+7:1,5:TNE", "CNT+16:5", "CNT+8:31"])
def test_totals_that_differ_are_findings(tmp_path: Path, totals: str) -> None:
    goods = ("CNI+1+B1", "GID+1+30:CT", "MEA+AAE+G+KGM:100", "SGP+CSQU3054383")
    right = ("CNT+10:1", "CNT+11:30", "CNT+7:0.1:TNE", "CNT+16:1", "CNT+8:30")
    good, bad = read(tmp_path / "a", *goods, *right), read(tmp_path / "b", *goods, totals)
    assert good.messages[0].differences() == {}
    assert len(bad.messages[0].differences()) == 1
    assert len([f for f in bad.findings if "declared total differs" in f.reason]) == 1


def test_a_bill_whose_lines_do_not_add_up_is_remarked_on(tmp_path: Path) -> None:
    goods = ("GID+1+5:CT", "MEA+AAE+G+KGM:100", "GID+2+6:CT", "MEA+AAE+G+KGM:200")
    reading = read(tmp_path / "m", "CNI+1+B1", "RFF+BM:B1", "CNT+7:250:KGM", "CNT+11:12", *goods)
    assert reading.findings.count("gross_weight_kg", "sum of its lines") == 1
    assert reading.findings.count("packages", "sum of its lines") == 1
    assert list(reading.consignments["gross_weight_kg"]) == [100, 200]


def test_change_and_replace_are_new_versions_even_on_the_same_day(tmp_path: Path) -> None:
    day = "20240430:102"
    first = message("CNI+1+B1", "GID+1+5:CT", "CNI+2+B2", "GID+1+6:CT", at=day)
    change = message("CNI+1+B1", "GID+1+7:CT", function="4", at=day)
    replace = message("CNI+1+B1", "GID+1+8:CT", function="5", at=day)
    path = tmp_path / "m"
    path.write_text(interchange(first, change, replace))
    reading = read_all([path])
    rows = reading.consignments[["bl_no", "version", "packages"]].itertuples(index=False, name=None)
    assert sorted(rows) == [("B1", 1, 5), ("B1", 2, 7), ("B1", 3, 8), ("B2", 1, 6)]
    assert reading.consignments["filed_at"].is_monotonic_increasing
    assert [facts.function for facts in reading.messages] == ["original", "change", "replace"]
    assert reading.messages[2].cancelled == ["B2"]
    assert not reading.rejects


@pytest.mark.parametrize(("named", "cancelled"), [((), ["B1", "B2"]), (("CNI+1+B2",), ["B2"])])
def test_a_cancellation_takes_back_what_it_names_or_the_whole_message(
    tmp_path: Path, named: tuple[str, ...], cancelled: list[str]
) -> None:
    path = tmp_path / "m"
    path.write_text(interchange(message("CNI+1+B1", "GID+1+5", "CNI+2+B2", "GID+1+5"), message(*named, function="1")))
    reading = read_all([path])
    assert list(reading.consignments["bl_no"]) == ["B1", "B2"]
    assert reading.messages[1].cancelled == cancelled


@pytest.mark.parametrize(
    ("code", "function"),
    [
        ("9", "original"), ("", "original"), ("7", "original"), ("35", "original"), ("2", "change"), ("4", "change"),
        ("21", "change"), ("43", "change"), ("5", "replace"), ("18", "replace"), ("1", "cancel"), ("3", "cancel"),
        ("17", "cancel"), ("6", "unknown"), ("13", "unknown"),
    ],
)  # fmt: skip
def test_each_function_code_does_what_the_directory_says(tmp_path: Path, code: str, function: str) -> None:
    reading = read(tmp_path / "m", "CNI+1+B1", "GID+1+5:CT", "FTX+AAA+++WOOD", function=code)
    assert reading.messages[0].function == function
    assert reading.messages[0].cancelled == (["B1"] if function == "cancel" else [])
    assert len(reading.consignments) == (0 if function == "cancel" else 1)
    assert reading.findings.count("BGM", "not known") == (function == "unknown")


def test_small_letters_and_a_message_without_envelope_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m"
    text = interchange(message("CNI+1+B1", "GID+1+5:CT", "FTX+AAA+++WOOD", "MEA+AAE+G+KGM:7"))
    for changed in (text.lower(), text[text.index("BGM") : text.index("UNT")]):
        path.write_text(changed)
        (row,) = read_all([path]).consignments.to_dict("records")
        assert (row["consignment_id"], row["packages"], row["gross_weight_kg"]) == ("B1", 5, 7)


def test_an_interchange_that_is_a_test_is_remarked_on(tmp_path: Path) -> None:
    path = tmp_path / "m"
    text = interchange(message("CNI+1+B1", "GID+1+5:CT", "FTX+AAA+++WOOD"))
    path.write_text(text.replace("240501:1300+1'", "240501:1300+1++++++1'"))
    assert read_all([path]).findings.count("UNB", "is a test") == 1


def test_a_day_without_a_clock_takes_the_time_of_the_envelope_of_that_day(tmp_path: Path) -> None:
    assert only(read(tmp_path / "a", *BILL[:2], "GID+1+1", at="20240501:102"))["filed_at"].hour == 13
    assert only(read(tmp_path / "b", *BILL[:2], "GID+1+1", at="20240430:102"))["filed_at"].hour == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("202405011200:203", "2024-05-01T12:00Z"), ("20240501120030:204", "2024-05-01T12:00:30Z"),
        ("2405011200:201", "2024-05-01T12:00Z"), ("240501:101", "2024-05-01T13:00Z"), ("010524:2", "2024-05-01T13:00Z"),
        ("202405011200UTC:303", "2024-05-01T12:00Z"), ("202405011200?+07:303", "2024-05-01T05:00Z"),
        ("202405011200?+0530:205", "2024-05-01T06:30Z"), ("202405011200", "2024-05-01T12:00Z"),
    ],
)  # fmt: skip
def test_times_in_the_formats_of_2379(tmp_path: Path, text: str, expected: str) -> None:
    row = only(read(tmp_path / "m", "CNI+1+B1", "GID+1+1", "FTX+AAA+++X", at=text))
    assert row["filed_at"] == pd.Timestamp(expected)


def test_an_hs_code_in_free_text_is_marked_as_inferred_and_one_of_its_own_is_not(tmp_path: Path) -> None:
    loose = read(tmp_path / "a", "CNI+1+B1", "GID+1+1", "FTX+AAA+++BANANAS", "PCI+24+HS CODE 080390")
    assert only(loose)["hs_code"] == "080390"
    assert loose.findings.count("hs_code", "inferred") == 1
    own = read(tmp_path / "b", "CNI+1+B1", "GID+1+1", "FTX+AAA+++HS 030617", "PIA+5+08039010:HS")
    assert only(own)["hs_code"] == "08039010"
    assert own.findings.count("hs_code", "inferred") == 0


def test_wrong_numbers_of_ship_and_container_are_findings_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "m"
    segments = message("CNI+1+B1", "TDT+20+1+1++A+++9150005:146", "GID+1+1:CT", "SGP+CSQU3054384")
    path.write_text(interchange(segments))
    reading = read_all([path])
    assert reading.findings.count("vessel_imo", "check digit") == 1
    assert reading.findings.count("containers", "check digit") == 1
    assert only(reading)["vessel_imo"] == "9150005"


def test_the_simulated_world_comes_back_field_by_field(tmp_path: Path) -> None:
    world = simulate(1000, 30, seed=3).consignments.head(500)
    path = tmp_path / "m"
    with path.open("w", encoding="utf-8") as file:
        cuscar.write(world, file, version="20B", between="\r\n")
    reading = read_all([path])
    assert not reading.rejects
    assert not list(reading.findings)
    key = ["bl_no", "version", "line_no"]
    ours, theirs = (frame.sort_values(key).reset_index(drop=True) for frame in (world, reading.consignments))
    priced = ours["value"].notna() | ours["freight"].notna()
    not_told = {"consignment_id", "stage", "permits", "bl_type", "containers", "currency"}
    for column in set(ours.columns) - not_told:
        pd.testing.assert_series_equal(theirs[column], ours[column], obj=column, check_dtype=False)
    assert theirs["currency"][priced].equals(ours["currency"][priced])
    for mine, other in zip(ours["containers"], theirs["containers"], strict=True):
        assert boxes_of(mine) == boxes_of(other)


def boxes_of(text: object) -> list[dict[str, Any]]:
    boxes = orjson.loads(text) if isinstance(text, str) else []
    return [{name: value for name, value in box.items() if value != []} for box in boxes]


@pytest.mark.parametrize("digits", ["2¹7", "٣", "²"])
def test_digits_of_other_scripts_are_no_numbers(tmp_path: Path, digits: str) -> None:
    path = tmp_path / "m"
    segments = message(
        "EQD+CN+CSQU3054383", f"MEA+AAE+VGM+KGM:{digits}", "CNI+1+B1", f"CNT+7:{digits}:KGM", "GID+1+1:CT"
    )
    text = interchange([*segments[:-1], f"CNT+8:{digits}", f"UNT+{digits}+1"]).replace("UNZ+1", f"UNZ+{digits}")
    path.write_text(text.replace("UNOC", "UNOY"), encoding="utf-8")
    assert list(read_all([path]).consignments["bl_no"]) == ["B1"]
