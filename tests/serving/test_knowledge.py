"""What the office knows beside model and history: statistics, rules in force, and both again in a replay."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pandas as pd
import pytest
from small_office import Office, at_home, risk

from risk.explanation import stored
from risk.inspection import Target
from serving.knowledge import knowledge, knowledge_then, learn_statistics
from serving.store import Store

RULE = """rules:
  - id: heavy
    statement: Heavier than anything a {braced} office expects
    when: gross_weight_kg > 1
    lane: red
    strength: strong
    author: a.officer
    reason: For this test.
"""


@pytest.fixture(scope="module")
def worked(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the filings, a rule in force and statistics as of the manifest's first day, and the day's scores."""
    home: Path = tmp_path_factory.mktemp("knowledge") / "home"
    assert office.train(home).status == 0
    assert risk(home, "import", office.filed, office.known, "--json").status == 0
    file = home.parent / "rules.yaml"
    file.write_text(RULE)
    assert risk(home, "rules", "add", file, "--as", "ann").status == 0
    assert risk(home, "rules", "activate", "heavy", "--as", "ben", "--force", "for this test").status == 0
    return home


def scored(home: Path, office: Office, name: str, *more: str) -> pd.DataFrame:
    output = home.parent / name
    ran = risk(home, "score", office.manifest, "-o", output, "--json", "--capacity", "3", *more)
    assert ran.status == 0, ran.err
    return pd.DataFrame([orjson.loads(line) for line in output.read_bytes().splitlines()])


def unknown(row: list[dict[str, object]]) -> set[str]:
    return {name for entry in row if entry["state"] == "not_evaluable" for name in entry["ids"]}  # type: ignore[attr-defined]


def test_statistics_are_learnt_from_the_store_and_make_indicators_evaluable_without_changing_a_score(
    worked: Path, office: Office
) -> None:
    before = scored(worked, office, "before.jsonl")
    ran = risk(worked, "indicators", "learn", "--json")
    assert ran.status == 0, ran.err
    after = scored(worked, office, "after.jsonl", "--language", "fr")
    assert after["pack_fingerprint"].iloc[0] == f"{before['pack_fingerprint'].iloc[0]}+{ran.json['fingerprint']}"
    assert risk(worked, "indicators", "list", "--json").json["statistics"][0]["as_of"] == ran.json["as_of"]
    assert after["probability"].tolist() == before["probability"].tolist()
    assert after["lane"].tolist() == before["lane"].tolist(), "a rule never changes a lane by itself"
    missed = [(unknown(old), unknown(new)) for old, new in zip(before["indicators"], after["indicators"], strict=True)]
    assert all(new <= old for old, new in missed)
    assert sum(len(new) for _, new in missed) < sum(len(old) for old, _ in missed)
    assert any("accroît le risque" in line or "risque" in line for line in after["explanation"].iloc[0])


def test_a_rule_in_force_stands_in_the_explanation_and_an_answer_is_made_again_with_it(
    worked: Path, office: Office
) -> None:
    found = scored(worked, office, "ruled.jsonl")
    heavy = [next((one for one in row if one.get("id") == "heavy"), None) for row in found["indicators"]]
    assert any(heavy)
    row = next(at for at, one in enumerate(heavy) if one)
    item = next(item for item in stored([], found["indicators"][row]).items if item.id == "heavy")
    assert (item.kind, item.concept, item.details["lane"]) == ("rule", "rules", "red")
    assert item.text().startswith(
        "rule heavy of this office, proposed lane red: Heavier than anything a {braced} office expects: gross weight "
    )
    assert item.text() in found["explanation"][row]


def test_what_was_known_then_is_found_again_and_told_when_it_is_gone(worked: Path) -> None:
    with at_home(worked), Store.open(f"sqlite:///{worked / 'risk.db'}") as store:
        last = store.latest_filed_at()
        assert last is not None
        entry = learn_statistics(store, Target(), last - timedelta(days=30))
        early = pd.Timestamp(last - timedelta(days=31))
        newer = knowledge(store, pd.Timestamp(last), Target()).learnt
        assert knowledge(store, early, Target()).learnt is None, "nothing learnt later is used"
        assert newer is not None and newer.as_of <= last.timestamp() * 1e6
        again = knowledge_then(store, f"pack+{entry.fingerprint}", last)
        assert again is not None and again.learnt is not None and again.learnt.fingerprint == entry.fingerprint
        assert again.rules == (), "the rule was not in force then"
        assert knowledge_then(store, "pack+0123456789abcdef", last) is None
