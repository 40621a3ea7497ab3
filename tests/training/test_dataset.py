"""Labels: only what was inspected and recorded by then, on the version the officer saw."""

import numpy as np
import pandas as pd

from risk.inspection import Target
from training.dataset import MAX_WEIGHT, by_consignment, fingerprint, label_lines

NOON = pd.Timestamp("2026-01-01 12:00", tz="UTC")


def day(n: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(days=n)


def lines(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    """(consignment, line, version, day filed)."""
    ids, numbers, versions, filed = zip(*rows, strict=True)
    return pd.DataFrame(
        {"consignment_id": list(ids), "line_no": numbers, "version": versions, "filed_at": [day(d) for d in filed]}
    )


def outcome(consignment: str, result: str, recorded: float, **more: object) -> dict[str, object]:
    return {
        "consignment_id": consignment,
        "line_no": 0,
        "inspected_at": day(recorded - 0.5),
        "recorded_at": day(recorded),
        "result": result,
        "selection_reason": "rule",
        "selection_probability": 0.5,
    } | more


def labels_of(table: pd.DataFrame, *outcomes: dict[str, object], as_of: float = 100) -> list[float | None]:
    found = label_lines(table, pd.DataFrame(list(outcomes)), Target(), day(as_of)).label
    return [None if np.isnan(value) else float(value) for value in found]


def test_a_line_that_was_not_inspected_has_no_label_and_is_no_negative() -> None:
    assert labels_of(lines(("a", 1, 1, 0), ("b", 1, 1, 0)), outcome("a", "nothing", 3)) == [0.0, None]


def test_an_outcome_gives_no_label_before_it_is_recorded() -> None:
    table = lines(("a", 1, 1, 0))
    assert labels_of(table, outcome("a", "wildlife", 9), as_of=9) == [None]
    assert labels_of(table, outcome("a", "wildlife", 9), as_of=9.01) == [1.0]


def test_a_laboratory_result_replaces_the_inconclusive_one_from_its_own_time_on() -> None:
    table = lines(("a", 1, 1, 0))
    both = (outcome("a", "inconclusive", 3), outcome("a", "wildlife", 20))
    assert labels_of(table, *both, as_of=10) == [None]
    assert labels_of(table, *both, as_of=21) == [1.0]


def test_another_offence_is_a_negative_for_wildlife() -> None:
    assert labels_of(lines(("a", 1, 1, 0)), outcome("a", "other_offence", 3)) == [0.0]


def test_an_outcome_of_one_line_says_nothing_of_the_others() -> None:
    table = lines(("a", 1, 1, 0), ("a", 2, 1, 0))
    assert labels_of(table, outcome("a", "wildlife", 3, line_no=2)) == [None, 1.0]


def test_the_label_belongs_to_the_last_version_filed_before_the_inspection() -> None:
    table = lines(("a", 1, 1, 0), ("a", 1, 2, 1), ("a", 1, 3, 5))
    assert labels_of(table, outcome("a", "wildlife", 3)) == [None, 1.0, None]


def test_a_label_weighs_as_much_as_its_inspection_was_unlikely_up_to_the_clip() -> None:
    table = lines(("a", 1, 1, 0), ("b", 1, 1, 0), ("c", 1, 1, 0))
    outcomes = pd.DataFrame(
        [
            outcome("a", "nothing", 3, selection_probability=0.25),
            outcome("b", "nothing", 3, selection_probability=0.001, selection_reason="random"),
            outcome("c", "nothing", 3, selection_probability=np.nan),
        ]
    )
    found = label_lines(table, outcomes, Target(), day(10))
    assert found.weight.tolist() == [4.0, MAX_WEIGHT, 1.0]
    assert found.random.tolist() == [False, True, False]
    assert found.unweighted == 1
    assert found.effective_size(np.array([True, True, True])) < 3


def test_the_riskiest_line_speaks_for_its_consignment() -> None:
    ids = pd.Series(["a", "b", "a", "b", "a"])
    score = np.array([0.1, 0.5, 0.9, 0.5, 0.3])
    best, number = by_consignment(ids, score, np.array([0.0, 1.0, 0.0, 2.0, 0.0]))
    assert best.tolist() == [2, 3]
    assert number.tolist() == [0, 1, 0, 1, 0]


def test_the_fingerprint_follows_content_and_not_the_order_of_columns() -> None:
    table = lines(("a", 1, 1, 0), ("b", 1, 1, 0))
    assert fingerprint(table) == fingerprint(table[list(reversed(table.columns))])
    changed = table.assign(line_no=[1, 2])
    assert fingerprint(table) != fingerprint(changed)
