"""The store: one object that opens a database and answers for all that is kept in it.

Each method is a transaction of its own. To put several writes into one, take `transaction()` and call the
modules `filings`, `outcomes`, `assessments` and `imports` with its connection. A store may be shared by
threads; a process that forks must open its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pandas as pd
from sqlalchemy import Connection, Engine

from risk.manifests.cancellations import Cancellation
from risk.parties.judgements import Judgement
from serving.store import (
    assessments,
    cancellations,
    engine,
    filings,
    history,
    imports,
    outcomes,
    parties,
    schema,
    worklist,
)
from serving.store.append import Added
from serving.store.assessments import Saved
from serving.store.imports import ImportRun


class Store:
    """Filings, outcomes, assessments and imports in a SQLite file or a PostgreSQL database."""

    def __init__(self, opened: Engine) -> None:
        self._engine = opened

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Self:
        """Open a store; one that is not there is made, unless `create` is False.

        Raises StoreError when it cannot be reached or its tables are of another version than the program,
        UsageError for a URL that is neither SQLite nor PostgreSQL.
        """
        opened = engine.connect(url, create=create)
        try:
            with opened.connect() as connection:
                version = schema.current(connection)
            if version is None and create:
                version = schema.upgrade(opened)[1]
            schema.check(opened, version)
        except BaseException:
            opened.dispose()
            raise
        return cls(opened)

    @staticmethod
    def upgrade(url: str) -> tuple[str | None, str]:
        """Bring the tables at `url` to the program's version (None: there were none); version before and after."""
        opened = engine.connect(url, create=True)
        try:
            return schema.upgrade(opened)
        finally:
            opened.dispose()

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that writes: all of it, or nothing after an exception or a kill."""
        with engine.writing(self._engine) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading; it sees no write that is not complete."""
        with self._engine.connect() as connection:
            yield connection

    def schema_version(self) -> str | None:
        """The version of the tables."""
        with self.reading() as connection:
            return schema.current(connection)

    def counts(self) -> dict[str, int]:
        """How many lines, consignments, outcomes, assessments and imports there are."""
        with self.reading() as connection:
            lines, consignments = filings.count(connection)
            return {
                "lines": lines,
                "consignments": consignments,
                "outcomes": outcomes.count(connection),
                "assessments": assessments.count(connection),
                "imports": imports.count(connection),
            }

    def add_consignments(self, frame: pd.DataFrame, source: str, *, received_at: datetime | None = None) -> Added:
        """Store lines in the layout of `risk.consignment`, all or none; see `filings.add`."""
        with self.transaction() as connection:
            return filings.add(connection, frame, source, received_at=received_at)

    def consignments(
        self,
        *,
        filed_from: datetime | None = None,
        filed_before: datetime | None = None,
        offices: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The lines filed from (inclusive) and before (exclusive) a time, by time filed and key; all by default."""
        with self.reading() as connection:
            return filings.read(connection, filings.Wanted(filed_from, filed_before, offices))

    def consignment_batches(
        self,
        *,
        rows: int = 50_000,
        filed_from: datetime | None = None,
        filed_before: datetime | None = None,
        offices: Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """The same in frames of at most `rows`, as one consistent view however long the reading takes."""
        with self.reading() as connection:
            yield from filings.batches(connection, filings.Wanted(filed_from, filed_before, offices), rows)

    def consignment(self, consignment_id: str) -> pd.DataFrame:
        """All lines of all versions of one consignment, by version and line; empty when there is none."""
        with self.reading() as connection:
            return filings.versions(connection, consignment_id)

    def filed(self, ids: Sequence[str]) -> pd.DataFrame:
        """The versions stored of some consignments and when they were filed; see `filings.filed`."""
        with self.reading() as connection:
            return filings.filed(connection, ids)

    def latest_filed_at(self) -> datetime | None:
        """The time of the last filing in UTC; None in an empty store."""
        with self.reading() as connection:
            return filings.latest_filed_at(connection)

    def add_outcomes(
        self,
        frame: pd.DataFrame,
        source: str,
        *,
        label: str = outcomes.LABEL,
        allow_unknown: bool = False,
        received_at: datetime | None = None,
    ) -> Added:
        """Store results in the layout of `risk.inspection`, all or none; see `outcomes.add`."""
        with self.transaction() as connection:
            return outcomes.add(
                connection, frame, source, label=label, allow_unknown=allow_unknown, received_at=received_at
            )

    def outcomes(
        self,
        *,
        label: str = outcomes.LABEL,
        recorded_before: datetime | None = None,
        consignment_id: str | None = None,
    ) -> pd.DataFrame:
        """The results recorded before a time (exclusive), by time recorded; all by default."""
        with self.reading() as connection:
            return outcomes.read(
                connection, label=label, recorded_before=recorded_before, consignment_id=consignment_id
            )

    def save_assessments(self, frame: pd.DataFrame) -> Saved:
        """Store answers, all or none; for a version, stage and model the first stands. See `assessments.save`."""
        with self.transaction() as connection:
            return assessments.save(connection, frame)

    def assessments(
        self,
        *,
        consignment_id: str | None = None,
        ids: Sequence[str] | None = None,
        scored_from: datetime | None = None,
    ) -> pd.DataFrame:
        """The answers for a consignment, with these ids, or scored from a time (inclusive), by time scored."""
        with self.reading() as connection:
            return assessments.read(connection, consignment_id=consignment_id, ids=ids, scored_from=scored_from)

    def assessment(self, key: str) -> dict[str, Any] | None:
        """One answer by its id; None when there is none."""
        with self.reading() as connection:
            return assessments.one(connection, key)

    def judge_parties(self, judgement: Judgement) -> int:
        """Append what a person said about two parties; returns its number."""
        with self.transaction() as connection:
            return parties.add(connection, judgement)

    def party_judgements(self, *, judged_before: datetime | None = None) -> list[Judgement]:
        """What people said about parties before a time (exclusive); all by default."""
        with self.reading() as connection:
            return parties.judgements(connection, judged_before=judged_before)

    def add_cancellations(
        self, rows: Sequence[Cancellation], source: str, *, received_at: datetime | None = None
    ) -> cancellations.Taken:
        """Store what messages took back, all or none, and close the entries of the worklist that this concerns."""
        with self.transaction() as connection:
            taken = cancellations.add(connection, rows, source, received_at=received_at)
            worklist.settle(connection, [row.consignment_id for row in rows])
            return taken

    def reopen_filed_again(self) -> None:
        """Open the entries of the worklist that were cancelled and filed again since."""
        with self.transaction() as connection:
            worklist.settle(connection)

    def cancellations(self, *, consignment_id: str | None = None) -> list[Cancellation]:
        """What messages took back, of one consignment or of all, by time."""
        with self.reading() as connection:
            return cancellations.read(connection, consignment_id)

    def cancelled(self, ids: Sequence[str], *, unfiled_since: datetime) -> set[str]:
        """Which of the consignments are cancelled and not filed again; see `cancellations.in_force`."""
        with self.reading() as connection:
            return cancellations.in_force(connection, ids, unfiled_since)

    def history_head(self) -> history.Head | None:
        """What the tables of the folded history are; None while nothing was folded."""
        with self.reading() as connection:
            return history.head(connection)

    def begin_import(self, name: str, sha256: str) -> int:
        """Note that the import of a file began; returns the id of the run."""
        with self.transaction() as connection:
            return imports.begin(connection, name, sha256)

    def finish_import(self, run: int, *, rows: int, accepted: int, known: int, rejected: int) -> None:
        """Note the end of a run and what became of its rows."""
        with self.transaction() as connection:
            imports.finish(connection, run, rows=rows, accepted=accepted, known=known, rejected=rejected)

    def imports(self, *, sha256: str | None = None) -> list[ImportRun]:
        """The runs in the order they began, of one file or of all."""
        with self.reading() as connection:
            return imports.runs(connection, sha256=sha256)
