from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from risk.errors import InputError
from risk.layout import column_names
from serving.store import ASSESSMENTS, Store, assessment_id


@pytest.fixture
def answers() -> pd.DataFrame:
    n = 6
    frame = pd.DataFrame(
        {
            "consignment_id": [f"C{row}" for row in range(n)],
            "version": np.ones(n, np.int64),
            "stage": ["pre_arrival", None] * 3,
            "scored_at": pd.date_range("2026-03-01", periods=n, freq="h", tz="UTC").as_unit("us"),
            "model_name": "wildlife",
            "model_version": "3",
            "model_fingerprint": "f00d",
            "reference_fingerprint": "beef",
            "pack_fingerprint": "cafe",
            "history_as_of": pd.Timestamp("2026-02-28T23:59:59.999999Z").as_unit("us"),
            "input_fingerprint": [f"{row:04x}" for row in range(n)],
            "probability": np.linspace(0.9, 0.0, n),
            "raw_score": np.linspace(2, -5, n),
            "rank": np.arange(1, n + 1),
            "out_of": np.full(n, n),
            "lane": ["red", "yellow", "blue", "green", "green", "red"],
            "propensity": [1.0, 1.0, 0.1, 0.1, 0.1, 0.1],
            "selected_by": ["risk", "risk", None, None, None, "random"],
            "reasons": ['[{"feature": "mật độ", "share": 0.4}]'] * n,
            "indicators": ["[]"] * n,
        }
    )
    return frame


def test_an_answer_comes_back_as_it_was_given(opened: Store, answers: pd.DataFrame) -> None:
    saved = opened.save_assessments(answers)
    assert (saved.new, saved.known, len(set(saved.ids))) == (6, 0, 6)
    back = opened.assessments()
    assert list(back.columns) == [*column_names(ASSESSMENTS), "id"]
    pd.testing.assert_frame_equal(back, answers.assign(id=saved.ids))


def test_the_first_answer_for_a_version_stage_and_model_stands(opened: Store, answers: pd.DataFrame) -> None:
    first = opened.save_assessments(answers)
    later = answers[::-1].assign(rank=1, probability=0.5, scored_at=pd.Timestamp("2026-04-01", tz="UTC"))
    again = opened.save_assessments(later)
    assert (again.new, again.known, again.ids) == (0, 6, first.ids[::-1])
    pd.testing.assert_frame_equal(opened.assessments(), answers.assign(id=first.ids))


def test_another_version_stage_or_model_is_another_answer(opened: Store, answers: pd.DataFrame) -> None:
    opened.save_assessments(answers)
    for change in ({"version": 2}, {"stage": "post_discharge"}, {"model_fingerprint": "f00e"}):
        assert opened.save_assessments(answers.assign(**change)).new == 6
    assert len(opened.assessments(consignment_id="C1")) == 4


def test_an_answer_is_found_by_its_id_and_the_id_can_be_told_beforehand(opened: Store, answers: pd.DataFrame) -> None:
    saved = opened.save_assessments(answers)
    assert saved.ids[1] == assessment_id("C1", 1, None, "f00d")
    found = opened.assessment(saved.ids[1])
    assert found is not None
    assert found["consignment_id"] == "C1"
    assert found["stage"] is None
    assert found["history_as_of"] == datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)
    assert opened.assessment("0" * 32) is None


def test_answers_are_found_by_ids_and_by_time(
    opened: Store, answers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.store.assessments.CHUNK", 2)
    saved = opened.save_assessments(answers)
    some = opened.assessments(ids=[*saved.ids[1:4], "f" * 32])
    assert some["consignment_id"].tolist() == ["C1", "C2", "C3"]
    assert opened.assessments(ids=[]).empty
    assert len(opened.assessments(scored_from=answers["scored_at"][4].to_pydatetime())) == 2


def test_an_answer_without_a_rank_is_refused(opened: Store, answers: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="Column rank is missing"):
        opened.save_assessments(answers.drop(columns="rank"))


def test_an_import_is_recorded_from_beginning_to_end(opened: Store) -> None:
    broken = opened.begin_import("june.csv", "a" * 64)
    run = opened.begin_import("june.csv", "a" * 64)
    opened.begin_import("july.csv", "b" * 64)
    opened.finish_import(run, rows=10, accepted=7, known=2, rejected=1)
    first, second = opened.imports(sha256="a" * 64)
    assert (first.id, first.rows, first.finished_at) == (broken, None, None)
    assert (second.rows, second.accepted, second.known, second.rejected) == (10, 7, 2, 1)
    assert second.finished_at is not None
    assert second.started_at <= second.finished_at <= datetime.now(UTC)
    assert all(one.started_at <= two.started_at for one, two in pairwise(opened.imports()))
    with pytest.raises(KeyError):
        opened.finish_import(99, rows=0, accepted=0, known=0, rejected=0)
