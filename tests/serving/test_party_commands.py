"""`risk parties` end to end, on a store in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from risk.consignment import CONSIGNMENTS
from risk.layout import Column, dtype
from serving import settings
from serving.cli import run
from serving.store import Store

FILED = [
    ("2026-01-05", "MINH PHAT TRADING CO., LTD", "12 Le Loi, Hue"),
    ("2026-02-05", "Công ty TNHH Thương mại Minh Phát", "12 Lê Lợi, Huế"),
    ("2026-03-05", "MINH PHAT TRADING CO., LTD", "9 Tran Phu, Vinh"),
    ("2026-04-05", "ZURI \x1b[31mCROWN\u202e LTD", "3 Port Road, Tanga"),
    ("2026-05-05", "TO ORDER", None),
]


def _empty(column: Column) -> pd.Series[Any]:
    return pd.Series([1 if column.kind == "integer" else None] * len(FILED), dtype=dtype(column))


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def risk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs `risk parties ...` on a store with FILED; the exit status and what stood on stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RISK_DATABASE_URL", raising=False)
    monkeypatch.setattr(settings, "_in_force", [])
    lines = pd.DataFrame({column.name: _empty(column) for column in CONSIGNMENTS})
    lines["consignment_id"] = [f"C{row}" for row in range(len(FILED))]
    lines["filed_at"] = pd.to_datetime([day for day, _, _ in FILED], utc=True).as_unit("us")
    lines["consignee_name"] = [name for _, name, _ in FILED]
    lines["consignee_address"] = [address for _, _, address in FILED]
    lines["consignee_country"] = "VN"
    with Store.open(f"sqlite:///{tmp_path / 'risk.db'}") as store:
        store.add_consignments(lines, "test.csv")

    def command(*arguments: str) -> tuple[int, str, str]:
        status = run(["parties", *arguments])
        said = capfd.readouterr()
        return status, said.out, said.err

    return command


def _json(answer: tuple[int, str, str]) -> Any:
    assert answer[0] == 0, answer[2]
    return json.loads(answer[1])


def test_a_name_in_any_spelling_finds_its_party_with_score_and_rule(risk: Command) -> None:
    found = _json(risk("search", "Minh Phát Trading", "--country", "VN", "--address", "12 Le Loi Hue", "--json"))
    assert [match["rule"] for match in found["matches"] if match["linked"]] == ["name_address"]
    status, out, _ = risk("search", "Minh Phát Trading", "--country", "VN", "--address", "12 Le Loi Hue")
    assert status == 0
    assert "0.98" in out
    assert "name_address" in out


def test_a_name_of_nobody_and_a_new_name_say_so(risk: Command) -> None:
    assert "no party: order" in risk("search", "To order")[2]
    assert "(new)" in risk("search", "Orion Gate Pte Ltd", "--country", "SG")[2]


def test_a_party_shows_its_spellings_and_the_inferred_links_between_them(risk: Command) -> None:
    party = _json(risk("search", FILED[0][1], "--country", "VN", "--json"))["matches"][0]["party"]
    shown = _json(risk("show", party, "--json"))
    assert [entry["name"] for entry in shown["spellings"]] == [FILED[0][1], FILED[1][1], FILED[2][1]]
    assert [entry["first_seen"][:10] for entry in shown["spellings"]] == ["2026-01-05", "2026-02-05", "2026-03-05"]
    assert {(link["rule"], link["inferred"]) for link in shown["links"]} == {
        ("name_address", True),
        ("name_elsewhere", True),
    }
    out = risk("show", party)[1]
    assert "3 spellings" in out
    assert out.count("inferred") == 2


def test_a_judgement_splits_and_joins_from_now_on_but_not_in_the_past(risk: Command) -> None:
    party = _json(risk("search", FILED[0][1], "--country", "VN", "--json"))["matches"][0]["party"]
    third = _json(risk("show", party, "--json"))["spellings"][2]["id"]
    judged = _json(risk("judge", party, third, "different", "--why", "two owners", "--by", "an officer", "--json"))
    assert judged["left"]["party"] != judged["right"]["party"] == third
    assert len(_json(risk("show", party, "--json"))["spellings"]) == 2
    assert "different" in risk("show", third)[1]
    before = _json(risk("show", party, "--as-of", "2026-06-30", "--json"))
    assert len(before["spellings"]) == 3
    assert before["judgements"] == []
    assert "one party" in risk("judge", party, third, "same", "--why", "one owner after all")[2]


def test_a_judgement_that_others_contradict_is_noted_and_not_followed(risk: Command) -> None:
    shown = _json(risk("search", FILED[0][1], "--country", "VN", "--json"))["matches"][0]["party"]
    first, second, third = (entry["id"] for entry in _json(risk("show", shown, "--json"))["spellings"])
    for left, right, verdict in ((first, second, "same"), (first, third, "different")):
        assert risk("judge", left, right, verdict, "--why", "seen the papers")[0] == 0
    status, _, err = risk("judge", second, third, "same", "--why", "a guess")
    assert status == 0
    assert "not followed: other judgements hold the two apart" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "P0"), "There is no party P0; `risk parties search NAME` shows ids"),
        (("judge", "P0", "P1", "same", "--why", "x"), "There is no party P0"),
        (("judge", "P0", "P1", "maybe", "--why", "x"), "expected is one of same, different, unsure"),
        (("show", "P0", "--as-of", "yesterday"), "--as-of is 'yesterday'; an ISO 8601 time"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(risk: Command, arguments: tuple[str, ...], sentence: str) -> None:
    status, out, err = risk(*arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_a_name_cannot_steer_the_terminal(risk: Command) -> None:
    out = risk("search", "Zuri [31mCrown Ltd", "--country", "VN", "--address", "3 Port Road, Tanga")[1]
    assert "CROWN" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
