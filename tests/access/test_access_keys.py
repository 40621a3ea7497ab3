"""Keys of systems: shown once, checked, ended, limited."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from offices import ELSEWHERE, House, now
from sqlalchemy import select

from risk.errors import UsageError
from serving.access import keys, passwords
from serving.access.known import Known
from serving.access.principal import local
from serving.store.access import API_KEYS


def _asked(house: House, key: str) -> int:
    return int(house.client().get("/v1/me", headers={"X-API-Key": key}).status_code)


def _sent(house: House, headers: dict[str, str], body: bytes | Iterator[bytes]) -> int:
    return int(house.client().post("/v1/do", content=body, headers=headers).status_code)


def test_a_system_comes_in_with_its_key_in_either_header(house: House) -> None:
    key = house.key("customs-system", "operator", offices=["VNHPH"])
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        answer = house.client().get("/v1/me", headers=headers)
        assert answer.json() == {
            "id": "key:customs-system", "roles": ["operator"], "offices": ["VNHPH"], "how": "key", "csrf": None
        }  # fmt: skip
        assert house.client().get("/v1/worklist", headers=headers).status_code == 403


def test_of_a_key_the_store_holds_a_hash_alone(house: House) -> None:
    key = house.key()
    secret = key.split("_", 2)[2]
    with house.store.reading() as connection:
        row = dict(connection.execute(select(API_KEYS)).mappings().one())
    assert row["secret"].startswith("$argon2id$")
    assert secret not in str(row)


@pytest.mark.parametrize("spoil", ["cut", "other secret", "other prefix", "nothing", "null", "not text"])
def test_a_key_that_is_not_quite_right_is_refused_with_the_same_words(house: House, spoil: str) -> None:
    key = house.key()
    start, prefix, secret = key.split("_", 2)
    bad = {
        "cut": key[:-1],
        "other secret": f"{start}_{prefix}_{'A' * len(secret)}",
        "other prefix": f"{start}_{'0' * len(prefix)}_{secret}",
        "nothing": f"{start}_{prefix}_",
        "null": f"{start}_\0_{secret}",
        "not text": f"{start}_{prefix}_\xff\xfe",
    }[spoil]
    answer = house.client().get("/v1/me", headers={b"X-API-Key": bad.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the key is not known, has ended or was revoked"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_that_was_checked_is_not_stretched_again(
    house: House, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    key, checked = house.key(), list[str]()

    def counted(kept: str, secret: str) -> bool:
        checked.append(kept)
        return passwords.check_secret(kept, secret)

    monkeypatch.setattr(keys, "check_secret", counted)
    for _ in range(5):
        assert house.client().get("/v1/me", headers={"X-API-Key": key}).status_code == 200
    assert len(checked) == 1


def test_a_revoked_key_is_out_as_soon_as_the_store_is_asked_again(house: House) -> None:
    key = house.key()
    clock = [0.0]
    house.gate.keys.known = Known(lambda: clock[0])
    assert _asked(house, key) == 200
    keys.revoke(house.store, key.split("_")[1], local(), now(), "lost")
    clock[0] = 2.01
    assert _asked(house, key) == 401
    with pytest.raises(UsageError, match="no key"):
        keys.revoke(house.store, key.split("_")[1], local(), now())


def test_a_key_ends_at_its_time_also_while_it_is_held_in_memory(house: House) -> None:
    key = house.key(days=1)
    assert _asked(house, key) == 200
    house.gate.keys._now = lambda: now() + timedelta(days=1)
    assert _asked(house, key) == 401


def test_a_key_has_a_rate_and_another_one_does_not_suffer_from_it(house: House) -> None:
    slow, other = house.key("slow", rate=3), house.key("other")
    answers = [house.client().get("/v1/me", headers={"X-API-Key": slow}) for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 21
    assert house.client().get("/v1/me", headers={"X-API-Key": other}).status_code == 200


def test_a_key_has_a_largest_body_and_an_unsaid_size_is_asked_for(house: House) -> None:
    headers = {"X-API-Key": house.key(size=1_000)}
    assert _sent(house, headers, b"x" * 1_000) == 200
    assert _sent(house, headers, b"x" * 1_001) == 413
    assert _sent(house, headers, iter([b"x"])) == 411


def test_a_key_over_an_open_line_from_another_machine_is_not_taken(house: House) -> None:
    headers = {"X-API-Key": house.key()}
    assert house.client(https=False, address=ELSEWHERE).get("/v1/me", headers=headers).status_code == 403
    assert house.client(https=False).get("/v1/me", headers=headers).status_code == 200
    assert house.client(address=ELSEWHERE).get("/v1/me", headers=headers).status_code == 200


def test_no_key_and_no_password_gets_into_the_log(
    house: House, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, name = house.key(), house.person("an")
    house.client().get("/v1/me", headers={"X-API-Key": key + "x"})
    house.client().post("/login", data={"name": name, "password": "a wrong password"})
    out = capfd.readouterr()
    said = out.out + out.err + caplog.text
    assert key.split("_", 2)[2] not in said and "a wrong password" not in said


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (keys.Wanted("Bad Name!", ["operator"], None), "name"),
        (keys.Wanted("good", ["king"], None), "king"),
        (keys.Wanted("good", [], None), "no role"),
        (keys.Wanted("good", ["operator"], [" "]), "offices"),
        (keys.Wanted("good", ["operator"], None, days=0), "days"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(house: House, wanted: keys.Wanted, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        keys.add(house.store, wanted, local(), now())
    assert keys.listed(house.store) == []
