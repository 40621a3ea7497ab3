"""Reading the files a command was given: progress while it runs, rejects beside the file, warnings at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from risk.manifests import ColumnMapping, Reading, read_all, write_rejects
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
) -> Reading:
    """All records of the files. Rejects go to FILE.rejects.csv; warnings are told with an example each."""
    reading = read_all(sources, table=table, mapping=mapping, label=label)
    tell(reading, sources)
    return reading


def tell(reading: Reading, sources: Sequence[Path]) -> None:
    """Write the rejects beside their files and tell what was rejected and what was read as missing."""
    for path in write_rejects(reading.rejects, sources):
        say(f"rejected records: {path}")
    for reject in reading.rejects[:SHOWN]:
        say(f"  {reject.file}, line {reject.line}: {reject.field} {reject.value!r}: {reject.reason}")
    if len(reading.rejects) > SHOWN:
        say(f"  and {len(reading.rejects) - SHOWN:,} more")
    findings = sorted(reading.findings, key=lambda finding: -finding.count)
    for finding in findings[:SHOWN]:
        say(
            f"  note, {finding.count:,} times: {finding.field}: {finding.reason} "
            f"(first: {finding.file}, line {finding.line}, {finding.value!r})"
        )
    if len(findings) > SHOWN:
        say(f"  and {len(findings) - SHOWN:,} more kinds of notes")
