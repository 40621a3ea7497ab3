"""What can be seen of the service from outside: an id for each request, one line in the log, figures for Prometheus.

The log says which route, never which path or body, so that no name of a person or a firm gets into it.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import numpy as np
import structlog
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import failed

_OWN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
BINS: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Edges of the classes of probability in which the distribution of scores is watched."""
RECENT: Final = 5_000
"""So many latest scores are compared with those before the start."""


class _Steady:
    """Standard error, where the log goes; a line that cannot be written, as on a full disk, costs no request."""

    lost = 0

    def write(self, text: str) -> None:
        """Write, if that can be done."""
        try:
            sys.stderr.write(text)
        except OSError:
            _Steady.lost += 1

    def flush(self) -> None:
        """Pass on what was written, if that can be done."""
        try:
            sys.stderr.flush()
        except OSError:
            _Steady.lost += 1


def set_up_log() -> None:
    """One JSON object a line on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(_Steady()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )


class Figures:
    """The figures of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("risk_requests", "Requests answered.", ["method", "route", "status"], **kept)
        self.seconds = Histogram(
            "risk_request_seconds", "Time from the request to its answer.", ["route"],
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30), **kept,
        )  # fmt: skip
        self.lines = Counter("risk_lines", "Goods lines taken in.", **kept)
        self.rejected = Counter("risk_rejected_records", "Records that were not accepted.", **kept)
        self.scores = Histogram("risk_score", "Calibrated probability of consignments.", buckets=BINS[1:], **kept)
        self.stated = Counter("risk_feature_stated", "Lines that state a column.", ["column"], **kept)
        self.missing = Counter("risk_feature_missing", "Lines that leave a column out.", ["column"], **kept)
        self.drift = Gauge("risk_score_drift", "Population stability index of the latest scores.", **kept)
        self.model = Gauge("risk_model_in_service", "1 for the model in service.", ["version", "fingerprint"], **kept)
        self.model_problem = Gauge("risk_model_problem", "1 while a new champion cannot be used.", **kept)
        self.batches = Gauge("risk_batches_waiting", "Batches waiting or running.", **kept)
        lost = Gauge("risk_log_lines_lost", "Lines of the log that could not be written.", **kept)
        lost.set_function(lambda: _Steady.lost)
        self._usual: NDArray[np.float64] | None = None
        self._recent: deque[float] = deque(maxlen=RECENT)

    def usual(self, probabilities: Sequence[float]) -> None:
        """Tell what scores of this model were before; the drift is measured against them."""
        self._recent.clear()
        self.drift.set(0)
        self._usual = _shares(np.array(probabilities)) if len(probabilities) >= 200 else None

    def scored(self, probabilities: Sequence[float]) -> None:
        """Count new scores in."""
        for probability in probabilities:
            self.scores.observe(probability)
        self._recent.extend(probabilities)
        if self._usual is not None and len(self._recent) >= 200:
            now = _shares(np.array(self._recent))
            self.drift.set(float(((now - self._usual) * np.log(now / self._usual)).sum()))

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)


def _shares(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each class, none of them zero."""
    counts, _ = np.histogram(probabilities, BINS)
    return np.asarray((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))


class Observed:
    """Gives each request an id, counts it and writes its line in the log."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app, self._figures = app, figures
        self._log = structlog.get_logger("risk")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        number = given if _OWN_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = number
        status, begun, since = 500, False, time.perf_counter()

        async def told(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"] = [*message["headers"], (b"x-request-id", number.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=number):
            try:
                await self._app(scope, receive, told)
            except Exception as error:
                if begun:
                    raise  # half an answer is out; the connection ends
                await failed(error, scope, receive, told)
            finally:
                seconds = time.perf_counter() - since
                route = getattr(scope.get("route"), "path", "none")
                self._figures.requests.labels(scope["method"], route, str(status)).inc()
                self._figures.seconds.labels(route).observe(seconds)
                self._log.info(
                    "request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1)
                )
