"""Writes what was not accepted beside the file it came from, so that it can be mended and read again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

from risk.manifests.records import Reject

HEADER: Final = ("file", "line", "field", "value", "reason", "record")


class RejectWriter:
    """Writes the rejects of one file to FILE.rejects.csv; there is such a file only when there is a reject.

    A file left by an earlier run is removed on entering, unless `append` says to go on with it. `count` is the
    number written so far. The column `record` holds the whole record as JSON. Use it in a `with` statement and
    write batch after batch.
    """

    def __init__(self, source: Path, *, append: bool = False) -> None:
        self.path = source.with_name(source.name + ".rejects.csv")
        self.count = 0
        self._append = append
        self._file: TextIO | None = None

    def __enter__(self) -> RejectWriter:
        if not self._append:
            self.path.unlink(missing_ok=True)
        return self

    def write(self, rejects: Iterable[Reject]) -> None:
        """Add rejects to the file, which begins with the first one."""
        for reject in rejects:
            if self._file is None:
                begun = self.path.exists()
                self._file = self.path.open("a", encoding="utf-8", newline="")
                if not begun:
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


def write_rejects(rejects: Sequence[Reject], sources: Sequence[Path], *, append: bool = False) -> list[Path]:
    """Write each reject beside its source, one that names none of them beside the first; the files written.

    What an earlier run left beside a source is removed, unless `append` says to go on with it.
    """
    written = []
    for source in dict.fromkeys(sources):
        stray = source == sources[0]
        with RejectWriter(source, append=append) as writer:
            writer.write(
                reject
                for reject in rejects
                if _of(reject, source) or (stray and not any(_of(reject, s) for s in sources))
            )
        if writer.count:
            written.append(writer.path)
    return written


def _of(reject: Reject, source: Path) -> bool:
    """Whether a reject is of a file, or of a file within it."""
    return reject.file == str(source) or reject.file.startswith(f"{source}/")
