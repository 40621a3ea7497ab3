"""Every endpoint, every role, every office: who gets in is what the table of rights says, and nobody else.

The routes are read off the app itself, so one that is added is tried too.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from httpx import Response
from small_office import at_home, made_once, open_office
from sqlalchemy import select

from serving.access.dependencies import Declared, declared_routes
from serving.access.principal import Principal
from serving.access.roles import RIGHTS, Permission, Role, rights_of
from serving.api.app import create_app
from serving.store.work import WORKLIST

EVERYBODY = frozenset(Role)
BODIES: dict[str, dict[str, Any]] = {
    "/v1/worklist/{consignment_id:path}/override": {"lane": "green", "reason": "opened last week"},
    "/v1/inspections": {"consignment_id": "?", "result": "nothing"},
    "/v1/selections": {"office": "?", "day": "2026-02-19"},
    "/act/selection": {"office": "?", "day": "2026-02-19", "capacity": "5"},
    "/act/claim": {"consignment_id": "?"},
    "/act/assign": {"consignment_id": "?", "name": "nobody"},
    "/act/note": {"consignment_id": "?", "note": "seen"},
    "/act/lane": {"consignment_id": "?", "lane": "green", "reason": "opened last week"},
    "/act/inspection": {"consignment_id": "?", "result": "nothing"},
}
"""What a request about a consignment or an office has to say; ? stands for it."""
BY_NUMBER = {"/v1/overrides/{number}/answer", "/v1/inspections/{number}", "/v1/inspections/{number}/corrections",
             "/act/second", "/act/laboratory"}  # fmt: skip
"""About a consignment by the number of a decision or a result; their tests know one."""
OF_CASES = {
    Permission.READ_WORKLIST, Permission.CLAIM, Permission.OVERRIDE_LANE, Permission.CONFIRM_OVERRIDE,
    Permission.MAKE_SELECTION, Permission.READ_CONSIGNMENT, Permission.READ_ASSESSMENT, Permission.REPLAY_ASSESSMENT,
    Permission.RECORD_INSPECTION,
}  # fmt: skip
"""What belongs to an office."""


class Fixed:
    """A gate through which one principal comes."""

    who: Principal

    async def admit(self, request: Request) -> Principal:
        request.state.csrf = "x"
        return self.who

    async def sign_out(self, request: Request) -> None:
        pass


@dataclass
class Desk:
    """The app, and two consignments of the worklist, each of an office of its own, with their assessments."""

    app: FastAPI
    gate: Fixed
    cases: dict[str, tuple[str, str]]

    def routes(self) -> list[Declared]:
        return [one for one in declared_routes(self.app) if one.permissions]

    def ask(self, route: Declared, who: Principal, office: str | None = None) -> Response:
        """A request to a route, about what belongs to this office."""
        self.gate.who = who
        case, assessment = self.cases[office] if office else ("NOBODYS", "0" * 32)
        place = re.sub(r"\{consignment_id[^}]*\}", case, route.path).replace("{assessment_id}", assessment)
        place = re.sub(r"\{(batch_id|party_id)\}", "0" * 32, re.sub(r"\{(number|version)\}", "1", place))
        place = re.sub(r"\{\w+\}", "none", place)
        about = {name: (case if name == "consignment_id" else office or "NONE") if value == "?" else value
                 for name, value in BODIES.get(route.path, {}).items()}  # fmt: skip
        method = next(one for one in route.methods if one != "HEAD")
        what: dict[str, Any] = {}
        if office and method == "GET":
            what["params"] = {"office": office, "day": "2026-02-19"}
        elif method != "GET":
            what = {"json": about} if route.path.startswith("/v1/") else {"data": about}
        client = TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)
        answer: Response = client.request(method, place, **what)
        return answer


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Desk]:
    base = tmp_path_factory.getbasetemp()
    office = made_once((base if worker_id == "master" else base.parent) / "office", open_office)
    home = tmp_path_factory.mktemp("matrix") / "home"
    shutil.copytree(office.home, home)
    with at_home(home):
        app, gate = create_app(), Fixed()
        app.state.gate = gate
        gate.who = Principal("all", EVERYBODY, None, "session")
        answer = TestClient(app).post("/v1/manifests", content=office.manifest.read_bytes())
        assert answer.status_code == 200, answer.text
        with app.state.service.store.reading() as connection:
            query = select(WORKLIST.c.office, WORKLIST.c.consignment_id, WORKLIST.c.assessment_id)
            rows = connection.execute(query.where(WORKLIST.c.office != "").order_by(WORKLIST.c.place)).all()
        cases = {row[0]: (row[1], row[2]) for row in rows}
        assert len(cases) > 1
        yield Desk(app, gate, dict(list(cases.items())[:2]))
        app.state.service.close()


def _let_in(answer: Response) -> bool:
    return answer.status_code not in (401, 403)


@pytest.mark.parametrize("role", [*Role, None])
def test_a_role_gets_in_where_the_table_says_so_and_nowhere_else(desk: Desk, role: Role | None) -> None:
    roles = frozenset() if role is None else frozenset({role})
    who, wrong, tried = Principal("an", roles, None, "session"), [], 0
    for route in desk.routes():
        answer = desk.ask(route, who)
        allowed = route.permissions <= rights_of(roles)
        # A page may lead whoever may not open it to one of their own.
        elsewhere = answer.status_code == 303 and route.path == "/"
        if _let_in(answer) != allowed and not (elsewhere and not allowed):
            wrong.append((route.path, route.methods, answer.status_code, "allowed" if allowed else "not allowed"))
        if answer.status_code >= 500:
            wrong.append((route.path, route.methods, answer.status_code, answer.text[:200]))
        tried += allowed
    assert wrong == []
    assert tried >= (1 if role is None else len(RIGHTS[role]) // 2)


def test_nobody_gets_in_without_a_key_a_token_or_a_session(desk: Desk) -> None:
    from serving.access.gate import Gate

    service, opened = desk.app.state.service, []
    desk.app.state.gate = Gate(service.store, service.settings)
    try:
        for route in desk.routes():
            answer = desk.ask(route, Principal("unused", EVERYBODY, None, "session"))
            to_the_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            if answer.status_code != 401 and not to_the_login:
                opened.append((route.path, route.methods, answer.status_code))
    finally:
        desk.app.state.gate = desk.gate
    assert opened == []


def test_a_key_never_does_what_takes_a_person(desk: Desk) -> None:
    key = Principal("system", EVERYBODY, None, "key", "k")
    for route in desk.routes():
        if not route.permissions <= key.permissions:
            assert not _let_in(desk.ask(route, key)) or route.path == "/", route.path


def test_every_endpoint_about_cases_is_tried_for_offices(desk: Desk) -> None:
    """A new one has to say in BODIES how it names its consignment or office."""
    for route in desk.routes():
        if route.permissions & OF_CASES and not ({"GET"} & set(route.methods)):
            named = "{consignment_id" in route.path or "{assessment_id" in route.path
            assert named or route.path in BODIES or route.path in BY_NUMBER, route.path


@pytest.mark.parametrize("scope", ["own office", "another office", "no office", "all offices"])
def test_what_belongs_to_an_office_is_seen_and_changed_from_that_office_only(desk: Desk, scope: str) -> None:
    mine, other = desk.cases
    offices = {"own office": frozenset({mine}), "another office": frozenset({other}), "no office": frozenset[str](),
               "all offices": None}[scope]  # fmt: skip
    who, wrong, tried = Principal("an", EVERYBODY, offices, "session"), [], 0
    for route in desk.routes():
        about = "{consignment_id" in route.path or "{assessment_id" in route.path or route.path in BODIES
        if not (route.permissions & OF_CASES) or not (about or route.path == "/v1/worklist"):
            continue
        tried += 1
        answer = desk.ask(route, who, mine)
        seen = answer.status_code not in (401, 403, 404)
        expected = scope in ("own office", "all offices")
        if seen != expected:
            wrong.append((route.path, route.methods, answer.status_code, answer.text[:200]))
    assert tried > 10
    assert wrong == [], "\n".join(map(str, wrong))


def test_a_worklist_without_a_wish_shows_the_offices_in_scope_only(desk: Desk) -> None:
    mine, _ = desk.cases
    route = next(one for one in desk.routes() if one.path == "/v1/worklist")
    found = desk.ask(route, Principal("an", EVERYBODY, frozenset({mine}), "session")).json()
    assert {entry["office"] for entry in found["consignments"]} <= {mine}
    assert desk.ask(route, Principal("an", EVERYBODY, frozenset(), "session")).json()["consignments"] == []
    everything = desk.ask(route, Principal("an", EVERYBODY, None, "session")).json()["consignments"]
    assert len({entry["office"] for entry in everything}) > 1
