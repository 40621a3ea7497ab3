"""The one scoring path: a consignment alone scores as in any company; ranks, lanes and reasons add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_office import Office, at_home

from features.snapshot import save_history
from features.state import State
from risk.errors import HistoryError
from risk.inspection import Target
from risk.manifests import read_all
from risk.model import RiskModel
from risk.selection import RANDOM_SHARE
from serving.batch import save_assessments
from serving.modelling import registry
from serving.past import fold_all, past_from_file, past_from_store, past_from_tables
from serving.scorer import Assessments, Past, assess, explanation_of, summary
from serving.spool import Part, Spool
from serving.store import Store
from serving.telling import inferred

SAME = ["version", "stage", "filed_at", "line_no", "probability", "raw_score", "input_fingerprint", "reasons"]
"""What an assessment says of a consignment whatever else is scored with it."""


@pytest.fixture(scope="module")
def model(office: Office) -> RiskModel:
    with at_home(office.home):
        return registry().load("champion")[0]


@pytest.fixture(scope="module")
def lines(office: Office) -> pd.DataFrame:
    """Everything filed, that of the manifest last."""
    return read_all([office.filed, office.manifest], table="consignments").consignments


@pytest.fixture(scope="module")
def manifest(office: Office) -> pd.DataFrame:
    return read_all([office.manifest], table="consignments").consignments


@pytest.fixture(scope="module")
def outcomes(office: Office) -> pd.DataFrame:
    return read_all([office.outcomes], table="outcomes").outcomes


@pytest.fixture(scope="module")
def store(lines: pd.DataFrame, outcomes: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store that holds everything filed and found, the manifest too."""
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('store') / 'risk.db'}")
    opened.add_consignments(lines, "test")
    opened.add_outcomes(outcomes, "test")
    return opened


Score = Callable[..., Assessments]


@pytest.fixture(scope="module")
def score(model: RiskModel) -> Score:
    def scored(
        lines: pd.DataFrame | Iterable[Part], past: Past, capacity: float = 0.1, explained: int = 1000
    ) -> Assessments:
        if isinstance(lines, pd.DataFrame):
            lines = lines.reset_index(drop=True)
        return assess(lines, past, model, capacity=capacity, seed=7, explained=explained, threads=1)

    return scored


@pytest.fixture(scope="module")
def batch(manifest: pd.DataFrame, store: Store, score: Score) -> pd.DataFrame:
    """The assessments of the whole manifest with the history of the store, by consignment."""
    found: pd.DataFrame = score(manifest, past_from_store(store, manifest, Target(), 1)).table
    return found.set_index("consignment_id")


def some(manifest: pd.DataFrame) -> list[str]:
    """Consignments of the manifest: the first and last, the amended, those at one moment, and others."""
    ids = manifest["consignment_id"].drop_duplicates().tolist()
    amended = manifest.loc[manifest["version"] > 1, "consignment_id"].tolist()
    moments = manifest.drop_duplicates(["consignment_id", "filed_at"])
    together = moments.loc[moments["filed_at"].duplicated(keep=False), "consignment_id"].tolist()
    assert amended and len(together) >= 2
    return list(dict.fromkeys([ids[0], *ids[7::15], *amended[:2], *together[:3], ids[-1]]))


def last_version(manifest: pd.DataFrame, consignment: str) -> pd.DataFrame:
    mine = manifest[manifest["consignment_id"] == consignment]
    last: pd.DataFrame = mine[mine["version"] == mine["version"].max()]
    return last


def test_a_consignment_alone_scores_with_the_store_bit_for_bit_as_in_the_whole_manifest(
    manifest: pd.DataFrame, store: Store, score: Score, batch: pd.DataFrame
) -> None:
    for consignment in some(manifest):
        alone = last_version(manifest, consignment)
        found = score(alone, past_from_store(store, alone, Target(), 1)).table
        assert list(found.loc[0, SAME]) == list(batch.loc[consignment, SAME]), consignment


def test_and_with_a_history_file_of_all_that_was_known_just_before(
    lines: pd.DataFrame,
    manifest: pd.DataFrame,
    outcomes: pd.DataFrame,
    score: Score,
    batch: pd.DataFrame,
    tmp_path: Path,
) -> None:
    for consignment in some(manifest):
        alone = last_version(manifest, consignment)
        now = alone["filed_at"].min()
        before = fold_all(lines[lines["filed_at"] < now], outcomes[outcomes["recorded_at"] < now], Target(), 1)
        save_history(before, tmp_path / "history.npz", target=Target())
        found = score(alone, past_from_file(tmp_path / "history.npz", Target())).table
        assert list(found.loc[0, SAME]) == list(batch.loc[consignment, SAME]), consignment


def test_the_order_of_the_lines_changes_nothing(
    manifest: pd.DataFrame, store: Store, score: Score, batch: pd.DataFrame
) -> None:
    shuffled = manifest.sample(frac=1, random_state=5)
    found = score(shuffled, past_from_store(store, manifest, Target(), 1)).table.set_index("consignment_id")
    for name in (*SAME, "rank", "lane", "selected_by", "propensity"):
        assert found.loc[batch.index, name].astype(str).tolist() == batch[name].astype(str).tolist(), name


def test_history_matters_and_the_scores_differ_from_those_without(
    manifest: pd.DataFrame, score: Score, batch: pd.DataFrame
) -> None:
    found = score(manifest, Past(State())).table.set_index("consignment_id")
    assert (found.loc[batch.index, "input_fingerprint"] != batch["input_fingerprint"]).mean() > 0.5


def test_scoring_again_gives_the_same_and_the_store_keeps_each_answer_once(
    manifest: pd.DataFrame, store: Store, score: Score, tmp_path: Path
) -> None:
    past = past_from_store(store, manifest, Target(), 1)
    first, second = score(manifest, past), score(manifest, past)
    pd.testing.assert_frame_equal(first.table.drop(columns="scored_at"), second.table.drop(columns="scored_at"))
    with Store.open(f"sqlite:///{tmp_path / 'risk.db'}") as other:
        save_assessments(other, first)
        kept = other.assessments()
        save_assessments(other, second)
        pd.testing.assert_frame_equal(other.assessments(), kept)
    assert len(kept) == len(first.table)


def spooled(lines: pd.DataFrame, rows: int, frames: int = 3) -> Spool:
    """The lines on disk in a few frames, given back in parts of about so many."""
    spool = Spool(rows)
    for part in np.array_split(np.arange(len(lines)), frames):
        spool.add(lines.iloc[part].reset_index(drop=True).dropna(axis="columns", how="all"))
    return spool


@pytest.mark.parametrize("rows", [4, 25, 1000])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_manifest_too_large_for_memory_scores_part_by_part_as_in_one_bit_for_bit(
    manifest: pd.DataFrame, lines: pd.DataFrame, outcomes: pd.DataFrame, score: Score, rows: int, shuffled: bool
) -> None:
    manifest = manifest.copy()
    several = manifest.index[manifest["consignment_id"].duplicated() & (manifest["version"] == 1)]
    manifest.loc[several[:3], "filed_at"] += pd.Timedelta(hours=30)  # a line that came a day after the others
    early = manifest.drop_duplicates("consignment_id").head(12)
    found = outcomes.head(12).assign(  # and results of the first of the manifest while the last are being filed
        consignment_id=early["consignment_id"].tolist(),
        line_no=0,
        recorded_at=(early["filed_at"] + pd.Timedelta(days=1)).tolist(),
        result=["wildlife", "nothing"] * 6,
    )
    filed = lines[~lines["consignment_id"].isin(manifest["consignment_id"])]
    beside = manifest.tail(8).assign(consignment_id=lambda frame: "X" + frame["consignment_id"])
    past = past_from_tables(
        pd.concat([filed, beside], ignore_index=True),
        pd.concat([outcomes, found], ignore_index=True).sort_values("recorded_at", ignore_index=True),
        manifest,
        Target(),
        1,
    )
    assert past.outcomes is not None and len(past.outcomes) > 12
    whole = score(manifest, past, explained=20)
    if shuffled:
        manifest = manifest.sample(frac=1, random_state=rows)
    with spooled(manifest, rows) as spool:
        assert len(list(spool.parts())) >= min(4, len(manifest) // rows)
        parted = score(spool.parts(), past, explained=20)
    pd.testing.assert_frame_equal(
        parted.table.drop(columns="scored_at"), whole.table.drop(columns="scored_at"), check_exact=True
    )
    assert parted.superseded == whole.superseded
    assert parted.lines["hs_code"].tolist() == whole.lines["hs_code"].tolist()


@settings(max_examples=40)
@given(moments=st.lists(st.integers(0, 12), min_size=1, max_size=60), rows=st.integers(1, 20))
def test_parts_hold_every_line_once_in_order_of_time_and_cut_no_moment(moments: list[int], rows: int) -> None:
    lines = pd.DataFrame(
        {
            "consignment_id": [f"C{i // 2}" for i in range(len(moments))],
            "line_no": [i % 2 + 1 for i in range(len(moments))],
            "version": 1,
            "filed_at": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(moments, unit="s").as_unit("us"),
        }
    )
    with spooled(lines, rows, 2) as spool:
        parts = list(spool.parts())
    assert sum(len(part.lines) for part in parts) == len(lines)
    for one, other in pairwise(parts):
        assert one.before == other.lines["filed_at"].min()
        assert one.lines["filed_at"].max() < other.lines["filed_at"].min()
        assert len(one.lines) <= rows or one.lines["filed_at"].nunique() == 1
    for at, part in enumerate(parts):
        assert part.reads.all(), "all are of the last version"
        after = {name for later in parts[at + 1 :] for name in later.lines["consignment_id"]}
        assert part.later.tolist() == [name in after for name in part.lines["consignment_id"]]


@pytest.mark.parametrize("capacity", [0.1, 0.03, 1, 7, 10_000])
def test_ranks_and_lanes_use_the_capacity_with_its_random_part_and_no_more(
    manifest: pd.DataFrame, store: Store, score: Score, capacity: float
) -> None:
    found = score(manifest, past_from_store(store, manifest, Target(), 1), capacity)
    table = found.table
    n = manifest["consignment_id"].nunique()
    expected = min(n, math.ceil(capacity * n) if capacity < 1 else int(capacity))
    drawn = min(math.ceil(RANDOM_SHARE * expected - 1e-9), max(expected - 1, 0))
    assert table["rank"].tolist() == list(range(1, n + 1))
    assert (table["out_of"] == n).all()
    assert (table["probability"].diff().dropna() <= 0).all(), "in order of rank the probability never rises"
    assert table["probability"].between(0, 1).all()
    assert found.capacity == expected == (table["lane"] == "red").sum()
    assert (table["selected_by"] == "random").sum() == drawn
    assert (table["selected_by"] == "risk").sum() == expected - drawn
    assert (table["selected_by"].notna() == (table["lane"] == "red")).all()
    assert table["propensity"].sum() == pytest.approx(expected)
    counted = summary(found)
    assert sum(counted["lanes"].values()) == counted["consignments"] == n
    assert counted["superseded"] >= 1, "the first version of an amended consignment is not scored"


@pytest.mark.parametrize("explained", [0, 1, 9])
def test_everyone_gets_reasons_and_those_inspected_or_asked_for_get_exact_ones(
    manifest: pd.DataFrame, store: Store, score: Score, explained: int
) -> None:
    found = score(manifest, past_from_store(store, manifest, Target(), 1), explained=explained)
    assert (found.table["lane"] == "red").sum() > 5
    for assessment in found.table.to_dict("records"):
        reasons = orjson.loads(assessment["reasons"])
        exact = assessment["lane"] == "red" or assessment["rank"] <= explained
        assert {reason["method"] for reason in reasons} == {"shapley" if exact else "path"}
        assert sum(reason["share"] for reason in reasons) <= 1.001  # rounded
        total = assessment["base_score"] + sum(reason["log_odds"] for reason in reasons)
        assert total == pytest.approx(assessment["raw_score"], abs=1e-12)
        for reason in reasons:
            assert 0 <= reason["share"] <= 1
            assert reason["direction"] in {"raises", "lowers"}
            assert reason["words"] and "nan" not in reason["words"].lower().split()
    assert len(found.lines) == explained
    assert found.lines["consignment_id"].tolist() == found.table["consignment_id"].head(explained).tolist()


def test_the_table_in_pieces_is_the_table_and_the_explanations_are_those_of_its_rows(
    manifest: pd.DataFrame, store: Store, score: Score
) -> None:
    found = score(manifest, past_from_store(store, manifest, Target(), 1), explained=3)
    pieces = list(found.chunks(7))
    assert len(pieces) > 5
    pd.testing.assert_frame_equal(pd.concat(pieces), found.table)
    for explained, assessment in zip(found.explanations(20), found.table.head(20).to_dict("records"), strict=True):
        assert explained == explanation_of(assessment)
        assert assessment["base_score"] + explained.log_odds == pytest.approx(assessment["raw_score"], abs=1e-12)


def test_a_party_without_a_number_counts_as_matched_by_name(manifest: pd.DataFrame) -> None:
    told = manifest.head(3).assign(
        consignee_id=pd.array([None, "1", None], "str"), consignee_name=pd.array(["A", "A", None], "str")
    )
    assert inferred(told)["consignee"].tolist() == [True, False, False]
    assert not inferred(told.drop(columns=["consignee_name"]))["consignee"].any()


def test_the_first_filing_of_an_amended_consignment_is_history_and_not_scored(
    manifest: pd.DataFrame, batch: pd.DataFrame
) -> None:
    amended = manifest.loc[manifest["version"] > 1].drop_duplicates("consignment_id")
    assert batch.loc[amended["consignment_id"], "version"].tolist() == amended["version"].tolist()


def test_a_history_that_reaches_into_the_manifest_is_refused(
    lines: pd.DataFrame, outcomes: pd.DataFrame, manifest: pd.DataFrame, score: Score
) -> None:
    with pytest.raises(HistoryError):
        score(manifest, Past(fold_all(lines, outcomes, Target(), 1)))


def test_the_probability_is_the_model_s_and_rises_with_the_raw_score(batch: pd.DataFrame, model: RiskModel) -> None:
    expected = model.calibration.probability(batch["raw_score"].to_numpy(np.float64))
    assert batch["probability"].tolist() == expected.tolist()
    assert batch["raw_score"].nunique() > 5
