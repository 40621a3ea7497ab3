"""A served console with its people, and a real browser to look at it with."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api"), str(HERE.parent / "serving")]

spec = importlib.util.spec_from_file_location("api_fixtures", HERE.parent / "api" / "conftest.py")
assert spec is not None and spec.loader is not None
_api = importlib.util.module_from_spec(spec)
sys.modules["api_fixtures"] = _api
spec.loader.exec_module(_api)
filled = _api.filled

from browsing import HOSTILE, NAMES, PASSWORD, SECOND  # noqa: E402
from running import Running, serving  # noqa: E402
from small_office import Office  # noqa: E402

from serving.access import people  # noqa: E402
from serving.access.principal import local  # noqa: E402
from serving.access.roles import Role  # noqa: E402


@pytest.fixture(scope="session")
def console(filled: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with somebody of every role, a scored manifest, and one consignment that is hostile throughout."""
    home = tmp_path_factory.mktemp("console") / "home"
    shutil.copytree(filled.home, home)
    with serving(home) as running:
        now = datetime.now(UTC)
        for role, name in NAMES.items():
            people.add(running.service.store, name, PASSWORD, [role.value], None, local(), now)
        people.add(running.service.store, SECOND, PASSWORD, ["supervisor"], None, local(), now)
        everything = [role.value for role in (Role.SUPERVISOR, Role.OPERATOR)]
        people.add(running.service.store, "all.in.one", PASSWORD, everything, None, local(), now)
        _sign_in(running, "all.in.one")
        score(running, filled.manifest.read_bytes())
        score(running, _hostile())
        yield running


def score(running: Running, manifest: bytes) -> None:
    """Send a manifest as somebody who may."""
    answer = running.post("/v1/manifests", content=manifest, headers={"X-CSRF-Token": _token(running)})
    assert answer.status_code == 200, answer.text


def _sign_in(running: Running, name: str) -> None:
    answer = running.post("/login", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


def _token(running: Running) -> str:
    from serving.access.sessions import forgery_token

    return forgery_token(running.cookies["risk_session"])


def _hostile() -> bytes:
    """A manifest in JSON whose every text is an attack on the page that shows it."""
    import orjson

    texts = ("carrier", "voyage", "bl_no", "shipper_name", "shipper_address", "consignee_name", "consignee_address",
             "notify_name", "forwarder_name", "description", "marks", "final_destination",
             "place_of_receipt")  # fmt: skip
    line = dict.fromkeys(texts, HOSTILE) | {
        "consignment_id": "HOSTILE-1", "filed_at": "2026-02-19T23:59:00Z", "loading_port": "KRPUS",
        "discharge_port": "VNHPH", "hs_code": "050790", "gross_weight_kg": 900, "packages": 30,
        "containers": [{"no": "MSKU1234560", "type": HOSTILE, "seals": [HOSTILE]}],
        "permits": [{"type": HOSTILE, "no": HOSTILE}],
    }  # fmt: skip
    return orjson.dumps(line)


def _chromium() -> str | None:
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
                None)  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window. Skips loudly where there is none."""
    path = _chromium()
    if path is None:
        warnings.warn(
            "the console is NOT tested in a browser: no chromium found (apt-get install chromium)", stacklevel=1
        )
        pytest.skip("no chromium found")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


class Seen:
    """What a page did beside being shown: errors of scripts and policy, and requests to elsewhere."""

    def __init__(self, page: Page, own: str) -> None:
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("response", lambda answer: self.errors.append(answer.url) if answer.status >= 500 else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}"))
        page.on(
            "request", lambda asked: None if asked.url.startswith((own, "data:")) else self.elsewhere.append(asked.url)
        )

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):  # a refusal is a page here
            self.errors.append(text)


@pytest.fixture
def page(browser: Browser, console: Running) -> Iterator[Page]:
    """A page that fails its test when a script or the content policy complained, or anything left this machine."""
    context = browser.new_context(base_url=str(console.base_url), locale="en-GB", timezone_id="UTC")
    opened = context.new_page()
    seen = Seen(opened, str(console.base_url))
    yield opened
    context.close()
    assert seen.errors == []
    assert seen.elsewhere == []
