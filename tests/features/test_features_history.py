from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World, at, lines_table, outcomes_table, worlds

from features.columns import Lines
from features.events import Context, make_events
from features.findings import unknown_outcomes
from features.history import fold
from features.keys import KEYS, KINDS, row_keys
from features.row import MEASUREMENTS, READS
from features.state import State
from risk.errors import HistoryError, InputError

Reads = dict[str, Any]


def run(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame | None,
    state: State | None = None,
    context: Context | None = None,
    threads: int = 1,
) -> tuple[Reads, State]:
    events = make_events(Lines(lines), outcomes, context=context)
    return fold(state or State(), events, KINDS, threads=threads)


def same(left: Reads, right: Reads) -> bool:
    return all(left[key.name].tobytes() == right[key.name].tobytes() for key in KEYS)


def look(reads: Reads, key: str, name: str, row: int = -1) -> float:
    return float(reads[key][row, READS.index(name)])


def of_one_consignee(*steps: int) -> pd.DataFrame:
    """Consignments A, B, C, ... of one consignee, filed at these steps."""
    return lines_table([{"id": "ABCDEFG"[i], "step": step, "consignee_id": "T"} for i, step in enumerate(steps)])


def of_goods(consignment: str, step: int, *hs_codes: str) -> list[dict[str, Any]]:
    """The lines of a consignment with these goods."""
    return [
        {"id": consignment, "step": step, "line": line, "consignee_id": "T", "hs_code": hs}
        for line, hs in enumerate(hs_codes, 1)
    ]


def part(table: pd.DataFrame, mask: Any) -> pd.DataFrame:
    return table[np.asarray(mask, bool)].reset_index(drop=True)


def kept(key: str, column: str) -> bool:
    """Whether rows of this kind of key hold what this column is read from."""
    if column in ("partners", "chapters", "new_chapter"):
        return KINDS[key].partner is not None
    return KINDS[key].measured or not column.startswith(MEASUREMENTS)


@settings(max_examples=25, deadline=None)
@given(worlds())
def test_the_fold_agrees_with_going_through_everything(world: World) -> None:
    reads, _ = run(world.lines, world.outcomes)
    keys = row_keys(Lines(world.lines))
    for name in ("all", "consignee", "hs6", "hs2", "pair", "notify", "container"):
        partners = keys[KINDS[name].partner or name]
        expected = pd.DataFrame(oracle.reads(world.lines, world.outcomes, keys[name], partners, keys["hs2"]))
        for column in set(READS) - {"days_since_hit"}:
            seen = reads[name][:, READS.index(column)]
            has_key = keys[name] > 0
            assert np.isnan(seen[~has_key]).all()
            if not kept(name, column):
                assert np.isnan(seen).all()
                continue
            tolerance = 2e-4 if column.endswith(("_mean", "_sd")) else 1e-9
            np.testing.assert_allclose(
                seen[has_key], expected[column].to_numpy(float)[has_key], rtol=1e-9, atol=tolerance, err_msg=column
            )


@settings(max_examples=40, deadline=None)
@given(worlds(), st.integers(0, 15), st.randoms(use_true_random=False))
def test_any_cut_into_batches_gives_the_same_bits(world: World, cut: int, random: Any) -> None:
    def first(times: pd.Series[Any]) -> list[bool]:
        return [time < at(cut) or (time == at(cut) and random.random() < 0.5) for time in times]

    whole, _ = run(world.lines, world.outcomes)
    lines_first, outcomes_first = first(world.lines["filed_at"]), first(world.outcomes["recorded_at"])
    early, late = (part(world.lines, mask) for mask in (lines_first, np.logical_not(lines_first)))
    known, new = (part(world.outcomes, mask) for mask in (outcomes_first, np.logical_not(outcomes_first)))
    before, state = run(early, known)
    after, end = run(late, new, state, Context(early, known))
    for key in KEYS:
        joined = np.empty_like(whole[key.name])
        joined[lines_first], joined[np.logical_not(lines_first)] = before[key.name], after[key.name]
        assert joined.tobytes() == whole[key.name].tobytes()

    later = lines_table([{**row, "step": 40} for row in _asked(world)])
    _, at_once = run(world.lines, world.outcomes)
    assert same(run(later, None, end)[0], run(later, None, at_once)[0])


@pytest.mark.parametrize(
    ("lines_first", "outcomes_first"), [([0, 2], [0]), ([0, 2], [1]), ([0, 2], []), ([0, 1, 2], []), ([0, 1, 2], [1])]
)
def test_a_cut_inside_one_moment_counts_nothing_twice(lines_first: list[int], outcomes_first: list[int]) -> None:
    """At one moment a line of the consignment is filed and two outcomes are recorded."""
    second_line = of_goods("A", 5, "", "080131")[1]
    lines = lines_table([*of_goods("A", 0, "440349"), second_line, *of_goods("B", 3, "440349")])
    outcomes = outcomes_table([{"id": "A", "step": 5, "result": "wildlife"}, {"id": "A", "step": 5}])
    ask = lines_table(of_goods("C", 6, "440349", "080131"))
    whole, _ = run(pd.concat([lines, ask], ignore_index=True), outcomes)

    early, known = lines.iloc[lines_first], outcomes.iloc[outcomes_first]
    late, new = lines.drop(index=lines_first), outcomes.drop(index=outcomes_first)
    _, state = run(early, known)
    _, state = run(late, new, state, Context(early, known))
    after, _ = run(ask, None, state)
    for key in KEYS:
        assert after[key.name].tobytes() == whole[key.name][3:].tobytes(), key.name
    assert look(after, "consignee", "inspections") == look(after, "consignee", "hits") == 1


def _asked(world: World) -> list[dict[str, Any]]:
    """A later consignment for each line of the world, with the same keys."""
    rows = world.lines.drop(columns=["filed_at", "consignment_id", "version"]).to_dict("records")
    return [{**{str(k): v for k, v in row.items()}, "id": f"later{i}"} for i, row in enumerate(rows)]


@settings(max_examples=20, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_any_order_of_rows_and_any_number_of_threads_gives_the_same_bits(world: World, random: Any) -> None:
    reads, _ = run(world.lines, world.outcomes)
    order = np.array(random.sample(range(len(world.lines)), len(world.lines)))
    outcomes = world.outcomes.iloc[random.sample(range(len(world.outcomes)), len(world.outcomes))]
    shuffled, _ = run(world.lines.iloc[order], outcomes.reset_index(drop=True), threads=3)
    assert all(reads[key.name][order].tobytes() == shuffled[key.name].tobytes() for key in KEYS)


@settings(max_examples=40, deadline=None)
@given(worlds(), worlds(), st.integers(0, 12))
def test_a_future_event_changes_nothing_before_it(world: World, other: World, now: int) -> None:
    """Equal times are future too: they do not see each other."""
    lines = part(world.lines, world.lines["filed_at"] <= at(now))
    outcomes = part(world.outcomes, world.outcomes["recorded_at"] < at(now))
    reads, _ = run(lines, outcomes)
    future = part(other.lines, other.lines["filed_at"] >= at(now))
    known = part(other.outcomes, other.outcomes["recorded_at"] >= at(now))
    own = part(world.outcomes, world.outcomes["recorded_at"] >= at(now))
    future["consignment_id"] = "X" + future["consignment_id"]
    more, _ = run(pd.concat([lines, future], ignore_index=True), pd.concat([outcomes, known, own], ignore_index=True))
    assert all(more[key.name][: len(lines)].tobytes() == reads[key.name].tobytes() for key in KEYS)


def test_equal_times_do_not_see_each_other() -> None:
    reads, _ = run(
        lines_table([{"id": "A", "step": 1, "consignee_id": "T"}, {"id": "B", "step": 1, "consignee_id": "T"}]), None
    )
    assert [look(reads, "consignee", "filings", row) for row in (0, 1)] == [0, 0]


def test_an_outcome_counts_from_when_it_was_recorded_and_not_from_the_filing() -> None:
    lines = lines_table(
        [{"id": name, "step": step, "consignee_id": "T"} for name, step in zip("ABCD", (0, 3, 5, 6), strict=True)]
    )
    reads, _ = run(lines, outcomes_table([{"id": "A", "step": 5, "result": "wildlife"}]))
    assert [look(reads, "consignee", "hits", row) for row in range(4)] == [0, 0, 0, 1]
    assert look(reads, "consignee", "days_since_hit", 2) != look(reads, "consignee", "days_since_hit", 2)
    assert look(reads, "consignee", "days_since_hit", 3) == pytest.approx((at(6) - at(5)) / pd.Timedelta(days=1))


def test_a_correction_moves_counts_from_its_own_time_on_and_leaves_no_trace() -> None:
    lines = lines_table(
        [{"id": name, "step": step, "consignee_id": "T"} for name, step in zip("ABCD", (0, 3, 6, 9), strict=True)]
    )
    outcomes = outcomes_table([
        {"id": "A", "step": 2, "result": "wildlife"},
        {"id": "B", "step": 4, "result": "wildlife"},
        {"id": "A", "step": 7, "result": "nothing"},
    ])  # fmt: skip
    reads, _ = run(lines, outcomes)
    assert [look(reads, "consignee", "hits", row) for row in range(4)] == [0, 1, 2, 1]
    assert [look(reads, "consignee", "inspections", row) for row in range(4)] == [0, 1, 2, 2]
    never, _ = run(lines, outcomes_table([{"id": "B", "step": 4, "result": "wildlife"}]))
    assert look(reads, "consignee", "hits_180d") == pytest.approx(look(never, "consignee", "hits_180d"), abs=1e-9)


def test_the_example_of_the_manual_is_true() -> None:
    lines = of_one_consignee(0, 10, 20, 30, 40)
    outcomes = outcomes_table([{"id": "A", "step": 13, "result": "wildlife"}, {"id": "A", "step": 33}])
    reads, _ = run(lines, outcomes)
    for name, expected in (("filings", [0, 1, 2, 3, 4]), ("inspections", [0, 0, 1, 1, 1]), ("hits", [0, 0, 1, 1, 0])):
        assert [look(reads, "consignee", name, row) for row in range(5)] == expected


def test_when_the_only_seizure_is_taken_back_there_is_no_last_seizure() -> None:
    lines = lines_table(
        [{"id": name, "step": step, "consignee_id": "T"} for name, step in zip("AB", (0, 9), strict=True)]
    )
    outcomes = outcomes_table([{"id": "A", "step": 2, "result": "wildlife"}, {"id": "A", "step": 7}])
    reads, _ = run(lines, outcomes)
    assert look(reads, "consignee", "hits_180d") == 0
    assert np.isnan(look(reads, "consignee", "days_since_hit"))


def test_a_consignment_of_four_lines_is_one_filing_one_inspection_and_one_seizure() -> None:
    lines = lines_table(
        of_goods("A", 0, "440349", "440341", "080131", "080131")
        + of_goods("B", 5, "440399")
        + of_goods("C", 5, "080131")
    )
    reads, _ = run(lines, outcomes_table([{"id": "A", "step": 2, "result": "wildlife", "reason": "random"}]))
    for row in (-2, -1):
        for name in ("filings", "inspections", "random_inspections", "hits"):
            assert look(reads, "consignee", name, row) == 1
            assert look(reads, "hs4", name, row) == 1
    assert look(reads, "hs6", "hits", -2) == 0
    assert look(reads, "hs6", "weight_n", -1) == 2, "every line is measured"


def test_an_outcome_of_one_line_counts_for_what_that_line_has_and_the_parties_of_all() -> None:
    lines = lines_table(of_goods("A", 0, "440349", "080131") + of_goods("B", 5, "440349") + of_goods("C", 5, "080131"))
    outcomes = outcomes_table(
        [{"id": "A", "step": 2, "line": 2, "result": "wildlife"}, {"id": "A", "step": 3, "line": 1}]
    )
    reads, _ = run(lines, outcomes)
    assert [look(reads, "hs6", "hits", row) for row in (-2, -1)] == [0, 1]
    assert [look(reads, "hs6", "inspections", row) for row in (-2, -1)] == [1, 1]
    assert look(reads, "consignee", "hits") == 1, "the clean line does not take the other's seizure back"
    assert look(reads, "consignee", "inspections") == 1


def test_an_amendment_reads_history_and_adds_nothing() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "A", "step": 0, "consignee_id": "T"},
        {"id": "B", "step": 9, "consignee_id": "T"},
    ]
    amended = lines_table([*rows, {"id": "A", "step": 4, "version": 2, "consignee_id": "T", "weight": 5.0}])
    reads, state = run(amended, None)
    plain, plain_state = run(lines_table(rows), None)
    assert look(reads, "consignee", "filings", 2) == 1, "it sees its own first version as an earlier consignment"
    assert reads["consignee"][:2].tobytes() == plain["consignee"].tobytes()
    assert state.key("consignee").compact().rows.tobytes() == plain_state.key("consignee").compact().rows.tobytes()


def test_decayed_sums_stay_exact_and_finite_over_fifty_years() -> None:
    steps = [0, 1, 1000, 1001, 1002]
    lines = lines_table([{"id": f"C{step}", "step": step, "consignee_id": "T"} for step in steps])
    lines["filed_at"] = lines["filed_at"] - pd.Timedelta(days=9000)
    reads, _ = run(lines, None)
    assert np.isfinite(reads["consignee"][1:, READS.index("filings_30d")]).all()
    half_lives = 17.0 + 5 / 24
    expected = 2 ** (-half_lives / 30) + 2 ** (-2 * half_lives / 30)
    assert look(reads, "consignee", "filings_30d") == pytest.approx(expected, rel=1e-9)


def test_an_event_before_the_history_is_refused() -> None:
    _, state = run(lines_table([{"id": "A", "step": 5}]), None)
    with pytest.raises(HistoryError, match="fold it in time order"):
        run(lines_table([{"id": "B", "step": 4}]), None, state)
    run(lines_table([{"id": "B", "step": 5}]), None, state)


def test_a_line_without_a_filing_time_is_refused_by_name() -> None:
    lines = lines_table([{"id": "A", "step": 5}])
    lines.loc[0, "filed_at"] = pd.NaT
    with pytest.raises(InputError, match="consignment A has no filed_at"):
        run(lines, None)


def test_outcomes_that_belong_to_no_line_are_told() -> None:
    lines = lines_table([{"id": "A", "step": 5}, {"id": "A", "line": 2, "step": 7}])
    outcomes = outcomes_table(
        [
            {"id": "A", "step": 6},
            {"id": "B", "step": 6},
            {"id": "A", "step": 6, "line": 3},
            {"id": "A", "step": 6, "line": 2},
            {"id": "A", "step": 7, "line": 2},
        ]
    )
    assert unknown_outcomes(lines, outcomes).tolist() == [False, True, True, True, False]
