"""What bulk scoring keeps of the lines it has scored, until it is known which consignments are inspected.

Which consignments enter the inspection list is known only at the end, and then their lines and features are wanted once
more, for exact reasons and for the evidence of indicators. A manifest in one part stays in memory; of one in several
parts, lines and features go to a folder of their own. Texts go to one file, which leaves memory when it grows. All of
it goes when nobody holds it any more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.feature import FeatureTable
from risk.layout import arrow_schema

Int64 = NDArray[np.int64]

IN_MEMORY: Final = 32 << 20
"""Bytes of texts before they go to disk."""


class Texts:
    """Texts by their number, in the order in which they were added."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # it goes with this object
        self._ends: list[Int64] = [np.zeros(1, np.int64)]
        self._count = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, texts: Sequence[bytes]) -> Int64:
        """Keep texts; the number of each."""
        if not texts:
            return np.empty(0, np.int64)
        first, end = self._count, self._ends[-1][-1]
        self._file.seek(0, 2)
        self._file.write(b"".join(texts))
        self._ends.append(end + np.cumsum([len(text) for text in texts], dtype=np.int64))
        self._count += len(texts)
        return np.arange(first, self._count, dtype=np.int64)

    def read(self, numbers: Int64) -> list[str]:
        """The texts with these numbers."""
        ends = np.concatenate(self._ends)
        self._ends = [ends]
        found = []
        for number in numbers.tolist():
            start = int(ends[number])
            self._file.seek(start)
            found.append(self._file.read(int(ends[number + 1]) - start).decode())
        return found


class ScoredLines:
    """The lines that were scored, with their features, by their number in the order in which they were added."""

    def __init__(self) -> None:
        self._starts: list[int] = [0]
        self._whole: tuple[pd.DataFrame, FeatureTable] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._features: FeatureTable | None = None

    def add(self, lines: pd.DataFrame, table: FeatureTable, *, last: bool) -> None:
        """Keep the lines of a part; the only part of a manifest (the `last` one, and the first) stays in memory."""
        self._starts.append(self._starts[-1] + len(lines))
        if last and len(self._starts) == 2:
            self._whole = (lines, table)
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="risk-")
        self._features = table.take(np.zeros(0, np.int64))
        part = self._part(len(self._starts) - 2)
        schema = arrow_schema(CONSIGNMENTS, list(lines.columns))
        known = [name for name in lines.columns if name in schema.names]
        lines[known].to_parquet(part.with_suffix(".parquet"), index=False, compression="zstd")
        np.save(part.with_suffix(".npy"), np.ascontiguousarray(table.numbers))
        categories = [list(values) for values in table.categories.values()]
        part.with_suffix(".json").write_bytes(orjson.dumps(categories))

    def take(self, numbers: Int64, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, FeatureTable]:
        """The lines with these numbers, which must ascend, and their features; only some columns if that is enough."""
        if self._whole is not None:
            lines, table = self._whole
            if columns is not None:
                lines = lines[[name for name in columns if name in lines]]
            some = lines.iloc[numbers].reset_index(drop=True) if len(numbers) else lines.iloc[:0]
            return some, table.take(numbers)
        assert self._features is not None
        frames, figures, categories = [], [], []
        for part, (start, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            own = numbers[(numbers >= start) & (numbers < end)] - start
            if len(own):
                path = self._part(part)
                frames.append(pd.read_parquet(path.with_suffix(".parquet")).iloc[own])
                figures.append(np.load(path.with_suffix(".npy"), mmap_mode="r")[own])
                texts = orjson.loads(path.with_suffix(".json").read_bytes())
                categories.append([np.array(values, object)[own] for values in texts])
        if not frames:
            return pd.DataFrame(), self._features
        names = list(self._features.categories)
        joined = {name: np.concatenate([part[place] for part in categories]) for place, name in enumerate(names)}
        table = FeatureTable(self._features.features, np.concatenate(figures), joined)
        return pd.concat(frames, ignore_index=True), table

    def _part(self, number: int) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / str(number)
