from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.reference import lexicon, wildlife


def groups(text: str) -> set[str]:
    return {term.group for term in lexicon.hits(text)}


@pytest.mark.parametrize("term", lexicon.terms(), ids=lambda term: f"{term.language}-{term.group}")
def test_every_term_is_found_in_the_midst_of_a_description(term: lexicon.Term) -> None:
    assert term in lexicon.hits(f"500 BAGS {term.term.upper()} NET 20 KG")
    assert term in lexicon.hits(term.term)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("DRIED PANGOLIN SCALES 25KG/BAG", "pangolin"),
        ("vay te te kho", "pangolin"),
        ("ECAILLES DE PANGOLIN", "pangolin"),
        ("冷冻象牙制品", "elephant"),
        ("shark-fins, dried", "sharks"),
        ("PAU ROSA SAWN TIMBER", "rosewood"),
        ("defense d\u2019elephant", "elephant"),
    ],
)
def test_spelling_without_accents_plurals_and_hyphens_do_not_hide_a_term(text: str, group: str) -> None:
    assert group in groups(text)


@pytest.mark.parametrize("text", ["", "CASHEW NUTS IN SHELL", "panthers football shirts", "kossovo", "savory snacks"])
def test_a_word_that_only_contains_a_term_is_no_hit(text: str) -> None:
    assert groups(text) == set()


def test_terms_point_to_groups_that_the_goods_have() -> None:
    assert {term.group for term in lexicon.terms()} <= set(wildlife.groups())
    assert {term.precision for term in lexicon.terms()} == {"high", "low"}


def test_the_colour_ivory_is_kept_apart_from_terms_that_hardly_mislead() -> None:
    texts = np.array(["ceramic tiles ivory", "pangolin scales", None, "frozen fish"], dtype=object)
    assert lexicon.mask(texts).tolist() == [True, True, False, False]
    assert lexicon.mask(texts, "high").tolist() == [False, True, False, False]


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert set(lexicon.hits(text)) <= set(lexicon.terms())
