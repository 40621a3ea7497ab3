"""The three formats say the same, and every record is accounted for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk import layout
from risk.consignment import CONSIGNMENTS
from risk.errors import InputError
from risk.inspection import OUTCOMES
from risk.layout import Column
from risk.manifests import ColumnMapping, Reading, consignment_schema, outcome_schema, read_all

NOW = datetime(2024, 6, 1, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9).map(str.strip)
WORDS = TEXT | st.just("two\nlines") | st.just('a "quoted", one')


def good_values(column: Column) -> st.SearchStrategy[Any]:
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "text": WORDS,
        "code": st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True),
        "country": st.sampled_from(["VN", "NG", "NA"]),
        "port": st.sampled_from(["VNHPH", "SGSIN"]),
        "ports": st.sampled_from(["SGSIN", "SGSIN MYPKG"]),
        "hs": st.sampled_from(["0508", "440710", "05080010"]),
        "number": st.floats(0.001, 1),
        "integer": st.integers(1, 3),
        "time": st.datetimes(datetime(1990, 1, 1), datetime(2024, 5, 31), timezones=st.just(UTC)),
        "json": st.sampled_from(["[]", '[{"full":true,"no":"MSKU1","vgm_kg":12.5}]']),
        "choice": st.sampled_from(column.choices or ("",)),
    }
    return kinds[column.kind]


def bad_values(column: Column) -> st.SearchStrategy[Any]:
    return good_values(column) if column.kind in {"number", "time", "integer"} else WORDS | good_values(column)


@st.composite
def tables(draw: st.DrawFn, table: layout.Table, bad: bool = False) -> pd.DataFrame:
    columns = [column for column in table if column.required or draw(st.booleans())]
    size = draw(st.integers(1, 5))
    data = {}
    for column in columns:
        values = (bad_values if bad else good_values)(column)
        optional = values if column.required or column.kind == "integer" else st.none() | values
        drawn = draw(st.lists(optional, min_size=size, max_size=size))
        data[column.name] = pd.Series(drawn, dtype=layout.dtype(column))
    if draw(st.booleans()) and table is CONSIGNMENTS:
        data["extra.regime"] = pd.Series(draw(st.lists(st.none() | TEXT, min_size=size, max_size=size)), dtype="str")
    return pd.DataFrame(data)


def write(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """The frame as CSV, JSON Lines and Parquet."""
    paths = [folder / name for name in ("one", "two", "three")]
    texts = frame.copy()
    for name in frame:
        if str(frame[name].dtype).startswith("datetime"):
            texts[name] = frame[name].map(lambda time: time.isoformat(), na_action="ignore")
    texts.to_csv(paths[0], index=False)
    records = [
        {key: None if pd.isna(value) else value for key, value in row.items()} for row in texts.to_dict("records")
    ]
    paths[1].write_bytes(b"\n".join(orjson.dumps(record) for record in records) + b"\n")
    pq.write_table(pa.table({name: _arrow(frame[name]) for name in frame}), paths[2])
    return paths


def _arrow(column: pd.Series[Any]) -> pa.Array:
    if str(column.dtype).startswith("datetime"):
        return pa.array(column.dt.tz_localize(None)).cast(pa.timestamp("us", tz="UTC"))
    return pa.array(column)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([CONSIGNMENTS, OUTCOMES]), st.booleans(), st.integers(1, 5))
def test_a_table_reads_the_same_from_all_three_formats_and_every_record_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, table: layout.Table, bad: bool, batch_rows: int
) -> None:
    frame = data.draw(tables(table, bad))
    paths = write(frame, tmp_path_factory.mktemp("formats"))
    readings = [read_all([path], now=NOW, batch_rows=batch_rows) for path in paths]
    for reading in readings:
        accepted = reading.consignments if table is CONSIGNMENTS else reading.outcomes
        assert reading.rows == len(frame) == len(accepted) + len(reading.rejects)
        pd.testing.assert_frame_equal(reading.consignments, readings[0].consignments)
        pd.testing.assert_frame_equal(reading.outcomes, readings[0].outcomes)
        assert [reject.reason.split("line ")[0] for reject in reading.rejects] == [
            reject.reason.split("line ")[0] for reject in readings[0].rejects
        ]


@settings(max_examples=20, deadline=None)
@given(tables(CONSIGNMENTS))
def test_what_was_accepted_reads_back_unchanged(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> None:
    folder = tmp_path_factory.mktemp("again")
    first = read_all([write(frame, folder)[2]], now=NOW).consignments
    if len(first):
        again = read_all([write(first, folder)[0]], now=NOW)
        assert again.rejects == []
        pd.testing.assert_frame_equal(again.consignments, first)


def parquet(path: Path, columns: dict[str, pa.Array]) -> Reading:
    pq.write_table(pa.table(columns), path)
    return read_all([path], now=NOW)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    reading = parquet(
        tmp_path / "typed",
        {
            "consignment_id": pa.array([7, 8]),
            "filed_at": pa.array([datetime(2024, 5, 1), datetime(2024, 5, 2)], pa.timestamp("ns")),
            "etd": pa.array([datetime(2024, 5, 1).date(), None]),
            "carrier": pa.array(["X", None]).dictionary_encode(),
            "hs_code": pa.array(["0508", "0508"], pa.large_string()),
            "gross_weight_kg": pa.array([float("inf"), float("nan")]),
            "packages": pa.array([3, None], pa.int32()),
            "containers": pa.array([[{"no": "M1", "full": None}], []]),
            "shipper_country": pa.array(["NG", "NG"]),
            "extra.rate": pa.array([1, 2]),
        },
    )
    lines = reading.consignments
    assert list(lines["consignment_id"]) == ["7", "8"]
    assert lines["filed_at"][1] == lines["etd"][0] + pd.Timedelta(days=1)
    assert lines["containers"].tolist() == ['[{"no":"M1"}]', "[]"]
    assert lines["packages"][0] == 3.0
    assert lines["extra.rate"].dtype == "float64"
    assert lines["carrier"].isna().tolist() == [False, True]
    assert reading.findings.count("gross_weight_kg", "malformed") == 1
    assert reading.findings.count("filed_at", "UTC") == 2
    assert [reject.line for reject in reading.rejects] == []


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match="Parquet file is damaged"):
        read_all([path])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF document"),
        (b"\0" * 100, "NUL bytes"),
        (b"Dear officer,\nplease find the manifest\n", "no message that can be read"),
        (b'{"outcomes": [{}]}', "holds the outcomes as a list"),
        (b'{\n "consignment_id": "A"\n}', "several lines"),
    ],
)
def test_what_is_no_manifest_is_refused_with_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_all([path])


def test_lines_that_are_no_json_object_are_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    good = {"consignment_id": "A", "filed_at": "2024-05-01T00:00:00Z", "hs_code": "0508"}
    path.write_bytes(
        b"\xef\xbb\xbf"
        + orjson.dumps(good)
        + b"\r\n\n[1]\n{\n"
        + orjson.dumps(good | {"consignment_id": 2**63, "": 1, "value": 1})
        + b"\n"
        + orjson.dumps(good | {"consignment_id": 12, "value": "x"})
    )
    reading = read_all([path], now=NOW)
    assert [reject.line for reject in reading.rejects] == [3, 4]
    assert reading.rows == 5
    assert reading.consignments["consignment_id"][0] == "A"
    assert reading.consignments["value"].tolist()[1] == 1.0
    assert reading.consignments["consignment_id"].tolist()[1:] == [str(2**63), "12"]


def test_a_later_batch_may_have_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    good = {"filed_at": "2024-05-01T00:00:00Z", "hs_code": "0508"}
    records = [
        good | {"consignment_id": "A"},
        good | {"consignment_id": "B", "extra.rate": 2.5, "eta": good["filed_at"]},
    ]
    path.write_bytes(b"\n".join(map(orjson.dumps, records)))
    reading = read_all([path], now=NOW, batch_rows=1)
    assert reading.consignments["extra.rate"].isna().tolist() == [True, False]
    assert str(reading.consignments["eta"].dtype) == "datetime64[us, UTC]"


def test_the_page_on_formats_tells_the_layouts_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, table in (("consignments", CONSIGNMENTS), ("outcomes", OUTCOMES)):
        found = re.search(rf"<!-- layout of {name} -->\n\n(.*?)\n<!-- end of {name} -->", page, re.DOTALL)
        assert found is not None
        assert found[1] == layout.markdown(table)


def test_the_example_on_the_page_is_a_good_mapping_that_uses_every_setting() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    mapping = ColumnMapping.parse(found[1], "docs/formats.md")
    assert mapping.labels == ("wildlife",)
    for name in "column constant same_as join with codes otherwise format plus_days unit decimal kind words".split():
        assert f"{name}: " in found[1]


def test_the_json_schemas_name_every_column() -> None:
    for schema, table in ((consignment_schema(), CONSIGNMENTS), (outcome_schema(), OUTCOMES)):
        assert list(schema["properties"]) == layout.column_names(table)
