"""`risk import` with the files that real offices send: one clear sentence, nothing lost, no stack trace."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_office import Office, Ran, at_home, risk

from serving.settings import settings
from serving.store import Store, worklist

HEADER = "consignment_id,filed_at,loading_port,hs_code,gross_weight_kg\n"
GOOD = "A1,2025-03-01T08:00:00Z,KEMBA,440349,1200\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def bring_in(home: Path, *files: Path, mapping: Path | None = None) -> Ran:
    return risk(home, "import", *files, *(("--mapping", mapping) if mapping else ()), "--json")


def stored(home: Path) -> pd.DataFrame:
    with at_home(home), Store.open(settings().store_url) as store:
        return store.consignments()


def outcomes(home: Path) -> pd.DataFrame:
    with at_home(home), Store.open(settings().store_url) as store:
        return store.outcomes()


def rejects(file: Path) -> list[dict[str, Any]]:
    table = pd.read_csv(f"{file}.rejects.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == ["file", "line", "field", "value", "reason", "record"]
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def test_everything_read_is_stored_known_or_rejected_and_the_same_file_again_is_known(tmp_path: Path) -> None:
    text = HEADER + GOOD + "A2,soon,KEMBA,440349,5\n" + "A3,2025-03-01,CNSHA,8504,7,8,9\n" + GOOD.replace("A1", "A4")
    file = write(tmp_path / "some.csv", text + GOOD)
    first = bring_in(tmp_path, file)
    assert first.status == 3
    assert first.json == {"read": 5, "stored": 2, "known": 0, "rejected": 3, "cancelled": 0}
    found = rejects(file)
    assert [(entry["line"], entry["field"]) for entry in found] == [
        ("3", "filed_at"),
        ("4", ""),
        ("6", "consignment_id"),
    ]
    assert found[0]["value"] == "soon" and "expected is" in found[0]["reason"]
    assert "A2" in found[0]["record"]
    assert "rejected records:" in first.err and "soon" in first.err
    again = bring_in(tmp_path, file)
    assert again.json == {"read": 5, "stored": 0, "known": 2, "rejected": 3, "cancelled": 0}
    assert len(rejects(file)) == 3, "the rejects of the run before are replaced"
    assert stored(tmp_path)["consignment_id"].tolist() == ["A1", "A4"]


def test_a_mended_file_leaves_no_rejects_behind(tmp_path: Path) -> None:
    file = write(tmp_path / "some.csv", HEADER + "A1,never,KEMBA,440349,1200\n")
    assert bring_in(tmp_path, file).status == 3
    write(file, HEADER + GOOD)
    assert bring_in(tmp_path, file).status == 0
    assert not Path(f"{file}.rejects.csv").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"one;two;three\n1;2;3\n", "known columns"),
        (b"consignment_id,hs_code\nA,4403\n", "filed_at"),
        ("consignment_id,filed_at,consignee_name\nA,2025-01-01,Société\n".encode("latin-1"), "0xE9"),
        (HEADER.encode("utf-16-le") + GOOD.encode("utf-16-le"), "UTF-16"),
        (b'[{"consignment_id": "A"', "line 1: "),
        (b'{"consignments": [{}]}', "array"),
        (b'{\n  "consignment_id": "A"\n}\n', "several lines"),
        (b"PAR1 and no more", "arquet"),
        (b"\x1f\x8b\x08broken", "gzip"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name_in_one_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    ran = bring_in(tmp_path, write(tmp_path / "bad.csv", content))
    assert (ran.status, ran.out) == (1, "")
    assert "bad.csv" in ran.sentence
    assert words in ran.sentence
    assert stored(tmp_path).empty


def test_a_header_alone_is_no_error_and_no_record(tmp_path: Path) -> None:
    ran = bring_in(tmp_path, write(tmp_path / "header.csv", HEADER))
    assert (ran.status, ran.json) == (0, {"read": 0, "stored": 0, "known": 0, "rejected": 0, "cancelled": 0})


def test_utf_16_with_its_mark_and_latin_1_with_its_mapping_are_read(tmp_path: Path) -> None:
    wide = write(tmp_path / "wide.csv", (HEADER + GOOD).encode("utf-16"))
    assert bring_in(tmp_path, wide).json["stored"] == 1
    text = "no,when,who,from\nB1,2025-01-05,Société,KEMBA\n"
    latin = write(tmp_path / "latin.csv", text.encode("latin-1"))
    mapping = write(
        tmp_path / "latin.yaml",
        "encoding: latin-1\ntime_zone: UTC\ncolumns:\n"
        "  consignment_id: no\n  filed_at: when\n  consignee_name: who\n  loading_port: from\n",
    )
    assert bring_in(tmp_path, latin, mapping=mapping).json["stored"] == 1
    assert "Société" in stored(tmp_path)["consignee_name"].tolist()


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("columns: {consignment_id: id, filed_at: filed, hs_code: tariff}", "'tariff'"),
        ("columns: {consignment_id: id, filed_at: filed, hs: code}", "hs"),
        ("columns: [id, filed]", "columns"),
        ("columns: {consignment_id: id, filed_at: {column: filed, format: 7, colour: red}}", "colour"),
        (
            "columns: {consignment_id: id, filed_at: filed, eta: {same_as: etd}, etd: {same_as: eta}, hs_code: code}",
            "circle",
        ),
        ("columns: {consignment_id: id", "line 1"),
        ("", "sections"),
    ],
)
def test_a_wrong_mapping_is_wrong_use_and_its_place_is_named(tmp_path: Path, mapping: str, words: str) -> None:
    file = write(tmp_path / "file.csv", "id,filed,code\nA,2025-01-01T00:00:00Z,4403\n")
    ran = bring_in(tmp_path, file, mapping=write(tmp_path / "wrong.yaml", mapping))
    assert (ran.status, ran.out) == (2, "")
    assert "wrong.yaml" in ran.sentence
    assert words in ran.sentence
    assert stored(tmp_path).empty


def test_dates_in_three_formats_are_read_as_the_mapping_says_and_the_future_is_rejected(tmp_path: Path) -> None:
    text = "id,filed,code\nA,2025-03-04,4403\nB,04/03/2025,4403\nC,4.3.25,4403\nD,March 4th,4403\nE,2099-01-01,4403\n"
    mapping = write(
        tmp_path / "dates.yaml",
        "time_zone: UTC\ncolumns:\n  consignment_id: id\n  hs_code: code\n"
        '  filed_at: {column: filed, format: ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y"]}\n',
    )
    file = write(tmp_path / "dates.csv", text)
    ran = bring_in(tmp_path, file, mapping=mapping)
    assert (ran.status, ran.json) == (3, {"read": 5, "stored": 3, "known": 0, "rejected": 2, "cancelled": 0})
    assert stored(tmp_path)["filed_at"].dt.strftime("%Y-%m-%d").tolist() == ["2025-03-04"] * 3
    assert [(entry["line"], entry["value"]) for entry in rejects(file)] == [("5", "March 4th"), ("6", "2099-01-01")]
    assert "future" in rejects(file)[1]["reason"]


def test_tariff_codes_of_any_length_negative_and_zero_weights_cost_no_record(tmp_path: Path) -> None:
    rows = {"A": ("4403", "0"), "B": ("44034910", "-5"), "C": ("4403.49.10", "12.5"), "D": ("4403491000", "heavy")}
    lines = [f"{name},2025-03-01T00:00:00Z,KEMBA,{code},{weight}\n" for name, (code, weight) in rows.items()]
    ran = bring_in(tmp_path, write(tmp_path / "goods.csv", HEADER + "".join(lines)))
    assert (ran.status, ran.json["stored"]) == (0, 4)
    found = stored(tmp_path).set_index("consignment_id")
    assert found["hs_code"].to_dict() == {"A": "4403", "B": "44034910", "C": "44034910", "D": "4403491000"}
    assert found["gross_weight_kg"].fillna(-1).to_dict() == {"A": 0, "B": -1, "C": 12.5, "D": -1}
    assert "gross_weight_kg" in ran.err and "'-5'" in ran.err and "'heavy'" in ran.err, "what was left out is told"


def test_a_line_filed_again_otherwise_is_refused_and_an_amendment_kept(tmp_path: Path) -> None:
    assert bring_in(tmp_path, write(tmp_path / "one.csv", HEADER + GOOD)).status == 0
    changed = write(tmp_path / "two.csv", HEADER + GOOD.replace("1200", "900"))
    ran = bring_in(tmp_path, changed)
    assert (ran.status, ran.json) == (3, {"read": 1, "stored": 0, "known": 0, "rejected": 1, "cancelled": 0})
    assert "gross_weight_kg" in rejects(changed)[0]["reason"] and "900" in rejects(changed)[0]["record"]
    amended = HEADER.strip() + ",version\n" + GOOD.replace("1200", "900").replace("08:00", "09:00").strip() + ",2\n"
    assert bring_in(tmp_path, write(tmp_path / "three.csv", amended)).json["stored"] == 1
    assert stored(tmp_path)["gross_weight_kg"].tolist() == [1200, 900]


def test_outcomes_of_nothing_too_early_or_twice_are_told_apart_from_corrections(tmp_path: Path) -> None:
    filed = write(tmp_path / "filed.csv", HEADER + GOOD + GOOD.replace("A1", "A2"))
    found = write(
        tmp_path / "found.csv",
        "consignment_id,recorded_at,result\n"
        "A1,2025-03-02T00:00:00Z,inconclusive\n"
        "A1,2025-03-09T00:00:00Z,wildlife\n"
        "A1,2025-03-09T00:00:00Z,wildlife\n"
        "ZZ,2025-03-02T00:00:00Z,nothing\n"
        "A2,2025-02-01T00:00:00Z,nothing\n"
        "A2,2025-03-02T00:00:00Z,perhaps\n",
    )
    ran = bring_in(tmp_path, found, filed)
    assert ran.status == 3
    assert ran.json == {"read": 8, "stored": 4, "known": 0, "rejected": 4, "cancelled": 0}
    assert outcomes(tmp_path)["result"].tolist() == ["inconclusive", "wildlife"]
    reasons = {entry["field"]: entry["reason"] for entry in rejects(found)}
    assert set(reasons) == {"consignment_id", "recorded_at", "result"}
    assert "earlier than the consignment was filed" in reasons["recorded_at"]
    values = [entry["value"] for entry in rejects(found)]
    assert "ZZ" in values and "perhaps" in values
    assert all(entry["record"].startswith("{") for entry in rejects(found))


def test_one_bad_file_among_several_is_named_and_what_came_before_it_is_kept(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", HEADER + GOOD)
    ran = bring_in(tmp_path, good, tmp_path / "nowhere.csv")
    assert (ran.status, ran.out) == (1, "")
    assert "nowhere.csv" in ran.sentence
    assert len(stored(tmp_path)) == 1


def test_without_a_file_or_with_an_unknown_label_it_is_wrong_use(tmp_path: Path) -> None:
    assert risk(tmp_path, "import").status == 2
    file = write(tmp_path / "file.csv", "id,filed,code,fraud\nA,2025-01-01T00:00:00Z,4403,1\n")
    mapping = write(
        tmp_path / "flat.yaml",
        "columns: {consignment_id: id, filed_at: filed, hs_code: code}\noutcomes:\n  fraud:\n    columns:\n"
        '      recorded_at: {same_as: filed_at, plus_days: 1}\n      result: {column: fraud, codes: {"1": wildlife}}\n',
    )
    ran = risk(tmp_path, "import", file, "--mapping", mapping, "--label", "smuggling")
    assert ran.status == 2
    assert "smuggling" in ran.sentence and "fraud" in ran.sentence


def cargo_report(path: Path, *messages: tuple[str, str, list[str]]) -> Path:
    """A CUSCAR file with messages (function code, hour of 1 March 2025, bills)."""
    segments = ["UNB+UNOC:3+LINE+CUSTOMS+250301:0800+1"]
    for number, (function, hour, bills) in enumerate(messages, 1):
        body = [f"UNH+{number}+CUSCAR:D:95B:UN", f"BGM+85+DOC+{function}", f"DTM+137:20250301{hour}00:203"]
        for place, bill in enumerate(bills, 1):
            body += [f"CNI+{place}+{bill}", f"RFF+BM:{bill}", "LOC+9+KEMBA", "GID+1+5:CT", "FTX+AAA+++TIMBER"]
        segments += [*body, f"UNT+{len(body) + 1}+{number}"]
    return write(path, "'".join([*segments, f"UNZ+{len(messages)}+1", ""]))


def cancelled(home: Path, *ids: str) -> set[str]:
    with at_home(home), Store.open(settings().store_url) as store:
        return store.cancelled(ids, unfiled_since=datetime(2025, 3, 1, tzinfo=UTC))


def test_a_cancelled_bill_stays_history_and_is_back_when_filed_again(tmp_path: Path) -> None:
    first = bring_in(tmp_path, cargo_report(tmp_path / "one", ("9", "09", ["B1", "B2"])))
    assert (first.status, first.json["stored"], first.json["cancelled"]) == (0, 2, 0)
    taken_back = cargo_report(tmp_path / "two", ("1", "10", ["B1"]))
    assert bring_in(tmp_path, taken_back).json == {"read": 0, "stored": 0, "known": 0, "rejected": 0, "cancelled": 1}
    assert bring_in(tmp_path, taken_back).json["cancelled"] == 0, "importing twice changes nothing"
    assert cancelled(tmp_path, "B1", "B2") == {"B1"}
    assert stored(tmp_path)["consignment_id"].tolist() == ["B1", "B2"], "what was filed was filed"
    again = bring_in(tmp_path, cargo_report(tmp_path / "three", ("9", "11", ["B1"])))
    assert (again.json["stored"], cancelled(tmp_path, "B1", "B2")) == (1, set())
    assert "cancelled 1" in risk(tmp_path, "import", cargo_report(tmp_path / "four", ("1", "12", ["B2"]))).err


def test_a_cancellation_of_what_the_store_does_not_hold_is_told_and_holds_when_the_filing_comes(tmp_path: Path) -> None:
    ran = bring_in(tmp_path, cargo_report(tmp_path / "two", ("1", "10", ["B1", "B2"])))
    assert ran.json["cancelled"] == 2
    assert "2 times" in ran.err and "the store does not hold it" in ran.err
    assert bring_in(tmp_path, cargo_report(tmp_path / "one", ("9", "09", ["B1"]), ("9", "11", ["B2"]))).status == 0
    assert cancelled(tmp_path, "B1", "B2") == {"B1"}


def test_a_change_and_a_cancellation_of_the_same_moment_count_in_their_order(tmp_path: Path) -> None:
    file = cargo_report(tmp_path / "one", ("9", "09", ["B1", "B2"]), ("4", "09", ["B1", "B2"]), ("1", "09", []))
    assert bring_in(tmp_path, file).json["cancelled"] == 2
    assert cancelled(tmp_path, "B1", "B2") == {"B1", "B2"}


def test_a_cancellation_of_the_future_counts_from_its_receipt_and_is_told(tmp_path: Path) -> None:
    received = ("--received-at", "2025-02-01T00:00Z", "--json")
    ran = risk(tmp_path, "import", cargo_report(tmp_path / "two", ("1", "10", ["B1"])), *received)
    assert "in the future" in ran.err
    with at_home(tmp_path), Store.open(settings().store_url) as store:
        assert [row.cancelled_at for row in store.cancellations()] == [datetime(2025, 2, 1, tzinfo=UTC)]


def open_entries(home: Path) -> set[str]:
    """The consignments that the worklist offers."""
    with at_home(home), Store.open(settings().store_url) as store, store.reading() as connection:
        return {entry["consignment_id"] for entry in worklist.page(connection, worklist.Wanted("2025-03-01"), 10)}


def test_what_is_cancelled_is_not_scored_or_leaves_the_worklist_and_both_are_said(
    office: Office, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(office.home, home)
    file = cargo_report(tmp_path / "one", ("9", "09", ["B1", "B2", "B3"]), ("1", "10", ["B2"]))
    ran = risk(home, "score", file, "-o", tmp_path / "out.csv", "--json")
    assert "1 consignments were cancelled" in ran.err
    assert {name: ran.json[name] for name in ("consignments", "cancelled", "superseded")} == {
        "consignments": 2,
        "cancelled": 1,
        "superseded": 0,
    }
    assert set(pd.read_csv(tmp_path / "out.csv")["consignment_id"]) == {"B1", "B3"}
    assert bring_in(home, file, cargo_report(tmp_path / "two", ("1", "11", ["B3"]))).json["cancelled"] == 2
    assert open_entries(home) == {"B1"}
    assert bring_in(home, cargo_report(tmp_path / "three", ("9", "12", ["B3"]))).status == 0
    assert open_entries(home) == {"B1", "B3"}
    assert bring_in(home, cargo_report(tmp_path / "six", ("1", "13", ["B1"]))).json["cancelled"] == 1
    assert risk(home, "score", file, "-o", tmp_path / "again.csv").status == 0
    assert open_entries(home) == {"B3"}, "scoring an old file does not bring back what was cancelled since"
    nothing = risk(home, "score", cargo_report(tmp_path / "four", ("9", "09", ["B9"]), ("1", "10", [])), "-o", "o.csv")
    assert "all 1 consignments are cancelled" in nothing.sentence


WAYBILL = "176-12345675LOSHKG/T14K412.0\nSHP\n/A CO\n/1 ROAD\n/LAGOS\n/NG\nCNE\n/B CO\n/2 ROAD\n/KOWLOON\n/HK\n"
FLIGHT = "1/EK380/13MAR1030/LOS\nHKG/13MAR2200\n176-12345675LOSHKG/T14K412.0/DRIED FISH MAW\nLAST\n"


def test_a_message_without_a_time_of_its_own_is_the_same_version_when_the_file_comes_again(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "FWB/16\n" + WAYBILL)
    same = write(tmp_path / "same", one.read_bytes())
    assert bring_in(tmp_path, one).json["stored"] == 1
    assert bring_in(tmp_path, same).json == {"read": 1, "stored": 0, "known": 1, "rejected": 0, "cancelled": 0}
    other = write(tmp_path / "other", "FWB/16\n" + WAYBILL.replace("K412.0", "K413.0"))
    assert bring_in(tmp_path, other).json["stored"] == 1
    assert stored(tmp_path)["version"].tolist() == [1, 2]
    ran = risk(tmp_path, "import", one, "--received-at", "2025-03-14T00:00Z", "--json")
    assert ran.json["stored"] == 1


def test_a_flight_manifest_imported_after_a_waybill_gives_no_poorer_version_of_it(tmp_path: Path) -> None:
    flight = write(tmp_path / "flight", ".DXBFFEK 130900\nFFM/8\n" + FLIGHT)
    assert bring_in(tmp_path, flight).json["stored"] == 1
    assert bring_in(tmp_path, write(tmp_path / "bill", ".LOSFFXX 130930\nFWB/16\n" + WAYBILL)).json["stored"] == 1
    later = write(tmp_path / "later", flight.read_text().replace("130900", "131000"))
    assert bring_in(tmp_path, later).json["stored"] == 0
    assert stored(tmp_path)["shipper_name"].tolist()[1:] == ["A CO"]
