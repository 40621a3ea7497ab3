"""Parties as they were written: the table that matching works on, in columns.

A mention is one way in which a party was written: name, country, address, number, phone, e-mail. Its id is
made of what it says, so it is the same in every run and a judgement about it outlives any rebuilding. Owns the
cleaning of each part; knows nothing of similarity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.parties.addresses import comparable_address, numbers
from risk.parties.letters import composed, words
from risk.parties.names import Parted, parted, role

UInt64 = NDArray[np.uint64]
Ints = NDArray[np.int64]

WRITTEN: Final = ("name", "country", "address", "identifier", "phone", "email")
"""What makes a mention; all but the name may be missing."""

LONGEST_TEXT: Final = 10_000
"""Characters of a part that its id looks at."""

_DUMMY: Final = re.compile(r"(.)\1*|0*123456789?0?|0*12345678|9876543210?")
_BRANCH: Final = re.compile(r"([0-9]{10})-[0-9]{3}")
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True)
class Mention:
    """One way in which a party was written."""

    name: str
    country: str = ""
    address: str = ""
    identifier: str = ""
    phone: str = ""
    email: str = ""

    @property
    def id(self) -> str:
        """P and 16 hex digits, made of what the mention says; spaces and their number do not count."""
        return mention_id(self.name, self.country, self.address, self.identifier, self.phone, self.email)


def mention_id(*written: str) -> str:
    """The id of the mention with these parts, in the order of WRITTEN."""
    text = "\x1f".join(_SPACES.sub(" ", part[:LONGEST_TEXT]).strip() for part in written)
    return "P" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Mentions:
    """Mentions in columns, one entry each, in order of `id`.

    written     the columns of WRITTEN as text, as given
    ids         text
    core, trade, foreign, personal, role, name   see `risk.parties.names.Parted`
    form        uint64, a hash of core and trade: what the name says; 0 for nobody
    chinese, country, identifier, place, numbers, phone, email   uint64 hashes, 0 where missing; `place` is the
                address, `chinese` the name as in `Parted`
    address     text, comparable
    first_seen  int64, microseconds since 1970 UTC; seen: int64, how often, for people: nothing rests on it, since
                it was not known at an earlier time
    """

    written: pd.DataFrame
    ids: list[str]
    name: list[str]
    core: list[str]
    trade: Ints
    foreign: NDArray[np.bool_]
    personal: NDArray[np.bool_]
    role: list[str]
    form: UInt64
    chinese: UInt64
    country: UInt64
    identifier: UInt64
    place: UInt64
    address: list[str]
    numbers: UInt64
    phone: UInt64
    email: UInt64
    first_seen: Ints
    seen: Ints

    def __len__(self) -> int:
        return len(self.ids)

    def before(self, time: datetime | None) -> Mentions:
        """Those first seen strictly before a time; all of them when None."""
        if time is None:
            return self
        rows = np.flatnonzero(self.first_seen < microseconds(time))
        if len(rows) == len(self):
            return self
        columns: dict[str, Any] = {"written": self.written.iloc[rows].reset_index(drop=True)}
        for column in fields(self)[1:]:
            values = getattr(self, column.name)
            columns[column.name] = [values[row] for row in rows.tolist()] if isinstance(values, list) else values[rows]
        return Mentions(**columns)

    def mention(self, row: int) -> Mention:
        """One of them."""
        entry = self.written.iloc[row]
        return Mention(*(str(entry[name]) for name in WRITTEN))


def gather(frame: pd.DataFrame) -> Mentions:
    """Mentions from a frame with `name` and any other column of WRITTEN, `first_seen` (microseconds), `seen`.

    Rows that say the same are one mention: the earliest `first_seen`, the sum of `seen` (1 each when left out).
    """
    written = pd.DataFrame({name: _text(frame, name) for name in WRITTEN}, dtype=object)
    whole = pd.DataFrame(
        {
            "id": [mention_id(*row) for row in zip(*(written[name] for name in WRITTEN), strict=True)],
            "first_seen": frame["first_seen"].to_numpy(np.int64) if "first_seen" in frame else 0,
            "seen": frame["seen"].to_numpy(np.int64) if "seen" in frame else 1,
        }
    ).sort_values(["id", "first_seen"], kind="stable")
    first = whole[~whole["id"].duplicated()]
    seen = whole.groupby("id", sort=True)["seen"].sum().to_numpy(np.int64)
    written = written.loc[first.index].reset_index(drop=True)
    return _in_columns(written, first["id"].tolist(), first["first_seen"].to_numpy(np.int64), seen)


def one(mention: Mention) -> Mentions:
    """A table of one mention."""
    written = pd.DataFrame({name: [getattr(mention, name)] for name in WRITTEN}, dtype=object)
    return _in_columns(written, [mention.id], np.zeros(1, np.int64), np.ones(1, np.int64))


def microseconds(time: datetime) -> int:
    """A time with a zone as whole microseconds since 1970 UTC."""
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _in_columns(written: pd.DataFrame, ids: list[str], first_seen: Ints, seen: Ints) -> Mentions:
    parts = [parted(name) for name in written["name"]]
    addresses = [comparable_address(address) for address in written["address"]]
    return Mentions(
        written=written,
        ids=ids,
        name=[part.name for part in parts],
        core=[part.core for part in parts],
        trade=np.array([part.trade for part in parts], np.int64),
        foreign=np.array([part.foreign for part in parts], np.bool_),
        personal=np.array([part.personal for part in parts], np.bool_),
        role=[part.role for part in parts],
        form=hashes(map(form, parts)),
        chinese=hashes(part.chinese for part in parts),
        country=hashes(map(clean_country, written["country"])),
        identifier=hashes(map(clean_identifier, written["identifier"])),
        place=hashes(addresses),
        address=addresses,
        numbers=hashes(map(numbers, addresses)),
        phone=hashes(map(clean_phone, written["phone"])),
        email=hashes(map(clean_email, written["email"])),
        first_seen=first_seen,
        seen=seen,
    )


def form(part: Parted) -> str:
    """What a name says, however its words are joined or its trade is written; "" for nobody."""
    return f"{part.core.replace(' ', '')}:{part.trade}" if part.name else ""


def clean_country(country: str) -> str:
    """A country code in upper case; "" when it is not two letters."""
    text = country.strip().upper()
    return text if len(text) == 2 and text.isascii() and text.isalpha() else ""


def clean_identifier(identifier: str) -> str:
    """A tax or registration number as letters and digits, without branch and leading zeros (tables lose them).

    "" when it has fewer than five characters or three digits, or is a dummy such as 000000 or 123456789.
    """
    text = clean_code(identifier)
    return "" if sum(map(str.isdigit, text)) < 3 or len(text) < 5 else text


def clean_code(code: str) -> str:
    """A number or code by which an administration knows a party, cleaned alike but of any length.

    "" for a dummy such as 000000, 123456789 or UNKNOWN.
    """
    text = composed(code).strip().upper()
    branch = _BRANCH.fullmatch(text)
    text = branch[1] if branch else words(text).replace(" ", "")
    nobody = text.isalpha() and role(text) == "dummy"
    return "" if nobody or (len(text) > 1 and _DUMMY.fullmatch(text)) else text.lstrip("0")


def clean_phone(phone: str) -> str:
    """The last nine digits of a phone number; "" when there are fewer than seven or all are the same."""
    digits = "".join(character for character in composed(phone) if character.isdecimal())[-9:]
    return "" if len(digits) < 7 or _DUMMY.fullmatch(digits) else digits


def clean_email(email: str) -> str:
    """An e-mail address in lower case; "" when it is none."""
    text = composed(email).strip().lower()
    return text if "@" in text.strip("@") else ""


def hashes(texts: Iterable[str]) -> UInt64:
    """A 64-bit hash of each text, 0 for the empty one."""
    values = np.array(list(texts), dtype=object)
    found = pd.util.hash_array(values, categorize=False).astype(np.uint64) if len(values) else np.zeros(0, np.uint64)
    found[values == ""] = 0
    return found


def _text(frame: pd.DataFrame, name: str) -> list[str]:
    if name not in frame:
        return [""] * len(frame)
    return ["" if gone else str(text) for text, gone in zip(frame[name], frame[name].isna(), strict=True)]
