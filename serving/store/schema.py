"""The version of the tables in a database, and the migrations that bring it up to the program's.

The migrations are scripts in `migrations/versions`, run in one transaction; two processes that start on an
empty database at once make its tables once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from serving.store.engine import StoreError, shown, writing

MIGRATIONS: Final = Path(__file__).parent / "migrations"

VERSION_TABLE: Final = "risk_schema_version"
"""A name of our own: MLflow keeps its version in the usual one and may share the database."""

_LOCK: Final = 0x7269736B
"""Key of the PostgreSQL lock that one migrating process holds."""


def newest() -> str:
    """The version that the program needs."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def current(connection: Connection) -> str | None:
    """The version of the tables in the database; None when there are none."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to the program's version; returns the version before and after.

    Raises StoreError when the tables are newer than the program.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = current(connection)
        if before == newest():
            return before, before
        _refuse_newer(engine, before)
        migrate(connection)
    return before, newest()


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring the tables forward to a version within the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def versions() -> list[str]:
    """All versions of the tables there ever were, the first one first."""
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]


def check(engine: Engine, version: str | None) -> None:
    """Raise StoreError unless this is the version that the program needs."""
    if version == newest():
        return
    _refuse_newer(engine, version)
    have = "has no tables yet" if version is None else f"has tables of version {version}"
    raise StoreError(f"The store {shown(engine)} {have}, the program needs {newest()}; run `risk db upgrade`")


def _refuse_newer(engine: Engine, version: str | None) -> None:
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(
            f"The store {shown(engine)} has tables of version {version}, newer than the program's {newest()}; "
            "install the newer program (its `risk db upgrade` made them)"
        )
