from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.row import BASE, COUNTED, LAST, fresh_rows
from features.state import KeyState, Layer, State

WRITES = st.lists(st.dictionaries(st.integers(1, 40), st.integers(0, 9), max_size=12), max_size=12)


def layer(rows: dict[int, int]) -> Layer:
    hashes = np.array(sorted(rows), np.uint64)
    values = np.array([rows[key] for key in sorted(rows)], np.int64)
    return Layer(hashes, np.repeat(values[:, None], BASE, axis=1).reshape(-1, BASE))


@given(WRITES)
def test_a_state_remembers_the_last_row_of_every_key(writes: list[dict[int, int]]) -> None:
    state, expected = KeyState(), dict[int, int]()
    for rows in writes:
        state = state.replaced(layer(rows))
        expected |= rows
    asked = np.arange(1, 41, dtype=np.uint64)
    found = state.settled(asked, BASE)
    for key, row in zip(asked.tolist(), found, strict=True):
        assert (row == expected[key]).all() if key in expected else (row == fresh_rows(1)[0]).all()
    whole = state.compact()
    assert whole.hashes.tolist() == sorted(expected)
    assert [row[COUNTED] for row in whole.rows.tolist()] == [expected[key] for key in sorted(expected)]


@given(WRITES)
def test_an_old_state_stays_as_it_was_when_a_new_one_is_made_from_it(writes: list[dict[int, int]]) -> None:
    states = [KeyState()]
    before = []
    for rows in writes:
        before.append(states[-1].compact().rows.tobytes())
        states.append(states[-1].replaced(layer(rows)))
    assert [state.compact().rows.tobytes() for state in states[: len(before)]] == before


def test_many_small_changes_keep_few_layers() -> None:
    state = KeyState()
    for key in range(1, 500):
        state = state.replaced(layer({key: 1}))
    assert len(state.layers) <= 10
    assert len(state.compact()) == 499


def test_rows_in_any_order_make_a_state() -> None:
    rows = np.repeat(np.array([[7], [8]], np.int64), BASE, axis=1)
    state = KeyState.of(np.array([9, 3], np.uint64), rows)
    assert state.rows(np.array([3, 9], np.uint64))[:, 0].tolist() == [8, 7]


def test_a_key_to_which_nothing_happened_since_a_moment_is_evicted_and_one_of_that_moment_stays() -> None:
    moment = datetime(2025, 3, 10, tzinfo=UTC)
    rows = fresh_rows(2)
    rows[:, LAST] = [int(moment.timestamp()) * 1_000_000 - 1, int(moment.timestamp()) * 1_000_000]
    state = State({"consignee": KeyState((Layer(np.array([1, 2], np.uint64), rows),))}, int(rows[1, LAST]))
    assert state.evict(moment).key("consignee").compact().hashes.tolist() == [2]
    assert len(state.evict(moment - timedelta(seconds=1)).key("consignee")) == 2
