"""Parties as they were filed, and judgements about them, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from risk.parties.judgements import Judgement, judgement
from risk.parties.mentions import Mention
from risk.parties.resolver import Parties
from serving.store import Store
from serving.store import parties as stored

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


def _said(verdict: str, minutes: int, why: str = "") -> Judgement:
    return judgement("P0a", "P0b", verdict, NOON + timedelta(minutes=minutes, microseconds=7), "Đội 3", why)


def test_judgements_come_back_as_they_were_made_in_the_order_they_were_stored(opened: Store) -> None:
    made = [_said("same", 5, "cùng một chủ"), _said("unsure", 1), _said("different", 9, "'; DROP TABLE x --")]
    numbers = [opened.judge_parties(one) for one in made]
    assert numbers == sorted(numbers)
    assert opened.party_judgements() == made
    assert opened.party_judgements(judged_before=made[0].judged_at) == [made[1]]


def test_a_judgement_in_a_transaction_that_fails_is_not_kept(opened: Store) -> None:
    with pytest.raises(ZeroDivisionError), opened.transaction() as connection:
        stored.add(connection, _said("same", 1))
        raise ZeroDivisionError
    assert opened.party_judgements() == []


def test_mentions_are_read_out_of_all_roles_with_first_time_and_count(opened: Store, filled: pd.DataFrame) -> None:
    filled["consignee_name"] = "MINH PHAT"
    filled["consignee_country"] = pd.Series([None, "VN"] * 20, dtype="str")
    filled["consignee_address"] = filled["consignee_id"] = pd.Series([None] * 40, dtype="str")
    opened.add_consignments(filled, "june.csv")
    with opened.reading() as connection:
        frame = stored.mentions(connection)
    ours = frame[frame["name"] == "MINH PHAT"].set_index("country")
    times = filled["filed_at"].astype("int64")
    assert dict(ours["seen"]) == {"": 20, "VN": 20}
    assert dict(ours["first_seen"]) == {"": times[0::2].min(), "VN": times[1::2].min()}
    named = [filled[column].dropna() for column in ("shipper_name", "notify_name", "forwarder_name")]
    assert set(frame["name"]) == {"MINH PHAT"}.union(*named)
    assert not frame[["name", "country", "address", "identifier"]].isna().any(axis=None)


def test_what_is_filed_at_a_time_or_later_is_not_among_what_was_known_before(
    opened: Store, filled: pd.DataFrame
) -> None:
    filled["consignee_name"] = [f"Party {row} Ltd" for row in range(40)]
    opened.add_consignments(filled, "june.csv")
    time = filled["filed_at"].sort_values().iloc[10]
    with opened.reading() as connection:
        frame = stored.mentions(connection, filed_before=time.to_pydatetime())
        whole = stored.mentions(connection)
    early = set(filled.loc[filled["filed_at"] < time, "consignee_name"])
    assert {name for name in frame["name"] if name.startswith("Party")} == early
    then, later = Parties.of(frame), Parties.of(whole, as_of=time.to_pydatetime())
    assert then.mentions.ids == later.mentions.ids
    assert then.clusters.root.tolist() == later.clusters.root.tolist()


def test_an_empty_store_has_no_parties(opened: Store) -> None:
    with opened.reading() as connection:
        parties = Parties.of(stored.mentions(connection))
    assert parties.resolve(Mention("Minh Phat Co", "VN")) == []
