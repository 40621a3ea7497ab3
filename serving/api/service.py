"""What all routes share: the store, the model in service, figures, the worker of batches, and the watch over them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from anyio import CapacityLimiter
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from serving.api.observing import Figures
from serving.batch_worker import BatchWorker
from serving.champion import SECONDS, Champion
from serving.history_upkeep import settle
from serving.live_history import LiveHistory
from serving.modelling import registry
from serving.parties_at import PartiesAt
from serving.receiving import Received, Wish
from serving.settings import settings
from serving.store import Store, assessments, batches

_log = structlog.get_logger("risk")


class Service:
    """Everything a request may need. Made once a process, closed at its end."""

    def __init__(self) -> None:
        """Open the store and load the champion. Raises ModelError, StoreError."""
        self.settings = settings()
        self.champion = Champion(registry)
        self.store = Store.open(self.settings.store_url)
        self.live = LiveHistory(self.store)
        self.figures = Figures()
        self.parties = PartiesAt(self.store)
        self.worker = BatchWorker(self.store, self.champion, self.wish(threads=self.settings.threads))
        self.scoring = CapacityLimiter(2)
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._watched, name="watch", daemon=True)
        self._show_model()

    def start(self) -> None:
        """Begin the work in the background."""
        self.worker.start()
        self._watch.start()

    def close(self) -> None:
        """End the work in the background and give the store back."""
        self._stop.set()
        self.worker.stop()
        if self._watch.is_alive():
            self._watch.join(10)
        self.store.close()

    def wish(self, capacity: float | None = None, *, threads: int = 1, dry_run: bool = False) -> Wish:
        """How a manifest is to be scored, by the settings where nothing else is said."""
        own = self.settings
        return Wish(own.capacity if capacity is None else capacity, own.seed, own.random_share, threads, dry_run)

    def now(self) -> datetime:
        """The time at which a request is answered."""
        return datetime.now(UTC)

    def observe(self, received: Received) -> None:
        """Count what came in and what was said of it."""
        figures = self.figures
        figures.lines.inc(received.lines)
        figures.rejected.inc(len(received.rejects))
        figures.scored([entry["probability"] for entry in received.consignments[: received.scored]])
        for name, stated in received.stated.items():
            figures.stated.labels(name).inc(stated)
            figures.missing.labels(name).inc(received.lines - stated)

    def look_after(self) -> None:
        """Take over a champion that moved, and bring the figures up to date."""
        before = self.champion.problem
        if self.champion.refresh():
            self._show_model()
            _log.info("model_taken_over", version=self.champion.current.version.version)
        if self.champion.problem is not None and self.champion.problem != before:
            _log.error("model_not_taken_over", problem=self.champion.problem)
        self.figures.model_problem.set(self.champion.problem is not None)
        settle(self.store, self.champion.current.target, self.now())
        with self.store.reading() as connection:
            self.figures.batches.set(batches.waiting(connection))

    def _watched(self) -> None:
        while not self._stop.wait(SECONDS):
            try:
                self.look_after()
            except Exception as error:  # noqa: BLE001  # the watch goes on whatever fails, and says so
                _log.error("watch_failed", kind=type(error).__name__)

    def _show_model(self) -> None:
        current = self.champion.current
        self.figures.model.clear()
        self.figures.model.labels(current.version.version, current.model.fingerprint).set(1)
        with self.store.reading() as connection:
            self.figures.usual(assessments.latest_probabilities(connection, current.model.fingerprint, 20_000))


def service_of(request: Request) -> Service:
    """The service behind a request."""
    found: Service = request.app.state.service
    return found


Desk = Annotated[Service, Depends(service_of)]


def now() -> datetime:
    """The time at which a request is answered."""
    return datetime.now(UTC)


async def in_thread(work: Callable[[], Any]) -> Any:
    """Run what computes or waits for the store beside the loop."""
    return await run_in_threadpool(work)
