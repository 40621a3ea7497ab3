"""Reads Parquet in batches of rows. Rows are counted from 1, as lines are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from risk.errors import InputError
from risk.manifests.raw import Raw


class ParquetRows:
    """A Parquet file as `Raw` batches. Raises InputError when the file is damaged."""

    fixed = True

    def __init__(self, path: Path, batch_rows: int) -> None:
        self._path = path
        self._batch_rows = batch_rows
        try:
            with pq.ParquetFile(path) as file:
                self.names = list(file.schema_arrow.names)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise InputError(f"{path}: column {twice[0]!r} occurs more than once; give each column its own name.")

    def __iter__(self) -> Iterator[Raw]:
        """The rows in order; what is empty comes as one batch of no rows."""
        done = 0
        try:
            with pq.ParquetFile(self._path, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=self._batch_rows):
                    lines = np.arange(done + 1, done + 1 + batch.num_rows, dtype=np.int64)
                    yield Raw(dict(zip(self.names, batch.columns, strict=True)), lines)
                    done += batch.num_rows
                if done == 0:
                    nothing = {name: pa.nulls(0, pa.string()) for name in self.names}
                    yield Raw(nothing, np.empty(0, np.int64))
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> InputError:
        words = str(error).strip().rstrip(".").splitlines()[0]
        return InputError(f"{self._path}: the Parquet file is damaged ({words}); write it anew.")
