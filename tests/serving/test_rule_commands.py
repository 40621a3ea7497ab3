"""`risk rules` and `risk backtest` as an officer meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_office import Office, risk

EXAMPLES = Path(__file__).parents[2] / "examples"

RULES = """
rules:
  - id: risky-lane
    statement: Loaded where much was found before.
    when: loading_country in ["KR", "TH"]
    author: ann
    reason: planted
    share: 10
  - id: known-trouble
    statement: Much was found with this consignee.
    when: consignee_hit_rate > 0.3
    author: ann
    reason: planted
  - id: all
    statement: Everything.
    when: gross_weight_kg >= 0
    author: ann
    reason: a mistake
  - id: typo
    statement: A slip of the pen.
    when: gros_weight_kg > 0
    author: ann
    reason: a mistake
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def stocked(office: Office, home: Path) -> Path:
    """The office's model, filings and outcomes."""
    assert risk(home, "import", office.filed).status == 0
    assert risk(home, "import", office.known).status == 0
    return home


def test_the_example_rules_fit(tmp_path: Path) -> None:
    ran = risk(tmp_path, "rules", "check", EXAMPLES / "rules.yaml", "--json")
    assert ran.status == 0, ran.out
    assert len(ran.json["rules"]) >= 5


def test_check_tells_each_mistake_with_its_line_and_stores_nothing(tmp_path: Path, file: Path) -> None:
    ran = risk(tmp_path, "rules", "check", file)
    assert ran.status == 3
    assert (
        f"wrong {file} line 21, rule 'typo', when: there is no field or list 'gros_weight_kg'; did you mean" in ran.out
    )
    assert "good  risky-lane" in ran.out
    assert not (tmp_path / "risk.db").exists()


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    ran = risk(tmp_path, "rules", "check", "none.yaml")
    assert ran.status == 2
    assert ran.sentence == "none.yaml: there is no such file"
    assert risk(tmp_path, "backtest", "none.yaml").status == 1  # an empty store


def test_a_rule_comes_in_is_activated_by_another_person_and_retired(stocked: Path, file: Path) -> None:
    ran = risk(stocked, "rules", "add", file, "--as", "ben", "--json")
    assert (ran.status, ran.json["new"], ran.json["rejected"]) == (3, 3, 1)
    assert "another person" in risk(stocked, "rules", "activate", "risky-lane", "--as", "ben").sentence
    ran = risk(stocked, "rules", "activate", "risky-lane", "--as", "carol", "--json")
    assert (ran.status, ran.json["state"]) == (0, "active")
    assert 0 < ran.json["volume"] <= 0.05
    ran = risk(stocked, "rules", "activate", "all", "--as", "carol")
    assert ran.status == 1
    assert "(100.0%), more than 5.0%; narrow it, or give a reason with --force" in ran.sentence
    ran = risk(stocked, "rules", "activate", "all", "--as", "carol", "--force", "drill", "--json")
    assert (ran.json["reason"], ran.json["volume"]) == ("drill", 1.0)
    assert risk(stocked, "rules", "activate", "known-trouble", "--as", "carol", "--most", "100").status == 0
    assert risk(stocked, "rules", "retire", "all", "--as", "carol", "--reason", "over").status == 0
    shown = risk(stocked, "rules", "list").out
    assert "risky-lane" in shown
    assert "Everything." not in shown
    assert "Everything." in risk(stocked, "rules", "list", "--all").out


def test_fields_are_found_by_a_part_of_their_name(tmp_path: Path) -> None:
    assert "consignee_hit_rate" in risk(tmp_path, "rules", "fields", "hit_rate").out


def test_a_backtest_on_the_store_tells_volume_precision_and_what_gives_way(stocked: Path, file: Path) -> None:
    ran = risk(stocked, "backtest", file, "--capacity", "0.1", "--json")
    assert ran.status == 3  # a rule of the file was left out
    found = ran.json
    assert found["problems"][0].endswith("did you mean 'gross_weight_kg'?")
    rules = {entry["id"]: entry for entry in found["rules"]}
    assert list(rules) == ["risky-lane", "known-trouble", "all"]
    assert rules["all"]["hits"] == found["consignments"]
    assert rules["all"]["random"] == found["all"]["random"]
    trouble = rules["known-trouble"]["random"]
    assert trouble["precision"]["low"] > found["all"]["random"]["precision"]["value"]
    model = rules["risky-lane"]["model"]
    assert model["taken_in"]["consignments"] == model["displaced"]["consignments"] > 0
    assert rules["all"]["model"]["displaced"]["consignments"] == 0
    shown = risk(stocked, "backtest", file, "--capacity", "0.1")
    assert "known-trouble" in shown.out
    assert "displaces" in shown.out
    assert "left out: " in shown.err


def test_a_backtest_reads_files_and_needs_no_model(office: Office, file: Path, tmp_path: Path) -> None:
    asked: list[str | Path] = [
        "--consignments",
        office.filed,
        "--outcomes",
        office.known,
        "--from",
        "2026-01-01",
        "--until",
        "2026-02-01",
    ]
    ran = risk(tmp_path / "empty", "backtest", file, *asked, "--json")
    found = ran.json
    assert (found["from"], found["before"], found["model"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", None)
    assert found["top"] is None
    assert found["notes"][0].startswith("not compared with a model: ")
    assert sum(row["hits"] for row in found["rules"][2]["by_week_and_office"]) == found["consignments"]
    with_model = risk(office.home, "backtest", file, *asked, "--json").json
    assert with_model["notes"][0].startswith("the model was trained on consignments filed before ")
    assert with_model["rules"][0]["hits"] == found["rules"][0]["hits"]


def test_a_rule_of_the_store_is_backtested_by_its_id_and_an_unknown_one_is_told(stocked: Path, file: Path) -> None:
    risk(stocked, "rules", "add", file, "--as", "ben")
    found = risk(stocked, "backtest", "known-trouble", "--model", "none", "--json").json
    assert [entry["id"] for entry in found["rules"]] == ["known-trouble"]
    assert "neither a file of rules nor the id of a rule" in risk(stocked, "backtest", "unheard-of").sentence
    ran = risk(stocked, "backtest", "known-trouble", "--from", "2026-02-01", "--until", "2026-01-01")
    assert ran.sentence.startswith("the span begins 2026-02-01T00:00:00Z and ends 2026-01-01T00:00:00Z")


def test_all_indicators_are_backtested_at_once(stocked: Path) -> None:
    found = risk(stocked, "backtest", "pack", "--from", "2026-02-10", "--json").json
    assert len(found["rules"]) > 50
    assert any(entry["hits"] for entry in found["rules"])
    assert all(entry["hits"] + entry["not_evaluable"] <= found["consignments"] for entry in found["rules"])
