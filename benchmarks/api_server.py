"""The service of the benchmark as a process: as it is, or scoring alone without a store (`--bare`)."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import uvicorn
from fastapi import FastAPI

from features.state import State
from serving import receiving
from serving.api import manifests
from serving.api.app import create_app
from serving.champion import InService
from serving.receiving import MOST_EXPLAINED, Received, Wish, records
from serving.scorer import Past, assess
from serving.store import Store


class _NoStore:
    """Nothing was filed before."""

    @staticmethod
    def filed(ids: list[str]) -> Any:
        return pd.DataFrame({"consignment_id": [], "version": [], "filed_at": []})


def bare(store: Store, body: bytes, service: InService, wish: Wish, received_at: datetime, **_: Any) -> Received:
    """Read, score and give reasons on every line, with no history and nothing kept."""
    lines, rejects, findings, _taken = receiving._read(_NoStore(), body, received_at)  # type: ignore[arg-type]
    found = assess(
        lines,
        Past(State()),
        service.model,
        capacity=wish.capacity,
        seed=wish.seed,
        random_share=wish.random_share,
        explained=MOST_EXPLAINED,
        model_name=service.version.name,
        model_version=service.version.version,
        threads=1,
    )
    return Received(records(found.table), rejects, findings, [], len(lines), len(found.table))


def bare_app() -> FastAPI:
    """The same app, its scoring without a store."""
    patch.object(manifests, "receive", bare).start()
    return create_app()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--bare", action="store_true")
    wanted = parser.parse_args()
    os.environ["RISK_HOME"] = str(wanted.home)
    os.environ["RISK_THREADS"] = "1"
    app = "benchmarks.api_server:bare_app" if wanted.bare else "serving.api.app:create_app"
    uvicorn.run(app, factory=True, port=wanted.port, workers=wanted.workers, log_level="warning", access_log=False)
