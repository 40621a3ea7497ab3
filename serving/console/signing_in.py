"""Signing in and out, and the language and zone that a browser keeps."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from serving.access.errors import AccessError
from serving.access.gate import clear_cookie, set_cookie
from serving.access.people import anybody
from serving.access.roles import Permission
from serving.api.service import Desk, in_thread
from serving.console.door import PageRoute, Principal, allowed
from serving.console.web import LANGUAGE_COOKIE, ZONE_COOKIE, language, page
from serving.console.words import LANGUAGES, words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_A_YEAR = 365 * 24 * 3600


@router.get("/login", response_class=HTMLResponse)
async def ask(request: Request, service: Desk, back: str = "/") -> HTMLResponse:
    """The form to sign in; where nobody was added yet, how to add somebody."""

    def known() -> bool:
        with service.store.reading() as connection:
            return anybody(connection)

    return page(request, "login.html", {"back": _own(back), "error": "", "name": "", "anybody": await in_thread(known)})


@router.post("/login", response_class=HTMLResponse)
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    back: Annotated[str, Form(max_length=1000)] = "/",
) -> Response:
    """Begin a session, or say that it did not work."""
    try:
        begun = await request.app.state.gate.sign_in(request, name, password)
    except AccessError as error:
        say = words(language(request))
        values = {"back": _own(back), "error": say(str(error)), "name": name, "anybody": True}
        return page(request, "login.html", values, status=error.status)
    answer = RedirectResponse(_own(back), 303)
    set_cookie(request, answer, begun)
    return answer


@router.post("/logout")
async def sign_out(
    request: Request, who: Annotated[Principal, Depends(allowed(Permission.OWN_SESSION))]
) -> RedirectResponse:
    """End the session."""
    await request.app.state.gate.sign_out(request)
    answer = RedirectResponse("/login", 303)
    clear_cookie(request, answer)
    return answer


@router.post("/language")
async def choose(
    request: Request,
    language: Annotated[str, Form(max_length=10)] = "",
    zone: Annotated[str, Form(max_length=60)] = "",
    back: Annotated[str, Form(max_length=1000)] = "/",
) -> RedirectResponse:
    """Keep the language or the time zone in this browser. Says nothing of who asks, so anybody may."""
    answer = RedirectResponse(_own(back), 303)
    if language in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_A_YEAR, samesite="lax")
    if zone in available_timezones():
        answer.set_cookie(ZONE_COOKIE, zone, max_age=_A_YEAR, samesite="lax")
    return answer


def _own(back: str) -> str:
    """A path of this service; anything else would lead a person elsewhere after signing in."""
    plain = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if plain else "/"
