from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk import layout
from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES
from risk.manifests import Reading, RejectWriter, check_outcomes, read_all, write_rejects

NOW = datetime(2024, 6, 1, tzinfo=UTC)
GOOD = {"consignment_id": "A1", "filed_at": "2024-05-01T08:00:00Z", "hs_code": "0508"}
SEIZED = {"consignment_id": "A1", "recorded_at": "2024-05-09T08:00:00Z", "result": "wildlife"}

Read = Callable[..., Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def of(*records: dict[str, Any]) -> Reading:
        path = tmp_path / "manifest"
        path.write_bytes(b"\n".join(orjson.dumps(record) for record in records))
        return read_all([path], now=NOW)

    return of


def only(reading: Reading, name: str) -> Any:
    """The one value of a column, None when missing."""
    assert reading.rejects == []
    (value,) = reading.consignments[name] if len(reading.consignments) else reading.outcomes[name]
    return None if pd.isna(value) else value


@pytest.mark.parametrize("name", ["consignment_id", "filed_at"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_record_without_a_required_field_is_rejected(read: Read, name: str, value: str | None) -> None:
    reading = read(GOOD | {name: value}, GOOD | {"consignment_id": "A2"})
    (reject,) = reading.rejects
    assert (reject.line, reject.field, reject.reason.split(";")[0]) == (1, name, "is missing")
    assert list(reading.consignments["consignment_id"]) == ["A2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T08:00:00Z", "2024-05-01T08:00:00"),
        ("2024-05-01T08:00:00+07:00", "2024-05-01T01:00:00"),
        ("2024-05-01 08:00", "2024-05-01T08:00:00"),
        ("20240501T080000Z", "2024-05-01T08:00:00"),
        ("2024-05-01", "2024-05-01T00:00:00"),
        (" 2024-05-01T08:00:00.25Z ", "2024-05-01T08:00:00.250000"),
    ],
)
def test_times_become_utc(read: Read, text: str, expected: str) -> None:
    reading = read(GOOD | {"filed_at": text})
    assert only(reading, "filed_at") == pd.Timestamp(expected, tz="UTC")
    assert reading.findings.count("filed_at", "UTC") == (not text.strip().endswith(("Z", "+07:00")))


@pytest.mark.parametrize("text", ["01.05.2024", "2024", "2024-13-01", "1969-12-31T23:59:59Z", "0001-01-01", "soon"])
def test_a_time_that_cannot_be_read_costs_the_record_only_where_it_is_required(read: Read, text: str) -> None:
    assert [reject.field for reject in read(GOOD | {"filed_at": text}).rejects] == ["filed_at"]
    reading = read(GOOD | {"eta": text})
    assert only(reading, "eta") is None
    assert reading.findings.count("eta", "left out") == 1


def test_the_future_is_rejected_from_a_day_ahead_on(read: Read) -> None:
    ahead = [NOW + timedelta(days=1), NOW + timedelta(days=1, seconds=1)]
    reading = read(*(GOOD | {"consignment_id": f"A{n}", "filed_at": time} for n, time in enumerate(ahead)))
    assert list(reading.consignments["consignment_id"]) == ["A0"]
    assert "future" in reading.rejects[0].reason
    assert [reject.field for reject in read(SEIZED | {"recorded_at": "2025-01-01T00:00:00Z"}).rejects] == [
        "recorded_at"
    ]
    assert read(GOOD | {"eta": "2030-01-01T00:00:00Z"}).rejects == []


@pytest.mark.parametrize(
    ("text", "expected", "remark"),
    [
        ("0508", "0508", ""),
        ("05080010", "05080010", ""),
        ("0508.00.10 00", "0508001000", ""),
        ("05", "05", ""),
        ("999999", "999999", "not in the HS"),
        ("508", None, "malformed"),
        ("05O8", None, "malformed"),
        (508, None, "malformed"),
        ("٠٥٠٨", None, "malformed"),
    ],
)
def test_hs_codes(read: Read, text: str | int, expected: str | None, remark: str) -> None:
    reading = read(GOOD | {"hs_code": text, "description": "shells"})
    assert only(reading, "hs_code") == expected
    assert reading.findings.count("hs_code", remark) == bool(remark)


@pytest.mark.parametrize(
    ("name", "text", "expected", "remark"),
    [
        ("gross_weight_kg", "-1", None, "out of range"),
        ("gross_weight_kg", -1.5, None, "out of range"),
        ("gross_weight_kg", "0", 0.0, "0 kg; kept"),
        ("net_weight_kg", 0, 0.0, "0 kg; kept"),
        ("value", "0", 0.0, ""),
        ("value", "1,234.5", None, "malformed"),
        ("value", "1.234,5", None, "malformed"),
        ("value", "1e3", 1000.0, ""),
        ("value", "inf", None, "malformed"),
        ("value", "NaN", None, "malformed"),
        ("value", "1e999", None, "malformed"),
        ("value", "1_000", None, "malformed"),
        ("value", True, None, "malformed"),
        ("origin_country", "vn", "VN", ""),
        ("origin_country", "UK", None, "malformed"),
        ("loading_port", "vn hph", "VNHPH", ""),
        ("loading_port", "HAN", "VNHAN", "IATA"),
        ("loading_port", "ZZHPH", None, "malformed"),
        ("loading_port", "Hai Phong", None, "malformed"),
        ("transhipment_ports", "SGSIN, MYPKG", "SGSIN MYPKG", ""),
        ("transhipment_ports", ["SGSIN", "MYPKG"], "SGSIN MYPKG", ""),
        ("transhipment_ports", "SGSIN ??", "SGSIN", "others were kept"),
        ("mode", "Sea", "sea", ""),
        ("stage", "pre-loading", "pre_loading", ""),
        ("mode", "boat", None, "malformed"),
        ("consignee_id", "0101 234", "0101234", "taken out"),
        ("consignee_id", 101.0, "101", ""),
        ("containers", '[{"type": "45G1", "no": "MSKU1", "seals": null}]', '[{"no":"MSKU1","type":"45G1"}]', ""),
        ("containers", [{"no": "MSKU1"}], '[{"no":"MSKU1"}]', ""),
        ("containers", "[]", "[]", ""),
        ("containers", "[1]", None, "malformed"),
        ("permits", "{", None, "malformed"),
    ],
)
def test_optional_values(read: Read, name: str, text: Any, expected: Any, remark: str) -> None:
    reading = read(GOOD | {name: text})
    assert only(reading, name) == expected
    assert reading.findings.count(name, remark) == bool(remark)
    assert [finding.value for finding in reading.findings if finding.field == name and isinstance(text, str)] == (
        [text] if remark and isinstance(text, str) else []
    )


def test_countries_are_taken_from_places_where_they_are_not_stated(read: Read) -> None:
    reading = read(GOOD | {"loading_port": "NGAPP", "final_destination": "PARIS", "discharge_port": "VNHPH"})
    assert only(reading, "loading_country") == "NG"
    assert only(reading, "destination_country") == "VN"  # PARIS is no place in Panama
    reading = read(GOOD | {"destination_country": "LA", "final_destination": "CNSHA", "discharge_port": "VNHPH"})
    assert only(reading, "destination_country") == "LA"
    assert only(read(GOOD | {"final_destination": "CNSHA", "discharge_port": "VNHPH"}), "destination_country") == "CN"


def test_a_record_that_says_nothing_of_route_goods_or_parties_is_rejected(read: Read) -> None:
    reading = read(GOOD | {"hs_code": None, "gross_weight_kg": 12.5})
    assert ["nothing to score" in reject.reason for reject in reading.rejects] == [True]
    assert json.loads(reading.rejects[0].record)["gross_weight_kg"] == 12.5


def test_a_repeated_line_is_rejected_with_the_place_of_the_first(read: Read, tmp_path: Path) -> None:
    reading = read(
        GOOD, GOOD | {"version": 2}, GOOD | {"line_no": 2}, GOOD | {"description": "again"}, GOOD | {"line_no": "x"}
    )
    assert list(zip(reading.consignments["line_no"], reading.consignments["version"], strict=True)) == [
        (1, 1),
        (1, 2),
        (2, 1),
    ]
    assert [(reject.line, reject.field) for reject in reading.rejects] == [(4, "consignment_id"), (5, "line_no")]
    assert reading.rejects[0].reason.endswith("first read in line 1")
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_bytes(orjson.dumps(GOOD))
    assert read_all([first, second], now=NOW).rejects[0].reason.endswith(f"first read in line 1 of {first}")


def test_a_first_record_that_was_itself_rejected_does_not_count(read: Read) -> None:
    reading = read(GOOD | {"filed_at": "soon"}, GOOD)
    assert (len(reading.consignments), [reject.line for reject in reading.rejects]) == (1, [1])


def test_outcomes_need_a_result_and_may_correct_but_not_repeat(read: Read) -> None:
    reading = read(
        SEIZED,
        SEIZED | {"result": "nothing", "recorded_at": "2024-05-10T00:00:00Z"},
        SEIZED,
        SEIZED | {"result": "elephant"},
        {"consignment_id": "A1", "recorded_at": "2024-05-09T08:00:00Z"},
    )
    assert list(reading.outcomes["result"]) == ["wildlife", "nothing"]
    assert [(reject.line, reject.field) for reject in reading.rejects] == [
        (3, "consignment_id"),
        (4, "result"),
        (5, "result"),
    ]


@pytest.mark.parametrize(("text", "expected"), [("0", None), ("1", 1.0), ("0.02", 0.02), ("1.5", None), (-0.1, None)])
def test_a_selection_probability_is_above_zero_and_at_most_one(read: Read, text: Any, expected: float | None) -> None:
    reading = read(SEIZED | {"selection_probability": text})
    assert only(reading, "selection_probability") == expected
    assert reading.findings.count("selection_probability") == (expected is None)


def test_outcomes_that_point_at_nothing_or_precede_the_filing_are_found_with_both_tables(read: Read) -> None:
    consignments = read(GOOD, GOOD | {"version": 2, "filed_at": "2024-05-20T00:00:00Z"}).consignments
    outcomes = read(
        SEIZED,
        SEIZED | {"consignment_id": "B"},
        SEIZED | {"recorded_at": "2024-05-01T07:59:59Z"},
        SEIZED | {"line_no": 1},
        SEIZED | {"line_no": 7},
    ).outcomes
    good, rejects = check_outcomes(outcomes, consignments)
    assert list(good["line_no"]) == [0, 1]
    assert [(reject.line, reject.field) for reject in rejects] == [
        (2, "consignment_id"),
        (3, "recorded_at"),
        (5, "line_no"),
    ]
    assert json.loads(rejects[0].record)["result"] == "wildlife"
    assert len(check_outcomes(outcomes[:0], consignments)[0]) == 0
    assert len(check_outcomes(outcomes, consignments[:0])[1]) == 5


def test_an_unknown_column_is_remarked_on_once_with_the_nearest_name(read: Read) -> None:
    reading = read(GOOD | {"consigne_id": "X"}, GOOD | {"consignment_id": "A2", "consigne_id": "Y"})
    (finding,) = reading.findings
    assert (finding.field, finding.count) == ("consigne_id", 1)
    assert "nearest is 'consignee_id'" in finding.reason


def test_findings_add_up_and_keep_the_first_example(read: Read) -> None:
    reading = read(*(GOOD | {"consignment_id": f"A{n}", "value": f"bad {n}"} for n in range(3)))
    (finding,) = reading.findings + reading.findings
    assert (finding.field, finding.count, finding.line, finding.value) == ("value", 6, 1, "bad 0")


def test_frames_have_the_dtypes_of_the_layout_and_no_other_columns(read: Read) -> None:
    for table, record in ((CONSIGNMENTS, GOOD), (OUTCOMES, SEIZED)):
        full = {column.name: None for column in table} | record | {"other": 1}
        reading = read(full | {"extra.kind": "a", "extra.rate": 0.5} if table is CONSIGNMENTS else full)
        frame = reading.consignments if table is CONSIGNMENTS else reading.outcomes
        expected = {column.name: layout.dtype(column) for column in table}
        if table is CONSIGNMENTS:
            expected |= {"extra.kind": "str", "extra.rate": "float64"}
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected


def test_rejects_are_written_beside_the_file_and_a_stale_file_goes(read: Read, tmp_path: Path) -> None:
    source = tmp_path / "manifest"
    reading = read(GOOD | {"filed_at": "soon"}, GOOD)
    with RejectWriter(source) as writer:
        writer.write(reading.rejects)
    assert (writer.path.name, writer.count) == ("manifest.rejects.csv", 1)
    with writer.path.open(encoding="utf-8", newline="") as file:
        (written,) = csv.DictReader(file)
    assert (written["file"], written["line"], written["field"], written["value"]) == (
        str(source),
        "1",
        "filed_at",
        "soon",
    )
    assert json.loads(written["record"]) == GOOD | {"filed_at": "soon"}
    with RejectWriter(source) as writer:
        writer.write([])
    assert not writer.path.exists()


def test_rejects_of_several_files_go_beside_each_and_strays_beside_the_first(read: Read, tmp_path: Path) -> None:
    (reject,) = read(GOOD | {"filed_at": "soon"}, GOOD).rejects
    first, second = tmp_path / "first", tmp_path / "second"
    rejects = [replace(reject, file=str(second)), replace(reject, file="outcomes")]
    assert [path.name for path in write_rejects(rejects, [first, second])] == [
        "first.rejects.csv",
        "second.rejects.csv",
    ]
    more = write_rejects(rejects[:1], [first, second], append=True)
    assert [len(path.read_text(encoding="utf-8").splitlines()) for path in more] == [3]
    assert write_rejects([], [first, second]) == []
    assert list(tmp_path.glob("*.rejects.csv")) == []


NUMBERS = st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,4}(e[0-9]{1,2})?", fullmatch=True) | st.floats(0).map(repr)
TIMES = st.builds(
    lambda time, sep, digits, zone: time.isoformat(sep)[:digits] + zone,
    st.datetimes(datetime(1, 1, 1), datetime(2300, 1, 1)),
    st.sampled_from(["T", " "]),
    st.sampled_from([10, 13, 16, 19, 23, 26]),
    st.sampled_from(["", "Z", "+07:00", "-0330"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, TIMES), min_size=1, max_size=4))
def test_a_value_reads_the_same_whatever_stands_beside_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    """Columns that are plain throughout are read in one go; that must not show."""
    path = tmp_path_factory.mktemp("beside") / "manifest"
    lines = [f"A{n},2024-05-01T00:00:00Z,0508,{number},{time}" for n, (number, time) in enumerate(rows)]
    header, odd = "consignment_id,filed_at,hs_code,value,eta", "B,2024-05-01T00:00:00Z,0508,odd,odd"
    path.write_text("\n".join([header, *lines, odd]))
    together = read_all([path], now=NOW).consignments[["value", "eta"]]
    for n, line in enumerate(lines):
        path.write_text(f"{header}\n{line}")
        alone = read_all([path], now=NOW).consignments[["value", "eta"]]
        pd.testing.assert_frame_equal(alone, together[n : n + 1].reset_index(drop=True), check_exact=True)
