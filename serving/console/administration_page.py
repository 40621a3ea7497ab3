"""The administrator's page: people, keys of systems, and watch lists."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from risk.errors import RiskError
from serving.access import keys, people
from serving.access.limits import DAYS
from serving.access.roles import Permission, Role
from serving.api.service import Desk
from serving.console.door import PageRoute, Principal, allowed
from serving.console.web import language, page
from serving.console.words import words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Text = Annotated[str, Form(max_length=2000)]


@router.get("/administration", response_class=HTMLResponse)
def show(
    request: Request, service: Desk, who: Annotated[Principal, Depends(allowed(Permission.MANAGE_USERS))]
) -> HTMLResponse:
    """Everybody who signs in here and every key."""
    return _page(request, service)


@router.post("/administration/people", response_class=HTMLResponse)
def change_person(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.MANAGE_USERS))],
    what: Text,
    name: Text,
    password: Text = "",
    roles: Annotated[list[str] | None, Form()] = None,
    offices: Text = "",
    reason: Text = "",
) -> Any:
    """Add somebody, give other roles, disable or let in again."""
    now, scope = service.now(), offices.split() or None
    try:
        if what == "add":
            people.add(service.store, name, password, roles or [], scope, who, now)
        elif what == "roles":
            people.set_roles(service.store, name, roles or [], who, now, scope)
        elif what in ("disable", "enable"):
            people.set_disabled(service.store, name, what == "disable", who, now, reason.strip() or None)
    except RiskError as error:
        return _page(request, service, error=str(error), status=422)
    return RedirectResponse("/administration", 303)


@router.post("/administration/keys", response_class=HTMLResponse)
def change_key(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.MANAGE_KEYS))],
    what: Text,
    name: Text = "",
    prefix: Text = "",
    roles: Annotated[list[str] | None, Form()] = None,
    offices: Text = "",
    days: Annotated[int, Form(ge=1, le=3650)] = DAYS,
) -> Any:
    """Make a key, which is shown this once, or revoke one."""
    try:
        if what == "add":
            wanted = keys.Wanted(name, roles or [], offices.split() or None, days)
            _, secret = keys.add(service.store, wanted, who, service.now())
            return _page(request, service, secret=secret)
        keys.revoke(service.store, prefix, who, service.now())
    except RiskError as error:
        return _page(request, service, error=str(error), status=422)
    return RedirectResponse("/administration", 303)


def _page(request: Request, service: Any, *, error: str = "", secret: str = "", status: int = 200) -> HTMLResponse:
    say = words(language(request))
    values = {
        "people": people.listed(service.store),
        "keys": keys.listed(service.store),
        "roles": [(role.value, say(role.value.replace("_", " "))) for role in Role],
        "now": service.now(),
        "error": error,
        "secret": secret,
    }
    return page(request, "administration.html", values, status=status)
