from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.slots import ascending, number, renumber

HASHES = st.lists(st.one_of(st.integers(0, 6), st.integers(0, 2**64 - 1)), max_size=300)


@given(HASHES)
def test_equal_keys_get_one_row_and_keys_that_are_not_there_get_none(hashes: list[int]) -> None:
    values = np.array(hashes, np.uint64)
    unique, slots = np.empty(len(values), np.uint64), np.empty(len(values), np.int32)
    unique = unique[: number(values, unique, slots)]
    assert unique.tolist() == list(dict.fromkeys(hashed for hashed in hashes if hashed))
    order = ascending(unique)
    renumber(slots, order)
    assert unique[order].tolist() == sorted(set(hashes) - {0})
    assert [int(unique[order][slot]) if slot >= 0 else 0 for slot in slots] == hashes


def test_hashes_that_lie_close_together_are_sorted_as_well_as_even_ones() -> None:
    random = np.random.default_rng(1)
    for most in (2**64 - 1, 2**40):
        hashes = np.unique(random.integers(1, most, 5000, np.uint64))
        shuffled = random.permutation(hashes)
        assert (shuffled[ascending(shuffled)] == hashes).all()
