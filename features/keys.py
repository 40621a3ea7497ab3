"""Which keys a consignment line has: the things that have a history of their own.

A key is a 64-bit hash: of a normalised text, or of other keys put together. 0 means that the line has no
such key. `KEYS` names every kind of key once, with the parent whose rate stands in while the key itself has
been seen too little (a lane leans on its corridor, an HS heading on its chapter, in the end all on `all`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import Distinct, Lines
from features.history import Kind
from risk.parties.mentions import clean_code
from risk.parties.names import normalise_address, normalise_name

UInt64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Key:
    """A kind of key: its name, its parent, the concept it belongs to and its words for people."""

    name: str
    parent: str | None
    concept: str
    words: str
    measured: bool = False
    """Whether the usual weight per package, value per kilogram and weight per container are worth comparing with."""
    partner: str | None = None
    """The kind of key whose distinct values are counted, such as the shippers of a consignee."""
    detailed: bool = False
    """Whether the chapters it deals in, and random and targeted inspections apart, are features of it."""


KEYS: Final[tuple[Key, ...]] = (
    Key("all", None, "network", "all consignments"),
    Key("hs2", "all", "goods", "this HS chapter"),
    Key("hs4", "hs2", "goods", "this HS heading"),
    Key("hs6", "hs4", "goods", "this HS code", measured=True),
    Key("corridor", "all", "route", "this country pair"),
    Key("lane", "corridor", "route", "this port pair"),
    Key("route", "lane", "route", "this route with its transhipments"),
    Key("origin_hs6", "hs6", "goods", "these goods from this origin"),
    Key("lane_hs4", "lane", "route", "these goods on this port pair", measured=True),
    Key("carrier", "all", "network", "this carrier"),
    Key("declarant", "all", "parties", "this declarant or forwarder", partner="consignee"),
    Key("consignee", "all", "parties", "this consignee", measured=True, partner="shipper", detailed=True),
    Key("consignee_address", "all", "network", "this consignee address", partner="consignee"),
    Key("shipper", "all", "parties", "this shipper", measured=True, partner="consignee", detailed=True),
    Key("notify", "all", "parties", "this notify party", partner="consignee"),
    Key("pair", "consignee", "parties", "this shipper and consignee together"),
    Key("consignee_hs4", "consignee", "parties", "this consignee with these goods"),
    Key("consignee_lane", "consignee", "parties", "this consignee on this port pair"),
    Key("container", "all", "container", "this container", partner="consignee"),
)
"""Parents stand before their children."""

KINDS: Final = {key.name: Kind(key.partner, key.measured, key.parent) for key in KEYS}
"""What the fold needs to know of each kind of key."""


def row_keys(lines: Lines) -> dict[str, UInt64]:
    """The keys of each line of a consignments table: for each kind of key a uint64 array, 0 where missing."""

    def of(name: str, salt: str, clean: Callable[[str], str] | None = None) -> UInt64:
        return text_hash(lines.text(name), salt, clean)

    def party(role: str) -> UInt64:
        by_name = of(f"{role}_name", "name", normalise_name)
        by_name = np.where(by_name > 0, join(by_name, of(f"{role}_country", "country")), np.uint64(0))
        return first(of(f"{role}_id", "party", clean_code), by_name)

    hs2, hs4, hs6 = (of("hs_code", f"hs{digits}", partial(_prefix, digits=digits)) for digits in (2, 4, 6))
    from_country = text_hash(lines.country("loading"), "place")
    to_country = text_hash(lines.country("destination"), "place")
    loading = first(of("loading_port", "place"), from_country)
    discharge = first(of("discharge_port", "place"), to_country)
    origin = first(of("origin_country", "place"), from_country)
    lane = both(loading, discharge)
    consignee, shipper = party("consignee"), party("shipper")
    keys = {
        "all": np.ones(len(lines), np.uint64),
        "hs2": hs2,
        "hs4": hs4,
        "hs6": hs6,
        "corridor": both(origin, to_country),
        "lane": lane,
        "route": np.where(lane > 0, join(lane, of("transhipment_ports", "places")), np.uint64(0)),
        "origin_hs6": both(origin, hs6),
        "lane_hs4": both(lane, hs4),
        "carrier": of("carrier", "carrier", _upper),
        "declarant": first(of("declarant_id", "declarant", clean_code), of("forwarder_name", "name", normalise_name)),
        "consignee": consignee,
        "consignee_address": of("consignee_address", "address", normalise_address),
        "shipper": shipper,
        "notify": party("notify"),
        "pair": both(consignee, shipper),
        "consignee_hs4": both(consignee, hs4),
        "consignee_lane": both(consignee, lane),
        "container": of("containers", "container", first_container),
    }
    return {key.name: keys[key.name] for key in KEYS}


def text_hash(texts: Distinct, salt: str, clean: Callable[[str], str] | None = None) -> UInt64:
    """A hash of each text, 0 where it is missing or cleaned to nothing. Equal text and salt, equal hash."""
    values = [clean(text) if clean else text for text in texts.values]
    salted = np.array([f"{salt}:{value}" for value in values], dtype=object)
    hashes = pd.util.hash_array(salted, categorize=False).astype(np.uint64)
    hashes[[not value for value in values]] = 0
    return np.append(hashes, np.uint64(0))[texts.codes]


def join(left: UInt64, right: UInt64) -> UInt64:
    """One hash of two, order mattering (the finaliser of the SplitMix64 generator)."""
    with np.errstate(over="ignore"):
        x = left * np.uint64(0x9E3779B97F4A7C15) + right
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return np.asarray(np.maximum(x, np.uint64(1)), np.uint64)


def both(left: UInt64, right: UInt64) -> UInt64:
    """The joined key where both parts are known, else 0."""
    return np.where((left > 0) & (right > 0), join(left, right), np.uint64(0))


def first(left: UInt64, right: UInt64) -> UInt64:
    """The left key where it is known, else the right one."""
    return np.where(left > 0, left, right)


_CONTAINER_NO: Final = re.compile(r'"no"\s*:\s*"([A-Z0-9]+)"')


def first_container(containers: str) -> str:
    """The number of the first container in a JSON array, empty where there is none."""
    match = _CONTAINER_NO.search(containers)
    return match[1] if match else ""


def _prefix(code: str, digits: int) -> str:
    return code[:digits] if len(code) >= digits else ""


def _upper(text: str) -> str:
    return text.strip().upper()
