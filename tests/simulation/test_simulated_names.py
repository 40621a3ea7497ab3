"""Parties are written in several spellings that are still one party, and no two parties by the same name."""

from __future__ import annotations

import numpy as np
import pytest

from risk.parties.names import looks_like_forwarder, normalise_address, normalise_name
from training.simulation.names import NATIVE, OTHER_FORM, REGISTER, SHORT, SLIP, Names
from training.simulation.parties import FORWARDER, TRADER, Parties
from training.simulation.tables import tables


@pytest.fixture(scope="module")
def names() -> Names:
    """1,500 Vietnamese traders, as many German ones, ten forwarders of Hong Kong; two share an address."""
    facts, parties = tables(), Parties()
    parties.add(np.full(1500, facts.country("VN")), TRADER)
    parties.add(np.full(1500, facts.country("DE")), TRADER)
    parties.add(np.full(10, facts.country("HK")), FORWARDER)
    parties.address[1] = parties.address[0]
    return Names(facts, parties)


def test_no_two_parties_of_a_country_have_the_same_name_or_number(names: Names) -> None:
    assert len({normalise_name(names.name(party, REGISTER)) for party in range(3000)}) == 3000
    assert len({names.number(party) for party in range(1500)}) == 1500


def test_another_legal_form_or_the_native_script_is_the_same_name_when_compared(names: Names) -> None:
    for party in range(200):
        registered = normalise_name(names.name(party, REGISTER))
        assert normalise_name(names.name(party, OTHER_FORM)) == registered
        assert normalise_name(names.name(party, NATIVE)) == registered
    assert any(not names.name(party, NATIVE).isascii() for party in range(200))


def test_a_slip_and_a_shortened_trade_are_written_differently(names: Names) -> None:
    for party in range(200):
        assert len({names.name(party, spelling) for spelling in (REGISTER, SLIP, SHORT)}) == 3


def test_parties_at_one_address_are_written_at_one_address(names: Names) -> None:
    assert names.address(0, REGISTER) == names.address(1, REGISTER) != names.address(2, REGISTER)
    assert normalise_address(names.address(0, SHORT)) == normalise_address(names.address(0, REGISTER))


def test_forwarders_look_like_forwarders(names: Names) -> None:
    assert all(looks_like_forwarder(normalise_name(names.name(party, REGISTER))) for party in range(3000, 3010))
