"""Who may open a page, and what a refusal looks like to a person: the way to the login, or a sentence.

Access itself is that of the API: the same permissions, offices and audit. Only the answer is a page here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from risk.errors import RiskError
from serving.api.guard import Principal, may_see, record, require
from serving.console.places import places
from serving.console.web import language, page
from serving.console.words import words
from serving.day_work import NotThereError

allowed = require

__all__ = ["PageRoute", "Principal", "allowed", "may_see", "record"]


class PageRoute(APIRoute):
    """A route whose refusals are pages: who is not known goes to the login, everybody else is told why."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its refusals caught."""
        handler = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handler(request)
            except HTTPException as error:
                return _refused(request, error)
            except NotThereError as error:
                return _told(request, 404, str(error))
            except RequestValidationError as error:
                first = error.errors()[0]
                return _told(request, 422, f"{first['loc'][-1]}: {first['msg']}")
            except RiskError as error:
                return _told(request, 422, str(error))

        return shown


def _refused(request: Request, error: HTTPException) -> Response:
    """To the login, to the first page that somebody may open, or why not."""
    if error.status_code == 401:
        back = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/login?back={quote(back)}", 303)
    who = getattr(request.state, "principal", None)
    if error.status_code == 403 and request.url.path == "/" and who is not None and places(who):
        return RedirectResponse(places(who)[0]["path"], 303)
    return _told(request, error.status_code, str(error.detail))


def _told(request: Request, status: int, sentence: str) -> Response:
    say = words(language(request))
    titles = {403: say("Not allowed"), 404: say("Not there"), 422: say("That could not be done")}
    what = {"title": titles.get(status, say("That could not be done")), "sentence": sentence}
    return page(request, "message.html", what, status=status)
