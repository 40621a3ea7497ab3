"""Each mistake in a rule is told in one sentence with file, line and field; nothing of it is ever run."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from risk.rules import ExpressionError, RuleError, RuleFile, read_rules, rule_fields
from risk.rules.expression import compile_condition

FIELDS: Final = rule_fields()
TODAY: Final = date(2026, 6, 1)


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> RuleFile:
    return read_rules(written(folder, text), FIELDS, TODAY)


def rule(when: str = "value > 1", **more: str) -> str:
    """A rule in a file of its own; `when` stands in line 3."""
    settings = "".join(f"{name}: {value}\n" for name, value in more.items())
    quoted = "'" + when.replace("'", "''") + "'"
    return f"id: a\nstatement: s\nwhen: {quoted}\nauthor: x\nreason: y\n{settings}"


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("value / 0 > 1", "divides by zero"),
        ("value / (2 - 2) > 1", "divides by zero"),
        ("1 / 0 > value", "divides by zero"),
        ("[x for x in watched] == value", "cannot loop"),
        ("value > 9 ** 9 ** 9", "powers are not possible"),
        ("gross_weigth_kg > 1", "no field or list 'gross_weigth_kg'; did you mean 'gross_weight_kg'?"),
        ('gross_weight_kg > "heavy"', "'gross_weight_kg' is a number (kg) and is compared with the text 'heavy'"),
        ("origin_country == 3", "'origin_country' is a text and is compared with the number 3"),
        ('filed_at > "2026-01-01"', 'a time such as d"2026-06-30" is expected'),
        ('value in [1, "x"]', "a list in square brackets holds texts, or numbers"),
        ('value in ["1"]', "looked for in a list of text"),
        ("3 in description", "a text in quotes is expected before `in description`"),
        ("value", "not a condition"),
        ("value > 1 or packages", "'packages' is a number; `or` joins conditions"),
        ("not value", "'value' is a number"),
        ("value > 1 and", "ends too early"),
        ("value >> 1", "'>>' is not possible"),
        ("value > > 1", "cannot be read at '>'"),
        ("value > 1 else", "reserved"),
        ("$now > filed_at", "'$now' is not possible"),
        ('description[0] == "a"', "not possible in a rule"),
        ('description.__class__ == "a"', "there is no description.__class__"),
        ('description.encode("x") == "a"', "there is no function encode"),
        ("value.length > 1", "belong to a text"),
        ("description.starts_with(3)", "expects one text in quotes"),
        ('description =~ "(a)\\1"', "no backward references"),
        ('description =~ "("', "not one of RE2"),
        ('description =~ "((a{900}){900}){900}"', "not one of RE2"),
        ("description =~ origin_country", "a pattern in quotes is expected"),
        ('description =~ "a" + "b"', "one pattern in quotes after it"),
        ('"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!" =~ "(a+)+b" or value > 1', "a field is expected before =~"),
        (f'description =~ "{"a" * 300}"', "more than 200 characters"),
        ("1 < 2", "a part of it is always true"),
        ("value > 1e999", "not a number that can be used"),
        ("value > " + "9" * 60, "not a number that can be used"),
        ("(" * 40 + "value > 1" + ")" * 40, "nested too deep"),
        ("not " * 500 + "value > 1", "nested too deep"),
        (" and ".join(["value>1"] * 300), "more than 600 words"),
        ("value > 1" + " " * 5000 + "and value > 2", "at most 4,000"),
        (" ", "is empty"),
        ("value > 1 # and more", "write comments in the file"),
        ("value == {1, 2}", "square brackets"),
        ("filed_at + eta > filed_at", "cannot be added or subtracted"),
        ("true or value > 1", "a part of it is always true"),
        ("2 < 1 and value > 1", "a part of it is always false"),
        ('"a" in watched', "no field or list 'watched'"),
        ("null > value", "has no order"),
    ],
)
def test_a_condition_that_does_not_fit_is_told_in_one_sentence(tmp_path: Path, when: str, says: str) -> None:
    found = read(tmp_path, rule(when))
    assert not found.rules
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path}/rules.yaml line 3, rule 'a', when: ")
    assert says in problem
    assert "\n" not in problem
    assert len(problem) < 400


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        ({"shares": "3"}, 6, "there is no setting 'shares'; did you mean 'share'?"),
        ({"share": "0"}, 6, "share: is '0'; per cent above 0 and up to 100"),
        ({"share": "101"}, 6, "per cent above 0"),
        ({"share": "much"}, 6, "is 'much'"),
        ({"share": "nan"}, 6, "is 'nan'"),
        ({"expires": "2026-05-31"}, 6, "expires: was 2026-05-31; the rule has expired"),
        ({"expires": "31.12.2026"}, 6, "a date like 2026-12-31 is expected"),
        ({"lane": "green"}, 6, "lane: is 'green'; expected is one of red, yellow, blue"),
        ({"strength": "huge"}, 6, "strength: is 'huge'"),
        ({"offices": "VNHPH"}, 6, "offices: is expected to be a list"),
        ({"offices": "[]"}, 6, "offices: is expected to be a list"),
        ({"offices": "[[A]]"}, 6, "offices: is expected to be a text"),
        ({"lists": "[a]"}, 6, "lists: is expected to hold names and values"),
        ({"lists": "{value: [a]}"}, 6, "'value' is the name of a field"),
        ({"lists": "{w: nowhere.txt}"}, 6, "there is no such file"),
        ({"lists": "{w: ../secret.txt}"}, 6, "a file beside the file of rules"),
        ({"lists": "{w: /etc/passwd}"}, 6, "a file beside the file of rules"),
        ({"reason": "z"}, 6, "reason: is given twice"),
    ],
)
def test_a_setting_that_does_not_fit_is_told_with_its_line(
    tmp_path: Path, more: dict[str, str], line: int, says: str
) -> None:
    (tmp_path.parent / "secret.txt").write_text("x")
    text = rule() + "".join(f"{name}: {value}\n" for name, value in more.items())
    (problem,) = read(tmp_path, text).problems
    assert f"rules.yaml line {line}" in problem
    assert says in problem


@pytest.mark.parametrize("name", ["id", "statement", "when", "author", "reason"])
def test_a_rule_without_what_it_needs_is_refused(tmp_path: Path, name: str) -> None:
    text = "".join(line for line in rule().splitlines(True) if not line.startswith(name))
    assert read(tmp_path, text).problems == [f"{tmp_path}/rules.yaml line 1, {name}: is missing"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("rules: []", "is expected to be a list of rules"),
        ("rules: x", "is expected to be a list of rules"),
        ("rules:\n - a: [", "line 2"),
        ("a: &x [1]\nb: *x", "line 1: anchors"),
        ("[" * 5000, "nested deeper"),
        ("rules:\n- {}\nmore: 1", "line 3: there is no setting 'more'"),
        ("\t- x", "line 1"),
        ("# " + "x" * 1_000_000, "has 1,000,002 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RuleError) as told:
        read(tmp_path, text)
    assert str(tmp_path / "rules.yaml") in str(told.value)
    assert says in str(told.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"id: \xff")
    with pytest.raises(RuleError, match="byte 5 is not UTF-8"):
        read_rules(tmp_path / "b.yaml", FIELDS)
    with pytest.raises(RuleError, match="no such file"):
        read_rules(tmp_path / "c.yaml", FIELDS)


def test_one_bad_rule_leaves_the_good_ones_and_a_second_of_the_same_id_is_bad(tmp_path: Path) -> None:
    one = "- {id: %s, statement: s, when: '%s', author: x, reason: y}\n"
    found = read(tmp_path, "rules:\n" + one % ("a", "value > 1") + one % ("b", "valeu > 1") + one % ("a", "value > 2"))
    assert [good.rule.when for good in found.rules] == ["value > 1"]
    assert [problem.split(":")[0].split(" ", 1)[1] for problem in found.problems] == [
        "line 3, rule 'b', when",
        "line 4, id",
    ]


@pytest.mark.parametrize("style", [">", "|", ">-", "  # said\n "])
def test_the_line_is_that_of_the_word_in_a_condition_over_several_lines(tmp_path: Path, style: str) -> None:
    text = f"id: a\nstatement: s\nwhen: {style}\n  value > 1\n\n  and not\n  valeu > 2\nauthor: x\nreason: y\n"
    (problem,) = read(tmp_path, text).problems
    assert f"line {1 + text[: text.index('valeu')].count(chr(10))}, rule 'a', when: there is no field" in problem


def test_lists_come_from_the_file_a_rule_or_a_text_beside_it_and_keep_their_zeros(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("# watched\n0012  # since May\n\nNO\n0012\n")
    found = read(
        tmp_path,
        "lists: {codes: [0401, NO]}\nrules:\n- id: a\n  statement: s\n  author: x\n  reason: y\n"
        "  when: consignee_id in ids or hs_code in codes\n  lists: {ids: ids.txt, unused: [z]}\n",
    )
    assert found.problems == []
    assert found.rules[0].rule.lists == {"ids": ("0012", "NO"), "codes": ("0401", "NO")}


PIECES: Final = st.sampled_from(
    "value gross_weight_kg description eta watched null true ( ) [ ] , . ?? == != > < + - * / and or not in =~ =~~ "
    '"a" r"(a+)+" 0 1 2.5 1e308 d"2026-01-01" t"P1D" as_lower starts_with for ** { } : ? $now & | b"x" nan inf'.split()
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=60))
@example("value > nan")
@example('d"never" > eta')
@example('t"P99999999999D" > eta - eta')
@example("-(" * 15 + "value" + ")" * 15 + " > 1")
def test_any_text_is_a_condition_or_is_refused_in_one_sentence(text: str) -> None:
    try:
        compile_condition(text, FIELDS, {"watched": ("a",)})
    except ExpressionError as error:
        assert str(error)


WHOLE: Final = (Path(__file__).parents[2] / "examples" / "rules.yaml").read_text(encoding="utf-8")


@settings(max_examples=60)
@given(
    st.binary(max_size=80)
    | st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 40), st.text("[]{}:-&*?!|>#'\"\n x0", max_size=6)).map(
        lambda cut: (WHOLE[: cut[0]] + cut[2] + WHOLE[cut[0] + cut[1] :]).encode()
    )
)
def test_any_file_is_read_or_refused_and_every_problem_names_its_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("rules") / "r.yaml"
    path.write_bytes(content)
    path.with_name("rules-watched.txt").write_text("X1")
    try:
        found = read_rules(path, FIELDS, TODAY)
    except RuleError as error:
        assert str(error).startswith(str(path))
        return
    assert all(problem.startswith(f"{path} line ") for problem in found.problems)
