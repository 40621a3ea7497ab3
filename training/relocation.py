"""A store of models that was copied or moved: the absolute paths in it set right.

MLflow writes absolute paths of artifacts into its database, whatever it was given, so that a moved folder would
lose its models. Owns which columns hold them. Only for the store in `mlruns/`, a SQLite file.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from risk.errors import ModelError

PATH_COLUMNS: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Where MLflow keeps absolute paths."""


def relocate(database: Path, experiment: str) -> None:
    """Put the folder of the database in the place of the folder where it was when the experiment was made.

    Does nothing when they are the same. Raises ModelError when it is no such database or cannot be written.
    """
    present = str(database.parent)
    try:
        with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
            if _stored_folder(connection, experiment) in {None, present}:
                return
            connection.execute("BEGIN IMMEDIATE")
            old = _stored_folder(connection, experiment)  # another process may have been first
            for table, column in PATH_COLUMNS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (f"{present}/", len(f"{old}/") + 1, len(f"{old}/"), f"{old}/"),
                )
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise ModelError(
            f"{database} is no model registry, or was moved to where it cannot be written: {error}"
        ) from None


def _stored_folder(connection: sqlite3.Connection, experiment: str) -> str | None:
    """The folder of the store when its experiment was made; None before that, or when artifacts are kept elsewhere."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone() is None:
        return None
    row = connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
    location = str(row[0]) if row else ""
    own = location.startswith("/") and location.endswith("/mlruns/artifacts")
    return location.removesuffix("/artifacts") if own else None
