"""`risk inspect`: what a person and a program are told of a message."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from serving.cli import run

MESSAGE = (
    "UNB+UNOC:3+CARRIER+CUSTOMS+240501:1200+1'UNH+1+CUSCAR:D:96B:UN'BGM+85+M1+9'CNI+1+B1'LOC+9+VNHPH'LOC+11+NLRTM'"
    "NAD+CN+++[bold]BUYER'GID+1+10:CT'FTX+AAA+++TEAK'MEA+AAE+G+KGM:100'CNI+2'GID+1+1:CT'CNT+10:3'UNT+13+1'UNZ+1+1'"
)


def test_a_person_reads_sender_counts_differences_and_bills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m"
    path.write_text(MESSAGE)
    assert run(["inspect", str(path)]) == 3
    said = capsys.readouterr().out
    for words in (
        "CUSCAR D.96B",
        "from CARRIER to CUSTOMS",
        "bills: declared 3, read 1",
        "VNHPH",
        "[bold]",
        "bl_no",
    ):
        assert words in said


def test_json_holds_the_same_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m"
    path.write_text(MESSAGE)
    assert run(["inspect", str(path), "--json", "--show", "1"]) == 3
    found = orjson.loads(capsys.readouterr().out)
    assert found["kinds"] == {"CUSCAR D.96B": 1}
    assert (found["counts"]["consignments"], found["counts"]["rejected"]) == (1, 1)
    assert found["messages"][0]["differences"] == {"bills": [3.0, 1.0]}
    assert found["goods_lines"][0]["filed_at"] == "2024-05-01T12:00:00+00:00"
    assert found["rejects"][0]["line"] == 11


def test_a_table_is_looked_into_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t"
    path.write_text("consignment_id,filed_at,description\nC1,2024-05-01T00:00:00Z,TEAK\n")
    assert run(["inspect", str(path)]) == 0
    assert "1 x csv" in capsys.readouterr().out
