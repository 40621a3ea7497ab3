from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.reference import identifiers

OWNERS = st.tuples(st.text(string.ascii_uppercase, min_size=3, max_size=3), st.sampled_from("UJZ")).map("".join)
BODIES = st.builds(str.__add__, OWNERS, st.text(string.digits, min_size=6, max_size=6))


def numbered(body: str) -> str:
    return f"{body}{identifiers.container_remainder(body) % 10}"


@pytest.mark.parametrize("number", ["TRHU6895812", "CSQU3054383", "trhu 689581-2", "TRHU 689581 2"])
def test_printed_container_numbers_pass_however_they_are_spaced(number: str) -> None:
    assert identifiers.valid_container(number)


@pytest.mark.parametrize(
    "number",
    [
        "TRHU6895813",
        "TRHU689581",
        "TRHA6895812",
        "123U6895812",
        "",
        "TRHU68958122",
        "ÀBCU6895812",
        "TRHU689581२",
    ],
)
def test_what_is_no_container_number_fails_without_an_error(number: str) -> None:
    assert not identifiers.valid_container(number)


@given(BODIES, st.integers(4, 10), st.sampled_from(string.digits))
def test_a_mistyped_digit_is_noticed_unless_the_remainder_moves_between_nought_and_ten(
    body: str, place: int, digit: str
) -> None:
    number = numbered(body)
    assert identifiers.valid_container(number)
    changed = number[:place] + digit + number[place + 1 :]
    if changed == number:
        return
    unnoticed = {identifiers.container_remainder(body), identifiers.container_remainder(changed[:10])} == {
        0,
        10,
    }
    assert identifiers.valid_container(changed) == unnoticed


@given(st.text(max_size=14))
def test_no_text_at_all_makes_the_checks_stumble(text: str) -> None:
    identifiers.valid_container(text)
    identifiers.valid_imo(text)


@pytest.mark.parametrize("number", ["9074729", "IMO 9074729", "imo9074729"])
def test_printed_ship_numbers_pass(number: str) -> None:
    assert identifiers.valid_imo(number)


@pytest.mark.parametrize("number", ["9074728", "0000000", "907472", "90747290", "IMO", ""])
def test_what_is_no_ship_number_fails(number: str) -> None:
    assert not identifiers.valid_imo(number)


@given(st.integers(100_000, 999_999))
def test_exactly_one_check_digit_fits_a_ship_number(body: int) -> None:
    assert sum(identifiers.valid_imo(f"{body}{digit}") for digit in range(10)) == 1
