"""The web app: its routes by resource, what surrounds every request, and the service behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from serving.access import login
from serving.access.dependencies import check_routes
from serving.access.gate import Gate
from serving.access.headers import SecurityHeaders
from serving.api import (
    assessments,
    batches,
    consignments,
    inspections,
    manifests,
    model,
    operations,
    outcomes,
    parties,
    problems,
    rules,
    watch_lists,
    worklist,
)
from serving.api.bounds import Bounded
from serving.api.observing import Observed, set_up_log
from serving.api.service import Service
from serving.console import pages

RESOURCES: Final = (
    manifests, batches, consignments, assessments, worklist, inspections, outcomes, parties, watch_lists, rules, model,
    operations,
)  # fmt: skip


def create_app() -> FastAPI:
    """The app with the champion of the registry. Raises ModelError when there is none, StoreError without a store."""
    set_up_log()
    service = Service()

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.close()

    app = FastAPI(
        title="Wildlife shipment risk",
        version="1",
        description="Scores customs consignments for the risk of wildlife smuggling, with reasons. A score is a lead, "
        "not proof. Times are UTC. Every refusal is problem details (RFC 9457).",
        lifespan=running,
        docs_url=None,  # its pages would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service, app.state.gate = service, Gate(service.store, service.settings)
    problems.install(app)
    for resource in RESOURCES:
        app.include_router(resource.router, responses=problems.RESPONSES)
    app.include_router(login.router)
    pages.install(app)
    app.add_middleware(Bounded)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed, figures=service.figures)
    check_routes(app)
    return app
