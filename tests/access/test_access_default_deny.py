"""Nothing is open that does not say so."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient

from serving.access.dependencies import PUBLIC, check_routes, declared_routes, require
from serving.access.errors import AccessError
from serving.access.principal import Principal
from serving.access.roles import PEOPLE_ONLY, RIGHTS, Permission, Role


def _app() -> tuple[FastAPI, APIRouter]:
    app = FastAPI(docs_url=None, redoc_url=None)
    router = APIRouter()

    @router.get("/v1/worklist")
    def worklist(who: Annotated[Principal, Depends(require("worklist:read"))]) -> str:
        return who.id

    @router.get("/healthz")
    def healthz() -> str:
        return "ok"

    return app, router


def test_an_app_whose_routes_all_declare_something_starts() -> None:
    app, router = _app()
    app.include_router(router, prefix="/deep")
    app.include_router(router)
    found = {one.path: one.permissions for one in declared_routes(app)}
    assert found["/v1/worklist"] == found["/deep/v1/worklist"] == {Permission.READ_WORKLIST}
    with pytest.raises(AccessError, match="/deep/healthz"):
        check_routes(app)  # public is a path, not a name that can be brought along


@pytest.mark.parametrize("kind", ["route", "router", "mount"])
def test_an_app_with_a_route_that_declares_nothing_does_not_start(kind: str) -> None:
    app, router = _app()
    app.include_router(router)
    check_routes(app)
    if kind == "mount":
        app.mount("/files", FastAPI())
    else:
        (app if kind == "route" else router).get("/files")(lambda: "everything")
    with pytest.raises(AccessError, match="/files"):
        check_routes(app)


def test_without_a_gate_nobody_is_let_in() -> None:
    app, router = _app()
    app.include_router(router)
    client = TestClient(app)
    assert client.get("/v1/worklist").status_code == 401
    assert client.get("/healthz").status_code == 200


def test_a_permission_that_there_is_not_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="worklist:raed"):
        require("worklist:raed")


def test_every_role_is_in_the_table_and_every_permission_is_given_to_somebody() -> None:
    assert set(RIGHTS) == set(Role)
    assert frozenset().union(*RIGHTS.values()) == set(Permission) - {Permission.OWN_SESSION}


def test_no_role_has_all_rights_and_duties_are_apart() -> None:
    for role, rights in RIGHTS.items():
        assert len(rights) < len(Permission) - 5, role
        assert not {Permission.WRITE_RULES, Permission.ACTIVATE_RULES} <= rights, role
    assert RIGHTS[Role.ADMINISTRATOR].isdisjoint({Permission.READ_CONSIGNMENT, Permission.READ_PARTY})
    assert {one.partition(":")[2] for one in RIGHTS[Role.AUDITOR]} == {"read", "replay"}


def test_a_system_cannot_be_the_second_person() -> None:
    everything = frozenset(Role)
    system = Principal("broker", everything, None, "key", "k1")
    person = Principal("broker", everything, None, "session")
    assert system.permissions == person.permissions - PEOPLE_ONLY
    assert system.id != person.id


def test_an_office_is_a_scope_and_what_is_of_no_office_is_seen_by_those_of_all_only() -> None:
    one = Principal("an", frozenset({Role.OFFICER}), frozenset({"VNHPH"}), "session")
    every = Principal("binh", frozenset({Role.OFFICER}), None, "session")
    nowhere = Principal("chi", frozenset({Role.OFFICER}), frozenset(), "session")
    assert one.may("worklist:read", "VNHPH") and not one.may("worklist:read", "VNSGN")
    assert not one.sees(None) and not one.sees("")
    assert every.sees(None) and every.may("worklist:read", "VNSGN")
    assert not nowhere.sees("VNHPH") and not nowhere.sees("")
    assert "/v1/worklist" not in PUBLIC
