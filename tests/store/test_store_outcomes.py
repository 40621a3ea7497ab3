from __future__ import annotations

import pandas as pd

from risk.inspection import OUTCOMES
from risk.layout import column_names
from serving.store import Store


def test_what_an_inspection_found_comes_back_as_it_was(
    opened: Store, filled: pd.DataFrame, results: pd.DataFrame
) -> None:
    opened.add_consignments(filled, "june.csv")
    added = opened.add_outcomes(results.sample(frac=1, random_state=1), "inspections.csv")
    assert (added.new, added.known, added.unknown) == (len(results), 0, [])
    back = opened.outcomes()
    assert list(back.columns) == column_names(OUTCOMES)
    pd.testing.assert_frame_equal(back, results)


def test_the_same_result_again_is_known_and_another_is_a_correction(
    opened: Store, filled: pd.DataFrame, results: pd.DataFrame
) -> None:
    opened.add_consignments(filled, "june.csv")
    opened.add_outcomes(results, "inspections.csv")
    corrected = results.iloc[[4]].assign(result="wildlife", recorded_at=results["recorded_at"].max())
    added = opened.add_outcomes(pd.concat([results, corrected], ignore_index=True), "again.csv")
    assert (added.new, added.known) == (1, len(results))
    assert len(opened.outcomes(consignment_id=results["consignment_id"][4])) == 2


def test_outcomes_of_consignments_never_filed_are_handed_back_and_not_stored(
    opened: Store, filled: pd.DataFrame, results: pd.DataFrame
) -> None:
    opened.add_consignments(filled[filled["consignment_id"] < "C010"], "june.csv")
    added = opened.add_outcomes(results, "inspections.csv")
    assert results["consignment_id"][added.unknown].min() == "C010"
    assert (added.new, len(added.unknown)) == (10, 10)
    kept = opened.add_outcomes(results, "inspections.csv", allow_unknown=True)
    assert (kept.new, kept.known, kept.unknown) == (10, 10, [])
    pd.testing.assert_frame_equal(opened.outcomes(), results)


def test_only_what_was_known_at_a_time_is_read(opened: Store, results: pd.DataFrame) -> None:
    opened.add_outcomes(results, "inspections.csv", allow_unknown=True)
    moment = results["recorded_at"][8].to_pydatetime()
    assert (opened.outcomes(recorded_before=moment)["recorded_at"] < moment).all()
    assert len(opened.outcomes(recorded_before=moment)) == 8


def test_another_label_keeps_its_own_outcomes(opened: Store, results: pd.DataFrame) -> None:
    opened.add_outcomes(results, "inspections.csv", allow_unknown=True)
    assert opened.add_outcomes(results[:3], "drugs.csv", label="narcotics", allow_unknown=True).new == 3
    assert len(opened.outcomes()) == len(results)
    assert len(opened.outcomes(label="narcotics")) == 3
    assert opened.outcomes(label="weapons").empty
