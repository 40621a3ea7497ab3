from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import json_array, json_lines, read_all

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=8), st.sampled_from([None, 1, 2]), st.integers(1, 40))
def test_an_array_gives_its_elements_whatever_the_size_of_what_is_read_at_a_time(
    values: list[Any], indent: int | None, chunk: int
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    kept, json_array._CHUNK = json_array._CHUNK, chunk  # type: ignore[misc]
    try:
        found = list(json_array.elements(io.StringIO(text), "f"))
    finally:
        json_array._CHUNK = kept  # type: ignore[misc]
    assert [json.loads(element) for _, element in found] == values


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"a":1},\n{"a":2}', "line 2: the array is not closed"),
        ('[{"a":1}\n{"a":2}]', "line 2: '{' where a comma"),
        ("[{},\n}]", "line 2: no JSON"),
        ("[{}] []", "more follows after the array"),
        ("[{},]", "no JSON"),
        ('["' + "x" * 40, "line 1"),
        ("[\n" + "[" * 100_000, "line 2: .*too deep"),
    ],
)
def test_a_broken_array_is_refused_with_line_and_cause(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says.replace("[", r"\[")):
        list(json_array.elements(io.StringIO(text), "f"))


def test_a_line_that_is_too_long_is_rejected_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LONGEST", 100)
    rows = [{"consignment_id": name, "filed_at": "2026-03-01T08:00:00Z", "hs_code": "4407"} for name in "AB"]
    long = {**rows[0], "description": "x" * 500}
    path = tmp_path / "m"
    path.write_text("\n".join(json.dumps(row) for row in (rows[0], long, rows[1])))
    found = read_all([path])
    assert found.consignments["consignment_id"].tolist() == ["A", "B"]
    (reject,) = found.rejects
    assert (reject.line, "more than 100 characters" in reject.reason) == (2, True)


def test_an_array_of_consignments_is_read_like_json_lines(tmp_path: Path) -> None:
    rows = [
        {"consignment_id": "C1", "filed_at": "2026-03-01T08:00:00Z", "loading_port": "NGAPP", "gross_weight_kg": 12.5},
        {"consignment_id": "C2", "filed_at": "2026-03-01T09:00:00Z", "containers": [{"no": "X"}]},
    ]  # fmt: skip
    array, lines = tmp_path / "array.json", tmp_path / "lines.jsonl"
    array.write_text(json.dumps([*rows, 7], indent=1), encoding="utf-8-sig")
    lines.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    found, plain = read_all([array], table="consignments"), read_all([lines], table="consignments")
    assert found.consignments.equals(plain.consignments)
    assert [reject.reason for reject in found.rejects if "no JSON object" in reject.reason]
