"""Customs manifests 309 of ANSI X12: what a bill becomes, amendments, totals, damage, and a round trip."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import Reading, read_all
from training.simulation.messages import x12_309
from training.simulation.world import simulate

ISA = "ISA*00*          *00*          *ZZ*SMLU           *ZZ*CUSTOMS        *240501*1203*U*00401*000000010*0*T*>"
FIRST = [
    "LX*1", "M11*12345678*57035*100*CTN*4409.25*L*353.147*E*10*SHENZHEN**SMLU", "N1*SH*ACME*25*TAX1", "N2*LIMITED",
    "N3*1 STREET*FLOOR 2", "N4*SHENZHEN**518000*CN", "N1*CN*BUYER INC", "N1*N1*NOTIFIED", "N1*CB**25*D7",
    "R4*L*UN*CNSZX", "R4*D*UN*USMIA", "R4*T*UN*KRPUS", "DTM*371*20240520*0830",
    "VID*CN*CSQU*3054383*S1*S2****45G1*L", "N10*60*WOODEN MASKS*A/B*J*4420.11*5000*K*1200**CTN*CN**USD",
    "VID*CN*MSKU*0000002******22G1*E", "M7*S3", "N10*40*HS CODE 940360 TABLES*N/M****K*800",
]  # fmt: skip


def second(action: str = "") -> list[str]:
    amended = [f"M13*SMLU*1803*{action}*SMLU87654321*5*01"] if action else []
    return ["LX*2", *amended, "M11*87654321*57035*5*BOX*10*K***10*** SMLU", "N9*MB*MAEU777", "N10*5*SHOES"]


def manifest(*bills: list[str], head: str = "M10*SMLU*O*PA*9150004*A SHIP*011*MAN1*1*W*L", ports: int = 2) -> list[str]:
    body = ["ST*309*0001", head, f"P4*1803*20240510*{ports}", *(segment for bill in bills for segment in bill)]
    return [*body, f"SE*{len(body) + 1}*0001"]


def interchange(*sets: list[str], end: str = "~\n", element: str = "*") -> str:
    segments = [ISA, "GS*SO*SMLU*CUSTOMS*20240501*120305*1*X*004010", *(segment for each in sets for segment in each)]
    text = end.join([*segments, f"GE*{len(sets)}*1", "IEA*1*000000010", ""])
    return text.replace("*", element)


def read(path: Path, *sets: list[str], end: str = "~\n", element: str = "*") -> Reading:
    path.write_text(interchange(*sets, end=end, element=element), newline="")
    return read_all([path])


@pytest.mark.parametrize(("end", "element"), [("~\n", "*"), ("~", "|"), ("\n", "*"), ("\r\n", "*"), ("~\r\n", "\x1d")])
def test_every_field_of_a_bill_finds_its_column(tmp_path: Path, end: str, element: str) -> None:
    reading = read(tmp_path / "m", manifest(FIRST, second()), end=end, element=element)
    one, two, house = reading.consignments.to_dict("records")
    shared = {
        "consignment_id": "SMLU12345678", "mode": "sea", "carrier": "SMLU", "vessel_imo": "9150004", "voyage": "011",
        "loading_port": "CNSZX", "discharge_port": "USMIA", "transhipment_ports": "KRPUS",
        "place_of_receipt": "SHENZHEN",
        "shipper_id": "TAX1", "shipper_name": "ACME LIMITED", "shipper_country": "CN", "consignee_name": "BUYER INC",
        "shipper_address": "1 STREET, FLOOR 2, SHENZHEN, 518000", "notify_name": "NOTIFIED", "declarant_id": "D7",
        "filed_at": pd.Timestamp("2024-05-01T12:03:05Z"), "eta": pd.Timestamp("2024-05-20T08:30Z"),
        "package_type": "CTN",
    }  # fmt: skip
    for row in (one, two):
        assert {name: row[name] for name in shared} == shared
    assert (one["hs_code"], one["value"], one["currency"], one["origin_country"]) == ("442011", 5000, "USD", "CN")
    assert (two["hs_code"], two["packages"], two["gross_weight_kg"]) == ("940360", 40, 800)
    assert one["volume_m3"] == pytest.approx(10, abs=1e-4)
    boxes = [orjson.loads(row["containers"])[0] for row in (one, two)]
    assert boxes[0] == {"no": "CSQU3054383", "type": "45G1", "full": True, "seals": ["S1", "S2"]}
    assert boxes[1] == {"no": "MSKU0000002", "type": "22G1", "full": False, "seals": ["S3"]}
    assert (house["bl_no"], house["master_bl_no"], house["bl_type"]) == ("SMLU87654321", "MAEU777", "house")
    assert (house["gross_weight_kg"], house["packages"]) == (10, 5)
    assert reading.findings.count("hs_code", "inferred") == 1


def test_totals_are_reconciled(tmp_path: Path) -> None:
    good = read(tmp_path / "a", manifest(second()[:], ports=1))
    assert good.messages[0].differences() == {}
    bad = read(tmp_path / "b", [*manifest(second())[:-1], "SE*99*0001"])
    assert set(bad.messages[0].differences()) == {"bills", "segments"}
    light = read(tmp_path / "c", manifest([*FIRST[:-1], "N10*41*TABLES*N/M****K*800"]))
    assert light.findings.count("packages", "sum of its lines") == 1
    assert light.findings.count("gross_weight_kg", "sum of its lines") == 0


def test_an_amendment_is_a_new_version_and_a_deletion_takes_back(tmp_path: Path) -> None:
    again = read(tmp_path / "a", manifest(second()), manifest(second("A")), manifest(second("D")))
    assert [(v, n) for v, n in zip(again.consignments["version"], again.consignments["bl_no"], strict=True)] == [
        (1, "SMLU87654321"), (2, "SMLU87654321"),
    ]  # fmt: skip
    assert [facts.function for facts in again.messages] == ["original", "change", "change"]
    assert again.messages[2].cancelled == ["MAEU777/SMLU87654321"]


@pytest.mark.parametrize(
    ("kind", "purpose", "function"),
    [
        ("W", "", "original"), ("A", "", "original"), ("X", "", "change"), ("Y", "", "change"), ("B", "", "change"),
        ("W", "00", "original"), ("W", "04", "change"), ("Y", "05", "replace"), ("W", "01", "cancel"),
        ("W", "03", "cancel"), ("W", "17", "cancel"), ("W", "06", "unknown"),
    ],
)  # fmt: skip
def test_type_and_purpose_say_what_a_manifest_does(tmp_path: Path, kind: str, purpose: str, function: str) -> None:
    head = f"M10*SMLU*O*PA*9150004*A SHIP*011*MAN1*1*{kind}*L***{purpose}"
    reading = read(tmp_path / "m", manifest(second(), head=head, ports=1))
    assert reading.messages[0].function == function
    assert reading.messages[0].cancelled == (["MAEU777/SMLU87654321"] if function == "cancel" else [])
    assert len(reading.consignments) == (0 if function == "cancel" else 1)


def test_an_amended_quantity_and_a_deleted_house_are_those_of_the_amendment(tmp_path: Path) -> None:
    more = [segment.replace("*5*01", "*8*01").replace("N10*5*", "N10**") for segment in second("R")]
    (row,) = read(tmp_path / "a", manifest(more, ports=1)).consignments.to_dict("records")
    assert row["packages"] == 8
    gone = read(tmp_path / "b", manifest(["LX*1", "M13*SMLU*1803*D*SMLU1*5*01**HOUSE1*SMLU*ABCD"], ports=1))
    assert gone.messages[0].cancelled == ["SMLU1/ABCDHOUSE1"]


def test_what_customs_sends_is_remarked_on(tmp_path: Path) -> None:
    head = "M10*SMLU*O*PA*9150004*A SHIP*011*MAN1*1*Z*L"
    assert read(tmp_path / "m", manifest(second(), head=head)).findings.count("M10", "customs sends") == 1


def test_a_file_cut_off_rejects_the_bill_in_hand(tmp_path: Path) -> None:
    path = tmp_path / "m"
    text = interchange(manifest(FIRST, second()))
    path.write_text(text[: text.index("SHOES") + 2])
    reading = read_all([path])
    assert set(reading.consignments["bl_no"]) == {"SMLU12345678"}
    assert "ends within a segment" in reading.rejects[0].reason
    assert reading.findings.count("SE", "cut off") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ISA[:50] + "~", "16 elements"),
        (ISA + "~GS*IM*A*B*20240501*1203*1*X*004010~ST*210*1~SE*2*1~GE*1*1~IEA*1*1~", "are 210; expected is 309"),
        (ISA + "~IEA*0*1~", "no transaction set"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as raised:
        read_all([path])
    assert str(path) in str(raised.value)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_whatever_the_bytes_it_is_read_or_refused_in_one_sentence(tmp_path: Path, seed: int, changes: int) -> None:
    drawn, path = random.Random(seed), tmp_path / "m"
    text = bytearray(interchange(manifest(FIRST, second())).encode())
    for _ in range(changes):
        at, size, other = drawn.randrange(3, len(text)), drawn.randrange(20), drawn.randrange(len(text))
        text[at : at + size] = drawn.choice(
            [b"", bytes([drawn.randrange(256)]), text[other : other + size], b"~", b"*"]
        )
    path.write_bytes(text)
    try:
        reading = read_all([path])
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert all(reject.reason for reject in reading.rejects)


def test_the_simulated_world_comes_back_field_by_field(tmp_path: Path) -> None:
    world = simulate(1000, 30, seed=3).consignments
    world = world[world["mode"] == "sea"].head(400)
    path = tmp_path / "m"
    with path.open("w", encoding="utf-8") as file:
        x12_309.write(world, file)
    reading = read_all([path])
    assert not reading.rejects
    assert {finding.reason for finding in reading.findings} == {"names no time zone; taken as UTC"}
    key = ["bl_no", "version", "line_no"]
    ours, theirs = (frame.sort_values(key).reset_index(drop=True) for frame in (world, reading.consignments))
    for column in (
        *key, "filed_at", "mode", "carrier", "vessel_imo", "voyage", "master_bl_no", "origin_country",
        "place_of_receipt",
        "original_loading_port", "loading_port", "transhipment_ports", "discharge_port", "final_destination",
        "etd", "eta",
        "shipper_id", "shipper_name", "shipper_address", "shipper_country", "consignee_id", "consignee_name",
        "notify_name",
        "consignee_address", "consignee_country", "forwarder_name", "declarant_id", "hs_code", "description", "marks",
        "package_type", "packages", "gross_weight_kg", "value", "currency",
    ):  # fmt: skip
        pd.testing.assert_series_equal(theirs[column], ours[column], obj=column, check_dtype=False)
    assert theirs["volume_m3"].sum() == pytest.approx(
        ours.groupby(["bl_no", "version"])["volume_m3"].sum(min_count=1)[
            ours["volume_m3"].notna().groupby([ours["bl_no"], ours["version"]]).all()
        ].sum()
    )  # fmt: skip
