"""The file of results that bulk scoring writes: Parquet, CSV or JSON Lines by the name's ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import orjson
import pandas as pd

from risk.errors import UsageError
from risk.layout import utc

FORMATS: Final[tuple[str, ...]] = ("parquet", "csv", "jsonl")


def result_format(path: Path, wanted: str | None) -> str:
    """The format asked for, else the one the name ends with. Raises UsageError for any other."""
    chosen = wanted or path.suffix.lstrip(".").lower()
    if chosen not in FORMATS:
        raise UsageError(f"{path}: the format {chosen!r} is not known; end the name with .parquet, .csv or .jsonl")
    return chosen


def write_results(table: pd.DataFrame, path: Path, wanted: str | None = None) -> None:
    """Write assessments to a file, whole or not at all: a name beside it is written first and then moved."""
    chosen = result_format(path, wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    _WRITERS[chosen](table, draft)
    draft.replace(path)


def _parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False, compression="zstd")


def _csv(table: pd.DataFrame, path: Path) -> None:
    _with_times_as_text(table).to_csv(path, index=False)


def _jsonl(table: pd.DataFrame, path: Path) -> None:
    plain = _with_times_as_text(table).astype(object)
    plain = plain.where(plain.notna(), None)
    with path.open("wb") as file:
        for record in plain.to_dict("records"):
            if record.get("reasons"):
                record["reasons"] = orjson.loads(record["reasons"])
            file.write(orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))


def _with_times_as_text(table: pd.DataFrame) -> pd.DataFrame:
    times = {
        name: [utc(moment) for moment in table[name]]
        for name in table.columns
        if isinstance(table[name].dtype, pd.DatetimeTZDtype)
    }
    return table.assign(**times)


_WRITERS: Final[Mapping[str, Callable[[pd.DataFrame, Path], None]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _jsonl,
}
