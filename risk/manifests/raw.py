"""Records as a reader delivers them, before anything is checked: columns of Arrow arrays.

Every reader yields `Raw`, and everything behind it is the same for all formats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from risk.manifests.facts import MessageFacts
from risk.manifests.records import Findings, Reject


@dataclass(frozen=True)
class Raw:
    """Some records of one file.

    columns   arrays of equal length by name; text, or the type that the file gives
    lines     the line (or row) on which each record begins, int64
    rejects   records that could not be taken apart
    findings  remarks of the reader itself
    messages  what the messages that ended here say about themselves (`message.MessageFacts`)
    """

    columns: dict[str, pa.Array]
    lines: NDArray[np.int64]
    rejects: list[Reject] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    messages: list[MessageFacts] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    def record(self, position: int) -> str:
        """A record as a JSON object, without what is missing in it."""
        values = {name: array[position].as_py() for name, array in self.columns.items()}
        return to_json({name: value for name, value in values.items() if value is not None and value != ""})


class Reader(Protocol):
    """A reader of one format, open on one file."""

    @property
    def names(self) -> Sequence[str]:
        """The columns of the file; for a format without a header those of its first records."""

    @property
    def fixed(self) -> bool:
        """Whether every record has all columns; otherwise a record may leave some out."""

    def __iter__(self) -> Iterator[Raw]: ...


def to_json(value: object) -> str:
    """A value as compact JSON; what JSON does not know is written as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def as_text(array: pa.Array) -> pa.Array:
    """The array as Arrow text. A whole number loses its point (40.0 is 40), a structure becomes JSON."""
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_dictionary(array.type):
        return as_text(array.dictionary_decode())
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type) or pa.types.is_integer(array.type):
        return array.cast(pa.string())
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_floating(array.type) or pa.types.is_boolean(array.type) or pa.types.is_timestamp(array.type):
        encoded = array.dictionary_encode()
        texts = pa.array([text_of(value) for value in encoded.dictionary.to_pylist()], pa.string())
        return texts.take(encoded.indices)
    return pa.array([text_of(value) for value in array.to_pylist()], pa.string())


def text_of(value: Any) -> str | None:
    """One value as text, None when it is missing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return to_json(value) if isinstance(value, bool | dict | list) else str(value)


def distinct(array: pa.Array) -> tuple[NDArray[np.int64], list[Any]]:
    """Each distinct value once, and for each row its place among them; -1 where missing."""
    encoded = array.dictionary_encode()
    places = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places, encoded.dictionary.to_pylist()
