"""The day's work in the store: claims of two officers at once, places in order, batches, kept answers, watch lists."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from risk.selection import ranks
from serving.day_work import ClashError, Draw, Override, answer, override, select_day
from serving.store import Store, batches, claims, decisions, kept_answers, watch_lists, worklist
from serving.store.kept_answers import Kept
from serving.store.worklist import Wanted

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
scores = st.floats(0, 1) | st.sampled_from([0.0, -0.0, 5e-324, 1.0, 0.1])


@given(st.lists(st.tuples(scores, st.floats(-50, 50) | st.just(-0.0)), min_size=1, max_size=30))
def test_places_are_the_ranks_of_the_selection(pairs: list[tuple[float, float]]) -> None:
    probability, raw = (np.array(values) for values in zip(*pairs, strict=True))
    ids = [f"C{number}" for number in range(len(pairs))]
    places = worklist.places(ids, probability, raw)
    order = sorted(range(len(ids)), key=places.__getitem__)
    assert order == np.argsort(ranks(ids, probability, raw)).tolist()


def _assessed(n: int = 60, version: int = 1, office: str = "HPH", name: str = "C") -> pd.DataFrame:
    rng = np.random.default_rng(n + version)
    probability = np.round(rng.random(n), 1)  # many ties
    return pd.DataFrame(
        {
            "consignment_id": [f"{name}{number:03d}" for number in range(n)],
            "version": version,
            "customs_office": office,
            "filed_at": pd.Timestamp(NOW),
            "probability": probability,
            "raw_score": probability * 2 - 1,
            "lane": "green",
            "selected_by": None,
            "propensity": 0.1,
        }
    )


def _put(store: Store, frame: pd.DataFrame) -> None:
    with store.transaction() as connection:
        keys = [f"{key}-{version}" for key, version in zip(frame["consignment_id"], frame["version"], strict=True)]
        worklist.put(connection, frame, keys)


def _pages(store: Store, limit: int, **what: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with store.reading() as connection:
        while page := worklist.page(connection, Wanted(**what, after=found[-1]["place"] if found else ""), limit):
            found += page
    return found


def test_pages_give_each_entry_once_in_order_by_office_by_offices_and_over_all(opened: Store) -> None:
    _put(opened, pd.concat([_assessed(), _assessed(office="SGN", name="D"), _assessed(office="DAD", name="E")]))
    day = "2026-03-01"
    for offices, many in ((None, 180), (["HPH"], 60), (["HPH", "DAD"], 120), ([], 0)):
        for limit in (1, 7, 1000):
            found = _pages(opened, limit, day=day, offices=offices)
            places = [entry["place"] for entry in found]
            assert places == sorted(places)
            assert len({entry["consignment_id"] for entry in found}) == len(found) == many


@pytest.mark.parametrize("offices", [None, ["HPH"]])
@pytest.mark.parametrize("lane", [None, "red"])
def test_a_page_is_a_stretch_of_an_index_and_nothing_is_sorted(
    sqlite_url: str, offices: list[str] | None, lane: str | None
) -> None:
    with Store.open(sqlite_url) as store, store.reading() as connection:
        asked: list[tuple[str, tuple[Any, ...]]] = []
        event.listen(connection, "before_cursor_execute", lambda *what: asked.append((what[2], what[3])))
        worklist.page(connection, Wanted("2026-03-01", offices, lane, after="0"), 50)
        statement, values = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [row[3] for row in plan]
    assert "USING INDEX ix_worklist_" in steps[0] and "place>?" in steps[0], steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


def test_only_a_newer_version_changes_an_entry_and_a_decided_lane_stays(opened: Store) -> None:
    _put(opened, _assessed(version=2))
    _put(opened, _assessed(version=1).assign(probability=0.99))
    with opened.transaction() as connection:
        lanes: dict[str, list[Any]] = {"consignment_id": ["C001"], "lane": ["red"], "selected_by": ["random"]}
        worklist.set_lanes(connection, {**lanes, "propensity": [0.2]}, "selection")
        worklist.set_state(connection, ["C002"], worklist.INSPECTED)
        worklist.set_state(connection, ["C003"], worklist.CANCELLED)
    _put(opened, _assessed(version=3).assign(lane="yellow", probability=0.5))
    with opened.reading() as connection:
        entries = [worklist.one(connection, f"C00{number}") for number in range(4)]
    assert [entry and entry["lane"] for entry in entries] == ["yellow", "red", "yellow", "yellow"]
    assert [entry and entry["state"] for entry in entries] == ["open", "open", "inspected", "open"]
    assert {entry and entry["version"] for entry in entries} == {3}


def test_of_officers_who_claim_at_the_same_moment_one_gets_it(opened: Store) -> None:
    officers = [f"officer-{number}" for number in range(6)]
    for round_ in range(5):
        ready = threading.Barrier(len(officers))

        def take(who: str, name: str = f"C{round_}", ready: threading.Barrier = ready) -> str:
            ready.wait()
            with opened.transaction() as connection:
                return claims.claim(connection, name, who, NOW, HOUR).claimed_by

        with ThreadPoolExecutor(len(officers)) as pool:
            holders = list(pool.map(take, officers))
        assert len(set(holders)) == 1, "all were told the same holder"


def test_a_claim_is_prolonged_by_its_holder_given_back_and_runs_out(opened: Store) -> None:
    def at(time: datetime, who: str) -> str:
        with opened.transaction() as connection:
            return claims.claim(connection, "C", who, time, HOUR).claimed_by

    assert at(NOW, "anna") == at(NOW + HOUR / 2, "bao") == "anna"
    assert at(NOW + HOUR / 2, "anna") == "anna"
    assert at(NOW + HOUR, "bao") == "anna", "prolonged"
    assert at(NOW + 1.5 * HOUR, "bao") == "bao", "run out at that very moment"
    with opened.transaction() as connection:
        assert not claims.release(connection, "C", "anna")
        assert claims.release(connection, "C", "bao")
        assert claims.holder(connection, "C", NOW) is None


def test_a_selection_made_by_many_at_once_is_one(opened: Store) -> None:
    _put(opened, _assessed())

    def draw(_: int) -> dict[str, Any]:
        with opened.transaction() as connection:
            return select_day(connection, "HPH", "2026-03-01", Draw(10, 1, 0.2), "anna", NOW)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(draw, range(4)))
    assert sum(one.pop("new") for one in made) == 1
    assert all(one == made[0] for one in made)
    with opened.reading() as connection:
        entries = _pages(opened, 100, day="2026-03-01")
        kept = [decisions.of(connection, entry["consignment_id"]) for entry in entries]
    assert sum(entry["lane"] == "red" for entry in entries) == 10
    assert all(len(rows) == 1 and rows[0]["propensity"] is not None for rows in kept)


def test_a_grave_override_waits_for_another_person_and_is_answered_once(opened: Store) -> None:
    _put(opened, _assessed(1).assign(lane="red", probability=0.4))

    def wish(lane: str, who: str) -> dict[str, Any]:
        with opened.transaction() as connection:
            return override(connection, Override("C000", lane, "seen before", 0.3), who, NOW)

    def lane() -> Any:
        with opened.reading() as connection:
            entry = worklist.one(connection, "C000")
        return entry and entry["lane"]

    asked = wish("green", "anna")
    assert (asked["kind"], lane()) == ("asked", "red")
    with pytest.raises(ClashError, match="somebody else"):
        answer(opened, asked["id"], confirm=True, reason="yes", who="anna", now=NOW)
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda who: _answer(opened, asked["id"], who), ("bao", "chi", "dung")))
    assert sorted(said) == ["confirmed", "refused to answer twice", "refused to answer twice"]
    assert lane() == "green"
    assert (wish("red", "anna")["kind"], lane()) == ("override", "red"), "into red at once"


def _answer(store: Store, number: int, who: str) -> str:
    try:
        return str(answer(store, number, confirm=True, reason="yes", who=who, now=NOW)["kind"])
    except ClashError:
        return "refused to answer twice"


def test_a_batch_is_taken_by_one_worker_and_again_when_that_one_is_dead(opened: Store) -> None:
    with opened.transaction() as connection:
        for number in range(6):
            batches.add(connection, f"b{number}", submitted_at=NOW + number * HOUR, submitted_by="x", size=1,
                        sha256="", capacity=0.1)  # fmt: skip

    def take(worker: int) -> list[str]:
        taken: list[str] = []
        while True:
            with opened.transaction() as connection:
                batch = batches.take(connection, f"w{worker}", NOW, NOW - HOUR)
            if batch is None:
                return taken
            taken.append(batch["id"])

    with ThreadPoolExecutor(3) as pool:
        taken = sorted(key for keys in pool.map(take, range(3)) for key in keys)
    assert taken == [f"b{number}" for number in range(6)]
    with opened.transaction() as connection:
        again = batches.take(connection, "other", NOW + 2 * HOUR, NOW + HOUR)
        assert again is not None and (again["id"], again["attempts"]) == ("b0", 2)
        assert not batches.tell(connection, "b0", "w0", NOW, state="done")
        assert batches.tell(connection, "b0", "other", NOW, state="done")


@pytest.mark.parametrize("size", [0, 1, batches.PART, 2 * batches.PART + 3])
def test_a_file_of_a_batch_comes_back_byte_for_byte(opened: Store, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    with opened.transaction() as connection:
        batches.put_file(connection, "b", "results", b"x" * 3 * batches.PART)
        batches.put_file(connection, "b", "results", content[:size])
        assert b"".join(batches.file(connection, "b", "results")) == content[:size]
        batches.drop_file(connection, "b", "results")
        assert list(batches.file(connection, "b", "results")) == []


def test_the_first_answer_under_a_key_is_kept(opened: Store) -> None:
    def keep(number: int) -> bool:
        with opened.transaction() as connection:
            return kept_answers.keep(connection, "anna", "k", Kept(str(number), 200, b"\x00\xff"), NOW)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(keep, range(4))) == 1
    with opened.transaction() as connection:
        found = kept_answers.find(connection, "anna", "k")
        assert found is not None and found.content == b"\x00\xff"
        assert kept_answers.find(connection, "bao", "k") is None
        assert (kept_answers.forget(connection, NOW), kept_answers.forget(connection, NOW + HOUR)) == (0, 1)


def test_an_entry_of_a_watch_list_holds_for_its_time_and_stays_on_record(opened: Store) -> None:
    with opened.transaction() as connection:
        for until in (None, NOW + HOUR):
            watch_lists.add(connection, valid_from=NOW, valid_until=until, added_at=NOW, list="hot", kind="name",
                            entry="X", note=None, added_by="anna")  # fmt: skip
        assert [len(watch_lists.entries(connection, "hot", NOW + shift * HOUR)) for shift in (-1, 0, 1)] == [0, 2, 1]
        assert watch_lists.end(connection, "hot", 1, "bao", NOW + 2 * HOUR) is not None
        assert watch_lists.end(connection, "hot", 1, "bao", NOW + 2 * HOUR) is None
        assert watch_lists.entries(connection, "hot", NOW + 2 * HOUR) == []
        assert len(watch_lists.entries(connection, "hot")) == 2
        assert watch_lists.lists(connection) == [("hot", 2)]
