"""Rules in the store: nothing is ever changed or lost, and what was in force at a time can be told later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import text

from risk.errors import UsageError
from risk.rules import CompiledRule, Rule, compile_rule
from serving.rulebook import Rulebook, RuleRefusedError, active_rules, fields
from serving.store import Store, StoreError

T0 = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = fields()


def at(days: float) -> datetime:
    return T0 + timedelta(days=days)


def rule(when: str = "value > 1000000", **more: object) -> CompiledRule:
    return compile_rule(Rule("heavy", "S.", when, author="ann", **more), KNOWN)  # type: ignore[arg-type]


def in_force(store: Store, days: float) -> list[str]:
    return [active.rule.when for active in active_rules(store, at(days), KNOWN).rules]


def test_a_rule_goes_from_draft_to_active_to_retired_and_what_was_in_force_can_be_told(opened: Store) -> None:
    book = Rulebook(opened)
    assert book.add([rule()], "ben", at(0)) == 1
    assert in_force(opened, 1) == []
    stored, volume = book.activate("heavy", "carol", now=at(2))
    assert (stored.state, stored.made_by, stored.changed_by) == ("active", "ben", "carol")
    assert volume.share is None
    assert book.retire("heavy", "dora", "found nothing", at(4)).reason == "found nothing"
    assert [in_force(opened, days) for days in (1.9, 2, 3.9, 4)] == [[], ["value > 1000000"], ["value > 1000000"], []]
    with pytest.raises(RuleRefusedError, match="retired already"):
        book.retire("heavy", "dora", "again", at(5))
    book.activate("heavy", "carol", now=at(6))
    assert in_force(opened, 7) == ["value > 1000000"]


def test_bringing_the_same_rule_in_again_changes_nothing(opened: Store) -> None:
    book = Rulebook(opened)
    assert [book.add([rule()], who, at(day)) for day, who in enumerate(("ben", "eve"))] == [1, 0]
    (stored,) = book.all()
    assert (stored.made_by, stored.made_at, stored.state) == ("ben", at(0), "draft")
    assert stored.rule == rule().rule


def test_a_new_version_takes_the_place_of_the_old_one_when_it_is_activated(opened: Store) -> None:
    book = Rulebook(opened)
    book.add([rule("value > 1")], "ben", at(0))
    book.activate("heavy", "carol", now=at(1))
    book.add([rule("value > 2")], "ben", at(2))
    assert in_force(opened, 3) == ["value > 1"]
    book.activate("heavy", "carol", now=at(4))
    assert in_force(opened, 5) == ["value > 2"]
    assert [entry.state for entry in book.all("heavy")] == ["retired", "active"]
    assert (book.all("heavy")[0].reason or "").startswith("replaced by ")


@pytest.mark.parametrize("who", ["ben", " BEN ", "Ann"])
def test_nobody_activates_what_he_wrote_or_brought_in(opened: Store, who: str) -> None:
    book = Rulebook(opened)
    book.add([rule()], "ben", at(0))
    with pytest.raises(RuleRefusedError, match="another person has to activate it"):
        book.activate("heavy", who, now=at(1))
    assert in_force(opened, 2) == []


def test_a_rule_that_is_active_expired_or_unknown_is_not_activated(opened: Store) -> None:
    book = Rulebook(opened)
    with pytest.raises(UsageError, match="no rule 'heavy'"):
        book.activate("heavy", "carol")
    book.add([rule(expires=at(1).date())], "ben", at(0))
    with pytest.raises(RuleRefusedError, match="expired on 2026-01-02"):
        book.activate("heavy", "carol", now=at(2))
    book.activate("heavy", "carol", now=at(1.5))
    with pytest.raises(RuleRefusedError, match="is active already"):
        book.activate("heavy", "carol", now=at(1.6))
    with pytest.raises(UsageError, match="not the name of a person"):
        book.activate("heavy", " ", now=at(1.6))


def test_a_rule_that_fires_on_too_much_of_what_was_filed_lately_is_refused_unless_forced(
    opened: Store, filled: pd.DataFrame
) -> None:
    opened.add_consignments(filled, "test")
    book = Rulebook(opened)
    book.add([rule("packages >= 0")], "ben", at(0))
    with pytest.raises(RuleRefusedError, match=r"fires on 20 of 20 consignments .* give a reason with --force"):
        book.activate("heavy", "carol", now=at(1))
    with pytest.raises(RuleRefusedError, match="give a reason with --force"):
        book.activate("heavy", "carol", force="  ", now=at(1))
    stored, volume = book.activate("heavy", "carol", force="a week of training", now=at(1))
    assert (stored.reason, stored.volume, volume.hits) == ("a week of training", 1.0, 20)


@pytest.mark.parametrize(
    ("when", "hits"),
    [
        ("consignee_filings >= 0", 20),
        ("gross_weight_kg < 0", 0),
        ("line_no == 2", 20),
        ("detour > 1 or value_per_kg < 0 or line_no == 1", 20),
    ],
)
def test_volume_counts_consignments_whatever_the_rule_needs(
    opened: Store, filled: pd.DataFrame, when: str, hits: int
) -> None:
    opened.add_consignments(filled.drop(columns="transhipment_ports"), "test")
    book = Rulebook(opened)
    book.add([rule(when)], "ben", at(0))
    volume = book.volume(book.all()[0])
    assert (volume.hits, volume.consignments) == (hits, 20)


def test_a_rule_that_was_altered_in_the_database_is_refused(opened: Store) -> None:
    Rulebook(opened).add([rule()], "ben", at(0))
    with opened.transaction() as connection:
        connection.execute(text("UPDATE rules SET content = replace(content, '1000000', '0')"))
    with pytest.raises(StoreError, match="was altered"):
        Rulebook(opened).all()


def test_a_stored_rule_that_no_longer_fits_is_told_and_the_others_go_on(opened: Store) -> None:
    book = Rulebook(opened)
    other = compile_rule(Rule("other", "S.", "packages > 5", author="ann"), KNOWN)
    book.add([rule(), other], "ben", at(0))
    for name in ("heavy", "other"):
        book.activate(name, "carol", now=at(1))
    found = active_rules(opened, at(2), {name: field for name, field in KNOWN.items() if name != "value"})
    assert [active.rule.id for active in found.rules] == ["other"]
    (problem,) = found.problems
    assert problem.startswith("rule 'heavy' is not evaluated: there is no field or list 'value'")


RACE = """
import sys
from datetime import datetime, timezone
from serving.rulebook import Rulebook
from serving.store import Store
with Store.open(sys.argv[1]) as store:
    book = Rulebook(store)
    book.volume = lambda stored, ask=book.volume: (ask(stored), sys.stdin.readline())[0]
    print("ready", flush=True)
    try:
        book.activate("heavy", "carol")
        print("done", flush=True)
    except Exception as error:
        print(error, flush=True)
"""


def test_of_two_who_activate_at_once_one_is_told_that_the_other_did(url: str, python: Callable[..., object]) -> None:
    with Store.open(url) as store:
        Rulebook(store).add([rule()], "ben", at(0))
    both = [python(RACE, url) for _ in range(2)]
    said = []
    for process in both:
        assert process.stdout.readline() == "ready\n"  # type: ignore[attr-defined]
    for process in both:
        process.stdin.write("go\n")  # type: ignore[attr-defined]
        process.stdin.flush()  # type: ignore[attr-defined]
    for process in both:
        said.append(process.stdout.readline().strip())  # type: ignore[attr-defined]
    assert sorted(answer == "done" for answer in said) == [False, True], said
    assert any("was changed by somebody else meanwhile" in answer for answer in said)
    with Store.open(url) as store, store.reading() as connection:
        changes = connection.execute(text("SELECT count(*) FROM rule_states WHERE state = 'active'")).scalar_one()
    assert changes == 1
