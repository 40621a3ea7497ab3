"""Watch lists: what somebody wants to hear of, who entered it, and until when it holds."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from serving.access.roles import Permission
from serving.api.service import Desk
from serving.api.watch_lists import EntryWish, Kind
from serving.console.acting import first_fault
from serving.console.door import PageRoute, Principal, allowed, record
from serving.console.web import page
from serving.store import watch_lists

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Text = Annotated[str, Form(max_length=2000)]


@router.get("/lists", response_class=HTMLResponse)
def show(
    request: Request, service: Desk, who: Annotated[Principal, Depends(allowed(Permission.READ_WATCHLISTS))]
) -> HTMLResponse:
    """All lists with their entries."""
    return _page(request, service, "")


@router.post("/lists", response_class=HTMLResponse)
def change(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.EDIT_WATCHLISTS))],
    name: Annotated[str, Form(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")],
    kind: Text = "other",
    entry: Text = "",
    note: Text = "",
    number: Annotated[int, Form(ge=0)] = 0,
) -> Any:
    """Add an entry, or let the one with this number end."""
    now = service.now()
    if number:
        with service.store.transaction() as connection:
            if watch_lists.end(connection, name, number, who.id, now) is not None:
                record(connection, who, "watchlist.end", name, None, {"entry": number})
        return RedirectResponse("/lists", 303)
    try:
        wish = EntryWish.model_validate({"kind": kind, "entry": entry, "note": note or None})
    except ValueError as error:
        return _page(request, service, first_fault(error), 422)
    with service.store.transaction() as connection:
        made = watch_lists.add(
            connection, list=name, kind=wish.kind, entry=wish.entry, note=wish.note, valid_from=now, valid_until=None,
            added_at=now, added_by=who.id,
        )  # fmt: skip
        record(connection, who, "watchlist.add", name, None, {"entry": made, "kind": wish.kind})
    return RedirectResponse("/lists", 303)


def _page(request: Request, service: Any, error: str, status: int = 200) -> HTMLResponse:
    with service.store.reading() as connection:
        found = [
            {"name": name, "entries": watch_lists.entries(connection, name)}
            for name, _ in watch_lists.lists(connection)
        ]
    return page(request, "lists.html", {"lists": found, "kinds": get_args(Kind), "error": error}, status=status)
