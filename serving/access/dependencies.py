"""What a route says about access: `who: Annotated[Principal, Depends(require("worklist:read"))]`.

The app must carry the gate as `app.state.gate` (see `serving.access.gate`). Default deny: `check_routes` refuses an
app in which a route neither requires a permission nor stands in PUBLIC.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fastapi import FastAPI, HTTPException, Request
from fastapi.routing import APIRoute, iter_route_contexts

from serving.access.errors import AccessError, TooOftenError, UnknownError
from serving.access.principal import Principal
from serving.access.roles import Permission

PUBLIC: Final = frozenset({"/healthz", "/readyz", "/login", "/language", "/static", "/openapi.json"})
"""Paths that anybody may ask for; everything else requires a permission."""

_DECLARED: dict[Callable[..., Any], Permission] = {}
"""Which permission the dependencies made by `require` stand for."""


class Doorkeeper(Protocol):
    """What finds out who sends a request."""

    async def admit(self, request: Request) -> Principal:
        """Who it is. Raises AccessError."""


def require(permission: Permission | str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that lets in only who may do this, and says who it is.

    Answers 401 when nobody is known, 403 when this one may not, 413 and 429 beyond the limits of a key.
    Raises ValueError for a permission that there is not.
    """
    wanted = Permission(permission)

    async def admitted(request: Request) -> Principal:
        gate: Doorkeeper | None = getattr(request.app.state, "gate", None)
        try:
            if gate is None:
                raise UnknownError("this service has no gate, so it lets nobody in")
            who = await gate.admit(request)
        except AccessError as error:
            raise refusal(error) from None
        request.state.principal = who
        if not who.may(wanted):
            raise HTTPException(403, f"{who.id} may not do this; it takes the permission {wanted.value}")
        return who

    _DECLARED[admitted] = wanted
    return admitted


def see_office(who: Principal, office: str | None) -> None:
    """Raise 403 unless the office is in scope; what is of no office is seen with all offices only."""
    if not who.sees(office):
        raise HTTPException(403, "this belongs to an office outside your scope")


def refusal(error: AccessError) -> HTTPException:
    """What the web answers to a refusal of the gate."""
    headers = None
    if isinstance(error, UnknownError):
        headers = {"WWW-Authenticate": 'Bearer realm="risk"'}
    elif isinstance(error, TooOftenError):
        headers = {"Retry-After": str(error.seconds)}
    return HTTPException(error.status, str(error), headers)


@dataclass(frozen=True)
class Declared:
    """A route and what it takes; `permissions` is empty for a public one."""

    path: str
    methods: tuple[str, ...]
    permissions: frozenset[Permission]

    @property
    def public(self) -> bool:
        """Whether it stands in the list of what anybody may ask for."""
        return self.path in PUBLIC


def declared_routes(app: FastAPI) -> Iterator[Declared]:
    """Every route of the app, those of included routers and mounts too, with what it declares."""
    for found in iter_route_contexts(app.routes):
        route: Any = found.original_route
        path = str(getattr(found, "path", None) or getattr(route, "path", ""))
        permissions: frozenset[Permission] = frozenset()
        if isinstance(route, APIRoute):
            dependant = getattr(found, "dependant", None) or route.dependant
            permissions = frozenset(_permissions(dependant))
        methods = tuple(sorted(getattr(route, "methods", None) or ()))
        yield Declared(path, methods, permissions)


def check_routes(app: FastAPI) -> None:
    """Raise AccessError naming the routes that declare no permission and are not public: default deny."""
    open_ones = sorted({one.path for one in declared_routes(app) if not one.permissions and not one.public})
    if open_ones:
        raise AccessError(
            f"these routes declare no permission and are not public, so the service does not start: "
            f"{', '.join(open_ones)}"
        )


def _permissions(dependant: Any) -> Iterator[Permission]:
    for one in dependant.dependencies:
        if one.call in _DECLARED:
            yield _DECLARED[one.call]
        yield from _permissions(one)
