"""Personal data that was kept long enough is gone for good, and only that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text

from features.columns import Lines
from features.keys import row_keys
from risk.errors import UsageError
from risk.parties.mentions import clean_code
from risk.parties.names import normalise_address, normalise_name
from serving import upkeep
from serving.settings import Settings
from serving.store import Store
from serving.store.audit import Wanted, latest
from serving.store.retention import PSEUDONYM, pseudonym, retain
from serving.store.tables import FILINGS
from serving.store.work import BATCH_FILES, BATCHES, DECISIONS

KEY = b"a key of this test's own, long enough"
PERSONAL = [f"{role}_{part}" for role in ("shipper", "consignee", "notify") for part in ("id", "name", "address")]
PERSONAL += ["forwarder_name", "declarant_id", "marks"]


def _middle(filled: pd.DataFrame) -> datetime:
    found: datetime = filled["filed_at"].sort_values().iloc[len(filled) // 2].to_pydatetime()
    return found


def test_old_filings_lose_names_addresses_and_numbers_and_nothing_else(opened: Store, filled: pd.DataFrame) -> None:
    opened.add_consignments(filled, "manifest")
    before, when = opened.consignments(), _middle(filled)
    with opened.transaction() as connection:
        counts = retain(connection, when, KEY)
    after, old = opened.consignments(), before["filed_at"] < when
    assert counts["filings"] == old.sum() > 5
    others = [name for name in before if name not in PERSONAL and not str(name).startswith("extra.")]
    pd.testing.assert_frame_equal(after[others], before[others])
    pd.testing.assert_frame_equal(after[~old][PERSONAL], before[~old][PERSONAL])
    for name in PERSONAL:
        left = after.loc[old, name].dropna()
        assert left.map(PSEUDONYM.fullmatch).all(), name
        assert (len(left) > 0) == (name != "marks"), name
    assert after.loc[old, "extra.channel"].isna().all()
    again = opened.add_consignments(filled, "manifest")
    assert (again.new, again.known, again.conflicts) == (0, len(filled), []), "what comes again brings no name back"


def test_a_second_run_finds_nothing_to_do(opened: Store, filled: pd.DataFrame, results: pd.DataFrame) -> None:
    opened.add_consignments(filled, "manifest")
    opened.add_outcomes(results, "results")
    with opened.transaction() as connection:
        assert any(retain(connection, datetime(2100, 1, 1, tzinfo=UTC), KEY).values())
        assert not any(retain(connection, datetime(2100, 1, 1, tzinfo=UTC), b"another key altogether").values())


def test_old_filings_of_one_party_still_belong_together(opened: Store, filled: pd.DataFrame) -> None:
    """The history compares what is left just as it compared the names."""
    opened.add_consignments(filled, "manifest")
    before = row_keys(Lines(opened.consignments()))
    with opened.transaction() as connection:
        retain(connection, datetime(2100, 1, 1, tzinfo=UTC), KEY)
    after = row_keys(Lines(opened.consignments()))
    for name, keys in before.items():
        assert pd.factorize(keys)[0].tolist() == pd.factorize(after[name])[0].tolist(), name
        if name in ("lane", "hs6", "origin_hs6", "container", "route", "carrier"):
            assert (keys == after[name]).all(), name


@given(st.text(min_size=1), st.sampled_from([clean_code, normalise_name, normalise_address]))
def test_a_pseudonym_is_the_same_for_what_is_compared_as_the_same(value: str, clean: object) -> None:
    how = normalise_name if clean is normalise_name else normalise_address if clean is normalise_address else clean_code
    made = pseudonym(value, how, KEY)
    assert (made is None) == (how(value) == "") or PSEUDONYM.fullmatch(value)
    if made is not None and how(value):
        assert how(made) and pseudonym(made, how, KEY) == made
        assert pseudonym(value, how, KEY) == made != pseudonym(value, how, b"another key altogether") or made == value


def test_officers_files_and_free_text_of_old_days_go(
    opened: Store, filled: pd.DataFrame, results: pd.DataFrame
) -> None:
    opened.add_consignments(filled, "manifest")
    opened.add_outcomes(results, "results")
    when = results["recorded_at"].sort_values().iloc[10].to_pydatetime()
    micros = int(when.timestamp() * 1_000_000)
    with opened.transaction() as connection:
        for number, at in ((1, micros - 1), (2, micros)):
            counts = dict.fromkeys(("attempts", "lines", "done", "consignments", "known", "rejected"), 0)
            connection.execute(insert(BATCHES).values(
                id=f"b{number}", state="done", submitted_at=at, submitted_by="an", size=1, sha256="x", capacity=1,
                **counts,
            ))  # fmt: skip
            connection.execute(insert(BATCH_FILES).values(batch_id=f"b{number}", name="manifest", part=0, content=b"x"))
            connection.execute(insert(DECISIONS).values(
                consignment_id="C1", assessment_id="a", kind="override", lane="red", lane_before="green", decided_at=at,
                decided_by="an", reason="the driver, Mr Binh, was nervous",
            ))  # fmt: skip
        retain(connection, when, KEY)
        decided = connection.execute(select(DECISIONS.c.decided_by, DECISIONS.c.reason).order_by(DECISIONS.c.id)).all()
        files = [row[0] for row in connection.execute(select(BATCH_FILES.c.batch_id))]
    assert PSEUDONYM.fullmatch(decided[0][0]) and decided[0][1] is None
    assert tuple(decided[1]) == ("an", "the driver, Mr Binh, was nervous") and files == ["b2"]
    officers = opened.outcomes().set_index("recorded_at")["officer_id"].dropna()
    assert officers[officers.index < when].map(lambda one: bool(PSEUDONYM.fullmatch(one))).all()
    assert not officers[officers.index >= when].map(lambda one: bool(PSEUDONYM.fullmatch(one))).any()


def test_a_dry_run_counts_what_a_run_does_and_only_that_is_told_in_the_audit(
    url: str, opened: Store, filled: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened.add_consignments(filled, "manifest")
    own, before = Settings(database_url=url, retention_key="x" * 32), opened.consignments()
    tried = upkeep.retain(own, _middle(filled), dry_run=True, reason=None)
    pd.testing.assert_frame_equal(opened.consignments(), before)
    with opened.reading() as connection:
        assert latest(connection, Wanted(), 10) == []
    assert upkeep.retain(own, _middle(filled), dry_run=False, reason="five years") == tried
    with opened.reading() as connection:
        (row,) = latest(connection, Wanted(), 10)
        assert (row.entry.action, row.entry.reason) == ("store.retain", "five years")
        assert connection.execute(select(func.count()).select_from(FILINGS)).scalar_one() == len(filled)
    with pytest.raises(UsageError, match="16 characters"):
        upkeep.retain(Settings(database_url=url, retention_key="short"), _middle(filled), dry_run=True, reason=None)


def test_of_what_was_replaced_nothing_is_left_in_the_files_of_the_database(
    sqlite_url: str, filled: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = "Nguyen Secret Name"
    with Store.open(sqlite_url) as store:
        store.add_consignments(filled.assign(consignee_name=pd.Series([secret] * len(filled), dtype="str")), "manifest")

    def found() -> list[str]:
        return [path.name for path in tmp_path.glob("file.db*") if secret.encode() in path.read_bytes()]

    assert found()
    latest_filed = filled["filed_at"].max().to_pydatetime() + timedelta(days=1)
    upkeep.retain(Settings(database_url=sqlite_url), latest_filed, dry_run=False, reason=None)
    assert found() == []
    with Store.open(sqlite_url) as store, store.reading() as connection:
        assert connection.execute(text("SELECT count(DISTINCT consignee_name) FROM filings")).scalar_one() == 1
