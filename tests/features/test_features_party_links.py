"""A party known by several spellings: read together from the judgement on, kept apart, the past left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import STEP, World, at, lines_table, outcomes_table, worlds

from features.build import build
from features.columns import Lines
from features.events import Context
from features.keys import KINDS, row_keys
from features.party_links import PartyLinks
from features.state import KeyState, State
from risk.feature import FeatureTable


def key_of(consignee: str) -> int:
    return int(row_keys(Lines(lines_table([{"id": "A", "step": 0, "consignee_id": consignee}])))["consignee"][0])


def us(time: pd.Timestamp) -> int:
    return int(time.as_unit("us").asm8.astype(np.int64))


def linked(*links: tuple[str, str, float]) -> PartyLinks:
    """Links of consignees by number: spelling, party, step."""
    return PartyLinks(
        np.array([key_of(one) for one, _, _ in links], np.uint64),
        np.array([key_of(other) for _, other, _ in links], np.uint64),
        np.array([us(at(0) + step * STEP) for _, _, step in links], np.int64),
    )


def filed(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return lines_table([{"id": name, "consignee_id": consignee, "step": step} for name, consignee, step in rows])


def same(left: FeatureTable, right: FeatureTable, rows: Any = slice(None)) -> bool:
    return bool(left.numbers[rows].tobytes() == right.numbers[rows].tobytes())


@st.composite
def links(draw: st.DrawFn) -> PartyLinks:
    names = st.sampled_from(["T1", "T2", "T3"])
    return linked(*draw(st.lists(st.tuples(names, names, st.integers(0, 12)), max_size=4)))


def test_the_merge_and_split_of_the_manual_are_true() -> None:
    lines = filed(("A", "S", 0), ("B", "T", 10), ("C", "T", 20), ("D", "S", 30), ("E", "T", 40))
    found = outcomes_table([{"id": "A", "step": 5, "result": "wildlife"}])
    table, state = build(lines, State(), outcomes=found, links=linked(("T", "S", 15), ("T", "T", 35)))
    assert table.column("consignee_filings").tolist() == [0, 0, 2, 3, 2]
    assert table.column("consignee_hits").tolist() == [0, 0, 1, 1, 0]
    _, plain = build(lines, State(), outcomes=found)
    assert state.key("consignee").compact().rows.tobytes() == plain.key("consignee").compact().rows.tobytes()


@settings(max_examples=25, deadline=None)
@given(worlds(most=6), st.integers(0, 12))
def test_a_link_changes_nothing_for_lines_filed_until_then_nor_what_is_kept(world: World, since: int) -> None:
    plain, kept = build(world.lines, State(), outcomes=world.outcomes)
    table, state = build(world.lines, State(), outcomes=world.outcomes, links=linked(("T2", "T1", since)))
    assert same(table, plain, (world.lines["filed_at"] <= at(since)).to_numpy())
    for name in KINDS:
        one, other = state.key(name), kept.key(name)
        assert one.compact().hashes.tobytes() == other.compact().hashes.tobytes()
        assert one.compact().rows.tobytes() == other.compact().rows.tobytes()


@settings(max_examples=25, deadline=None)
@given(worlds(most=6), st.integers(0, 6), st.integers(0, 6))
def test_after_a_split_lines_see_what_they_would_had_there_been_no_merge(world: World, merged: int, later: int) -> None:
    plain, _ = build(world.lines, State(), outcomes=world.outcomes)
    apart = merged + later
    table, _ = build(
        world.lines, State(), outcomes=world.outcomes, links=linked(("T2", "T1", merged), ("T2", "T2", apart))
    )
    assert same(table, plain, (world.lines["filed_at"] > at(apart)).to_numpy())


@settings(max_examples=25, deadline=None)
@given(worlds(most=6))
def test_two_spellings_linked_from_the_beginning_count_as_one(world: World) -> None:
    """But for the last bits: each spelling decays on its own. Keys made of several things go by spelling."""
    one_name = world.lines.assign(consignee_id=world.lines["consignee_id"].replace("T2", "T1"))
    expected, _ = build(one_name, State(), outcomes=world.outcomes)
    table, _ = build(world.lines, State(), outcomes=world.outcomes, links=linked(("T2", "T1", -1)))
    for feature in table.features:
        if feature.name.startswith("consignee_") and not feature.name.startswith(
            ("consignee_hs4", "consignee_lane", "consignee_address")
        ):
            np.testing.assert_allclose(
                table.column(feature.name), expected.column(feature.name), rtol=1e-5, atol=1e-6, err_msg=feature.name
            )


@settings(max_examples=25, deadline=None)
@given(worlds(most=6), links(), st.integers(0, 13))
def test_any_cut_and_any_number_of_threads_and_the_keys_that_matter_alone_give_the_same_bits(
    world: World, links: PartyLinks, cut: int
) -> None:
    whole, _ = build(world.lines, State(), outcomes=world.outcomes, links=links, threads=3)
    early, known = world.lines["filed_at"] < at(cut), world.outcomes["recorded_at"] < at(cut)
    context = Context(world.lines[early], world.outcomes[known])
    before, state = build(world.lines[early], State(), outcomes=context.outcomes, links=links, threads=1)
    late = world.lines[~early].reset_index(drop=True)
    after, _ = build(late, state, outcomes=world.outcomes[~known], context=context, links=links, threads=1)
    assert same(before, whole.take(np.flatnonzero(early)))
    assert same(after, whole.take(np.flatnonzero(~early)))

    needed = row_keys(Lines(world.lines))
    hashes = {name: links.together(np.unique(needed[name][needed[name] > 0])) for name in KINDS}
    of_these = {
        name: KeyState.of(hashes[name], state.key(name).rows(hashes[name], KINDS[name].words), state.as_of)
        for name in KINDS
    }
    alone, _ = build(late, State(of_these, state.as_of), outcomes=world.outcomes[~known], context=context, links=links)
    assert same(alone, after)


@pytest.mark.parametrize(("steps", "filings"), [((1.0, 2.0), 1), ((2.0, 1.0), 0), ((1.0, 1.0), 1)])
def test_the_latest_link_stands_and_of_one_time_the_last(steps: tuple[float, float], filings: int) -> None:
    lines = filed(("A", "S", 0), ("B", "T", 9))
    table, _ = build(lines, State(), links=linked(("T", "T", steps[0]), ("T", "S", steps[1])))
    assert table.column("consignee_filings")[1] == filings
