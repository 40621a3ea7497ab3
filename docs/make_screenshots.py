"""Pictures of the console for the README and the guides, taken from the demo's own data: `make screenshots`.

Needs the demo (`make demo`) and Chromium. Serves the demo on a free port, signs in as the demo's people, and writes
PNG files beside this one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
PORT = 8765
ADDRESS = f"http://127.0.0.1:{PORT}"
WIDE = {"width": 1280, "height": 860}


def main(demo: Path) -> None:
    """Take all pictures."""
    chromium = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    if chromium is None or not (demo / "login.txt").is_file():
        raise SystemExit("needs Chromium (apt-get install chromium) and the demo's data (make demo)")
    command = [sys.executable, "-c", "from serving.cli import main; main()", "--home", str(demo), "serve"]
    server = subprocess.Popen([*command, "--port", str(PORT)])
    try:
        _wait()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(base_url=ADDRESS, viewport=WIDE, locale="en-GB", device_scale_factor=1)  # type: ignore[arg-type]
            _sign_in(page, *(demo / "login.txt").read_text(encoding="utf-8").split())
            page.screenshot(path=HERE / "console-worklist.png")
            page.locator("a.open").first.click()
            page.set_viewport_size({"width": 1280, "height": 1500})
            page.screenshot(path=HERE / "console-consignment.png")
            page.set_viewport_size(WIDE)  # type: ignore[arg-type]
            page.goto("/supervision")
            page.screenshot(path=HERE / "console-supervision.png")
            page.goto("/models")
            page.screenshot(path=HERE / "console-models.png")
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


def _sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.locator("a.open").first.wait_for()


def _wait() -> None:
    for _ in range(300):
        try:
            urlopen(f"{ADDRESS}/healthz", timeout=1).close()
            return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
