"""The file of results that bulk scoring writes: Parquet, CSV or JSON Lines by the name's ending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from risk.errors import UsageError
from risk.language import ENGLISH
from risk.layout import utc
from serving.scorer import SAID, Assessments, explanation_of

FORMATS: Final[tuple[str, ...]] = ("parquet", "csv", "jsonl")


def result_format(path: Path, wanted: str | None) -> str:
    """The format asked for, else the one the name ends with. Raises UsageError for any other."""
    chosen = wanted or path.suffix.lstrip(".").lower()
    if chosen not in FORMATS:
        raise UsageError(f"{path}: the format {chosen!r} is not known; end the name with .parquet, .csv or .jsonl")
    return chosen


def write_results(
    assessed: Assessments | pd.DataFrame, path: Path, wanted: str | None = None, language: str = ENGLISH
) -> None:
    """Write assessments to a file, whole or not at all: a name beside it is written first and then moved.

    Columns are those of `serving.scorer.assess`, and `explanation`: reasons and indicators as text in one order, in
    the language asked for, one a line (in JSON Lines a list).
    """
    chosen = result_format(path, wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    chunks = iter([assessed]) if isinstance(assessed, pd.DataFrame) else assessed.chunks()
    _WRITERS[chosen]((_explained(chunk, language) for chunk in chunks), draft)
    draft.replace(path)


def _explained(chunk: pd.DataFrame, language: str) -> pd.DataFrame:
    told = ["\n".join(explanation_of(row).texts(language)) for row in chunk[list(SAID)].to_dict("records")]
    return chunk.assign(explanation=pd.Series(told, chunk.index, dtype=object))


def _parquet(chunks: Iterator[pd.DataFrame], path: Path) -> None:
    writer = None
    for chunk in chunks:
        found = pa.Table.from_pandas(chunk, schema=writer.schema if writer else None, preserve_index=False)
        if writer is None:
            texts = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in found.schema]
            found = found.cast(pa.schema(texts, found.schema.metadata))
            writer = pq.ParquetWriter(path, found.schema, compression="zstd")
        writer.write_table(found)
    if writer is not None:
        writer.close()


def _csv(chunks: Iterator[pd.DataFrame], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, chunk in enumerate(chunks):
            _with_times_as_text(chunk).to_csv(file, index=False, header=number == 0)


def _jsonl(chunks: Iterator[pd.DataFrame], path: Path) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            plain = _with_times_as_text(chunk).astype(object)
            plain = plain.where(plain.notna(), None)
            for record in plain.to_dict("records"):
                for name in SAID:
                    record[name] = orjson.loads(record[name])
                record["explanation"] = record["explanation"].splitlines()
                file.write(orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))


def _with_times_as_text(table: pd.DataFrame) -> pd.DataFrame:
    times = {
        name: [utc(moment) for moment in table[name]]
        for name in table.columns
        if isinstance(table[name].dtype, pd.DatetimeTZDtype)
    }
    return table.assign(**times)


_WRITERS: Final[Mapping[str, Callable[[Iterator[pd.DataFrame], Path], None]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _jsonl,
}
