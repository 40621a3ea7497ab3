"""How much of a body is taken in: by route, and of all bodies together, before anything is read into memory.

Routes read their bodies at different moments, some before they know who asks; so it is counted here as it comes in.
"""

from __future__ import annotations

from typing import Final

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import LATER, problem

BULK: Final = frozenset({"/v1/manifests", "/v1/outcomes:import"})
"""Routes that take files."""
LARGEST: Final = 64 << 20
"""Bytes of a file."""
SMALL: Final = 1 << 20
"""Bytes of any other body."""
TOGETHER: Final = 256 << 20
"""Bytes of bodies that a process has in hand at a time."""


class Bounded:
    """Refuses bodies that are too large by what they say or by what comes, and all while too many are in hand."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._in_hand = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most, size = LARGEST if scope["path"] in BULK else SMALL, 0
        too_large = f"a body has at most {most:,} bytes here; send it in parts"
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if said.isdigit() and int(said) > most:
            await problem(Request(scope), 413, too_large)(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            length = len(message.get("body", b""))
            size += length
            self._in_hand += length
            if size > most:
                raise HTTPException(413, too_large)
            if self._in_hand > TOGETHER:
                raise HTTPException(503, "too many large bodies are being taken in; try again later", LATER)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._in_hand -= size
