"""Texts kept by number: given back as they were added, whatever was added between them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.kept import Texts


@given(st.lists(st.lists(st.text().map(lambda text: text.encode("utf-8", "ignore")), max_size=4), max_size=6))
def test_texts_come_back_by_their_numbers_after_any_additions_even_of_none(parts: list[list[bytes]]) -> None:
    texts = Texts()
    numbers = [texts.add(part) for part in parts]
    for part, own in zip(parts, numbers, strict=True):
        assert texts.read(own) == [text.decode() for text in part]
    assert len(np.unique(np.concatenate([np.empty(0, np.int64), *numbers]))) == sum(map(len, parts))
