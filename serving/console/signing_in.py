"""The page to sign in on, and the language and zone that a browser keeps. The gate itself takes the form."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from serving.access.login import local_path
from serving.access.people import anybody
from serving.api.service import Desk, in_thread
from serving.console.door import PageRoute
from serving.console.web import LANGUAGE_COOKIE, ZONE_COOKIE, language, page
from serving.console.words import LANGUAGES, words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_A_YEAR = 365 * 24 * 3600


@router.get("/login", response_class=HTMLResponse)
async def ask(
    request: Request, service: Desk, back: Annotated[str, Query(max_length=1000)] = "/", refused: bool = False,
    wait: Annotated[int, Query(ge=0)] = 0,
) -> HTMLResponse:  # fmt: skip
    """The form to sign in; where nobody was added yet, how to add somebody."""
    say = words(language(request))

    def known() -> bool:
        with service.store.reading() as connection:
            return anybody(connection)

    error = say("The name or the password is wrong.") if refused else ""
    if wait:
        error = say("Too many attempts failed. Try again in {seconds} seconds.", seconds=wait)
    return page(request, "login.html", {"back": local_path(back), "error": error, "anybody": await in_thread(known)})


@router.post("/language")
async def choose(
    request: Request,
    language: Annotated[str, Form(max_length=10)] = "",
    zone: Annotated[str, Form(max_length=60)] = "",
    back: Annotated[str, Form(max_length=1000)] = "/",
) -> RedirectResponse:
    """Keep the language or the time zone in this browser. Says nothing of who asks, so anybody may."""
    answer = RedirectResponse(local_path(back), 303)
    if language in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_A_YEAR, samesite="lax")
    if zone in available_timezones():
        answer.set_cookie(ZONE_COOKIE, zone, max_age=_A_YEAR, samesite="lax")
    return answer
