"""ASYCUDA World manifests: what a bill becomes, what is reconciled, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from risk.errors import InputError
from risk.manifests import Reading, read_all, read_manifest

RECEIVED = datetime(2024, 5, 1, tzinfo=UTC)
HEAD = """<General_segment><General_segment_id><Customs_office_code>AB1</Customs_office_code>
<Voyage_number>7E</Voyage_number>{day}</General_segment_id><Totals_segment>
<Total_number_of_bols>{bills}</Total_number_of_bols><Total_number_of_packages>30</Total_number_of_packages>
<Total_number_of_containers>1</Total_number_of_containers></Totals_segment></General_segment>"""


def bill(number: str, packages: int, text: str = "TEAK LOGS", master: str = "", box: str = "ABCU 123456-0") -> str:
    return f"""<Bol_segment><Bol_id><Bol_reference>{number}</Bol_reference>
<Master_bol_ref_number>{master}</Master_bol_ref_number></Bol_id>
<ctn_segment><Ctn_reference>{box}</Ctn_reference><Number_of_packages>999</Number_of_packages>
<Empty_Full>FCL</Empty_Full><Marks1>S1</Marks1><Goods_weight>5</Goods_weight></ctn_segment>
<Goods_segment><Number_of_packages>{packages}</Number_of_packages><Gross_mass>12.5</Gross_mass>
<Goods_description>{text}</Goods_description></Goods_segment></Bol_segment>"""


def read(path: Path, body: str, day: str = "", bills: int = 2, received: datetime | None = RECEIVED) -> Reading:
    path.write_text(f"<Awmds>{HEAD.format(day=day, bills=bills)}{body}</Awmds>", encoding="utf-8")
    return read_all([path], received_at=received)


def test_weight_and_packages_are_those_of_the_bill_and_not_of_its_containers(tmp_path: Path) -> None:
    lines = read(tmp_path / "m", bill("B1", 10) + bill("b 2", 20, master="B1")).consignments
    assert list(lines["packages"]) == [10, 20]
    assert list(lines["consignment_id"]) == ["B1", "B1/B2"]
    assert orjson.loads(lines["containers"].iloc[0]) == [{"full": True, "no": "ABCU1234560", "seals": ["S1"]}]


def test_totals_are_reconciled_and_a_shared_container_counts_once(tmp_path: Path) -> None:
    good = read(tmp_path / "a", bill("B1", 10) + bill("B2", 20))
    assert good.messages[0].differences() == {}
    bad = read(tmp_path / "b", bill("B1", 10) + bill("B2", 20), bills=3)
    assert bad.messages[0].differences() == {"bills": (3, 2)}
    assert bad.findings.count("bills", "declared total differs") == 1


@pytest.mark.parametrize("text", ["BANANAS HS CODE 080390", "HS: 0803.90", "hs code:080390 bananas"])
def test_an_hs_code_in_free_text_is_marked_as_inferred(tmp_path: Path, text: str) -> None:
    reading = read(tmp_path / "m", bill("B1", 30, text), bills=1)
    assert list(reading.consignments["hs_code"]) == ["080390"]
    assert reading.findings.count("hs_code", "inferred") == 1


def test_the_same_bill_filed_later_is_a_new_version_and_twice_at_once_a_repetition(tmp_path: Path) -> None:
    day = "<Date_of_preparation>2024-04-0{}</Date_of_preparation>"
    read(tmp_path / "a", bill("B1", 10), day.format(1), received=None)
    read(tmp_path / "b", bill("B1", 11) + bill("B1", 12), day.format(2), received=None)
    reading = read_all([tmp_path / "a", tmp_path / "b"])
    assert list(zip(reading.consignments["version"], reading.consignments["packages"], strict=True)) == [
        (1, 10),
        (2, 11),
    ]
    assert "repeats the same consignment" in reading.rejects[0].reason


def test_without_a_time_of_filing_the_caller_is_asked_for_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received_at"):
        read(tmp_path / "m", bill("B1", 10), received=None)


def test_a_bill_without_a_number_does_not_lose_its_neighbours(tmp_path: Path) -> None:
    reading = read(tmp_path / "m", bill("B1", 10) + bill("", 5) + bill("B3", 20), bills=2)
    assert list(reading.consignments["bl_no"]) == ["B1", "B3"]
    assert (reading.rejects[0].line, reading.rejects[0].field) == (2, "bl_no")


def test_awbolds_takes_its_master_from_the_head(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text(
        f"<Awbolds><Master_bol><Reference_number>M1</Reference_number></Master_bol>{bill('H1', 1)}</Awbolds>",
        encoding="utf-8",
    )
    assert list(read_all([path], received_at=RECEIVED).consignments["consignment_id"]) == ["M1/H1"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(f"<Awmds>{HEAD.format(day='', bills=1)}{bill('B1', 1, 'CAFÉ')}</Awmds>".encode(encoding))
    assert list(read_all([path], received_at=RECEIVED).consignments["description"]) == ["CAFÉ"]


def test_a_dtd_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Awmds>&x;</Awmds>')
    with pytest.raises(InputError, match="DTD"):
        read_all([path], received_at=RECEIVED)


@pytest.mark.parametrize("comments", [9000, 20_000])
def test_comments_before_the_first_element_neither_hang_nor_hide_a_dtd(tmp_path: Path, comments: int) -> None:
    path = tmp_path / "m"
    path.write_text("<!---->" * comments + f"<Awmds>{bill('B1', 1)}</Awmds>")
    assert list(read_all([path], received_at=RECEIVED).consignments["bl_no"]) == ["B1"]
    path.write_text("<!---->" * comments + f"<!DOCTYPE Awmds><Awmds>{bill('B1', 1)}</Awmds>")
    with pytest.raises(InputError, match="DTD"):
        read_all([path], received_at=RECEIVED)


def test_a_broken_end_gives_the_bills_before_it_and_then_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text(f"<Awmds>{HEAD.format(day='', bills=1)}{bill('B1', 1)}<Bol_segment><Bol_id></oops>")
    batches = read_manifest(path, received_at=RECEIVED)
    assert list(next(batches).consignments["bl_no"]) == ["B1"]
    with pytest.raises(InputError, match="XML is damaged"):
        next(batches)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("A & B", "line 2: .*&amp;"),
        ("&undefined;", "line 2: .*Entity 'undefined' not defined"),
        ("<a>" * 300, "256 deep"),
        ("x" * 10_500_000, "10,000,000 characters"),
        ("A\0B", "NUL"),
        ("A", "line 2: .*ends before its elements"),
    ],
)
def test_damaged_xml_is_refused_with_the_line_and_the_cause_in_plain_words(
    tmp_path: Path, inside: str, words: str
) -> None:
    path = tmp_path / "m"
    path.write_text(f"<Awmds>\n<Bol_segment><Bol_id><Bol_reference>{inside}")
    with pytest.raises(InputError, match=words) as raised:
        read_all([path], received_at=RECEIVED)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize("root", ["AWMDS", "awmds", "Awappend", "Awbolds"])
def test_the_first_element_may_be_written_in_any_case_and_bills_may_be_appended(tmp_path: Path, root: str) -> None:
    path = tmp_path / "m"
    head = HEAD.format(day="<Date_of_preparation>2024-04-01T08:00Z</Date_of_preparation>", bills=1)
    path.write_text(f"<{root}>{head}{bill('B1', 30)}</{root}>")
    reading = read_all([path])
    assert reading.consignments["customs_office"].tolist() == ["AB1"]
    assert reading.messages[0].format == root.capitalize()


@pytest.mark.parametrize(
    "content",
    [b"UNB+UNOA:2+A+B'", b"ISA*00*", b"<Other/>", b"<Awmds>" + b"<a>" * 5000, b"PK\x03\x04"],
)
def test_what_has_no_reader_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_all([path], received_at=RECEIVED)


def test_what_is_told_of_the_whole_bill_is_counted_once_and_not_on_each_line(tmp_path: Path) -> None:
    goods = "<Goods_segment><Goods_description>{}</Goods_description><Gross_mass>{}</Gross_mass></Goods_segment>"
    value = "<Value_segment><Customs_value>900</Customs_value><Customs_currency>USD</Customs_currency>"
    value += "<Freight_value>50</Freight_value><Gross_mass>7</Gross_mass></Value_segment>"
    path = tmp_path / "m"
    bol = f"<Bol_id><Bol_reference>B1</Bol_reference></Bol_id>{goods.format('TEAK', 1)}{goods.format('LOGS', 2)}{value}"
    path.write_text(f"<Awmds><Bol_segment>{bol}</Bol_segment></Awmds>")
    lines = read_all([path], received_at=RECEIVED).consignments
    assert lines["value"].fillna(0).tolist() == [900, 0]
    assert lines["freight"].fillna(0).tolist() == [50, 0]
    assert lines["gross_weight_kg"].tolist() == [1, 2]
    assert lines["currency"].tolist() == ["USD", "USD"]
