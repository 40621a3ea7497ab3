"""Ports and airports by UN/LOCODE or IATA code: where they are and how far apart.

Our own table (`data/ports.csv`) holds the hubs, the larger container ports and airports inland. A place that
it does not hold is located by the airport whose IATA code its UN/LOCODE carries, where the country agrees;
the codes of China and the United States do not follow the airports, so there the table alone counts.
Distances between two sea ports follow the sea (`risk.reference.sea`), all others are great circles.
Kilometres, degrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from risk.reference import sea, tables

Kind = Literal["sea", "air"]

_OWN_CODES: Final = frozenset({"CN", "US"})


@dataclass(frozen=True)
class Port:
    """A port or airport; `kind` is air when it can be reached by air only or was located by its airport.

    sea_point    the point of the sea routes next to it; empty for an airport
    """

    code: str
    name: str
    country: str
    kind: Kind
    latitude: float
    longitude: float
    sea_point: str = ""


@lru_cache(maxsize=65_536)
def port(code: str) -> Port | None:
    """The place with a UN/LOCODE (five characters) or IATA code (three letters), or None when not known."""
    known = _table().get(code)
    if known is not None:
        return known
    iata = code[2:] if len(code) == 5 and code[:2] not in _OWN_CODES else code
    airport = _airports().get(iata)
    if airport is None or (len(code) == 5 and airport.country != code[:2]):
        return None
    return Port(code, airport.name, airport.country, "air", airport.latitude, airport.longitude)


def distance_km(a: str, b: str) -> float | None:
    """Kilometres between two places, by sea between sea ports, else the great circle; None when unknown."""
    start, end = port(a), port(b)
    if start is None or end is None:
        return None
    direct = sea.great_circle_km(start.latitude, start.longitude, end.latitude, end.longitude)
    if start.kind == "air" or end.kind == "air" or start.sea_point == end.sea_point:
        return direct
    return max(direct, _to_sea(start) + sea.route_km(start.sea_point, end.sea_point) + _to_sea(end))


def distances_km(a: Iterable[object], b: Iterable[object]) -> npt.NDArray[np.float64]:
    """`distance_km` of each pair, NaN where unknown or a code is missing; meant for distinct pairs."""
    found = (
        distance_km(start, end) if isinstance(start, str) and isinstance(end, str) else None
        for start, end in zip(a, b, strict=True)
    )
    return np.fromiter((np.nan if km is None else km for km in found), dtype=np.float64)


def _to_sea(place: Port) -> float:
    point = sea.points()[place.sea_point]
    return sea.great_circle_km(place.latitude, place.longitude, point.latitude, point.longitude)


@cache
def _table() -> dict[str, Port]:
    return {
        row["code"]: Port(
            row["code"],
            row["name"],
            row["code"][:2],
            "air" if row["kind"] == "air" else "sea",
            float(row["latitude"]),
            float(row["longitude"]),
            row["sea_point"],
        )
        for row in tables.rows("ports")
    }


@cache
def _airports() -> dict[str, Port]:
    import airportsdata  # 3 MB of CSV

    return {
        code: Port(code, airport["name"], airport["country"], "air", airport["lat"], airport["lon"])
        for code, airport in airportsdata.load("IATA").items()
    }
