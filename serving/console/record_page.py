"""The auditor's page: who saw and did what, and whether the chain of the audit is as it was written."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from serving import audit
from serving.access.roles import Permission
from serving.api.service import Desk
from serving.console.door import PageRoute, Principal, allowed, record
from serving.console.web import page
from serving.store import audit as kept

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SIZE = 100


@router.get("/record", response_class=HTMLResponse)
def show(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.READ_AUDIT))],
    person: Annotated[str, Query(max_length=100)] = "",
    subject: Annotated[str, Query(max_length=500)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
    below: Annotated[int | None, Query(ge=1)] = None,
    check: bool = False,
) -> HTMLResponse:
    """The latest rows, narrowed; with `check` the whole chain is read."""
    wanted = kept.Wanted(person or None, subject or None, action or None, None, below)
    with service.store.reading() as connection:
        found = kept.latest(connection, wanted, SIZE)
        verdict = audit.verify(connection) if check else None
    with service.store.transaction() as connection:
        record(connection, who, "audit.read", subject or "", None, {"person": person, "action": action})
    values = {"rows": found, "verdict": verdict, "person": person, "subject": subject, "action": action, "size": SIZE}
    return page(request, "record.html", values)
