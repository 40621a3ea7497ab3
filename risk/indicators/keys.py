"""Whom and what reference statistics are kept by: parties, addresses, headings, containers, as 64-bit hashes.

0 stands for nothing. A party is told by its number, else by its normalised name in its country, as in history
features.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from risk.indicators.columns import Columns, UInt64, salted_hashes
from risk.parties.addresses import normalise_address
from risk.parties.blocking import mix
from risk.parties.mentions import clean_code
from risk.parties.names import normalise_name

_CONTAINER: Final = r'"no"\s*:\s*"(?P<found>[A-Z0-9]+)"'
_SEAL: Final = r'"seals"\s*:\s*\[\s*"(?P<found>[^"]+)"'


def both(left: UInt64, right: UInt64) -> UInt64:
    """One hash of two, 0 where either is."""
    return np.where((left > 0) & (right > 0), np.maximum(mix(left, right), np.uint64(1)), np.uint64(0))


def name(lines: Columns, role: str) -> UInt64:
    """The normalised name of a party; 0 for names that stand for nobody."""
    found: UInt64 = lines.once(f"name {role}", lambda: lines.text(f"{role}_name").hashed("name", normalise_name))
    return found


def party(lines: Columns, role: str) -> UInt64:
    """A party by its number, else by name and country."""

    def make() -> UInt64:
        number, named = registered(lines, role), name(lines, role)
        country = lines.text(f"{role}_country").hashed("country")
        return np.where(number > 0, number, np.where(named > 0, mix(named, country), np.uint64(0)))

    found: UInt64 = lines.once(f"party {role}", make)
    return found


def registered(lines: Columns, role: str) -> UInt64:
    """The number of a party, cleaned; 0 for a dummy."""
    found: UInt64 = lines.once(f"number {role}", lambda: lines.text(f"{role}_id").hashed("party", _clean_code))
    return found


_clean_code = lru_cache(maxsize=200_000)(clean_code)


def address(lines: Columns, role: str) -> UInt64:
    """An address in its comparable form."""
    found: UInt64 = lines.once(
        f"address {role}", lambda: lines.text(f"{role}_address").hashed("address", normalise_address)
    )
    return found


def heading(lines: Columns, digits: int = 4) -> UInt64:
    """The HS code cut to its first digits; 0 for a shorter one."""
    found: UInt64 = lines.once(
        f"heading {digits}",
        lambda: lines.text("hs_code").hashed("hs", lambda code: code[:digits] if len(code) >= digits else ""),
    )
    return found


def plain(lines: Columns, column: str) -> UInt64:
    """A code or text as it stands, in upper case."""

    def make() -> UInt64:
        texts = lines.text(column)
        upper = pc.utf8_upper(pc.utf8_trim_whitespace(texts.distinct))
        return np.append(salted_hashes(column, upper.to_numpy(zero_copy_only=False)), np.uint64(0))[texts.codes]

    found: UInt64 = lines.once(f"plain {column}", make)
    return found


def container(lines: Columns) -> UInt64:
    """The number of the first container."""
    found: UInt64 = lines.once("container", lambda: _hashed(lines, "container", _first(lines, _CONTAINER)))
    return found


def owner(lines: Columns) -> UInt64:
    """The owner's letters of the first container."""

    def make() -> UInt64:
        owners = pc.utf8_slice_codeunits(_first(lines, _CONTAINER), 0, 4).dictionary_encode()
        hashed = salted_hashes("owner", owners.dictionary.to_numpy(zero_copy_only=False))
        return np.append(hashed[owners.indices.to_numpy()], np.uint64(0))[lines.text("containers").codes]

    found: UInt64 = lines.once("owner", make)
    return found


def seal(lines: Columns) -> UInt64:
    """The first seal stated."""
    found: UInt64 = lines.once("seal", lambda: _hashed(lines, "seal", _first(lines, _SEAL)))
    return found


def bill_form(lines: Columns) -> UInt64:
    """The form of a bill's number: its first four characters and its length."""

    def make() -> UInt64:
        texts = lines.text("bl_no")
        numbers = texts.distinct
        length = pc.cast(pc.utf8_length(numbers), numbers.type)
        begin = pc.utf8_upper(pc.utf8_slice_codeunits(numbers, 0, 4))
        form = pc.binary_join_element_wise(begin, length, pa.scalar("-", numbers.type))
        return np.append(salted_hashes("bill form", form.to_numpy(zero_copy_only=False)), np.uint64(0))[texts.codes]

    found: UInt64 = lines.once("bill form", make)
    return found


def line(lines: Columns) -> UInt64:
    """A goods line of a consignment, whatever its version."""
    numbers = lines.number("line_no").astype(np.uint64)
    found: UInt64 = lines.once("line", lambda: mix(plain(lines, "consignment_id"), numbers))
    return found


def distinct_parts(rows: NDArray[np.int64], parts: UInt64, size: int) -> NDArray[np.float64]:
    """For each of `size` rows, how many distinct parts it is paired with."""
    if len(rows) == 0:
        return np.zeros(size)
    _, first = np.unique(mix(rows.astype(np.uint64), parts), return_index=True)
    return np.bincount(rows[first], minlength=size).astype(np.float64)


def first_container(containers: str) -> str:
    """The number of the first container in a JSON array, empty where there is none."""
    match = re.search(_CONTAINER, containers)
    return match[1] if match else ""


def first_seal(containers: str) -> str:
    """The first seal in a JSON array of containers, empty where there is none."""
    match = re.search(_SEAL, containers)
    return match[1] if match else ""


def _first(lines: Columns, pattern: str) -> pa.Array:
    """What a pattern first finds in the JSON of containers, for each of the distinct texts; empty for nothing."""

    def make() -> pa.Array:
        return pc.struct_field(pc.extract_regex(lines.text("containers").distinct, pattern), "found").fill_null("")

    return lines.once(f"first {pattern}", make)


def _hashed(lines: Columns, salt: str, found: pa.Array) -> UInt64:
    """The hashes, for each line, of what was found in the distinct texts of containers."""
    hashed = salted_hashes(salt, found.to_numpy(zero_copy_only=False))
    return np.append(hashed, np.uint64(0))[lines.text("containers").codes]


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a JSON array; whatever else stands in it is left out, and so is text that is no array."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def months(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """The month (1 to 12) of times in microseconds; 0 where missing."""
    known = ~np.isnan(times)
    whole = np.where(known, times, 0).astype("int64").astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return np.where(known, whole % 12 + 1, 0)
