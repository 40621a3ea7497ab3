from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.consignment import CONSIGNMENTS
from risk.errors import InputError
from risk.layout import column_names
from serving.store import Store
from serving.store.rows import chunks
from serving.store.tables import FILINGS

ORDER = ["filed_at", "consignment_id", "line_no", "version"]


def test_what_was_filed_comes_back_as_it_was(opened: Store, filled: pd.DataFrame) -> None:
    added = opened.add_consignments(filled.sample(frac=1, random_state=1), "june.csv")
    assert (added.new, added.known, added.conflicts) == (len(filled), 0, [])
    back = opened.consignments()
    assert set(column_names(CONSIGNMENTS)) <= set(back.columns)
    pd.testing.assert_frame_equal(back, filled.sort_values(ORDER, ignore_index=True))


TEXT = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
TIME = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(lambda value: value.replace(tzinfo=UTC))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TIME, TEXT, NUMBER, st.none() | TIME, TEXT, NUMBER), max_size=5))
def test_any_text_number_and_time_comes_back_as_it_was(opened: Store, rows: list[tuple[Any, ...]]) -> None:
    with opened.transaction() as connection:
        connection.execute(FILINGS.delete())
    filed, text, number, time, own_text, own_number = ([row[place] for row in rows] for place in range(6))
    frame = pd.DataFrame(
        {
            "consignment_id": pd.Series([f"C{row}" for row in range(len(rows))], dtype="str"),
            "line_no": np.ones(len(rows), np.int64),
            "version": np.ones(len(rows), np.int64),
            "filed_at": pd.Series(filed, dtype="datetime64[us, UTC]"),
            "eta": pd.Series(time, dtype="datetime64[us, UTC]"),
            "description": pd.Series(text, dtype="str"),
            "value": pd.Series(number, dtype="float64"),
            "extra.a": pd.Series(own_text, dtype="str"),
            "extra.b": pd.Series(own_number, dtype="float64"),
        }
    )
    opened.add_consignments(frame, "any")
    back = opened.consignments()
    for name in frame.columns[frame.isna().all() & ~frame.columns.isin(["consignment_id", *ORDER])]:
        assert name not in back
        back[name] = frame[name]
    pd.testing.assert_frame_equal(back[frame.columns], frame.sort_values(ORDER, ignore_index=True))


def test_the_same_file_again_is_known_and_adds_nothing(opened: Store, filled: pd.DataFrame) -> None:
    opened.add_consignments(filled, "june.csv")
    again = opened.add_consignments(filled[filled.columns[::-1]].sample(frac=1, random_state=2), "copy of june.csv")
    assert (again.new, again.known, again.conflicts) == (0, len(filled), [])
    assert opened.counts()["lines"] == len(filled)


def test_a_line_filed_otherwise_is_reported_and_never_overwritten(opened: Store, filled: pd.DataFrame) -> None:
    opened.add_consignments(filled, "june.csv")
    changed = filled.iloc[[7, 2, 30]].reset_index(drop=True)
    changed.loc[1, "gross_weight_kg"] = 9999.0
    changed.loc[2, "extra.channel"] = "red"
    added = opened.add_consignments(changed, "july.csv")
    assert (added.new, added.known) == (0, 1)
    assert [(conflict.row, conflict.differs) for conflict in added.conflicts] == [
        (1, ("gross_weight_kg",)),
        (2, ("extra",)),
    ]
    assert str(added.conflicts[0]) == (
        "C001 line 1 version 1 is already there from june.csv with another gross_weight_kg; "
        "a change needs a new version"
    )
    pd.testing.assert_frame_equal(opened.consignments(), filled.sort_values(ORDER, ignore_index=True))


def test_an_amendment_is_a_new_version_beside_the_first(opened: Store, filled: pd.DataFrame) -> None:
    opened.add_consignments(filled, "june.csv")
    amended = filled.iloc[[0]].assign(version=2, gross_weight_kg=1.0)
    assert opened.add_consignments(amended, "amendment").new == 1
    lines = opened.consignment("C000")
    assert lines[["version", "line_no"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1]]
    assert opened.consignment("C999").empty


def test_within_one_frame_a_line_said_twice_counts_once(opened: Store, filled: pd.DataFrame) -> None:
    twice = pd.concat([filled.iloc[[3, 3]], filled.iloc[[3]].assign(value=1.0)], ignore_index=True)
    added = opened.add_consignments(twice, "twice.csv")
    assert (added.new, added.known, [conflict.row for conflict in added.conflicts]) == (1, 1, [2])


def test_lines_without_number_and_version_are_the_first(opened: Store, filled: pd.DataFrame) -> None:
    first = filled[filled["line_no"] == 1].reset_index(drop=True)
    opened.add_consignments(first.drop(columns=["line_no", "version"]), "short.csv")
    assert opened.add_consignments(first, "long.csv").known == len(first)


def test_periods_are_half_open_and_offices_can_be_chosen(opened: Store, filled: pd.DataFrame) -> None:
    filled["customs_office"] = pd.Series(["VNHPH", "DEHAM", "NLRTM", None] * 10, dtype="str")
    opened.add_consignments(filled, "june.csv")
    start, end = filled["filed_at"][5], filled["filed_at"][20]
    part = opened.consignments(filed_from=start.to_pydatetime(), filed_before=end.to_pydatetime())
    pd.testing.assert_frame_equal(part, filled[5:20].sort_values(ORDER, ignore_index=True))
    chosen = opened.consignments(offices=["VNHPH", "NLRTM"])
    assert set(chosen["customs_office"]) == {"VNHPH", "NLRTM"}
    assert len(chosen) == 20
    with pytest.raises(ValueError, match="time zone"):
        opened.consignments(filed_from=datetime(2026, 1, 1))


@pytest.mark.parametrize("rows", [1, 7, 40, 1000])
def test_batches_are_the_whole_cut_into_pieces(opened: Store, filled: pd.DataFrame, rows: int) -> None:
    opened.add_consignments(filled, "june.csv")
    parts = list(opened.consignment_batches(rows=rows))
    assert [len(part) for part in parts[:-1]] == [rows] * (len(filled) // rows - (len(filled) % rows == 0))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True)[filled.columns], opened.consignments())


def test_a_reader_in_the_middle_sees_the_store_as_it_was(opened: Store, filled: pd.DataFrame) -> None:
    opened.add_consignments(filled[:30], "june.csv")
    parts = opened.consignment_batches(rows=10)
    seen = len(next(parts))
    opened.add_consignments(filled[30:], "july.csv")
    assert seen + sum(map(len, parts)) == 30
    assert len(opened.consignments()) == 40


def test_the_order_of_rows_does_not_depend_on_the_order_of_imports(opened: Store, filled: pd.DataFrame) -> None:
    filled["filed_at"] = filled["filed_at"][0]
    filled["consignment_id"] = pd.Series(["b", "a", "B", "A", "é", "_", "Z", "z", "ä", "1"] * 4, dtype="str")
    filled["line_no"] = np.repeat(np.arange(1, 5), 10)
    for part in (filled[20:], filled[:20]):
        opened.add_consignments(part, "part")
    expected = sorted(zip(filled["consignment_id"], filled["line_no"], strict=True))
    back = opened.consignments()
    assert list(zip(back["consignment_id"], back["line_no"], strict=True)) == expected


def test_a_chunk_larger_than_the_store_writes_at_a_time_is_all_there(
    opened: Store, filled: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.store.rows.CHUNK", 7)
    opened.add_consignments(filled[:25], "first")
    changed = filled.copy()
    changed.loc[20, "value"] = 1.5
    added = opened.add_consignments(changed, "second")
    assert (added.new, added.known, [conflict.row for conflict in added.conflicts]) == (15, 24, [20])


def test_an_own_column_that_is_a_number_here_and_text_there_reads_as_text(opened: Store, filled: pd.DataFrame) -> None:
    base = filled[["consignment_id", "line_no", "filed_at"]]
    opened.add_consignments(base[:2].assign(**{"extra.grade": [1.5, 2.0]}), "a")
    texts = pd.Series(["high", "low"], index=[2, 3], dtype="str")
    opened.add_consignments(base[2:4].assign(**{"extra.grade": texts}), "b")
    assert opened.consignments()["extra.grade"].tolist() == ["1.5", "2.0", "high", "low"]


def test_an_empty_store_and_an_empty_frame_are_no_trouble(opened: Store, filled: pd.DataFrame) -> None:
    assert opened.latest_filed_at() is None
    assert opened.consignments().dtypes.astype(str).to_dict() == {
        "consignment_id": "str",
        "line_no": "int64",
        "version": "int64",
        "filed_at": "datetime64[us, UTC]",
    }
    assert list(opened.consignment_batches()) == []
    assert opened.add_consignments(filled[:0], "nothing").new == 0
    opened.add_consignments(filled, "june.csv")
    assert opened.latest_filed_at() == filled["filed_at"].max()
    assert opened.counts() == {"lines": 40, "consignments": 20, "outcomes": 0, "assessments": 0, "imports": 0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": "grey"}, "Column colour is not of this table; an own column must be named extra.colour"),
        ({"filed_at": pd.NaT}, "Column filed_at has no value in row 0"),
        ({"filed_at": pd.Timestamp("2026-01-01")}, r"Column filed_at is datetime64\[us\]; datetime64\[us, UTC\] is"),
        ({"hs_code": 440799}, "Column hs_code is int64; str is expected"),
        ({"value": "12"}, "Column value is str; float64 is expected"),
        ({"line_no": 1.0}, "Column line_no is float64; int64 is expected"),
        ({"value": np.inf}, "Column value has a number that is not finite in row 0"),
        ({"extra.score": -np.inf}, r"Column extra.score has a number that is not finite"),
        ({"description": "rose\0wood"}, "Column description has a null character"),
    ],
)
def test_what_the_store_could_not_give_back_is_refused(
    opened: Store, filled: pd.DataFrame, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        opened.add_consignments(filled.assign(**change), "odd.csv")
    assert opened.counts()["lines"] == 0


def test_a_frame_without_a_required_column_is_refused(filled: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="Column filed_at is missing; it is required"):
        list(chunks(filled.drop(columns="filed_at"), CONSIGNMENTS, extra="extra"))


def test_a_column_added_to_the_layout_later_leaves_known_lines_known(filled: pd.DataFrame) -> None:
    later = CONSIGNMENTS[:3] + CONSIGNMENTS[4:]
    frame = filled.drop(columns=["stage", "extra.channel", "extra.score"])
    now, then = next(chunks(frame, CONSIGNMENTS)), next(chunks(frame, later))
    assert now.hashes == then.hashes
    assert len(set(now.hashes)) == len(frame)
