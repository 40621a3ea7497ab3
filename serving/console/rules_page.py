"""Officers' rules: what is in force, who brought it in, who activated it; a second person puts a draft to work."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from risk.errors import RiskError
from serving.access.roles import Permission
from serving.api.service import Desk
from serving.console.door import PageRoute, Principal, allowed, record
from serving.console.web import page
from serving.rulebook import Rulebook

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/rules", response_class=HTMLResponse)
def show(
    request: Request, service: Desk, who: Annotated[Principal, Depends(allowed(Permission.READ_RULES))]
) -> HTMLResponse:
    """All versions of all rules."""
    return _page(request, service, "")


@router.post("/rules", response_class=HTMLResponse)
def activate(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.ACTIVATE_RULES))],
    rule: Annotated[str, Form(max_length=200)],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Any:
    """Put the latest version of a rule to work; `reason` forces one that fires on much."""
    try:
        Rulebook(service.store).activate(rule, who.id, force=reason.strip() or None, now=service.now())
    except RiskError as error:
        return _page(request, service, str(error), 422)
    with service.store.transaction() as connection:
        record(connection, who, "rule.activate", rule, reason.strip() or None)
    return RedirectResponse("/rules", 303)


def _page(request: Request, service: Any, error: str, status: int = 200) -> HTMLResponse:
    found = Rulebook(service.store).all()
    return page(request, "rules.html", {"rules": found[::-1], "error": error}, status=status)
