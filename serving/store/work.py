"""The tables of a day's work: the worklist, decisions and selections, claims, batches, watch lists.

Decisions, selections, bases of assessments and watch entries are only ever added. The worklist is made of the
assessments and decisions and could be made from them again; claims, batches and answers kept under an idempotency
key pass. Times are microseconds since 1970 UTC, days are ISO dates in UTC.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import Column as SqlColumn

from serving.store.tables import METADATA, ORDERED_TEXT, SERIAL

WORKLIST: Final = Table(
    "worklist",
    METADATA,
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("version", BigInteger, nullable=False),
    SqlColumn("office", ORDERED_TEXT, nullable=False),
    SqlColumn("day", ORDERED_TEXT, nullable=False),
    SqlColumn("place", ORDERED_TEXT, nullable=False),
    SqlColumn("assessment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("probability", Double, nullable=False),
    SqlColumn("raw_score", Double, nullable=False),
    SqlColumn("lane", ORDERED_TEXT, nullable=False),
    SqlColumn("selected_by", Text),
    SqlColumn("propensity", Double),
    SqlColumn("decided", Text),
    SqlColumn("state", Text, nullable=False),
    SqlColumn("filed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("consignment_id", name="pk_worklist"),
    Index("ix_worklist_office", "office", "day", "place"),
    Index("ix_worklist_office_lane", "office", "day", "lane", "place"),
    Index("ix_worklist_day", "day", "place"),
    Index("ix_worklist_day_lane", "day", "lane", "place"),
)
"""One row for each consignment scored, by its last version. `place` puts them in the strict order of risk (see
`serving.store.worklist`); `office` is empty where the filing names none; `decided` is what put it into its lane
(selection or override; missing while it is the assessment); `state` is open, inspected or cancelled."""

DECISIONS: Final = Table(
    "decisions",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("assessment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("kind", Text, nullable=False),
    SqlColumn("lane", Text, nullable=False),
    SqlColumn("lane_before", Text, nullable=False),
    SqlColumn("selected_by", Text),
    SqlColumn("propensity", Double),
    SqlColumn("decided_at", BigInteger, nullable=False),
    SqlColumn("decided_by", Text, nullable=False),
    SqlColumn("reason", Text),
    SqlColumn("selection_id", BigInteger),
    SqlColumn("answers", BigInteger),
    Index("ix_decisions_consignment_id", "consignment_id", "id"),
    UniqueConstraint("answers", name="uq_decisions_answers"),
)
"""One row for each thing decided about a lane. `kind`: selection (the day's draw), override (in force at once),
asked (an override that a second person has to confirm), confirmed or refused (what that person said of the row
`answers`, once)."""

SELECTIONS: Final = Table(
    "selections",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("office", ORDERED_TEXT, nullable=False),
    SqlColumn("day", ORDERED_TEXT, nullable=False),
    SqlColumn("capacity", Double, nullable=False),
    SqlColumn("seed", BigInteger, nullable=False),
    SqlColumn("random_share", Double, nullable=False),
    SqlColumn("consignments", BigInteger, nullable=False),
    SqlColumn("inspections", BigInteger, nullable=False),
    SqlColumn("made_at", BigInteger, nullable=False),
    SqlColumn("made_by", Text, nullable=False),
    UniqueConstraint("office", "day", name="uq_selections_office_day"),
)
"""One row for each day's selection of an office."""

CLAIMS: Final = Table(
    "claims",
    METADATA,
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("claimed_by", Text, nullable=False),
    SqlColumn("claimed_at", BigInteger, nullable=False),
    SqlColumn("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("consignment_id", name="pk_claims"),
)
"""Who is at work on which consignment, until when."""

BASES: Final = Table(
    "assessment_bases",
    METADATA,
    SqlColumn("assessment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("source", Text, nullable=False),
    SqlColumn("filings_to", BigInteger, nullable=False),
    SqlColumn("outcomes_to", BigInteger, nullable=False),
    SqlColumn("line_no", BigInteger, nullable=False),
    PrimaryKeyConstraint("assessment_id", name="pk_assessment_bases"),
)
"""What an assessment of the API could know: filings and outcomes up to these numbers, and its own manifest's lines,
whose filings have this source; and the riskiest line. Makes it possible to compute it again."""

BATCHES: Final = Table(
    "batches",
    METADATA,
    SqlColumn("id", ORDERED_TEXT, nullable=False),
    SqlColumn("state", Text, nullable=False),
    SqlColumn("size", BigInteger, nullable=False),
    SqlColumn("sha256", Text, nullable=False),
    SqlColumn("capacity", Double, nullable=False),
    SqlColumn("submitted_at", BigInteger, nullable=False),
    SqlColumn("submitted_by", Text, nullable=False),
    SqlColumn("offices", Text),
    SqlColumn("started_at", BigInteger),
    SqlColumn("finished_at", BigInteger),
    SqlColumn("worker", Text),
    SqlColumn("alive_at", BigInteger),
    SqlColumn("attempts", BigInteger, nullable=False),
    SqlColumn("lines", BigInteger, nullable=False),
    SqlColumn("done", BigInteger, nullable=False),
    SqlColumn("consignments", BigInteger, nullable=False),
    SqlColumn("known", BigInteger, nullable=False),
    SqlColumn("rejected", BigInteger, nullable=False),
    SqlColumn("error", Text),
    PrimaryKeyConstraint("id", name="pk_batches"),
    Index("ix_batches_state", "state", "submitted_at"),
)
"""One row for each manifest taken in to be scored later. `state`: waiting, running, done, failed. `offices`: those of
the sender as a JSON array; missing for all."""

BATCH_FILES: Final = Table(
    "batch_files",
    METADATA,
    SqlColumn("batch_id", ORDERED_TEXT, nullable=False),
    SqlColumn("name", ORDERED_TEXT, nullable=False),
    SqlColumn("part", BigInteger, autoincrement=False, nullable=False),
    SqlColumn("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("batch_id", "name", "part", name="pk_batch_files"),
)
"""The files of a batch in parts: manifest, results, rejects. In the database, so that any machine can work it off."""

ANSWERS: Final = Table(
    "kept_answers",
    METADATA,
    SqlColumn("owner", ORDERED_TEXT, nullable=False),
    SqlColumn("key", ORDERED_TEXT, nullable=False),
    SqlColumn("request", Text, nullable=False),
    SqlColumn("status", BigInteger, nullable=False),
    SqlColumn("content", LargeBinary, nullable=False),
    SqlColumn("kept_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner", "key", name="pk_kept_answers"),
)
"""Answers to requests that carried an idempotency key, with a fingerprint of the request."""

WATCH_ENTRIES: Final = Table(
    "watch_entries",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("list", ORDERED_TEXT, nullable=False),
    SqlColumn("kind", Text, nullable=False),
    SqlColumn("entry", ORDERED_TEXT, nullable=False),
    SqlColumn("note", Text),
    SqlColumn("valid_from", BigInteger, nullable=False),
    SqlColumn("valid_until", BigInteger),
    SqlColumn("added_at", BigInteger, nullable=False),
    SqlColumn("added_by", Text, nullable=False),
    SqlColumn("ended", Boolean, nullable=False),
    SqlColumn("ended_by", Text),
    Index("ix_watch_entries_list", "list", "entry"),
)
"""One row for each entry of a watch list. Ending one sets `valid_until`; the row stays."""
