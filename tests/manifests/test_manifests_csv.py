from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import Reading, read_all, read_manifest

NOW = datetime(2024, 6, 1, tzinfo=UTC)
HEADER = "consignment_id,filed_at,hs_code,description"


def read(path: Path, content: str | bytes, encoding: str | None = None, batch_rows: int = 50_000) -> Reading:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_all([path], now=NOW, encoding=encoding, batch_rows=batch_rows)


def row(number: int, description: str = "shells") -> str:
    return f"A{number},2024-05-01T00:00:00Z,0508,{description}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest"


@pytest.mark.parametrize(
    "content", [b"", b"\n\n  \n", b"\xef\xbb\xbf", "\ufeff".encode("utf-16-le"), b"\xef\xbb\xbf\r\n"]
)
def test_an_empty_file_is_refused_by_name(path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"manifest: the file is empty"):
        read(path, content)


def test_a_header_alone_is_a_reading_of_no_records(path: Path) -> None:
    reading = read(path, HEADER + ",colour\n")
    assert (reading.rows, len(reading.consignments), len(reading.outcomes), reading.rejects) == (0, 0, 0, [])
    assert list(reading.consignments) == ["consignment_id", "line_no", "version", "filed_at"]
    assert str(reading.consignments["filed_at"].dtype) == "datetime64[us, UTC]"
    assert reading.findings.count("colour", "not in the layout") == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_the_columns_it_makes(path: Path, delimiter: str) -> None:
    content = "\n".join([HEADER, row(1, "x;y|z" if delimiter == "," else "a, b"), row(2)])
    if delimiter != ",":
        lines = [line.split(",", 3) for line in content.split("\n")]
        content = "\n".join(delimiter.join(fields) for fields in lines)
    reading = read(path, content)
    assert (len(reading.consignments), reading.rejects) == (2, [])


def test_a_header_that_no_delimiter_fits_is_refused_with_what_was_expected(path: Path) -> None:
    with pytest.raises(InputError, match=r"neither comma, semicolon, tab, bar splits.*'a:b:c'.*consignment_id"):
        read(path, "a:b:c\n1:2:3\n")


def test_a_missing_required_column_is_refused_with_the_nearest_one(path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'filed_at'; the nearest is 'filedat'"):
        read(path, "consignment_id,filedat,hs_code\nA,2024-01-01,0508\n")


def test_two_columns_of_one_name_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"'hs_code' occurs more than once"):
        read(path, "consignment_id,filed_at,hs_code,hs_code\n")


def test_line_numbers_stay_right_after_quoted_line_ends_and_mixed_line_ends(path: Path) -> None:
    content = (
        f"{HEADER}\r\n{row(1, chr(34) + 'two' + chr(10) + 'lines' + chr(34))}\n\r\n{row(2)}\rA3,never,0508,x\n{row(4)}"
    )
    reading = read(path, content)
    assert list(reading.consignments["consignment_id"]) == ["A1", "A2", "A4"]
    assert reading.consignments["description"][0] == "two\nlines"
    assert [(reject.line, reject.field, reject.value) for reject in reading.rejects] == [(6, "filed_at", "never")]


def test_a_row_of_too_many_or_too_few_fields_is_rejected_whole(path: Path) -> None:
    reading = read(path, f"{HEADER}\n{row(1)},more\nA2,2024-05-01\n{row(3)}\n")
    assert list(reading.consignments["consignment_id"]) == ["A3"]
    assert [(reject.line, reject.reason) for reject in reading.rejects] == [
        (2, "5 fields where the header has 4"),
        (3, "2 fields where the header has 4"),
    ]
    assert json.loads(reading.rejects[0].record) == ["A1", "2024-05-01T00:00:00Z", "0508", "shells", "more"]


@pytest.mark.parametrize("bad", ['"open', '"closed" too early', '"'])
def test_a_stray_quote_costs_its_own_line_only(path: Path, bad: str) -> None:
    reading = read(path, f"{HEADER}\n{row(1)}\n{row(2, bad)}\n{row(3)}\n{row(4, chr(34) + 'fine, too' + chr(34))}\n")
    assert list(reading.consignments["consignment_id"]) == ["A1", "A3", "A4"]
    (reject,) = reading.rejects
    assert (reject.line, reading.rows) == (3, 4)
    assert "quote" in reject.reason
    assert json.loads(reject.record) == row(2, bad)


def test_nul_bytes_cost_a_code_and_become_spaces_in_text(path: Path) -> None:
    reading = read(path, f"{HEADER},consignee_id\n" + row(1, "shell\0s") + ",X\0Y\n")
    assert reading.consignments["description"][0] == "shell s"
    assert reading.consignments["consignee_id"].isna().all()
    assert reading.findings.count("description", "control characters") == 1
    assert reading.findings.count("consignee_id", "malformed") == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_recognised_by_its_mark(path: Path, encoding: str) -> None:
    reading = read(path, f"{HEADER}\n{row(1, 'vảy tê tê 穿山甲')}\n".encode(encoding))
    assert reading.consignments["description"][0] == "vảy tê tê 穿山甲"


def test_another_encoding_is_refused_with_line_byte_and_repair_and_read_when_named(path: Path) -> None:
    content = f"{HEADER}\r\n{row(1)}\r\n{row(2, 'café')}\r\n".encode("latin-1")
    with pytest.raises(InputError, match=r"line 3: byte 0xE9 is not UTF-8; give the encoding.*latin-1"):
        read(path, content)
    assert read(path, content, encoding="latin-1").consignments["description"][1] == "café"
    with pytest.raises(InputError, match=r"no encoding 'latin-77'"):
        read(path, content, encoding="latin-77")


def test_utf_16_without_its_mark_is_refused_with_the_repair(path: Path) -> None:
    content = f"{HEADER}\n{row(1)}\n".encode("utf-16-le")
    with pytest.raises(InputError, match=r"looks like UTF-16 without"):
        read(path, content)
    assert len(read(path, content, encoding="utf-16-le").consignments) == 1


def test_a_packed_file_reads_like_a_plain_one_and_a_damaged_one_is_refused(path: Path) -> None:
    packed = gzip.compress(f"{HEADER}\n{row(1)}\n".encode())
    assert len(read(path, packed).consignments) == 1
    with pytest.raises(InputError, match=r"gzip file is damaged"):
        read(path, packed[:-12])


def test_a_file_that_is_not_there_and_an_object_around_the_records_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_all([path])
    with pytest.raises(InputError, match="one object on each line"):
        read(path, '{"consignments": [{"consignment_id": "A"}]}')


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from('A1,"\n\r x\0é'), max_size=12), max_size=12),
    st.integers(1, 5),
)
def test_whatever_the_lines_hold_reading_ends_and_no_good_record_is_lost(
    tmp_path_factory: pytest.TempPathFactory, noise: list[str], batch_rows: int
) -> None:
    """Good records stand between lines of noise that holds no quote; each must come out once."""
    path = tmp_path_factory.mktemp("noise") / "manifest"
    harmless = [line.replace('"', "") for line in noise]
    lines = [text for number, line in enumerate(harmless) for text in (line, row(number))]
    reading = read(path, "\n".join([HEADER, *lines]) + "\n", batch_rows=batch_rows)
    assert {f"A{number}" for number in range(len(noise))} <= set(reading.consignments["consignment_id"])
    assert reading.rows == len(reading.consignments) + len(reading.rejects)
    wild = read(path, "\n".join([HEADER, *noise]), batch_rows=batch_rows)
    assert wild.rows == len(wild.consignments) + len(wild.rejects)


@given(st.integers(1, 7))
def test_batches_together_are_the_file(tmp_path_factory: pytest.TempPathFactory, batch_rows: int) -> None:
    path = tmp_path_factory.mktemp("batches") / "manifest"
    path.write_text("\n".join([HEADER, *(row(number) for number in range(6)), row(0), "short"]))
    batches = list(read_manifest(path, now=NOW, batch_rows=batch_rows))
    assert max(batch.rows for batch in batches) <= batch_rows
    assert sum(batch.rows for batch in batches) == 8
    assert [name for batch in batches for name in batch.consignments["consignment_id"]] == [f"A{n}" for n in range(6)]
    assert [reject.line for batch in batches for reject in batch.rejects] == [8, 9]
