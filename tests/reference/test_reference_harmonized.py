from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.reference import cites, harmonized, wildlife

KINDS: tuple[Literal["wildlife", "cover_load", "look_alike"], ...] = ("wildlife", "cover_load", "look_alike")


def test_the_table_is_the_whole_nomenclature_of_2022() -> None:
    codes = harmonized.codes()
    lengths = {length: sum(len(code) == length for code in codes) for length in (2, 4, 6)}
    assert lengths == {2: 96, 4: 1228, 6: 5612}
    assert len(codes) == sum(lengths.values())
    assert {"854911", "970522", "030812"} <= codes


def test_a_national_code_is_described_by_its_subheading_and_an_unknown_one_by_what_is_above_it() -> None:
    ivory = harmonized.heading("050710")
    assert ivory is not None and "ivory" in ivory
    assert harmonized.heading("0507100090") == ivory
    assert harmonized.heading("050799") == harmonized.heading("0507")
    assert harmonized.heading("770101") is None
    assert harmonized.heading("") is None


def test_only_codes_of_the_nomenclature_exist() -> None:
    assert harmonized.exists("05071000")
    assert harmonized.exists("0507")
    assert not harmonized.exists("050711")
    assert not harmonized.exists("999999")
    assert not harmonized.exists("TOTAL")
    assert not harmonized.exists("")


@pytest.mark.parametrize("kind", KINDS)
def test_every_prefix_of_our_tables_leads_to_codes_that_exist(kind: wildlife.Kind) -> None:
    for prefix in wildlife.headings(kind):
        assert any(code.startswith(prefix) for code in harmonized.codes()), prefix
        assert len(prefix) == 5 or harmonized.exists(prefix), prefix


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("050710", {"wildlife"}),
        ("0507100000", {"wildlife"}),
        ("050790", {"wildlife", "cover_load", "look_alike"}),
        ("080131", {"cover_load"}),
        ("440349", {"wildlife", "cover_load", "look_alike"}),
        ("440710", {"cover_load", "look_alike"}),
        ("852872", set()),
        ("0507", set()),
        ("05", set()),
        ("", set()),
    ],
)
def test_a_code_is_in_the_tables_whose_prefix_covers_it(code: str, kinds: set[str]) -> None:
    assert {kind for kind in KINDS if wildlife.mask([code], kind)[0]} == kinds


@given(st.sampled_from(sorted(harmonized.codes())), st.text("0123456789", max_size=4), st.sampled_from(KINDS))
def test_national_digits_change_nothing_about_a_six_digit_code(code: str, digits: str, kind: wildlife.Kind) -> None:
    if len(code) == 6:
        assert wildlife.heading(code + digits, kind) == wildlife.heading(code, kind)


@given(st.lists(st.sampled_from([*sorted(harmonized.codes()), None, float("nan"), "x"]), max_size=30))
def test_a_mask_says_for_each_code_what_the_single_look_up_says(codes: list[object]) -> None:
    for kind in KINDS:
        found = wildlife.mask(np.array(codes, dtype=object), kind)
        assert found.dtype == np.bool_
        assert found.tolist() == [isinstance(code, str) and wildlife.heading(code, kind) is not None for code in codes]


def test_a_pandas_column_of_codes_is_taken_as_it_is() -> None:
    codes = pd.Series(["050710", None, "852872"], dtype="str")
    assert wildlife.mask(codes.array, "wildlife").tolist() == [True, False, False]


def test_the_most_specific_entry_speaks_for_a_code() -> None:
    entry = wildlife.heading("44034100", "wildlife")
    assert entry is not None and entry.prefix == "440341"


def test_groups_of_the_listings_are_groups_of_the_goods() -> None:
    assert set(cites.listings()) <= set(wildlife.groups())
    assert {"elephant", "pangolin", "rhinoceros", "rosewood", "sharks", "totoaba"} <= set(cites.listings())


def test_permits_last_six_months_and_import_permits_twelve() -> None:
    assert cites.validity_months("export_permit") == 6
    assert cites.validity_months("re_export_certificate") == 6
    assert cites.validity_months("import_permit") == 12
    assert cites.ivory_sampling_kg() == 500


def test_permit_codes_have_the_form_that_permits_print() -> None:
    assert all(len(code) == 1 and code.isupper() for kind in ("source", "purpose") for code in cites.codes(kind))
    assert all(len(code) == 3 and code.isupper() for code in cites.codes("term"))
    assert cites.codes("source")["W"] == "taken from the wild"
    assert {listing.appendix for listing in cites.listings().values()} <= {"I", "II", "III"}
