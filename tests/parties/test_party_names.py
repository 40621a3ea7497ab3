from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.parties.mentions import clean_code
from risk.parties.names import is_order, looks_like_forwarder, normalise_address, normalise_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alpha Trading Co., Ltd.", "ALPHA TRADING COMPANY LIMITED"),
        ("Công ty TNHH Một thành viên Minh Phát", "CONG TY TNHH MTV MINH PHAT"),
        ("Công ty Cổ phần Sông Hồng", "SONG HONG JSC"),
        ("A.B.C. Import S.A.R.L.", "ABC IMPORT SARL"),
        ("PT. Maju Jaya", "Maju Jaya"),
        ("Sea-Star (Pte) Ltd", "SEA STAR"),
    ],
)
def test_one_company_written_in_two_ways_is_one(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("Sa Giang Import Export", "Giang Import Export"), ("AB Foods", "Foods"), ("Alpha Trading", "Beta Trading")],
)
def test_two_companies_stay_two(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize(
    "name",
    [
        "To order",
        "TO THE ORDER OF SOME BANK",
        "Same as consignee",
        "N/A",
        "unknown",
        "XXX",
        "-",
        "",
        "  ",
        "To order Ltd",
    ],
)
def test_a_placeholder_is_nobody(name: str) -> None:
    assert normalise_name(name) == ""


def test_a_name_that_is_only_a_legal_form_keeps_it() -> None:
    assert normalise_name("Limited") == "LIMITED"


WORDS = st.lists(
    st.sampled_from(["CO", "LTD", "A", "b.", "công ty", "TNHH", "PT", "Sa", "Minh", "TO", "ORDER", "N", "SAME AS"]),
    max_size=7,
).map(" ".join)


@given(st.text(max_size=60) | WORDS)
def test_normalising_twice_changes_nothing_more(name: str) -> None:
    once = normalise_name(name)
    assert normalise_name(once) == once
    assert once.isascii()
    address = normalise_address(name)
    assert normalise_address(address) == address


def test_an_address_is_its_words_in_any_order() -> None:
    assert normalise_address("12 Lê Lợi, Quận 1") == normalise_address("QUAN 1 - LE LOI 12")


def test_a_very_long_name_is_cut() -> None:
    assert 300 < len(normalise_name("AMANI BARAKA " * 100_000)) <= 400


@pytest.mark.parametrize(
    ("name", "order"), [("To order", True), ("to the order of X Bank", True), ("Order Ltd", False), ("Alpha", False)]
)
def test_a_bill_to_order_is_told_by_its_consignee(name: str, order: bool) -> None:
    assert is_order(name) is order


@pytest.mark.parametrize(
    ("name", "forwarder"),
    [
        ("Fast Logistics JSC", True),
        ("Công ty Vận tải Biển", True),
        ("Ocean Freight Services", True),
        ("Cargill", False),
    ],
)
def test_forwarders_are_told_by_their_names(name: str, forwarder: bool) -> None:
    assert looks_like_forwarder(name) is forwarder


@pytest.mark.parametrize(("code", "cleaned"), [
    ("0301234567-001", "301234567"), ("000000000", ""), ("UNKNOWN", ""), ("N/A", ""), ("A12", "A12"),
    ("q lrubn9", "QLRUBN9"), ("123456789", ""), ("T", "T"), ("0", ""), ("", ""),
])  # fmt: skip
def test_a_code_of_a_party_is_cleaned_and_a_dummy_is_none(code: str, cleaned: str) -> None:
    assert clean_code(code) == cleaned
