"""The history tables say, bit for bit, what folding all filings and outcomes says, however these came in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlalchemy import delete

sys.path.append(str(Path(__file__).parents[1] / "features"))
from worlds import START, World, at, lines_table, outcomes_table, worlds

from features.build import build
from features.keys import KINDS
from features.state import State
from risk.errors import HistoryError
from risk.inspection import Target
from serving import history_tables
from serving.history_tables import compare, evict, keep_up, rebuild, state_of
from serving.past import fold_all, past_from_store
from serving.past_in_store import past_from_history
from serving.scorer import Past
from serving.store import Store, history
from serving.store.tables import FILINGS, OUTCOME_ROWS

EXAMPLES = settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
Rows = tuple[pd.DataFrame, pd.DataFrame]


def emptied(store: Store) -> Store:
    """The store with nothing in it, for the next example."""
    with store.transaction() as connection:
        history.clear(connection)
        for table in (FILINGS, OUTCOME_ROWS):
            connection.execute(delete(table))
    return store


def bring_in(store: Store, rows: Rows) -> None:
    lines, outcomes = rows
    if len(lines):
        store.add_consignments(lines.reset_index(drop=True), "lines")
    if len(outcomes):
        store.add_outcomes(outcomes.reset_index(drop=True), "outcomes", allow_unknown=True)


def times(world: World) -> NDArray[np.int64]:
    whole = pd.concat([world.lines["filed_at"], world.outcomes["recorded_at"]])
    return np.asarray((whole - START) // pd.Timedelta(1, "us"), np.int64)


def parted(world: World, part: NDArray[np.int64], parts: int) -> Iterator[Rows]:
    """The lines and outcomes of each part; `part` numbers the part of each line and then of each outcome."""
    n = len(world.lines)
    for number in range(parts):
        yield world.lines[part[:n] == number], world.outcomes[part[n:] == number]


def bits(state: State) -> dict[str, list[bytes]]:
    """All that a state says: as of when, and of each kind the hashes and rows of keys to which something happened."""
    said = {"as_of": [str(state.as_of).encode()]}
    for name, kind in KINDS.items():
        rows = history_tables._rows(state, name, kind.words)
        said[name] = [part.tobytes() for part in (rows.hashes, rows.settled, rows.open, rows.open_at)]
    return said


def kept(store: Store) -> State:
    with store.reading() as connection:
        head = history.head(connection)
        assert head is not None
        return state_of(connection, head)


def one_pass(store: Store) -> State:
    return fold_all(store.consignments(), store.outcomes(), Target(), 1)


@EXAMPLES
@given(world=worlds(most=5), data=st.data())
def test_imports_cut_anywhere_in_time_leave_the_tables_of_one_pass(url: str, world: World, data: st.DataObject) -> None:
    """Cuts fall between any two events, of equal times too; each import is that of a new process."""
    shuffled = np.array(data.draw(st.permutations(range(len(times(world))))), np.int64)
    order = np.lexsort((shuffled, times(world)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), min_size=1, max_size=4)))
    part = np.empty(len(order), np.int64)
    part[order] = np.searchsorted(cuts, np.arange(len(order)), "right")
    with Store.open(url) as store:
        emptied(store)
    for rows in parted(world, part, len(cuts) + 1):
        with Store.open(url) as store:
            bring_in(store, rows)
            assert keep_up(store, Target(), threads=1, rows=data.draw(st.integers(1, 4))) in ("none", "current")
            assert bits(kept(store)) == bits(one_pass(store))
    with Store.open(url) as store:
        assert compare(store, threads=1).equal


@EXAMPLES
@given(world=worlds(most=5), data=st.data())
def test_events_that_come_late_are_never_folded_wrongly_and_a_rebuild_has_them(
    opened: Store, world: World, data: st.DataObject
) -> None:
    """Lines, amendments and outcomes come in any order whatever."""
    emptied(opened)
    n = len(times(world))
    part = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), np.int64)
    for rows in parted(world, part, 3):
        bring_in(opened, rows)
        if keep_up(opened, Target(), threads=1, rows=2) == "behind":
            assert compare(opened, threads=1).behind and not compare(opened, threads=1).equal
            rebuild(opened, Target(), threads=1, rows=data.draw(st.integers(1, 5)))
        assert bits(kept(opened)) == bits(one_pass(opened))
        assert compare(opened, threads=1).equal


def seen(past: Past, manifest: pd.DataFrame) -> list[bytes]:
    """The features of the manifest's lines, as the scorer makes them."""
    assert past.meanwhile is not None
    lines = pd.concat([manifest, past.meanwhile], ignore_index=True)
    reads = np.arange(len(lines)) < len(manifest)
    table, _ = build(lines, past.state, outcomes=past.outcomes, context=past.context, reads=reads, threads=1)
    return [table.numbers.tobytes(), str(past.state.as_of).encode(), str(len(past.meanwhile)).encode()]


@EXAMPLES
@given(world=worlds(most=6), data=st.data())
def test_a_manifest_sees_through_the_tables_what_it_sees_when_everything_is_folded(
    opened: Store, world: World, data: st.DataObject
) -> None:
    """Some events are folded in, some came since, some while the manifest was filed; its own lines may be stored."""
    emptied(opened)
    known, start = sorted(at(data.draw(st.integers(0, 14))) for _ in range(2))
    filed, recorded = world.lines["filed_at"], world.outcomes["recorded_at"]
    bring_in(opened, (world.lines[filed < known], world.outcomes[recorded < known]))
    rebuild(opened, Target(), threads=1)
    new = pd.Series(data.draw(st.lists(st.booleans(), min_size=len(filed), max_size=len(filed))))
    bring_in(opened, (world.lines[(filed >= known) & new], world.outcomes[recorded >= known]))
    stranger = lines_table([{"id": "Z", "step": 15, "consignee_id": "T1", "hs_code": "440349"}])
    mine = pd.Series(data.draw(st.lists(st.booleans(), min_size=len(filed), max_size=len(filed))))
    manifest = pd.concat([world.lines[(filed >= start) & mine], stranger], ignore_index=True)
    parts = [manifest.iloc[:1], manifest.iloc[1:]]
    through = past_from_history(opened, manifest, parts, Target(), 1)
    assert through is not None
    assert seen(through, manifest) == seen(past_from_store(opened, manifest, Target(), 1), manifest)
    assert seen(past_from_store(opened, manifest, Target(), 1, parts), manifest) == seen(through, manifest)


LINES = [
    {"id": "A", "step": 0, "consignee_id": "T1"},
    {"id": "B", "step": 1, "consignee_id": "T2"},
    {"id": "B", "step": 4, "consignee_id": "T2", "version": 2},
    {"id": "C", "step": 5, "consignee_id": "T1"},
]
SEIZED = [{"id": "A", "step": 3, "result": "wildlife"}]


def hits(store: Store, step: int) -> float:
    """What a filing of consignee T1 sees of its seizures, through the tables if they serve."""
    manifest = lines_table([{"id": "new", "step": step, "consignee_id": "T1"}])
    past = past_from_store(store, manifest, Target(), 1, [manifest])
    table, _ = build(manifest, past.state, outcomes=past.outcomes, context=past.context, threads=1)
    return float(table.column("consignee_hits")[0])


def test_a_late_outcome_is_told_and_folded_in_by_the_next_reader(
    opened: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table([])))
    assert history_tables.after_import(opened, Target(), threads=1) is None
    bring_in(opened, (lines_table([]), outcomes_table(SEIZED)))
    note = history_tables.after_import(opened, Target(), threads=1)
    assert note is not None and "earlier than the history folded so far" in note
    assert hits(opened, 6) == 1
    assert "folding it anew" in capsys.readouterr().err
    assert compare(opened, threads=1).equal
    assert hits(opened, 6) == 1
    assert capsys.readouterr().err == ""


def test_a_corrected_outcome_counts_from_its_own_time_through_the_tables(opened: Store) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    keep_up(opened, Target(), threads=1)
    bring_in(opened, (lines_table([]), outcomes_table([{"id": "A", "step": 7, "result": "nothing"}])))
    assert hits(opened, 7) == 1
    assert hits(opened, 8) == 0
    assert keep_up(opened, Target(), threads=1) == "current"
    assert hits(opened, 8) == 0


def test_a_manifest_of_the_time_already_folded_sees_only_what_was_known_then(opened: Store) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    keep_up(opened, Target(), threads=1)
    assert hits(opened, 2) == 0
    assert hits(opened, 5) == 1
    manifest = lines_table([{"id": "new", "step": 5, "consignee_id": "T1"}])
    assert past_from_history(opened, manifest, [manifest], Target(), 1) is None


def test_tables_of_another_target_or_layout_are_not_read(opened: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    rebuild(opened, Target(), threads=1)
    manifest = lines_table([{"id": "new", "step": 9, "consignee_id": "T1"}])
    other = Target("wildlife", ("other_offence",))
    assert past_from_history(opened, manifest, [manifest], other, 1) is None
    assert kept(opened).as_of > 0
    monkeypatch.setattr(history_tables, "layout", lambda: {"version": 0})
    assert keep_up(opened, Target(), threads=1) == "foreign"
    with pytest.raises(HistoryError, match="another version of the program"):
        compare(opened)


def test_a_rebuild_that_is_cut_off_leaves_the_tables_as_they_were(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    rebuild(opened, Target(), threads=1)
    before = bits(kept(opened))
    bring_in(opened, (lines_table([{"id": "D", "step": 8, "consignee_id": "T1"}]), outcomes_table([])))

    def fails(*_: object) -> None:
        raise RuntimeError("power cut")

    for work in (rebuild, keep_up):
        with monkeypatch.context() as patch:
            patch.setattr(history, "set_head", fails)
            with pytest.raises(RuntimeError):
                work(opened, Target(), threads=1)
        assert bits(kept(opened)) == before


def test_a_changed_row_is_found_by_comparing(opened: Store) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    rebuild(opened, Target(), threads=1)
    with opened.transaction() as connection:
        rows = history.rows(connection, "consignee", KINDS["consignee"].words)
        rows.settled[0, 3] += 1
        history.put(connection, "consignee", rows)
        history.remove(connection, "shipper", history.rows(connection, "shipper", KINDS["shipper"].words).hashes)
        history.remove(connection, "carrier", rows.hashes)
    found = compare(opened, threads=1)
    assert not found.equal
    assert found.different == 1


def test_evicted_keys_count_as_never_seen_and_all_others_stay_bit_for_bit(opened: Store) -> None:
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    with pytest.raises(HistoryError, match="risk history rebuild"):
        evict(opened, datetime(2024, 1, 1, tzinfo=UTC))
    rebuild(opened, Target(), threads=1)
    before = kept(opened)
    assert evict(opened, at(0).to_pydatetime())[0] == 0, "something happened to every key since"
    assert bits(kept(opened)) == bits(before)
    moment = at(3).to_pydatetime()
    gone, left = evict(opened, moment)
    assert gone > 0
    assert bits(kept(opened)) == bits(before.evict(moment))
    assert left == sum(len(key) for key in before.evict(moment).keys.values())
    found = compare(opened, threads=1)
    assert (found.missing, found.different, found.beyond) == (gone, 0, 0)
    assert hits(opened, 9) == 1


def test_an_empty_store_has_an_empty_history(opened: Store) -> None:
    assert keep_up(opened, Target(), threads=1) == "none"
    assert compare(opened, threads=1).equal
    bring_in(opened, (lines_table(LINES), outcomes_table(SEIZED)))
    assert keep_up(opened, Target(), threads=1) == "current"
    assert bits(kept(opened)) == bits(one_pass(opened))


def test_lines_that_add_the_same_at_one_moment_after_another_are_open_at_the_last(opened: Store) -> None:
    box = {"id": "A", "consignee_id": "T1", "hs_code": "440349", "containers": '[{"no":"CSQU3054383"}]'}
    for step in range(4):
        bring_in(opened, (lines_table([{**box, "line": step + 1, "step": step}]), outcomes_table([])))
        keep_up(opened, Target(), threads=1)
        assert bits(kept(opened)) == bits(one_pass(opened))
