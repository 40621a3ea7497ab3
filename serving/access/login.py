"""Signing in and out with a form. The page with the form is the console's; it stands at GET /login as well.

A refusal goes back to that page with `refused` (name or password wrong) or `wait` (seconds) in its address.
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from serving.access.dependencies import refusal, require
from serving.access.errors import AccessError, TooLargeError, TooOftenError, UnknownError
from serving.access.gate import Gate, clear_cookie, set_cookie
from serving.access.principal import Principal

router = APIRouter(include_in_schema=False)
_LARGEST: Final = 10_000


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Begin a session with `name` and `password`, and go on to `back`, a path of this service."""
    gate: Gate = request.app.state.gate
    fields = await _fields(request)
    back = local_path(fields.get("back", "/"))
    try:
        begun = await gate.sign_in(request, fields.get("name", ""), fields.get("password", ""))
    except TooOftenError as error:
        return _again(back, wait=str(error.seconds))
    except UnknownError:
        return _again(back, refused="1")
    except AccessError as error:
        raise refusal(error) from None
    answer = RedirectResponse(back, 303)
    set_cookie(request, answer, begun)
    return answer


@router.post("/logout")
async def sign_out(request: Request, who: Annotated[Principal, Depends(require("session:own"))]) -> Response:
    """End the session."""
    gate: Gate = request.app.state.gate
    await gate.sign_out(request)
    answer = RedirectResponse("/login", 303)
    clear_cookie(request, answer)
    return answer


def local_path(wanted: str) -> str:
    """A path of this service to go on to; the first page for anything that would lead elsewhere."""
    parts = urlsplit(wanted)
    plain = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if plain and not parts.scheme and not parts.netloc else "/"


def _again(back: str, **said: str) -> Response:
    return RedirectResponse(f"/login?{urlencode({'back': back, **said})}", 303)


async def _fields(request: Request) -> dict[str, str]:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST:
            raise refusal(TooLargeError("the sign-in form is larger than it can be"))
        parts.append(part)
    try:
        found = parse_qs(b"".join(parts).decode(), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
