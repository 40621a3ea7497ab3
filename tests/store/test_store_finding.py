from __future__ import annotations

import pandas as pd
import pytest

from serving.store import Store, filings, finding, worklist

DAY = "2026-03-01"


def _lines() -> pd.DataFrame:
    rows = [
        ("C1", "OFF1", "BILL 001", "MSKU 1234565", "Công ty TNHH Hải Phòng", "080131", "sea", "NG", "NGAPP", "VNHPH"),
        ("C2", "OFF1", "BILL-002", "TRHU6895812", "Hai Phong Timber JSC", "440799", "sea", "CM", "CMDLA", "VNHPH"),
        ("C3", "OFF2", "020-12345675", None, "Lotus Aquaria Ltd", "030111", "air", "ID", "CGK", "VNSGN"),
    ]  # fmt: skip
    names = ["consignment_id", "customs_office", "bl_no", "box", "consignee_name", "hs_code", "mode", "origin_country",
             "loading_port", "discharge_port"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    frame["containers"] = [f'[{{"no":"{box}"}}]' if box else None for box in frame.pop("box")]
    frame["line_no"], frame["version"] = 1, 1
    frame["filed_at"] = pd.Timestamp(f"{DAY}T08:00Z").as_unit("us")
    frame["containers"] = frame["containers"].astype("str").where(frame["containers"].notna())
    return frame


@pytest.fixture
def store(url: str) -> Store:
    store = Store.open(url)
    lines = _lines()
    assessed = pd.DataFrame(
        {
            "consignment_id": lines["consignment_id"],
            "version": 1,
            "customs_office": lines["customs_office"],
            "filed_at": lines["filed_at"],
            "probability": [0.2, 0.4, 0.1],
            "raw_score": [0.0, 1.0, -1.0],
            "lane": ["red", "yellow", "green"],
            "selected_by": ["risk", None, None],
            "propensity": [1.0, 0.0, 0.0],
        }
    )
    with store.transaction() as connection:
        assert not filings.add(connection, lines, "test").conflicts
        worklist.put(connection, assessed, ["a1", "a2", "a3"])
        finding.add(connection, ["C1", "C2", "C3"])
        finding.add(connection, ["C1"])
    return store


def _found(store: Store, text: str, offices: list[str] | None = None) -> list[str]:
    with store.reading() as connection:
        return finding.ids(connection, text, offices, 50)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("bill001", ["C1"]),
        ("BILL 00", ["C2", "C1"]),
        ("msku1234565", ["C1"]),
        ("TRHU 689581", ["C2"]),
        ("hai phong", ["C2", "C1"]),
        ("phong hai timber", ["C2"]),
        ("c3", ["C3"]),
        ("020 1234", ["C3"]),
        ("nobody of that name", []),
        ("", []),
        ("%", []),
        ("' OR 1=1 --", []),
    ],
)
def test_a_consignment_is_found_by_bill_container_and_party(store: Store, text: str, ids: list[str]) -> None:
    assert _found(store, text) == ids


def test_a_search_finds_nothing_of_offices_that_may_not_be_seen(store: Store) -> None:
    assert _found(store, "hai phong", ["OFF2"]) == []
    assert _found(store, "lotus", ["OFF2"]) == ["C3"]
    assert _found(store, "lotus", []) == []


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (finding.Filter(), ["C2", "C1", "C3"]),
        (finding.Filter(lane="red"), ["C1"]),
        (finding.Filter(mode="air"), ["C3"]),
        (finding.Filter(hs=("4407", "0301")), ["C2", "C3"]),
        (finding.Filter(origin="NG"), ["C1"]),
        (finding.Filter(destination="VN", mode="sea"), ["C2", "C1"]),
        (finding.Filter(state="inspected"), []),
    ],
)
def test_a_page_of_the_worklist_is_narrowed_and_stays_in_order(
    store: Store, wanted: finding.Filter, ids: list[str]
) -> None:
    with store.reading() as connection:
        found = finding.page(connection, DAY, None, wanted, "", 10)
        assert [entry["consignment_id"] for entry in found] == ids
        assert [e["consignment_id"] for e in finding.page(connection, DAY, ["OFF1", "OFF2"], wanted, "", 10)] == ids
        if len(ids) > 1:
            rest = finding.page(connection, DAY, None, wanted, str(found[0]["place"]), 10)
            assert [entry["consignment_id"] for entry in rest] == ids[1:]


def test_counts_and_days_speak_of_the_offices_that_may_be_seen(store: Store) -> None:
    with store.reading() as connection:
        assert finding.counts(connection, DAY, None) == {
            "red": {"open": 1}, "yellow": {"open": 1}, "green": {"open": 1}
        }  # fmt: skip
        assert finding.counts(connection, DAY, ["OFF2"]) == {"green": {"open": 1}}
        assert finding.days(connection, None, 5) == [DAY]
        assert finding.days(connection, ["OFF9"], 5) == []
