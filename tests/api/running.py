"""Starts the app under uvicorn on a free port of this machine and speaks to it over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from small_office import at_home

from serving import settings
from serving.access import keys, people
from serving.access.gate import COOKIE, FORGERY_HEADER, Gate
from serving.access.principal import local
from serving.access.roles import Role
from serving.access.sessions import forgery_token
from serving.api.app import create_app
from serving.api.service import Service

PASSWORD = "correct-horse-battery-7"


class Running(httpx.Client):
    """A client of a running service, which is at hand as well; it may do all that a key can."""

    service: Service
    gate: Gate
    home: Path

    def person(self, name: str, *roles: str, offices: list[str] | None = None) -> Running:
        """A client with the session of a person."""
        people.add(self.service.store, name, PASSWORD, roles, offices, local(), datetime.now(UTC))
        token = self.gate.sessions.begin(name, PASSWORD, "local").token
        return self._client(Cookie=f"{COOKIE}={token}", **{FORGERY_HEADER: forgery_token(token)})

    def system(self, name: str, *roles: str, offices: list[str] | None = None) -> Running:
        """A client with a key."""
        _, key = keys.add(self.service.store, keys.Wanted(name, roles, offices), local(), datetime.now(UTC))
        return self._client(**{"X-API-Key": key})

    def _client(self, **headers: str) -> Running:
        other = Running(base_url=self.base_url, timeout=60, headers=headers)
        other.service, other.gate, other.home = self.service, self.gate, self.home
        return other

    def ok(self, method: str, path: str, **what: Any) -> Any:
        """The JSON of an answer that has to be good."""
        answer = self.request(method, path, **what)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def refused(self, status: int, method: str, path: str, **what: Any) -> str:
        """The sentence of a refusal with this status, in problem details without a trace of the program."""
        answer = self.request(method, path, **what)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        content = answer.json()
        assert content["status"] == status and content["request_id"] == answer.headers["x-request-id"]
        assert "Traceback" not in answer.text and ".py" not in answer.text
        return str(content["detail"])

    def done(self, place: str) -> dict[str, Any]:
        """A batch when it has come to its end."""
        for _ in range(600):
            batch = self.ok("GET", place)
            if batch["state"] in ("done", "failed"):
                return dict(batch)
            time.sleep(0.05)
        raise AssertionError(f"{place} never came to its end")


@contextmanager
def serving(home: Path, url: str | None = None) -> Iterator[Running]:
    """A service at work in a home folder, its store elsewhere when a URL is given."""
    with at_home(home):
        if url is not None:
            settings._in_force[:] = [settings.settings().model_copy(update={"database_url": url})]
        app = create_app()
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]
            with Running(base_url=f"http://127.0.0.1:{port}", timeout=60) as anybody:
                anybody.service, anybody.gate, anybody.home = app.state.service, app.state.gate, home
                with anybody.system(f"tests-{port}", *Role) as client:
                    yield client
        finally:
            server.should_exit = True
            thread.join(20)
