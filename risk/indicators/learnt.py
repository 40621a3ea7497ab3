"""Reference statistics as of a moment: what is usual, learnt from history, kept as one dated and checksummed file.

Each statistic is a table of rows by key (a 64-bit hash, see `risk.indicators.keys`); several rows may share a key.
Everything in it was filed or recorded strictly before `as_of`, so a line filed at or after that moment may use it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from risk.errors import InputError

LAYOUT: Final = 1
FEW: Final = 1_000
"""So few keys are looked up by halving; of more, a table of hashes takes less time."""
KEPT: Final = 200_000
"""So many texts that were looked up are remembered, about."""
STATISTICS: Final[Mapping[str, str]] = {
    "bill_forms": "how often a carrier's bills have a form of number",
    "carriers": "how many bills of a carrier are known",
    "container_seals": "the seal a container last had",
    "container_sources": "where a container was last loaded in a source country",
    "containers": "the bill, port, shipper and weight a container last came with",
    "densities": "usual weight per cubic metre of a heading",
    "displaced": "who used a port with a recent seizure, for which goods",
    "figures": "weight, packages and value that several parties declared alike",
    "newcomers": "new consignees by address, notify party or shipper, and goods",
    "owner_carriers": "how often a carrier carries boxes of an owner",
    "owners": "how many containers of an owner are known",
    "packings": "how often goods of a heading come in a kind of package",
    "packing_headings": "how many lines of a heading state their package",
    "permits": "which consignment first used the number of a permit",
    "seals": "which container a seal was first seen on",
    "season_totals": "how many lines of a heading from an origin are known, over how many months",
    "seasons": "lines of a heading from an origin in a month of the year",
    "seized_names": "parties of consignments that were seized",
    "seized_texts": "descriptions and marks of consignments that were seized",
    "seized_voyages": "voyages that carried a seized consignment",
    "shippers": "consignees of a shipper, and the share that came once only",
    "sources": "ports in source countries from which a consignee got cover goods",
    "splits": "recent bills of the same parties for the same goods",
    "trouble": "numbers and addresses of consignees with a seizure or offence, with their names",
    "versions_consignee": "consignee and weight of the last version of a goods line",
    "versions_discharge": "port of discharge of the last version",
    "versions_goods": "HS code of the last version",
    "versions_loading": "port of loading of the last version",
    "watched": "numbers and names on a watch list",
    "words": "words of descriptions that stand in few chapters",
}
"""The statistics there are, and what each holds."""

_COLUMNS: Final = {"key": np.uint64, "part": np.uint64, "n": np.float64, "value": np.float64, "time": np.int64}


@dataclass(frozen=True)
class Statistic:
    """Rows in order of key (and of time): what they count or measure, when, and a text for the evidence."""

    key: NDArray[np.uint64]
    part: NDArray[np.uint64]
    n: NDArray[np.float64]
    value: NDArray[np.float64]
    time: NDArray[np.int64]
    text: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.key)

    @staticmethod
    def of(frame: pd.DataFrame) -> Statistic:
        """The rows of a frame with some of the columns; those with key 0 are left out, missing columns are empty."""
        columns = {
            name: frame[name].to_numpy(kind) if name in frame else np.zeros(len(frame), kind)
            for name, kind in _COLUMNS.items()
        }
        text = frame["text"].to_numpy(object) if "text" in frame else np.full(len(frame), "", object)
        text = np.array(["" if pd.isna(entry) else str(entry) for entry in text], object)
        order = np.lexsort((text.astype(str), columns["n"], columns["part"], columns["time"], columns["key"]))
        order = order[columns["key"][order] > 0]
        return Statistic(**{name: values[order] for name, values in columns.items()}, text=text[order])

    def take(self, rows: NDArray[np.int64]) -> Statistic:
        """The rows at these positions; where one is -1, a row of nothing."""
        filled = {name: np.append(getattr(self, name), np.zeros(1, kind))[rows] for name, kind in _COLUMNS.items()}
        return Statistic(**filled, text=np.append(self.text, "")[rows])

    def counts(self, keys: NDArray[np.uint64]) -> NDArray[np.float64]:
        """The `n` of the last row of each key, 0 where there is none."""
        return np.append(self.n, 0.0)[self.find(keys)]

    def texts_at(self, rows: NDArray[np.int64]) -> NDArray[np.object_]:
        """The texts of these rows, None for those that were not found (-1)."""
        found = np.full(len(rows), None, object)
        there = rows >= 0
        found[there] = self.text[rows[there]]
        return found

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The last row of each key, -1 where there is none."""
        at = self._at(keys)
        return np.where(at >= 0, self._ends[at + 1] - 1, -1)

    def matches(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All rows of each key: for each match the position in `keys`, and the row."""
        at, ends = self._at(keys), self._ends
        there = np.flatnonzero(at >= 0)
        start = ends[at[there]]
        counts = ends[at[there] + 1] - start
        asked = np.repeat(there, counts)
        before = np.repeat(np.cumsum(counts) - counts, counts)
        return asked, np.arange(int(counts.sum())) - before + np.repeat(start, counts)

    def _at(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The place of each key among the distinct ones, -1 where it is not among them."""
        if len(self) == 0:
            return np.full(len(keys), -1, np.int64)
        if len(keys) > FEW:
            return np.asarray(self._index.get_indexer(keys), np.int64)  # type: ignore[arg-type]
        distinct = self._distinct
        at = np.minimum(np.searchsorted(distinct, keys), len(distinct) - 1)
        return np.where(distinct[at] == keys, at, -1)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where the rows of each distinct key begin; last the number of all rows."""
        begins = np.flatnonzero(np.append(True, self.key[1:] != self.key[:-1])) if len(self) else np.zeros(0, np.int64)
        return np.append(begins, len(self)).astype(np.int64)

    @cached_property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(self._distinct)

    @cached_property
    def _distinct(self) -> NDArray[np.uint64]:
        return self.key[self._ends[:-1]]


_EMPTY: Final = Statistic.of(pd.DataFrame({"key": np.zeros(0, np.uint64)}))
NEVER: Final = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Learnt:
    """Reference statistics of what was filed or recorded strictly before `as_of` (microseconds since 1970, UTC)."""

    as_of: int
    statistics: Mapping[str, Statistic]

    @staticmethod
    def nothing() -> Learnt:
        """No statistics: no line was filed after they were learnt."""
        return _NOTHING

    def __getitem__(self, name: str) -> Statistic:
        return self.statistics.get(name, _EMPTY)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits over the moment and every row."""
        digest = hashlib.sha256(f"{LAYOUT} {self.as_of}\n".encode())
        for name in sorted(self.statistics):
            rows = self.statistics[name]
            digest.update(f"{name} {len(rows)}\n".encode())
            for column in _COLUMNS:
                digest.update(getattr(rows, column).tobytes())
            digest.update("\x1f".join(rows.text.tolist()).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]

    @cached_property
    def words(self) -> dict[str, tuple[float, float, tuple[str, ...]]]:
        """Each telling word: lines seen with it, share of its first chapter, the chapters it stands in."""
        rows = self["words"]
        found = {}
        for text, n, value in zip(rows.text.tolist(), rows.n.tolist(), rows.value.tolist(), strict=True):
            word, *chapters = text.split(" ")
            found[word] = (n, value, tuple(chapters))
        return found

    def blocks(self, name: str) -> dict[str, list[tuple[str, int]]]:
        """Texts of a statistic with their row, by how they begin."""
        if name not in self._blocks:
            kept: dict[str, list[tuple[str, int]]] = {}
            for row, text in enumerate(self[name].text.tolist()):
                kept.setdefault(block(text), []).append((text, row))
            self._blocks[name] = kept
        return self._blocks[name]

    def kept(self, name: str) -> dict[str, Any]:
        """A place for what was looked up in these statistics before; emptied when it has grown large."""
        found: dict[str, Any] = self._kept.setdefault(name, {})
        if len(found) > KEPT:
            found.clear()
        return found

    @cached_property
    def _blocks(self) -> dict[str, dict[str, list[tuple[str, int]]]]:
        return {}

    @cached_property
    def _kept(self) -> dict[str, dict[str, Any]]:
        return {}

    def to_bytes(self) -> bytes:
        """The statistics as one Parquet file."""
        parts = []
        for name in sorted(self.statistics):
            rows = self.statistics[name]
            columns = {column: pa.array(getattr(rows, column)) for column in _COLUMNS}
            names = pa.array([name] * len(rows), pa.string())
            parts.append(pa.table({"statistic": names, **columns, "text": pa.array(rows.text.tolist(), pa.string())}))
        table = pa.concat_tables(parts) if parts else pa.table({"statistic": pa.array([], pa.string())})
        facts = {"layout": str(LAYOUT), "as_of": str(self.as_of), "fingerprint": self.fingerprint}
        facts["statistics"] = " ".join(sorted(self.statistics))
        sink = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(facts), sink, compression="zstd")
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, source: str = "reference statistics") -> Learnt:
        """The statistics out of such a file. Raises InputError when it is altered, cut or of another layout."""
        try:
            table = pq.read_table(io.BytesIO(content))
            facts = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
            layout, as_of, names = facts["layout"], int(facts["as_of"]), facts["statistics"].split()
        except (pa.ArrowException, OSError, KeyError, ValueError):
            raise InputError(f"{source}: is no file of reference statistics, or was cut") from None
        if layout != str(LAYOUT):
            raise InputError(f"{source}: has layout {layout}; this version reads layout {LAYOUT}")
        try:
            frame = table.to_pandas()
            learnt = cls(as_of, {name: Statistic.of(frame[frame["statistic"] == name]) for name in names})
        except (KeyError, ValueError, TypeError):
            raise InputError(f"{source}: was altered; columns are missing or of another kind") from None
        if learnt.fingerprint != facts.get("fingerprint"):
            raise InputError(f"{source}: was altered; its rows do not match its fingerprint")
        return learnt

    def save(self, path: Path) -> None:
        """Write the statistics to a file."""
        path.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> Learnt:
        """Read the statistics from a file; InputError as for `from_bytes`, and when there is none."""
        if not path.is_file():
            raise InputError(f"{path} does not exist; reference statistics are learnt from history first")
        return cls.from_bytes(path.read_bytes(), str(path))


_NOTHING: Final = Learnt(NEVER, {})


def block(text: str) -> str:
    """How a text begins, to compare it only with others that begin alike."""
    return text[:4]
