"""The way of the goods: roles of its places on wildlife routes, distance, detours, what does not fit together.

Reads the record and `risk.reference`; knows no history.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.columns import Column, Distinct, Float64, Lines, flag, pairs, ratio
from risk.feature import Feature
from risk.reference import hubs, ports

CATEGORIES: Final = (
    ("mode", "mode of transport {value}"),
    ("customs_office", "customs office {value}"),
    ("origin_country", "goods from {value}"),
    ("loading_country", "loaded in {value}"),
    ("destination_country", "bound for {value}"),
    ("loading_port", "loaded at {value}"),
    ("discharge_port", "discharged at {value}"),
    ("carrier", "carrier {value}"),
)

FEATURES: Final = (
    Feature("origin_is_source", "route", "origin is a country named as a source of wildlife",
            zero="origin is not named as a source of wildlife", missing="no country of origin"),
    Feature("origin_is_transit", "route", "origin is a country that wildlife passes through",
            zero="origin is not named as a country of transit", missing="no country of origin"),
    Feature("loading_is_source", "route", "loaded in a country named as a source of wildlife",
            zero="not loaded in a source country", missing="no country of loading"),
    Feature("loading_is_exit_hub", "route", "loaded at a port that wildlife has left from",
            zero="port of loading is no known exit of wildlife", missing="no port of loading"),
    Feature("loading_is_transit_hub", "route", "loaded at a port that wildlife has passed through",
            zero="port of loading is no known hub of transit", missing="no port of loading"),
    Feature("discharge_is_demand_hub", "route", "discharged at a port where wildlife has arrived",
            zero="port of discharge is no known arrival of wildlife", missing="no port of discharge"),
    Feature("destination_is_demand", "route", "bound for a country of demand",
            zero="destination is not named as a country of demand", missing="no country of destination"),
    Feature("destination_is_transit", "route", "bound for a country that wildlife passes through",
            zero="destination is not named as a country of transit", missing="no country of destination"),
    Feature("source_to_demand", "route", "goes from a source to a country of demand",
            zero="does not go from a source to a country of demand", missing="origin or destination not stated"),
    Feature("origin_not_loading", "route", "loaded in another country than the origin",
            zero="loaded in the country of origin", missing="origin or country of loading not stated"),
    Feature("origin_not_original_loading", "route", "first loaded in another country than the stated origin",
            zero="first loaded in the stated origin", missing="origin or first port not stated"),
    Feature("original_port_differs", "route", "first loaded at another port than the port of loading",
            zero="first loaded at the port of loading", missing="first port or port of loading not stated"),
    Feature("destination_not_discharge", "route", "goes on to another country than that of discharge",
            zero="stays in the country of discharge", missing="destination or discharge not stated"),
    Feature("transhipments", "route", "changes ship {value:.0f} times", one="changes ship once",
            missing="no transhipment stated"),
    Feature("transhipment_at_hub", "route", "changes ship at a port that wildlife has passed through",
            zero="changes ship at no known hub", missing="no transhipment stated"),
    Feature("route_km", "route", "{value:,.0f} km from loading to discharge", unit="km",
            missing="distance not known"),
    Feature("detour", "route", "the way through its transhipments is {value:.2f} times the direct way",
            missing="no transhipment stated, or its port is not known"),
    *(Feature(name, "route", words, kind="category") for name, words in CATEGORIES),
)  # fmt: skip


def columns(lines: Lines) -> dict[str, Column]:
    """The features of this module by name."""
    origin, first = lines.text("origin_country"), lines.text("original_loading_port")
    from_country, to_country = lines.country("loading"), lines.country("destination")
    loading, discharge = lines.text("loading_port"), lines.text("discharge_port")
    origin_source = _country(origin, "source")
    to_demand = _country(to_country, "demand")
    route_km = lines.once("route_km", route_km_of)
    via = lines.text("transhipment_ports")
    return {
        **{name: lines.text(name).texts() for name, _ in CATEGORIES},
        "loading_country": from_country.texts(),
        "destination_country": to_country.texts(),
        "carrier": lines.text("carrier").texts(lambda text: text.strip().upper()),
        "origin_is_source": origin_source,
        "origin_is_transit": _country(origin, "transit"),
        "loading_is_source": _country(from_country, "source"),
        "loading_is_exit_hub": _port(loading, "exit"),
        "loading_is_transit_hub": _port(loading, "transit"),
        "discharge_is_demand_hub": _port(discharge, "demand"),
        "destination_is_demand": to_demand,
        "destination_is_transit": _country(to_country, "transit"),
        "source_to_demand": origin_source * to_demand,
        "origin_not_loading": _differ(origin, from_country),
        "origin_not_original_loading": _differ(origin, first, right=_country_of),
        "original_port_differs": _differ(first, loading),
        "destination_not_discharge": _differ(to_country, discharge, right=_country_of),
        "transhipments": via.each(lambda codes: len(codes.split())),
        "transhipment_at_hub": via.each(lambda codes: bool(hubs.port_mask(codes.split(), "transit").any())),
        "route_km": route_km,
        "detour": ratio(_way_through(loading, via, discharge), route_km),
    }


def route_km_of(lines: Lines) -> Float64:
    """Kilometres from loading to discharge of each line, NaN where either is missing or not known."""
    codes, a, b = pairs(lines.text("loading_port"), lines.text("discharge_port"))
    return np.array([*(_km(start, end) for start, end in zip(a, b, strict=True)), np.nan])[codes]


@lru_cache(maxsize=262_144)
def _km(start: str, end: str) -> float:
    km = ports.distance_km(start, end)
    return math.nan if km is None else km


def _way_through(start: Distinct, via: Distinct, end: Distinct) -> Float64:
    """Kilometres over all transhipments in order of call; NaN where there is none."""
    outer, first, last = pairs(start, end)
    ends = Distinct(outer, np.array([f"{a} {b}" for a, b in zip(first, last, strict=True)], dtype=object))
    codes, of_ends, of_via = pairs(ends, via)
    ways = np.full(len(of_via) + 1, np.nan)
    for row, (two, between) in enumerate(zip(of_ends, of_via, strict=True)):
        a, b = two.split(" ")
        calls = [a, *between.split(), b]
        ways[row] = sum(_km(start, end) for start, end in pairwise(calls))
    return ways[codes]


def _country(codes: Distinct, role: hubs.CountryRole) -> Float64:
    return codes.spread(hubs.country_mask(codes.values, role))


def _port(codes: Distinct, role: hubs.PortRole) -> Float64:
    return codes.spread(hubs.port_mask(codes.values, role))


def _country_of(port: str) -> str:
    return port[:2]


def _differ(a: Distinct, b: Distinct, *, right: Callable[[str], str] = str) -> Float64:
    """Whether the texts of two columns differ, the right one changed first; NaN where either is missing."""
    codes, left_values, right_values = pairs(a, b)
    differs: NDArray[np.bool_] = np.array(
        [left != right(value) for left, value in zip(left_values, right_values, strict=True)] + [False], bool
    )
    return flag(differs[codes], codes >= 0)
