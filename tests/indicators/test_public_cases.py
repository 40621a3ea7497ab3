"""The sanity suite: what the indicators make of public seizures. Known positives only, so no estimate of anything."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest
from cases import Case, cases, tables
from trade import features

from risk.indicators import Findings, evaluate, load_pack
from risk.indicators.evaluation import NOT_EVALUABLE

PACK = load_pack()


@cache
def findings() -> tuple[list[Case], pd.DataFrame, Findings]:
    among = cases()
    lines, outcomes = tables(among)
    return among, lines, evaluate(PACK, lines, features(lines, outcomes))


def test_all_28_cases_are_there_with_a_source() -> None:
    assert {case.id for case in cases()} == {f"V{number:02d}" for number in range(1, 29)}
    assert all(case.source for case in cases())


@pytest.mark.parametrize("which", range(28))
def test_the_facts_of_a_case_fire_what_they_should(which: int) -> None:
    among, _, found = findings()
    fired = {item.id for item in found.fired(which)}
    assert set(among[which].fires) <= fired


@pytest.mark.parametrize("which", range(28))
def test_an_origin_that_a_report_leaves_out_is_not_evaluable_and_never_clear(which: int) -> None:
    among, _, found = findings()
    corridor = PACK.ids.index("C01")
    if among[which].origin_missing:
        assert "origin_country" not in among[which].record
        assert found.status[which, corridor] == NOT_EVALUABLE
    else:
        assert "origin_country" in among[which].record


def test_a_second_consignment_of_a_seized_party_is_told_by_its_past() -> None:
    among, _, found = findings()
    places = {case.id: place for place, case in enumerate(among)}
    for first, second in (("V05", "V06"), ("V22", "V23")):
        assert "N01" not in {item.id for item in found.fired(places[first])}
        assert "N01" in {item.id for item in found.fired(places[second])}
