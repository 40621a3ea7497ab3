"""Bills sent again, one reading after another: what is a version, what is known, what comes too late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from risk.manifests import read_manifest
from risk.manifests.versions import Versions

FWB = ".LOSFFXX {sent}\nFWB/16\n176-12345675LOSHKG/T{pieces}K4.0\nISU/11MAR25/LAGOS\n"
RECEIVED = datetime(2025, 3, 14, tzinfo=UTC)


def table(rows: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["consignment_id", "version", "day"])
    moments = pd.to_datetime(frame["day"].astype("int64"), unit="D", utc=True).astype("datetime64[us, UTC]")
    return pd.DataFrame({"consignment_id": frame["consignment_id"].astype("str"), "version": frame["version"]}).assign(
        filed_at=moments
    )


def test_a_waybill_read_after_an_earlier_reading_is_the_next_version_or_the_known_one(tmp_path: Path) -> None:
    store: list[pd.DataFrame] = []

    def filed(ids: Sequence[str]) -> pd.DataFrame:
        held = pd.concat([table([]), *store])
        return held[held["consignment_id"].isin(ids)].drop_duplicates(["consignment_id", "version"])

    def bring_in(sent: str, pieces: int) -> list[int]:
        path = tmp_path / "m"
        path.write_text(FWB.format(sent=sent, pieces=pieces))
        (batch,) = read_manifest(path, received_at=RECEIVED, filed=filed)
        store.append(batch.consignments[["consignment_id", "version", "filed_at"]])
        return batch.consignments["version"].tolist()

    assert bring_in("110900", 1) == [1]
    assert bring_in("120900", 2) == [2]
    assert bring_in("120900", 2) == [2]
    assert bring_in("100900", 3) == [3]  # filed before the others: the next version, remarked on


FILINGS = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 5)), min_size=1, max_size=12)


@given(first=FILINGS, then=FILINGS)
def test_going_on_from_what_was_filed_is_the_same_as_reading_on(
    first: list[tuple[str, int]], then: list[tuple[str, int]]
) -> None:
    def number(versions: Versions, rows: list[tuple[str, int]]) -> tuple[list[int], list[bool]]:
        frame = table([(name, 0, day) for name, day in rows])
        numbers, late = versions.number(frame["consignment_id"], frame["filed_at"])
        return numbers.tolist(), late.tolist()

    whole = Versions()
    numbers, _ = number(whole, first)
    held = table([(name, version, day) for (name, day), version in zip(first, numbers, strict=True)])
    held = held.drop_duplicates(["consignment_id", "version"])
    resumed = Versions(lambda ids: held[held["consignment_id"].isin(ids)])
    assert number(resumed, then) == number(whole, then)
