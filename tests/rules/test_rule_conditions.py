"""What a condition says of lines: the same as rule-engine says of each row, and nothing where a field is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
import rule_engine
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.explanation import explanation
from risk.feature import Feature, FeatureTable
from risk.rules import CompiledRule, Rule, RuleColumns, Verdict, compile_rule, fired, rule_fields

RATE: Final = Feature("hit_rate", "parties", "a hit rate of {value:.1%}", missing="no inspection yet")
HS4: Final = Feature("hs4", "goods", "goods of heading {value}", kind="category")
FIELDS: Final = rule_fields([RATE, HS4])
LISTS: Final = {"watched": ("C1", "C2"), "hubs": ("KEMBA", "TZDAR")}

NUMBERS: Final = ("gross_weight_kg", "packages", "value")
TEXTS: Final = ("origin_country", "description", "consignee_id", "loading_port")
TIMES: Final = ("filed_at", "eta")
WORDS: Final = ("KE", "C1", "KEMBA", "Ivory tusks", "tusk", "ab")


def lines(*rows: dict[str, Any]) -> pd.DataFrame:
    """A table of consignments; what a row does not name is missing."""
    frame = pd.DataFrame({"consignment_id": [str(row.get("id", place)) for place, row in enumerate(rows)]}, dtype="str")
    for name in NUMBERS:
        frame[name] = np.array([np.nan if row.get(name) is None else row[name] for row in rows], np.float64)
    for name in (*TEXTS, "customs_office"):
        frame[name] = pd.Series([row.get(name) for row in rows], dtype="str")
    for name in TIMES:
        default = datetime(2026, 1, 1, tzinfo=UTC) if name == "filed_at" else None
        frame[name] = pd.Series([row.get(name, default) for row in rows], dtype="datetime64[us, UTC]")
    return frame


def rule(when: str, **more: Any) -> CompiledRule:
    return compile_rule(Rule("r", "A {statement}.", when, lists=LISTS, **more), FIELDS)


def judged(when: str, *rows: dict[str, Any], **more: Any) -> Verdict:
    return rule(when, **more).evaluate(RuleColumns(lines(*rows), None, FIELDS))


def says(when: str, **row: Any) -> bool | None:
    """What a condition says of one row: true, false or unknown."""
    verdict = judged(when, row)
    return bool(verdict.fired[0]) if verdict.known[0] else None


def _numbers() -> st.SearchStrategy[str]:
    literals = st.integers(-8, 8).map(str)
    leaves = st.sampled_from(NUMBERS) | literals
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
            | inner.map(lambda t: f"({t} / 4)")
        ),
        max_leaves=4,
    )


def _atoms() -> st.SearchStrategy[str]:
    texts, words = st.sampled_from(TEXTS), st.sampled_from(WORDS).map(lambda word: f'"{word}"')
    orders = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
    moments = st.sampled_from(('d"2026-01-01"', 'd"2026-01-03T12:00:00"'))
    return st.one_of(
        st.tuples(_numbers(), orders, _numbers())
        .map(lambda t: f"{t[0]} {t[1]} {t[2]}")
        .filter(lambda text: any(name in text for name in NUMBERS)),
        st.tuples(texts, st.sampled_from(("==", "!=", "<", ">=")), words).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        st.tuples(words, texts).map(lambda t: f"{t[0]} in {t[1]}"),
        st.tuples(texts, st.sampled_from(("in", "not in")), st.lists(words, min_size=1, max_size=3)).map(
            lambda t: f"{t[0]} {t[1]} [{', '.join(t[2])}]"
        ),
        st.tuples(texts, st.sampled_from(("in watched", "not in hubs"))).map(" ".join),
        st.tuples(texts, st.sampled_from(("starts_with", "ends_with")), words).map(lambda t: f"{t[0]}.{t[1]}({t[2]})"),
        st.tuples(texts, st.sampled_from(("=~", "=~~", "!~", "!~~")), st.sampled_from((r"^KE", "us|C", "a+b"))).map(
            lambda t: f'{t[0]} {t[1]} "{t[2]}"'
        ),
        st.tuples(texts, st.sampled_from(("as_lower", "as_upper")), words).map(lambda t: f"{t[0]}.{t[1]} == {t[2]}"),
        st.tuples(texts, orders, st.integers(0, 6)).map(lambda t: f"{t[0]}.length {t[1]} {t[2]}"),
        st.tuples(st.sampled_from(TIMES), orders, moments).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        st.tuples(orders, st.integers(-3, 3)).map(lambda t: f'eta - filed_at {t[0]} t"PT{abs(t[1])}H"'),
    )


CONDITIONS: Final[st.SearchStrategy[str]] = st.deferred(
    lambda: st.recursive(
        _atoms(),
        lambda inner: (
            st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})")
            | inner.map(lambda t: f"not ({t})")
        ),
        max_leaves=5,
    )
)

ROWS: Final = st.fixed_dictionaries(
    {
        **{name: st.integers(-4, 4).map(lambda n: n / 2) for name in NUMBERS},
        **{name: st.sampled_from(WORDS) for name in TEXTS},
        **{
            name: st.sampled_from((datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 4, tzinfo=UTC)))
            for name in TIMES
        },
    }
)


def row_by_row(when: str, row: dict[str, Any]) -> bool:
    """What rule-engine itself says of a row in which nothing is missing."""
    context = rule_engine.Context(default_timezone="utc")
    return bool(rule_engine.Rule(when, context).matches({**row, **LISTS}))


@settings(max_examples=60)
@given(CONDITIONS, st.lists(ROWS, min_size=1, max_size=4))
def test_whole_columns_say_what_rule_engine_says_row_by_row(when: str, rows: list[dict[str, Any]]) -> None:
    verdict = judged(when, *rows)
    assert verdict.known.all()
    assert verdict.fired.tolist() == [row_by_row(when, row) for row in rows]


@settings(max_examples=60)
@given(CONDITIONS, ROWS, st.sets(st.sampled_from((*NUMBERS, *TEXTS, "eta"))), st.lists(ROWS, max_size=4))
def test_what_is_said_with_fields_missing_holds_whatever_stands_there(
    when: str, row: dict[str, Any], missing: set[str], others: list[dict[str, Any]]
) -> None:
    said = says(when, **{**row, **dict.fromkeys(missing)})
    if said is None:
        assert missing
        return
    for other in [row, *others]:
        assert row_by_row(when, {**row, **{name: other[name] for name in missing}}) is said


@given(_atoms().filter(lambda text: sum(name in text for name in (*NUMBERS, *TEXTS, *TIMES)) == 1))
def test_a_comparison_with_a_missing_field_is_unknown_and_does_not_fire(when: str) -> None:
    verdict = judged(when, {"filed_at": None})
    assert not verdict.known[0]
    assert not verdict.fired[0]


@pytest.mark.parametrize(
    ("when", "row", "said"),
    [
        ("value > 1 and packages > 1", {"packages": 0}, False),
        ("value > 1 and packages > 1", {"packages": 2}, None),
        ("value > 1 or packages > 1", {"packages": 2}, True),
        ("not value > 1", {}, None),
        ("value == null", {}, True),
        ("value != null", {"value": 0}, True),
        ("(value ?? 7) > 5", {}, True),
        ("value / packages > 1", {"value": 3, "packages": 0}, None),
        ("value / packages > 1", {"value": 3, "packages": 2}, True),
        ("description == null", {"description": "  "}, True),
        ('description == ""', {"description": ""}, None),
        ("consignee_id in watched", {"consignee_id": "C2"}, True),
        ("consignee_id not in watched", {}, None),
        ('description =~~ r"\\btusks?\\b"', {"description": "two tusks"}, True),
        ('description =~ "tusk"', {"description": "two tusks"}, False),
    ],
)
def test_three_values(when: str, row: dict[str, Any], said: bool | None) -> None:
    assert says(when, **row) is said


def test_a_column_that_was_left_out_counts_as_missing() -> None:
    verdict = rule("volume_m3 > 1").evaluate(RuleColumns(lines({}, {}), None, FIELDS))
    assert not verdict.known.any()


def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    assert says('description =~ "(a+)+b"', description="a" * 100_000) is False


def test_features_are_asked_by_name_and_compared_in_their_own_precision() -> None:
    table = FeatureTable(
        (RATE, HS4), np.array([[0.2], [np.nan]], np.float32), {"hs4": np.array(["0507", None], object)}
    )
    columns = RuleColumns(lines({}, {}), table, FIELDS)
    for when in ("hit_rate == 0.2", "hit_rate <= 0.2", 'hs4 == "0507"', 'hs4 in ["0507"]', "hit_rate in [0.2]"):
        verdict = rule(when).evaluate(columns)
        assert verdict.fired.tolist() == [True, False], when
        assert verdict.known.tolist() == [True, False], when


def test_a_share_picks_the_same_part_of_the_consignments_each_time_and_all_lines_of_each() -> None:
    rows = [{"id": f"C{number // 2}", "value": 1} for number in range(4000)]
    verdict = judged("value == 1", *rows, share=25)
    assert verdict.fired.tolist() == judged("value == 1", *rows, share=25).fired.tolist()
    assert (verdict.fired[::2] == verdict.fired[1::2]).all()
    assert 0.2 < verdict.fired.mean() < 0.3
    assert not (verdict.fired & ~judged("value == 1", *rows, share=60).fired).any()
    assert judged("value == 1", *rows, share=100).fired.all()


def test_a_rule_fires_on_its_last_day_and_not_after_it() -> None:
    last, after = datetime(2026, 3, 1, 23, 59, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    rows = [{"value": 1, "filed_at": last}, {"value": 1, "filed_at": after}]
    verdict = judged("value == 1", *rows, expires=date(2026, 3, 1))
    assert verdict.fired.tolist() == verdict.applies.tolist() == [True, False]


def test_a_rule_of_some_offices_leaves_the_others_alone_and_knows_nothing_where_none_is_stated() -> None:
    rows: list[dict[str, Any]] = [{"value": 1, "customs_office": office} for office in ("HPH", "SGN", None)]
    verdict = judged("value == 1", *rows, offices=("HPH",))
    assert verdict.fired.tolist() == [True, False, False]
    assert verdict.known.tolist() == [True, True, False]
    assert verdict.applies.tolist() == [True, False, True]


def test_what_fired_is_told_with_words_and_evidence_line_by_line() -> None:
    table = FeatureTable((RATE, HS4), np.array([[0.5], [0.1]], np.float32), {"hs4": np.array(["0507", "0508"], object)})
    rules = [
        rule('hit_rate > 0.2 and gross_weight_kg > 1 and eta > d"2026-01-01"', lane="red", strength="strong"),
        compile_rule(Rule("other", "Else.", 'hs4 == "0508"'), FIELDS),
    ]
    row = {"gross_weight_kg": 31.5, "eta": datetime(2026, 5, 6, tzinfo=UTC)}
    found = fired(rules, lines(row, row), table)
    assert [one.to_json() for one in found[0]] == [
        {
            "id": "r",
            "statement": "A {statement}.",
            "concept": "rules",
            "strength": "S",
            "band": 3,
            "lane": "red",
            "words": "A {statement}: a hit rate of 50.0%; gross weight 31.5 kg; eta 2026-05-06T00:00:00Z",
            "template": "A {{statement}}: a hit rate of 50.0%; gross weight 31.5 kg; eta 2026-05-06T00:00:00Z",
            "evidence": {"hit_rate": 0.5, "gross_weight_kg": 31.5, "eta": "2026-05-06T00:00:00Z"},
        }
    ]
    assert [entry.id for entry in found[1]] == ["other"]
    assert fired([], lines(row), None) == [[]]
    said = explanation((), found[0]).texts()
    assert said == [f"rule r of this office, proposed lane red: {found[0][0].words}"]


def test_a_rule_survives_its_json_and_its_fingerprint_changes_with_each_word_of_it() -> None:
    given_rule = Rule(
        "r", "S.", "value > 1", expires=date(2026, 1, 2), offices=("A",), lists={"w": ("1", "2")}, share=5
    )
    assert Rule.from_json(given_rule.to_json()) == given_rule
    others = [replace(given_rule, when="value > 2"), replace(given_rule, share=6.0), replace(given_rule, lists={})]
    assert len({one.fingerprint for one in [given_rule, *others]}) == 4
