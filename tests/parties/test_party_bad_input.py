"""Hostile and broken names: they neither stall the work, nor stop it, nor become one giant consignee."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.parties import blocking
from risk.parties.mentions import Mention, clean_country, clean_identifier, clean_phone, one
from risk.parties.resolver import CANDIDATES_MOST, Parties

BROKEN = {
    "ten thousand letters": "ALPHA " * 1667,
    "ten thousand of one letter": "A" * 10_000,
    "ten thousand brackets": "(" * 5_000 + "1)" * 2_500,
    "ten thousand pictures": "🐘" * 10_000,
    "a legal form again and again": "CO LTD " * 1_500,
    "control characters": "ALPHA\x00\x1b[31m FOODS\x7f\r\n",
    "direction characters": "\u202eALPHA\u202c \u2066FOODS\u2069",
    "half a character": "ALPHA \ud800 FOODS",
    "only punctuation": ".,;:-/()&",
    "only digits": "1234567890" * 3,
    "mixed scripts": "Жalpha 恒丰 สยาม النور Đại Foods",
    "marks piled up": "Z" + "\u0301" * 5_000,
    "nothing": "",
}


@pytest.mark.parametrize("name", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_name_is_kept_and_can_be_looked_up(name: str) -> None:
    mention = Mention(name, name[:5], name, name, name, name)
    known = Mention("Alpha Foods Ltd", "KE", "1 Port Road, Tanga")
    parties = Parties.of(pd.DataFrame([vars(mention), vars(known)], dtype=object))
    assert len(parties.mentions) == 2
    assert parties.party(known.id) == known.id
    found = parties.resolve(mention)
    assert all(match.party == mention.id for match in found if match.rule == "known")
    wanted = sum(len(blocking.keys(one(mention), kind).key) for kind in range(7))
    assert wanted <= blocking.KEYS_MOST


def test_what_cannot_be_seen_sets_no_two_names_apart() -> None:
    known = Mention("Alpha Foods Ltd", "KE", "1 Port Road, Tanga")
    parties = Parties.of(pd.DataFrame([vars(known)]))
    for name in ("ALPHA\x00FOODS\x7f LTD", "\u202eALPHA\u202c \u2066FOODS\u2069 LTD", "AL\u00adPHA FO\u200bODS LTD 🐘"):
        assert parties.resolve(Mention(name, "KE", "1 Port Road, Tanga"))[0].rule == "name_address"


@settings(deadline=None, max_examples=50)
@given(st.builds(Mention, *[st.text(st.characters(), max_size=40)] * 6))
def test_no_text_stops_a_look_up(mention: Mention) -> None:
    parties = Parties.of(pd.DataFrame([vars(mention)], dtype=object))
    found = parties.resolve(mention)
    assert [match.party for match in found] == ([mention.id] if parties.party(mention.id) else [])


WORDS = (
    "Alpha Bravo Carol Delta Enigma Fargo Golan Hotel Ivory Jumbo Kilo Lima Metro Nova Orion Polar Quartz Rio Sol Tango"
)
TRADES = ("Foods", "Trading", "Timber", "Shipping", "Resources")


def _names(n: int) -> list[str]:
    words = WORDS.split()
    return [f"{words[k % 20]}{words[k // 20 % 20]} {words[k // 400 % 20]} {TRADES[k % 5]}" for k in range(n)]


def _largest(parties: Parties) -> int:
    return Counter(root for root in parties.clusters.root.tolist() if root >= 0).most_common(1)[0][1]


def test_a_number_or_an_address_shared_by_5000_names_makes_no_giant_and_bounds_the_candidates() -> None:
    address = "1 Service Road, Kwun Tong"
    frame = pd.DataFrame({"name": _names(5000), "country": "HK", "address": address, "identifier": "0301234567"})
    parties = Parties.of(frame)
    assert len(parties.mentions) == 5000
    assert _largest(parties) <= 3
    assert len(parties.links) <= 5000 * blocking.WINDOW * 4
    asked = one(Mention("Alphabravo Carol Food", "HK", address, "0301234567", "+852 1234 5678"))
    assert 0 < len(parties.candidates(asked)) <= CANDIDATES_MOST


def test_in_a_crowd_the_nearest_names_are_compared() -> None:
    number = "0301234567"
    names = [*_names(5000), "Golanhotal Enigmo Trading"]
    parties = Parties.of(pd.DataFrame({"name": names, "country": "HK", "identifier": number}))
    good, slip = (Mention(name, "HK", "", number) for name in ("GolanHotel Enigma Trading", names[-1]))
    assert parties.party(good.id) == parties.party(slip.id) is not None
    found = parties.resolve(Mention("Quartzpoler Hotal Trading", "HK", "", number))
    assert [(match.rule, match.linked) for match in found[:1]] == [("identifier", True)]


def test_a_name_close_to_very_many_meets_at_most_the_candidates_allowed() -> None:
    name = "ALPHABRAVOCAROLDELTAENIGMAFARG"
    others = [
        f"{name[:at]}{letter}{name[at + 1 :]}" for at in range(30) for letter in "BCDFGHJKMPQS" if letter != name[at]
    ]
    parties = Parties.of(pd.DataFrame({"name": others, "country": "VN"}))
    assert len(parties.mentions) > CANDIDATES_MOST + 50
    assert len(parties.candidates(one(Mention(name, "VN")))) == CANDIDATES_MOST


def test_one_name_at_5000_addresses_is_not_one_party() -> None:
    places = [f"{k} {WORDS.split()[k % 20]} Street, Town {k % 97}" for k in range(5000)]
    for name in ("Golden Trading Ltd", "Nguyen Van Anh"):
        parties = Parties.of(pd.DataFrame({"name": name, "country": "VN", "address": places}))
        assert _largest(parties) <= 20
        assert len(parties.candidates(one(Mention(name, "VN")))) <= CANDIDATES_MOST


def test_5000_blanks_orders_and_dummies_are_no_party_at_all() -> None:
    names = ["TO ORDER", "SAME AS CONSIGNEE", "", "N/A", "XXX", "Bank of Tanga"]
    frame = pd.DataFrame({"name": [names[k % 6] for k in range(5000)], "address": [f"{k} Road" for k in range(5000)]})
    parties = Parties.of(frame)
    assert len(parties.links) == 0
    assert (parties.clusters.root == -1).all()


@pytest.mark.parametrize(
    ("identifier", "cleaned"),
    [
        ("0301234567-002", "301234567"),
        (" 03.0123-4567 ", "301234567"),
        ("p051234567x", "P051234567X"),
        ("000000000", ""),
        ("123456789", ""),
        ("1234", ""),
        ("UNKNOWN", ""),
        ("N/A", ""),
        ("٠٣٠١٢٣٤٥٦٧", "301234567"),
    ],
)
def test_numbers_are_cleaned_and_dummies_are_none(identifier: str, cleaned: str) -> None:
    assert clean_identifier(identifier) == cleaned


def test_countries_and_phones_that_are_none_are_left_out() -> None:
    assert [clean_country(text) for text in (" vn ", "Vietnam", "1", "越南")] == ["VN", "", "", ""]
    assert [clean_phone(text) for text in ("+254 (0)700-123 456", "000000000", "12-34")] == ["700123456", "", ""]
