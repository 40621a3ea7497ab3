"""One explanation: model and indicators in one order, sums as the score, the same from what is stored, by role."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.explanation import FULL, WEIGHTS, Explanation, explanation, for_role, indicators_json, stored
from risk.phrase import Phrase
from risk.reasons import REST, Named, Reason


@dataclass(frozen=True)
class Flag:
    id: str = "W01"
    concept: str = "weight and value"
    statement: str = "Weight per package unusual for these goods"
    strength: str = "M"
    band: int = 2
    template: str = "{weight:,.1f} kg a package, limit {limit:.0f}"
    evidence: dict[str, float | str | None] = field(default_factory=lambda: {"weight": 31.0, "limit": 25.0})


def reason(concept: str, log_odds: float, share: float, *phrases: Phrase) -> Reason:
    said = phrases or (Phrase(f"something of {concept}"),)
    features = tuple(Named(f"f{at}", 1.0, phrase) for at, phrase in enumerate(said))
    return Reason(concept, "raises" if log_odds > 0 else "lowers", share, log_odds, "path", features)


concepts = st.lists(st.sampled_from(["route", "goods", "parties", "timing", REST]), unique=True)
flags = st.lists(
    st.builds(Flag, st.sampled_from(["R01", "W01", "P05"]), strength=st.sampled_from(sorted(WEIGHTS))),
    unique_by=lambda flag: flag.id,
)


@st.composite
def explained(draw: st.DrawFn) -> tuple[list[Reason], list[Flag]]:
    names = draw(concepts)
    amounts = draw(st.lists(st.floats(-3, 3).filter(bool), min_size=len(names), max_size=len(names)))
    moved = sum(map(abs, amounts)) or 1
    told = [reason(name, amount, abs(amount) / moved) for name, amount in zip(names, amounts, strict=True)]
    return told, draw(flags)


@given(explained())
def test_reasons_and_indicators_stand_in_one_order_by_weight(given_: tuple[list[Reason], list[Flag]]) -> None:
    reasons, fired = given_
    found = explanation(reasons, fired)
    assert len(found.items) == len(reasons) + len(fired)
    apart = [item for item in found.items if item.id != REST]
    assert [item.weight for item in apart] == sorted((item.weight for item in apart), reverse=True)
    assert found.items[: len(apart)] == tuple(apart), "what is summed up stands last"
    assert explanation(reasons[::-1], fired[::-1]).texts() == found.texts(), "whatever order they come in"
    assert found.log_odds == pytest.approx(sum(one.log_odds for one in reasons), abs=1e-12)


@given(explained(), st.sampled_from(["en", "fr", "vi", "zh"]))
def test_what_is_stored_gives_the_same_explanation(given_: tuple[list[Reason], list[Flag]], language: str) -> None:
    reasons, fired = given_
    kept = orjson.loads(orjson.dumps([one.to_json() for one in reasons]))
    flagged = orjson.loads(orjson.dumps(indicators_json(fired, ["D07", "X02"])))
    again = stored(kept, flagged)
    shown = explanation(reasons, fired)
    assert again.not_evaluable == ("D07", "X02")
    assert [item.id for item in again.items if item.kind == "indicator"] == [
        item.id for item in shown.items if item.kind == "indicator"
    ]
    assert again.texts(language) == shown.texts(language)
    assert again.log_odds == pytest.approx(shown.log_odds, abs=1e-12)


def test_the_words_name_direction_share_concept_and_evidence() -> None:
    found = explanation([reason("route", 0.8, 0.4), reason("goods", -0.2, 0.1)], [Flag()])
    assert found.texts() == [
        "raises the risk (40%), route: something of route",
        "red flag W01, weight and value: 31.0 kg a package, limit 25",
        "lowers the risk (10%), goods: something of goods",
    ]
    assert found.method_text() == "Shares are quick ones, along the paths of the trees."
    machine = found.to_json()["items"]
    assert [entry["text"] for entry in machine] == found.texts()
    assert machine[1]["evidence"] == {"weight": 31.0, "limit": 25.0}


def tactical() -> Explanation:
    picked = Phrase("about {n:.0f} inspections of {of} on suspicion in recent months",
                    {"n": 4.0, "of": Phrase("this shipper")}, tactical=True)  # fmt: skip
    matched = Phrase("{fact} (shipper matched by name)", {"fact": picked}, tactical=True)
    return explanation([reason("parties", 0.7, 0.3456, picked, matched, Phrase("goods from {value}", {"value": "X"}))],
                       [Flag()], ["D07"])  # fmt: skip


@pytest.mark.parametrize(
    "role", ["officer", "supervisor", "data_scientist", "operator", "auditor", "administrator", ""]
)
def test_others_than_analysts_see_no_limit_no_strength_and_no_rate_of_selection(role: str) -> None:
    shown = for_role(tactical(), role)
    sent = orjson.dumps(shown.to_json()).decode()
    for secret in (
        "limit",
        "25",
        "31",
        "log_odds",
        "strength",
        "band",
        "evidence",
        "4.0",
        "suspicion",
        "D07",
        "0.3456",
    ):
        assert secret not in sent, secret
    assert shown.texts() == [
        "raises the risk (35%), parties: what earlier inspections of this shipper tell; "
        "what earlier inspections of this shipper tell (shipper matched by name); goods from X",
        "red flag W01, weight and value: Weight per package unusual for these goods",
    ]


def test_an_analyst_sees_everything() -> None:
    assert {"analyst"} == FULL
    assert for_role(tactical(), "analyst") == tactical()


def test_the_order_is_the_same_for_every_role() -> None:
    full = tactical()
    assert [item.id for item in for_role(full, "officer").items] == [item.id for item in full.items]
