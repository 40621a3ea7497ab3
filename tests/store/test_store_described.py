"""Which consignments the store holds with their parties, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from serving.store import Store
from serving.store.described import described


def test_a_consignment_is_described_when_one_of_its_versions_names_a_shipper_or_consignee(opened: Store) -> None:
    frame = pd.DataFrame(
        {
            "consignment_id": pd.Series(["A", "A", "B", "C", "D"], dtype="str"),
            "line_no": 1,
            "version": [1, 2, 1, 1, 1],
            "filed_at": pd.Series([datetime(2026, 6, 1, tzinfo=UTC)] * 5).astype("datetime64[us, UTC]"),
            "shipper_name": pd.Series(["A CO", None, None, None, None], dtype="str"),
            "consignee_name": pd.Series([None, None, "B CO", None, None], dtype="str"),
            "description": pd.Series(["FISH"] * 5, dtype="str"),
        }
    )
    opened.add_consignments(frame, "some.csv")
    with opened.reading() as connection:
        assert described(connection, ["A", "B", "C", "E"]) == {"A", "B"}
        assert described(connection, []) == set()
        many = [f"X{number}" for number in range(2000)]
        assert described(connection, [*many, "B"]) == {"B"}
