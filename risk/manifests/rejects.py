"""Writes what was not accepted beside the file it came from, so that it can be mended and read again."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

from risk.manifests.records import Reject

HEADER: Final = ("file", "line", "field", "value", "reason", "record")


def rejects_path(source: Path) -> Path:
    """Where the rejects of a file are written: FILE.rejects.csv beside it."""
    return source.with_name(source.name + ".rejects.csv")


class RejectWriter:
    """Writes the rejects of one file; there is a file of rejects only when there is a reject.

    A file left by an earlier run is removed on entering. `count` is the number written so far. The column
    `record` holds the whole record as JSON. Use it in a `with` statement and write batch after batch.
    """

    def __init__(self, source: Path, target: Path | None = None) -> None:
        self.path = target or rejects_path(source)
        self.count = 0
        self._file: TextIO | None = None

    def __enter__(self) -> RejectWriter:
        self.path.unlink(missing_ok=True)
        return self

    def write(self, rejects: Iterable[Reject]) -> None:
        """Add rejects to the file, which begins with the first one."""
        for reject in rejects:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(HEADER)
            row = (reject.file, reject.line, reject.field, reject.value, reject.reason, reject.record)
            csv.writer(self._file).writerow(row)
            self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
