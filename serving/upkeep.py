"""The upkeep of the store: backups, restores and the end of personal data, each told in the audit."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from risk.errors import UsageError
from risk.layout import utc
from serving import audit
from serving.access.principal import local
from serving.settings import Settings
from serving.store import Store, schema
from serving.store import backup as files
from serving.store.backup import Written
from serving.store.retention import reclaim
from serving.store.retention import retain as replace

Progress = Callable[[str], None]


def backup(url: str, file: Path, progress: Progress) -> Written:
    """Write the store into a file; see `serving.store.backup`."""
    made = files.backup(url, file, progress)
    if made.version == schema.newest():  # the tables of an older version, before an upgrade, may have no audit yet
        with Store.open(url, create=False) as store, store.transaction() as connection:
            audit.record(connection, local(), "store.backup", made.sha256[:32], None, {"rows": sum(made.rows.values())})
    return made


def restore(url: str, file: Path, *, force: bool, progress: Progress) -> Written:
    """Put a backup into the store; see `serving.store.backup`."""
    made = files.restore(url, file, force=force, progress=progress)
    with Store.open(url, create=False) as store, store.transaction() as connection:
        details = {"rows": sum(made.rows.values()), "version": made.version, "forced": force}
        audit.record(connection, local(), "store.restore", made.sha256[:32], None, details)
    return made


class _UndoneError(Exception):
    """Ends a transaction that was only to see what it would do."""


def retain(own: Settings, before: datetime, *, dry_run: bool, reason: str | None) -> dict[str, int]:
    """End the personal data of what came before a time; the rows changed in each table. Raises UsageError."""
    key = own.retention_key.encode() if own.retention_key else secrets.token_bytes(32)
    if len(key) < 16:
        raise UsageError("RISK_RETENTION_KEY has fewer than 16 characters; a long random one is expected")
    counts: dict[str, int] = {}
    with Store.open(own.store_url, create=False) as store:
        try:
            with store.transaction() as connection:
                counts = replace(connection, before, key)
                if dry_run:
                    raise _UndoneError
                audit.record(connection, local(), "store.retain", utc(before), reason, counts)
        except _UndoneError:
            return counts
    reclaim(own.store_url)
    return counts
