"""The gate before every route: finds the credential of a request, who it stands for, and whether it may come through.

In this order: an API key or a bearer token in `Authorization: Bearer`, a key in `X-API-Key`, the cookie of a session.
A request with the cookie of a session that changes something must prove that it comes from our own pages. Whoever is
disabled in the list of users stays out by whatever way.
"""

from __future__ import annotations

import hmac
import ipaddress
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import structlog
from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from risk.errors import UsageError
from serving.access.errors import AccessError, TooLargeError, UnknownError
from serving.access.keys import START, Keys
from serving.access.known import Known
from serving.access.names import clean_name
from serving.access.principal import Principal
from serving.access.sessions import Begun, Sessions, forgery_token
from serving.access.throttle import Rate
from serving.access.tokens import Issuer, Tokens
from serving.settings import Settings
from serving.store import Store
from serving.store import access as table

COOKIE: Final = "risk_session"
SAFE_COOKIE: Final = "__Host-risk_session"
"""Its name over HTTPS: the browser then takes it from this very host only."""
FORGERY_HEADER: Final = "X-CSRF-Token"
FORGERY_FIELD: Final = "csrf"
_CHANGES_NOTHING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = "application/x-www-form-urlencoded"
_LARGEST_FORM: Final = 1_000_000
_log = structlog.get_logger("risk")


class LengthMissingError(AccessError):
    """A body whose size is not said beforehand."""

    status = 411


class Gate:
    """Lets requests in. One for each process, over its store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._plain_http = store, settings.plain_http
        self.keys = Keys(store)
        self.sessions = Sessions(
            store, timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
        )
        issuer = issuer_of(settings)
        self.tokens = None if issuer is None else Tokens(issuer)
        self.rate = Rate()
        self._disabled: Known[bool] = Known()

    async def admit(self, request: Request) -> Principal:
        """Who sends a request; `request.state.csrf` is set when it is a session. Raises AccessError."""
        who = await self._who(request)
        if who.rate is not None:
            self.rate.take(who.key_id or who.id, who.rate)
        if who.size is not None:
            _check_size(request, who.size)
        return who

    async def sign_in(self, request: Request, name: str, password: str) -> Begun:
        """Begin a session from the sign-in form; `set_cookie` gives it to the browser. Raises AccessError."""
        self._check_line(request)
        _check_origin(request)
        address = request.client.host if request.client else "local"
        return await run_in_threadpool(self.sessions.begin, name, password, address, session_cookie(request))

    async def sign_out(self, request: Request) -> None:
        """End the session of a request, if it has one."""
        token = session_cookie(request)
        if token:
            await run_in_threadpool(self.sessions.end, token)

    async def _who(self, request: Request) -> Principal:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        given = given.strip()
        if not given:
            given, scheme = request.headers.get("x-api-key", ""), "key"
        if given:
            self._check_line(request)
            if scheme.lower() not in ("bearer", "key"):
                raise UnknownError("the Authorization header is of another kind; expected is Bearer")
            if given.startswith(START):
                known = self.keys.at_hand(given)
                return known if known is not None else await run_in_threadpool(self.keys.find, given)
            if self.tokens is None or scheme == "key":
                raise UnknownError("the key is not known, has ended or was revoked")
            return await run_in_threadpool(self._token, given)
        token = session_cookie(request)
        if not token:
            raise UnknownError("nobody is signed in and no key or token was sent")
        self._check_line(request)
        who = self.sessions.at_hand(token)
        if who is None:
            who = await run_in_threadpool(self.sessions.find, token)
        if request.method not in _CHANGES_NOTHING:
            await _check_forgery(request, token)
        request.state.csrf = forgery_token(token)
        return who

    def _token(self, given: str) -> Principal:
        assert self.tokens is not None
        who = self.tokens.find(given)
        disabled = self._disabled.fresh(who.name)
        if disabled is None:
            with self._store.reading() as connection:
                user = table.user(connection, clean_name(who.name))
            disabled = user is not None and user.disabled
            self._disabled.put(who.name, disabled)
        if disabled:
            raise UnknownError("this person is disabled here")
        return who

    def _check_line(self, request: Request) -> None:
        """A password, key or token over an open line from another machine is not taken."""
        if self._plain_http or request.url.scheme == "https" or is_here(request):
            return
        raise AccessError("passwords, keys and tokens are taken over HTTPS only; put a TLS proxy before the service")


def issuer_of(settings: Settings) -> Issuer | None:
    """The issuer that is set; None without one. Raises UsageError when something of it is missing."""
    if settings.oidc_issuer is None:
        return None
    if not settings.oidc_audience or not settings.oidc_keys:
        raise UsageError("RISK_OIDC_ISSUER is set; RISK_OIDC_AUDIENCE and RISK_OIDC_KEYS are needed with it")
    return Issuer(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_keys,
        settings.oidc_algorithm,
        settings.oidc_name_claim,
        settings.oidc_roles_claim,
        settings.oidc_offices_claim,
    )


def is_here(request: Request) -> bool:
    """Whether a request comes from this machine: the loopback address, or no network at all."""
    if request.client is None:
        return True
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return True  # a socket of this machine has a path or a name, never an address


def session_cookie(request: Request) -> str | None:
    """The token of the session that the browser holds for this line."""
    return request.cookies.get(SAFE_COOKIE if request.url.scheme == "https" else COOKIE)


def set_cookie(request: Request, response: Response, begun: Begun) -> None:
    """Give the session to the browser: for this host only, out of reach of scripts, not sent for other sites."""
    _cookie(request, response, begun.token)


def clear_cookie(request: Request, response: Response) -> None:
    """Let the browser forget the session."""
    _cookie(request, response, "", max_age=0)


def _cookie(request: Request, response: Response, value: str, **more: Any) -> None:
    safe = request.url.scheme == "https"
    response.set_cookie(
        SAFE_COOKIE if safe else COOKIE, value, path="/", secure=safe, httponly=True, samesite="lax", **more
    )


def _check_size(request: Request, most: int) -> None:
    said = request.headers.get("content-length")
    if said is None:
        if "transfer-encoding" in request.headers:
            raise LengthMissingError("the size of the body is not said; send it with Content-Length")
    elif not said.isdecimal() or int(said) > most:
        raise TooLargeError(f"a body has at most {most:,} bytes for this key; send it in parts")


def _check_origin(request: Request) -> None:
    """A browser says where a request comes from; from elsewhere it is refused."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not own:
        _log.warning("foreign_origin", method=request.method)
        raise AccessError("this request comes from a page of another site")


async def _check_forgery(request: Request, token: str) -> None:
    _check_origin(request)
    given = request.headers.get(FORGERY_HEADER)
    if given is None and request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        given = await _field(request, FORGERY_FIELD)
    if given is None or not hmac.compare_digest(given.encode(), forgery_token(token).encode()):
        raise AccessError(f"the token against forged requests is missing or of another session ({FORGERY_HEADER})")


async def _field(request: Request, name: str) -> str | None:
    """A field of a form; the route may have read the form already, or may read the body after."""
    if getattr(request, "_form", None) is not None:
        found = (await request.form()).get(name)
        return found if isinstance(found, str) else None
    said = request.headers.get("content-length", "")
    if not said.isdecimal() or int(said) > _LARGEST_FORM:
        return None
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=1_000)
    return fields.get(name, [None])[0]
