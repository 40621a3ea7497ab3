"""Reading the files a command was given: progress while it runs, rejects beside the file, warnings at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from risk.manifests import ColumnMapping, Findings, Reading, Reject, read_all, write_rejects
from serving.terminal import say

SHOWN: int = 12
"""Warnings and rejects that are told on the screen; all rejects are in the file."""


def load_mapping(path: Path | None) -> ColumnMapping | None:
    """The mapping file, if one is given."""
    return None if path is None else ColumnMapping.load(path)


def read_files(
    sources: Sequence[Path],
    *,
    table: Literal["consignments", "outcomes"] | None = None,
    mapping: ColumnMapping | None = None,
    label: str | None = None,
    received_at: datetime | None = None,
    sheet: str | None = None,
) -> Reading:
    """All records of the files. Rejects go to FILE.rejects.csv; warnings are told with an example each."""
    reading = read_all(sources, table=table, mapping=mapping, label=label, received_at=received_at, sheet=sheet)
    tell(reading.rejects, reading.findings, sources)
    return reading


def tell(rejects: Sequence[Reject], findings: Findings, sources: Sequence[Path], *, append: bool = False) -> None:
    """Write the rejects beside their files (after those already there, with `append`) and say what was wrong."""
    for path in write_rejects(rejects, sources, append=append):
        say(f"rejected records: {path}")
    tell_rejects(rejects, len(rejects))
    tell_findings(findings)


def tell_rejects(first: Sequence[Reject], count: int) -> None:
    """The first few rejects, and how many there are."""
    for reject in first[:SHOWN]:
        what = f"{reject.field} {reject.value!r}: " if reject.field else ""
        say(f"  {reject.file}, line {reject.line}: {what}{reject.reason}")
    if count > SHOWN:
        say(f"  and {count - SHOWN:,} more")


def tell_findings(findings: Findings) -> None:
    """What was read as missing or kept with a doubt, the most frequent first, each with an example."""
    ordered = sorted(findings, key=lambda finding: -finding.count)
    for finding in ordered[:SHOWN]:
        say(
            f"  note, {finding.count:,} times: {finding.field}: {finding.reason} "
            f"(first: {finding.file}, line {finding.line}, {finding.value!r})"
        )
    if len(ordered) > SHOWN:
        say(f"  and {len(ordered) - SHOWN:,} more kinds of notes")
