"""Consignments on their way through bulk scoring: kept on disk, given back in order of time, so many at a time.

A manifest may be larger than memory and in any order, while history can only be folded forward. What stays in
memory is 24 bytes a line. Knows the table's layout; knows nothing of models.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.columns import Lines
from risk.consignment import CONSIGNMENTS, KEY
from risk.layout import arrow_schema
from risk.manifests import Cancellation

PART_ROWS: Final = 50_000
"""Lines scored at a time, about: lines filed at one moment are never parted."""

Bools = NDArray[np.bool_]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The lines of a manifest that were filed in one span of time.

    reads    those to be scored: of the last version of their consignment in the whole manifest, unless it is cancelled
    later    those whose consignment has further lines in a later part
    before   when the next part begins; None for the last one
    """

    lines: pd.DataFrame
    reads: Bools
    later: Bools
    before: pd.Timestamp | None = None

    @classmethod
    def whole(cls, lines: pd.DataFrame) -> Part:
        """A manifest in one part."""
        number, known = pd.factorize(lines["consignment_id"])
        version = lines["version"].to_numpy(np.int64)
        newest = np.full(len(known), np.iinfo(np.int64).min)
        np.maximum.at(newest, number, version)
        return cls(lines, version == newest[number], np.zeros(len(lines), bool))

    @cached_property
    def columns(self) -> Lines:
        """The lines for reading, each column taken apart once for all who read it."""
        return Lines(self.lines)

    @cached_property
    def wanted(self) -> pd.DataFrame:
        """The lines to be scored, counted from 0."""
        return self.lines if self.reads.all() else self.lines[self.reads].reset_index(drop=True)


class Spool:
    """The lines of a manifest in a folder of its own that goes when the `with` statement ends."""

    def __init__(self, rows: int = PART_ROWS) -> None:
        self._rows = rows
        self._folder = tempfile.TemporaryDirectory(prefix="risk-")
        self._files: list[Path] = []
        self._schema = pa.schema([])
        self._index: list[tuple[NDArray[np.uint64], Int64, Int64]] = []  # hash of the id, version, filed_at
        self._cancelled: dict[int, int] = {}  # hash of the id, moment

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def __len__(self) -> int:
        return sum(len(filed) for _, _, filed in self._index)

    def add(self, lines: pd.DataFrame) -> None:
        """Take lines in the layout of `risk.consignment`."""
        if lines.empty:
            return
        own = arrow_schema(CONSIGNMENTS, list(lines.columns))
        table = pa.table(
            {
                name: pa.Array.from_pandas(lines[name], type=own.field(name).type if name in own.names else None)
                for name in lines.columns
            }
        )
        path = Path(self._folder.name) / f"{len(self._files)}.parquet"
        pq.write_table(table, path, compression="zstd")
        self._files.append(path)
        self._schema = pa.unify_schemas([self._schema, table.schema])
        self._index.append((_hash(lines), lines["version"].to_numpy(np.int64), _microseconds(lines)))

    def cancel(self, rows: Iterable[Cancellation]) -> None:
        """Take what messages took back: what is not filed after it is not scored."""
        for row in rows:
            name = int(_hash(pd.DataFrame({"consignment_id": pd.Series([row.consignment_id], dtype="str")}))[0])
            moment = int(pd.Timestamp(row.cancelled_at).as_unit("us").asm8.astype(np.int64))
            self._cancelled[name] = max(moment, self._cancelled.get(name, moment))

    def cancelled(self) -> tuple[int, int]:
        """How many consignments among the lines are cancelled, and how many versions they have."""
        if not self._cancelled or not self._index:
            return 0, 0
        hashes, versions, filed = (np.concatenate(column) for column in zip(*self._index, strict=True))
        known, number = np.unique(hashes, return_inverse=True)
        last = np.full(len(known), np.iinfo(np.int64).min)
        np.maximum.at(last, number, filed)
        gone = self._gone(known, last)
        pairs = np.unique(np.stack([number, versions])[:, gone[number]], axis=1)
        return int(gone.sum()), int(pairs.shape[1])

    def _gone(self, known: NDArray[np.uint64], last: Int64) -> Bools:
        """Which consignments (sorted hashes) were cancelled at or after their last filing."""
        gone = np.zeros(len(known), bool)
        if self._cancelled:
            at = np.searchsorted(known, np.array(list(self._cancelled), np.uint64))
            for place, (name, moment) in zip(at.tolist(), self._cancelled.items(), strict=True):
                if place < len(known) and int(known[place]) == name:
                    gone[place] = moment >= last[place]
        return gone

    def keys(self) -> pd.DataFrame:
        """What tells the lines apart, and when they were filed."""
        frame: pd.DataFrame = self._read(columns=[*KEY, "filed_at"])
        return frame

    def parts(self) -> Iterator[Part]:
        """The lines in order of time, in parts that no moment lies across."""
        hashes, versions, filed = (np.concatenate(column) for column in zip(*self._index, strict=True))
        known, number = np.unique(hashes, return_inverse=True)
        newest, last = np.zeros(len(known), np.int64), np.full(len(known), np.iinfo(np.int64).min)
        np.maximum.at(newest, number, versions)
        np.maximum.at(last, number, filed)
        gone = self._gone(known, last)
        cuts = _cuts(np.sort(filed), self._rows)
        for start, end in zip([None, *cuts], [*cuts, None], strict=True):
            lines = self._read(start, end)
            of = np.searchsorted(known, _hash(lines))
            yield Part(
                lines,
                reads=(lines["version"].to_numpy() == newest[of]) & ~gone[of],
                later=np.zeros(len(lines), bool) if end is None else last[of] >= end,
                before=None if end is None else pd.Timestamp(end, unit="us", tz="UTC"),
            )

    def _read(self, start: int | None = None, end: int | None = None, columns: list[str] | None = None) -> pd.DataFrame:
        """The lines filed from `start` and before `end` (microseconds), in the order in which they came."""
        filed, wanted = ds.field("filed_at"), ds.scalar(True)
        for moment, compare in ((start, filed.__ge__), (end, filed.__lt__)):
            if moment is not None:
                wanted = wanted & compare(pa.scalar(int(moment), pa.timestamp("us", tz="UTC")))
        table = ds.dataset(self._files, schema=self._schema).to_table(
            columns=columns, filter=wanted, batch_size=16_384, batch_readahead=1, fragment_readahead=1
        )
        frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
        return frame


def _cuts(filed: Int64, rows: int) -> list[int]:
    """The moments at which to cut times in ascending order so that about so many lie between two cuts."""
    cuts: list[int] = []
    start = 0
    while start + rows < len(filed):
        moment = filed[start + rows]
        first = int(np.searchsorted(filed, moment, "left"))
        start = first if first > start else int(np.searchsorted(filed, moment, "right"))
        if start < len(filed):
            cuts.append(int(filed[start]))
    return cuts


def _hash(lines: pd.DataFrame) -> NDArray[np.uint64]:
    hashes: Any = pd.util.hash_pandas_object(lines["consignment_id"], index=False).to_numpy()
    return np.asarray(hashes, np.uint64)


def _microseconds(lines: pd.DataFrame) -> Int64:
    moments = lines["filed_at"].dt.tz_convert(None).to_numpy().astype("datetime64[us]")
    return np.asarray(moments.astype(np.int64))
