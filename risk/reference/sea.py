"""Distances over sea: a net of points at capes, straits and canals, and the legs between them.

The net is ours (`data/sea_points.csv`, `data/sea_legs.csv`); a leg is as long as the great circle between its
ends, and the canals of Suez and Panama are open. Good for comparing routes, not for navigation. Kilometres,
degrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from risk.reference import tables

EARTH_RADIUS_KM: Final = 6371.0


@dataclass(frozen=True)
class Point:
    """A point of the net."""

    name: str
    latitude: float
    longitude: float


def great_circle_km(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    """The shortest distance between two places on the globe."""
    a, b = math.radians(latitude_a), math.radians(latitude_b)
    half_latitude, half_longitude = (b - a) / 2, math.radians(longitude_b - longitude_a) / 2
    chord = math.sin(half_latitude) ** 2 + math.cos(a) * math.cos(b) * math.sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


@cache
def points() -> Mapping[str, Point]:
    """All points, by name."""
    return MappingProxyType(
        {
            row["point"]: Point(row["point"], float(row["latitude"]), float(row["longitude"]))
            for row in tables.rows("sea_points")
        }
    )


@cache
def legs() -> tuple[tuple[str, str], ...]:
    """The pairs of points between which a ship sails straight, each pair once."""
    return tuple((row["point"], end) for row in tables.rows("sea_legs") for end in row["ends"].split())


def route_km(a: str, b: str) -> float:
    """The shortest way over sea between two points; raises KeyError for a point that does not exist."""
    index, shortest = _net()
    return float(shortest[index[a], index[b]])


def route(a: str, b: str) -> tuple[Point, ...]:
    """The points of the shortest way over sea, both ends with it; KeyError for a point that does not exist."""
    index, shortest = _net()
    way = [points()[a]]
    while way[-1].name != b:
        here = way[-1]
        way.append(
            min(
                _neighbours()[here.name],
                key=lambda there: (
                    great_circle_km(here.latitude, here.longitude, there.latitude, there.longitude)
                    + shortest[index[there.name], index[b]],
                    there.name,
                ),
            )
        )
    return tuple(way)


@cache
def _neighbours() -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {name: [] for name in points()}
    for start, end in legs():
        found[start].append(points()[end])
        found[end].append(points()[start])
    return found


@cache
def _net() -> tuple[dict[str, int], npt.NDArray[np.float64]]:
    index = {name: place for place, name in enumerate(points())}
    shortest = np.full((len(index), len(index)), np.inf)
    np.fill_diagonal(shortest, 0.0)
    for a, b in legs():
        start, end = points()[a], points()[b]
        km = great_circle_km(start.latitude, start.longitude, end.latitude, end.longitude)
        shortest[index[a], index[b]] = shortest[index[b], index[a]] = km
    for middle in range(len(index)):
        through = shortest[:, middle, None] + shortest[None, middle, :]
        np.minimum(shortest, through, out=shortest)
    return index, shortest
