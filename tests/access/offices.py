"""A service of our own to be let into: a store, people, keys, and an app with the gate and a few routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient

from serving.access import keys, login, people
from serving.access.dependencies import check_routes, require
from serving.access.gate import Gate
from serving.access.headers import SecurityHeaders
from serving.access.principal import Principal, local
from serving.settings import Settings
from serving.store import Store

PASSWORD = "correct horse battery"
HERE = ("127.0.0.1", 50_000)
ELSEWHERE = ("203.0.113.7", 50_000)


@dataclass
class House:
    """A store with an app before it."""

    store: Store
    app: FastAPI
    gate: Gate

    def person(self, name: str, *roles: str, offices: Sequence[str] | None = None) -> str:
        people.add(self.store, name, PASSWORD, roles or ("officer",), offices, local(), now())
        return name

    def key(self, name: str = "customs", *roles: str, **limits: Any) -> str:
        wanted = keys.Wanted(name, roles or ("operator",), limits.pop("offices", None), **limits)
        return keys.add(self.store, wanted, local(), now())[1]

    def client(self, *, https: bool = True, address: tuple[str, int] = HERE) -> TestClient:
        base = "https://office.example" if https else "http://office.example"
        return TestClient(self.app, base_url=base, client=address, follow_redirects=False)

    def signed_in(self, name: str, *, https: bool = True) -> TestClient:
        client = self.client(https=https)
        answer = client.post("/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303 and answer.headers["location"] == "/", answer.headers
        return client


def now() -> datetime:
    return datetime.now(UTC)


def open_house(folder: Path, **settings: Any) -> House:
    """A house whose routes say who came in; `POST /v1/do` changes something."""
    store = Store.open(f"sqlite:///{folder / 'store.db'}")
    app = FastAPI(docs_url=None, redoc_url=None)
    app.state.gate = Gate(store, Settings(**settings))

    @app.get("/v1/me")
    def me(request: Request, who: Annotated[Principal, Depends(require("session:own"))]) -> dict[str, Any]:
        offices = None if who.offices is None else sorted(who.offices)
        said = {"id": who.id, "roles": sorted(who.roles), "offices": offices, "how": who.how}
        return {**said, "csrf": getattr(request.state, "csrf", None)}

    @app.post("/v1/do")
    def do(who: Annotated[Principal, Depends(require("session:own"))]) -> str:
        return who.id

    @app.get("/v1/worklist")
    def worklist(who: Annotated[Principal, Depends(require("worklist:read"))]) -> str:
        return who.id

    app.include_router(login.router)
    app.add_middleware(SecurityHeaders)
    check_routes(app)
    return House(store, app, app.state.gate)
