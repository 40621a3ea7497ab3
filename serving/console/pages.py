"""The console on the app of the API: its pages and the files they need, all served from here."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from serving.console import (
    acting,
    administration_page,
    consignment_page,
    lists_page,
    models_page,
    record_page,
    rules_page,
    signing_in,
    supervision_page,
    worklist_page,
)
from serving.console.web import HERE

PAGES: Final = (
    signing_in, worklist_page, consignment_page, acting, supervision_page, rules_page, lists_page, models_page,
    administration_page, record_page,
)  # fmt: skip


def install(app: FastAPI) -> None:
    """Add the console's pages."""
    for one in PAGES:
        app.include_router(one.router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
