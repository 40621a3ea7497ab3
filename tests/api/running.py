"""Starts the app under uvicorn on a free port of this machine and speaks to it over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from small_office import at_home

from serving.api.app import create_app
from serving.api.service import Service


class Running(httpx.Client):
    """A client of a running service, which is at hand as well."""

    service: Service
    home: Path

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
def serving(home: Path) -> Iterator[Running]:
    """A service at work in a home folder."""
    with at_home(home):
        app = create_app()
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]
            with Running(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                client.service, client.home = app.state.service, home
                yield client
        finally:
            server.should_exit = True
            thread.join(20)
