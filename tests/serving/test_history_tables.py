"""`risk import`, `risk score` and `risk history` with the history in the store, as a person sees them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from small_office import Office, at_home, risk

from serving.settings import settings
from serving.store import Store, history

HEADER = "consignment_id,filed_at,loading_port,hs_code,consignee_id\n"
FILED = HEADER + "".join(f"C{day},2025-03-{day:02d}T08:00:00Z,KEMBA,440349,T{day % 3}\n" for day in range(1, 20))
FOUND = "consignment_id,recorded_at,result,selection_reason\nC2,2025-03-25T00:00:00Z,wildlife,random\n"
LATE = "consignment_id,recorded_at,result,selection_reason\nC4,2025-03-06T00:00:00Z,nothing,random\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A home with a few filings and an outcome imported."""
    for name, text in (("filed", FILED), ("found", FOUND), ("late", LATE)):
        (tmp_path / f"{name}.csv").write_text(text)
    assert risk(tmp_path, "import", tmp_path / "filed.csv", tmp_path / "found.csv", "--json").status == 0
    return tmp_path


def test_after_an_import_the_tables_equal_a_rebuild(small: Path) -> None:
    ran = risk(small, "history", "rebuild", "--check", "--json")
    assert ran.status == 0, ran.err
    assert ran.json["equal"] and ran.json["alike"] >= 10
    said = risk(small, "history", "rebuild", "--check")
    assert said.status == 0 and "are equal to a history folded anew" in said.err


def test_an_outcome_that_comes_late_is_told_in_one_sentence_and_a_rebuild_has_it(small: Path) -> None:
    ran = risk(small, "import", small / "late.csv", "--json")
    assert ran.status == 0
    assert ran.err.count("is earlier than the history folded so far") == 1
    check = risk(small, "history", "rebuild", "--check")
    assert check.status == 1 and "late events are not folded in yet" in check.err
    made = risk(small, "history", "rebuild", "--json")
    assert made.json == {"target": "wildlife", "history_as_of": "2025-03-25T00:00:00Z"}
    assert risk(small, "history", "rebuild", "--check").status == 0


def test_old_keys_are_evicted_on_demand_and_the_check_says_so(small: Path) -> None:
    ran = risk(small, "history", "evict", "--before", "2025-03-10", "--json")
    assert ran.status == 0 and ran.json["kept"] > 0
    again = risk(small, "history", "evict", "--before", "2025-03-10T00:00:00Z", "--json")
    assert again.json == {"evicted": 0, "kept": ran.json["kept"]}
    assert ran.json["evicted"] == 0, "every consignee and lane was seen since"
    assert risk(small, "history", "evict", "--before", "2025-03-30", "--json").json["evicted"] > 0
    check = risk(small, "history", "rebuild", "--check")
    assert check.status == 1 and "old keys were evicted before 2025-03-30T00:00:00Z" in check.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("evict", "--before", "last spring"), "--before is 'last spring'; an ISO 8601 date or time"),
        (("rebuild", "--label", "cites"), "give the file with --mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(small: Path, arguments: tuple[str, ...], says: str) -> None:
    ran = risk(small, "history", *arguments)
    assert ran.status != 0
    assert says in ran.sentence


def test_a_store_without_a_folded_history_says_how_to_make_one(tmp_path: Path) -> None:
    with at_home(tmp_path):
        Store.open(settings().store_url).close()
    for arguments in (("rebuild", "--check"), ("evict", "--before", "2025-01-01")):
        assert "risk history rebuild" in risk(tmp_path, "history", *arguments).sentence


def scored(home: Path, manifest: Path, name: str) -> pd.DataFrame:
    ran = risk(home, "score", manifest, "-o", home / name, "--json")
    assert ran.status == 0, ran.err
    return pd.read_csv(home / name).drop(columns="scored_at")


def test_a_manifest_scores_alike_with_the_tables_and_without_them(
    office: Office, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes recorded while the manifest was filed are in the store; the tables end before it."""
    assert risk(home, "import", office.filed, office.known, "--json").status == 0
    assert risk(home, "import", office.outcomes, "--json").status == 3  # some are of the manifest
    with at_home(home), Store.open(settings().store_url) as store:
        head = store.history_head()
        with store.transaction() as connection:  # as if the last outcomes were stored and not folded in yet
            history.clear(connection)
        last = pd.read_csv(office.manifest)["filed_at"].min()
        assert head is not None and pd.Timestamp(head.as_of, unit="us", tz="UTC") >= pd.Timestamp(last)
    other = tmp_path / "other"
    shutil.copytree(home, other)
    plain = scored(other, office.manifest, "plain.csv")

    fresh = tmp_path / "fresh"
    shutil.copytree(office.home, fresh)
    assert risk(fresh, "import", office.filed, office.known, "--json").status == 0
    with monkeypatch.context() as patch:
        patch.setattr("serving.importer.after_import", lambda *_: None)
        assert risk(fresh, "import", office.outcomes, "--json").status == 3
        patch.setattr("serving.past.past_from_tables", None)  # folding from the beginning would fail
        through = scored(fresh, office.manifest, "through.csv")
    pd.testing.assert_frame_equal(through, plain, check_exact=True)
