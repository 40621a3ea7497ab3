"""Excel workbooks: header and sheet, dates and numbers, and what is refused."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import ColumnMapping, Reading, read_all

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
STYLES = f"""<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>
<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/>
<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>"""
HEADER = ["consignment_id", "filed_at", "hs_code", "gross_weight_kg", "description"]


def cell(value: object, column: int, row: int) -> str:
    place = f"{chr(65 + column)}{row}"
    if value is None:
        return ""
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86400
        return f'<c r="{place}" s="1"><v>{days!r}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def rows_xml(rows: Sequence[Sequence[object]], first: int = 1) -> str:
    lines = []
    for number, row in enumerate(rows, first):
        lines.append(f'<row r="{number}">{"".join(cell(value, at, number) for at, value in enumerate(row))}</row>')
    return "".join(lines)


def workbook(sheets: dict[str, str], hidden: str = "") -> bytes:
    """A workbook of sheets given by name as the XML of their rows."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(
            f'<sheet name="{name}" sheetId="{at}" state="{"hidden" if name == hidden else "visible"}" r:id="r{at}"/>'
            for at, name in enumerate(sheets, 1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        related = "".join(
            f'<Relationship Id="r{at}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{at}.xml"/>'
            for at in range(1, len(sheets) + 1)
        )
        related += f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}">{related}</Relationships>')
        archive.writestr("xl/styles.xml", STYLES)
        for at, rows in enumerate(sheets.values(), 1):
            text = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/sheet{at}.xml", text)
    return packed.getvalue()


def read(folder: Path, content: bytes, mapping: str = "", sheet: str | None = None) -> Reading:
    path = folder / "m"
    path.write_bytes(content)
    if not mapping:
        return read_all([path], sheet=sheet)
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    return read_all([path], mapping=ColumnMapping.load(folder / "mapping.yaml"), sheet=sheet)


ROW: list[object] = ["C1", "2025-01-01T00:00Z", "030572", 12.5, "FISH"]


def test_dates_numbers_and_texts_become_what_they_are(tmp_path: Path) -> None:
    rows: list[Sequence[object]] = [
        HEADER,
        ["C1", datetime(2025, 3, 1, 13, 30), "030572", 12.5, "FISH"],
        [7, datetime(2025, 3, 2), 1006, 3, 8],
    ]
    reading = read(tmp_path, workbook({"S": rows_xml(rows)}))
    lines = reading.consignments
    assert list(lines["consignment_id"]) == ["C1", "7"]
    assert list(lines["filed_at"]) == [datetime(2025, 3, 1, 13, 30, tzinfo=UTC), datetime(2025, 3, 2, tzinfo=UTC)]
    assert list(lines["hs_code"]) == ["030572", "1006"]
    assert list(lines["gross_weight_kg"]) == [12.5, 3]
    assert list(lines["description"]) == ["FISH", "8"]


def test_an_hs_code_that_excel_made_a_number_gets_its_zero_back(tmp_path: Path) -> None:
    reading = read(tmp_path, workbook({"S": rows_xml([HEADER, [*ROW[:2], 30572, *ROW[3:]]])}))
    assert list(reading.consignments["hs_code"]) == ["030572"]
    assert reading.findings.count("hs_code", "zero was put back") == 1


def test_lines_are_the_rows_as_excel_shows_them(tmp_path: Path) -> None:
    rows = (
        rows_xml([["Manifest of March"]], 1) + rows_xml([HEADER, ROW], 4) + rows_xml([["C2", "never", "", 1, "X"]], 9)
    )
    reading = read(tmp_path, workbook({"S": rows}))
    assert list(reading.consignments["consignment_id"]) == ["C1"]
    assert [(reject.line, reject.field) for reject in reading.rejects] == [(9, "filed_at")]


def test_the_first_visible_sheet_with_a_header_is_read_and_named(tmp_path: Path) -> None:
    sheets = {
        "Cover": rows_xml([["Dear officer"]]),
        "Old": rows_xml([HEADER, ["X1", *ROW[1:]]]),
        "Data": rows_xml([HEADER, ROW]),
        "More": rows_xml([HEADER, ["C9", *ROW[1:]]]),
    }
    reading = read(tmp_path, workbook(sheets, hidden="Old"))
    assert list(reading.consignments["consignment_id"]) == ["C1"]
    (told,) = [finding for finding in reading.findings if finding.field == "sheet"]
    assert (told.value, told.reason) == ("Data", "is the sheet that was read, of 4")
    assert list(read(tmp_path, workbook(sheets), sheet="More").consignments["consignment_id"]) == ["C9"]


def test_a_mapping_reads_dates_among_texts_and_other_columns(tmp_path: Path) -> None:
    mapping = """columns:
  consignment_id: Bill
  filed_at: {column: Lodged, format: "%d/%m/%Y"}
  description: Goods
  hs_code: Tariff
  gross_weight_kg: {column: Weight, unit: t}
"""
    rows: list[list[object]] = [
        ["Bill", "Lodged", "Goods", "Tariff", "Weight"],
        ["B1", "25/03/2025", "FISH", 30572.0, 1.5],
    ]
    rows.append(["B2", datetime(2025, 3, 26), "RICE", "1006 30", 2])
    reading = read(tmp_path, workbook({"S": rows_xml(rows)}), mapping)
    lines = reading.consignments
    assert [str(moment.date()) for moment in lines["filed_at"]] == ["2025-03-25", "2025-03-26"]
    assert list(lines["hs_code"]) == ["030572", "100630"]
    assert list(lines["gross_weight_kg"]) == [1500, 2000]


def test_gzip_and_zip_around_a_workbook_are_read(tmp_path: Path) -> None:
    book = workbook({"S": rows_xml([HEADER, ROW])})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.xlsx", book)
    for content in (gzip.compress(book), packed.getvalue()):
        assert list(read(tmp_path, content).consignments["consignment_id"]) == ["C1"]


def renamed(book: bytes, old: str, new: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as theirs, zipfile.ZipFile(packed, "w") as ours:
        for name in theirs.namelist():
            ours.writestr(new if name == old else name, theirs.read(name))
    return packed.getvalue()


GOOD = workbook({"S": rows_xml([HEADER, ROW])})
FAR = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "far cell": (lambda: workbook({"S": rows_xml([HEADER]) + FAR}), "8,000,000 cells"),
    "bomb": (lambda: workbook({"S": rows_xml([HEADER]) + f"<!--{' ' * 60_000_000}-->"}), "swells"),
    "no header": (lambda: workbook({"S": rows_xml([["Nothing", "known"]])}), "is a header"),
    "column twice": (lambda: workbook({"S": rows_xml([[*HEADER, "filed_at"]])}), "more than once"),
    "broken sheet": (lambda: workbook({"S": "<row"}), "cannot be read|is a header"),
    "binary": (lambda: renamed(GOOD, "xl/workbook.xml", "xl/workbook.bin"), "xlsb"),
    "half": (lambda: GOOD[:-300], "damaged"),
    "old and empty": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, "cannot be read"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_hostile_or_damaged_workbooks_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, cause = DAMAGED[name]
    with pytest.raises(InputError, match=cause) as caught:
        read(tmp_path, make())
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "m") in str(caught.value)


def test_an_unknown_sheet_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected is one of S"):
        read(tmp_path, GOOD, sheet="Nope")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(GOOD)), put=st.binary(max_size=6), upto=st.integers(0, 60))
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, cut: int, put: bytes, upto: int) -> None:
    try:
        reading = read(tmp_path, GOOD[:cut] + put + GOOD[cut + upto :])
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert reading.rows <= 1
