"""What the API is measured against and on: MLflow's own server of the same model, and a PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from features.build import build
from features.state import State
from risk.model import RiskModel


def mlflow_rows(model: RiskModel, lines: pd.DataFrame) -> bytes:
    """The lines' features as MLflow's server takes them."""
    table, _ = build(lines, State(), threads=1)
    columns = [feature.name for feature in model.features]
    data = [
        [None if value is None or value != value else value for value in row]  # noqa: PLR0124  # NaN
        for row in zip(*(_values(table.column(name)) for name in columns), strict=True)
    ]
    return orjson.dumps({"dataframe_split": {"columns": columns, "data": data}})


def _values(column: Any) -> list[Any]:
    return list(column.astype(np.float64).tolist() if column.dtype != object else column.tolist())


@contextmanager
def mlflow_server(home: Path, port: int) -> Iterator[int]:
    """`mlflow models serve` of the champion; gives its process."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlruns/mlflow.db"}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/risk@champion", "--env-manager",
               "local", "--port", str(port), "--workers", "1"]  # fmt: skip
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@contextmanager
def postgres() -> Iterator[str | None]:
    """The URL of a PostgreSQL server of its own, made durable; None where its programs are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        yield None
        return
    programs, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="risk-pg-"))
    who: dict[str, Any] = {"cwd": "/"}
    if os.getuid() == 0:  # the server refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        who |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    options = ["--auth=trust", "--username=risk", "--encoding=UTF8", "--no-locale"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([programs / "initdb", "-D", folder / "data", *options], check=True, **quiet, **who)
    command: list[str | Path] = [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="]
    process = subprocess.Popen(command, **quiet, **who)
    try:
        time.sleep(2)
        yield f"postgresql+psycopg://risk@/postgres?host={folder}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
