"""People in a browser: signing in, staying, leaving, and what other sites cannot do in their name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from offices import ELSEWHERE, PASSWORD, House, now
from sqlalchemy import select

from risk.errors import UsageError
from serving.access import people
from serving.access.gate import COOKIE, SAFE_COOKIE
from serving.access.known import digest
from serving.access.login import local_path
from serving.access.principal import local
from serving.store.access import FAILURES, SESSIONS, USERS
from serving.store.audit import AUDIT


def _form(name: str, password: str = PASSWORD, **more: str) -> dict[str, str]:
    return {"name": name, "password": password, **more}


def test_somebody_signs_in_works_and_signs_out(house: House) -> None:
    client = house.signed_in(house.person("an", "officer", offices=["VNHPH"]))
    me = client.get("/v1/me").json()
    assert (me["id"], me["roles"], me["offices"], me["how"]) == ("an", ["officer"], ["VNHPH"], "session")
    assert client.post("/v1/do", headers={"X-CSRF-Token": me["csrf"]}).json() == "an"
    token = client.cookies[SAFE_COOKIE]
    assert client.post("/logout", data={"csrf": me["csrf"]}).status_code == 303
    assert SAFE_COOKIE not in client.cookies
    assert house.client().get("/v1/me", cookies={SAFE_COOKIE: token}).status_code == 401


def test_names_are_compared_without_case_and_blanks(house: House) -> None:
    house.person("an")
    assert house.client().post("/login", data=_form("  AN ")).headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: House) -> None:
    house.person("an")
    said = house.client().post("/login", data=_form("an")).headers["set-cookie"].lower()
    assert said.startswith(SAFE_COOKIE.lower())
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= {part.strip() for part in said.split(";")}
    assert "domain" not in said
    here = house.client(https=False).post("/login", data=_form("an")).headers["set-cookie"]
    assert here.startswith(COOKIE + "=") and "secure" not in here.lower() and "HttpOnly" in here


def test_a_cookie_set_over_an_open_line_opens_nothing_over_https(house: House) -> None:
    token = house.signed_in(house.person("an"), https=False).cookies[COOKIE]
    assert house.client().get("/v1/me", cookies={COOKIE: token}).status_code == 401


def test_the_store_holds_neither_the_password_nor_the_session(house: House) -> None:
    client = house.signed_in(house.person("an"))
    house.client().post("/login", data=_form("an", "some wrong password"))
    with house.store.reading() as connection:
        kept = str([connection.execute(select(table)).all() for table in (USERS, SESSIONS, FAILURES, AUDIT)])
    assert digest(client.cookies[SAFE_COOKIE]) in kept
    for secret in (PASSWORD, client.cookies[SAFE_COOKIE], "some wrong password", "127.0.0.1"):
        assert secret not in kept


@pytest.mark.parametrize(("name", "password"), [("an", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0n", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_alike(house: House, name: str, password: str) -> None:
    house.person("an")
    answer = house.client().post("/login", data=_form(name, password))
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?back=%2F&refused=1")
    assert "set-cookie" not in answer.headers


def test_signing_in_again_is_another_session_and_ends_the_one_before(house: House) -> None:
    client = house.signed_in(house.person("an"))
    before = client.cookies[SAFE_COOKIE]
    client.post("/login", data=_form("an"))
    assert client.cookies[SAFE_COOKIE] != before
    assert house.client().get("/v1/me", cookies={SAFE_COOKIE: before}).status_code == 401
    assert client.get("/v1/me").status_code == 200


def test_a_session_that_somebody_brings_along_is_never_taken_up(house: House) -> None:
    house.person("an")
    client = house.client()
    client.cookies.set(SAFE_COOKIE, "planted", domain="office.example")
    client.post("/login", data=_form("an"))
    assert house.client().get("/v1/me", cookies={SAFE_COOKIE: "planted"}).status_code == 401


@pytest.mark.parametrize("missing", ["nothing sent", "of another session", "empty"])
def test_a_change_without_the_token_of_the_session_is_refused(house: House, missing: str) -> None:
    client, other = house.signed_in(house.person("an")), house.signed_in(house.person("binh"))
    sent = {"nothing sent": {}, "of another session": {"X-CSRF-Token": other.get("/v1/me").json()["csrf"]},
            "empty": {"X-CSRF-Token": ""}}[missing]  # fmt: skip
    assert client.post("/v1/do", headers=sent).status_code == 403
    assert client.get("/v1/me").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
                {"Origin": "null"}],
)  # fmt: skip
def test_a_request_from_another_site_changes_nothing_and_signs_nobody_in(house: House, headers: dict[str, str]) -> None:
    client = house.signed_in(house.person("an"))
    token = {"X-CSRF-Token": client.get("/v1/me").json()["csrf"]}
    assert client.post("/v1/do", headers={**token, "Origin": "https://office.example"}).status_code == 200
    assert client.post("/v1/do", headers={**token, **headers}).status_code == 403
    assert house.client().post("/login", data=_form("an"), headers=headers).status_code == 403


def test_a_session_ends_unused_and_at_the_latest_by_time(house: House) -> None:
    client, start = house.signed_in(house.person("an")), now()

    def at(minutes: int) -> None:
        house.gate.sessions._now = lambda: start + timedelta(minutes=minutes)

    at(25)
    assert client.get("/v1/me").status_code == 200
    at(50)
    house.gate.sessions.known.forget(digest(client.cookies[SAFE_COOKIE]))
    assert client.get("/v1/me").status_code == 200, "used at 25 minutes"
    at(85)
    assert client.get("/v1/me").status_code == 401
    client = house.signed_in("an")
    at(85 + 13 * 60)
    assert client.get("/v1/me").status_code == 401


def test_a_disabled_person_is_out_at_once_and_cannot_come_back(house: House, hurried: None) -> None:
    client = house.signed_in(house.person("an"))
    people.set_disabled(house.store, "an", True, local(), now(), "left the service")
    assert client.get("/v1/me").status_code == 401
    assert "refused" in house.client().post("/login", data=_form("an")).headers["location"]
    people.set_disabled(house.store, "an", False, local(), now())
    assert client.get("/v1/me").status_code == 401, "the old session stays ended"
    house.signed_in("an")


def test_other_rights_end_the_sessions_that_had_the_old_ones(house: House, hurried: None) -> None:
    client = house.signed_in(house.person("an", "supervisor"))
    people.set_roles(house.store, "an", ["auditor"], local(), now(), offices=["VNHPH"])
    assert client.get("/v1/me").status_code == 401
    me = house.signed_in("an").get("/v1/me").json()
    assert (me["roles"], me["offices"]) == (["auditor"], ["VNHPH"])


def test_guessing_is_slowed_down_by_name_and_the_right_password_has_to_wait_as_well(house: House) -> None:
    house.person("an")
    house.person("binh")
    tries = [house.client().post("/login", data=_form("an", f"guess number {n}")) for n in range(7)]
    assert ["wait" in one.headers["location"] for one in tries] == [False] * 5 + [True] * 2
    assert "wait" in house.client().post("/login", data=_form("an")).headers["location"]
    house.signed_in("binh")
    later = now() + timedelta(seconds=62)
    house.gate.sessions._now = lambda: later
    assert house.client().post("/login", data=_form("an")).headers["location"] == "/"


def test_guessing_through_many_names_is_slowed_down_by_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.person("an")
    monkeypatch.setattr("serving.access.sessions.check_password", lambda *_: False)
    client = house.client(address=ELSEWHERE)
    tries = [client.post("/login", data=_form(f"name{n}", "guess")) for n in range(33)]
    assert ["wait" in one.headers["location"] for one in tries] == [False] * 30 + [True] * 3
    monkeypatch.undo()
    house.signed_in("an")


def test_a_password_over_an_open_line_from_another_machine_is_not_taken(house: House) -> None:
    house.person("an")
    answer = house.client(https=False, address=ELSEWHERE).post("/login", data=_form("an"))
    assert (answer.status_code, "HTTPS" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/\r\nX: y", ""])
def test_after_signing_in_one_stays_on_this_service(house: House, back: str) -> None:
    assert local_path(back) == "/"
    assert local_path("/consignments/A%2FB?day=2026-02-19") == "/consignments/A%2FB?day=2026-02-19"


def test_every_answer_carries_the_headers_that_protect_a_browser(house: House) -> None:
    for answer in (
        house.client().get("/v1/me"),
        house.client().get("/nothing"),
        house.signed_in(house.person("an")).get("/v1/me"),
    ):
        headers = answer.headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert (
            headers["cache-control"] == "no-store"
            and headers["referrer-policy"]
            and "max-age" in headers["strict-transport-security"]
        )
    assert "strict-transport-security" not in house.client(https=False).get("/v1/me").headers


@pytest.mark.parametrize("password", ["short", "x" * 300, "aaaaaaaaaaaaaaaa", "an-an-an-an-an", "my name is binh"])
def test_a_password_that_is_too_easy_or_endless_is_refused(house: House, password: str) -> None:
    with pytest.raises(UsageError, match="password"):
        people.add(house.store, "binh", password, ["officer"], None, local(), now())
    assert people.listed(house.store) == []


def test_nobody_is_added_twice_and_whoever_is_not_there_cannot_be_changed(house: House) -> None:
    house.person("an")
    with pytest.raises(UsageError, match="already"):
        house.person("AN")
    with pytest.raises(UsageError, match="nobody named"):
        people.set_disabled(house.store, "binh", True, local(), now())


def test_what_happens_to_people_and_keys_is_in_the_audit(house: House) -> None:
    house.signed_in(house.person("an"))
    house.client().post("/login", data=_form("an", "wrong"))
    house.client().post("/login", data=_form("my secret password", "an"))
    house.key()
    with house.store.reading() as connection:
        found = connection.execute(select(AUDIT.c.action, AUDIT.c.subject, AUDIT.c.who).order_by(AUDIT.c.number)).all()
    assert [tuple(row[:2]) for row in found[:4]] == [
        ("user.add", "an"), ("session.begin", "an"), ("session.refused", "an"), ("session.refused", "unknown")
    ]  # fmt: skip
    assert found[4][0] == "key.add" and found[0][2] == local().id
