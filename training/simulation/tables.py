"""The facts and assumptions of the simulated world, read from `data/` and turned into arrays.

Owns the reading of the package's own CSV and YAML tables. Countries, places (a port or airport with its mode),
commodities and destinations are known everywhere else in the simulation by their index in these tables.
Knows nothing of consignments.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DATA: Final = Path(__file__).parent / "data"
SEA, AIR = 0, 1


@dataclass(frozen=True)
class Choices:
    """A weighted choice for each row of a table: `options[row]` with cumulative weights `upto[row]`."""

    options: Ints
    upto: Floats

    def draw(self, rows: Ints, u: Floats) -> Ints:
        """One option for each row named, from a uniform number in [0, 1). -1 where the row has none."""
        at = (self.upto[rows] <= u[:, None]).sum(axis=1)
        drawn: Ints = self.options[rows, np.minimum(at, self.options.shape[1] - 1)]
        return drawn


def choices(rows: list[list[tuple[int, float]]]) -> Choices:
    """Choices of ragged rows of (option, weight)."""
    width = max(1, *(len(row) for row in rows))
    options = np.full((len(rows), width), -1, np.int64)
    upto = np.ones((len(rows), width))
    for i, row in enumerate(rows):
        if row:
            options[i, : len(row)] = [option for option, _ in row]
            options[i, len(row) :] = row[-1][0]
            weights = np.array([weight for _, weight in row], float)
            upto[i, : len(row)] = np.cumsum(weights) / weights.sum()
    return Choices(options, upto)


@dataclass(frozen=True)
class Places:
    """Ports and airports: code, whether it is an airport, country; and which of them a country ships from."""

    code: list[str]
    air: Bools
    country: Ints
    of_country: Choices
    """Row 2 * country + mode."""
    served: Bools
    """(country, mode): whether goods can leave that country in that mode."""

    def index(self, code: str, air: bool) -> int:
        """The index of a place."""
        return next(i for i, c in enumerate(self.code) if c == code and bool(self.air[i]) == air)


@dataclass(frozen=True)
class Commodities:
    """Goods, one HS subheading each; weights in kg per package, value in USD per kg, density in kg per m3."""

    hs: list[str]
    sector: Ints
    share: Floats
    air: Floats
    package: list[str]
    kg: Floats
    packages: Floats
    value: Floats
    density: Floats
    season: Ints
    """Row of `Tables.seasons`; 0 is all the year round."""
    protected: Bools
    """Whether the heading is one of wild animals or plants, for which permits exist."""
    origins: Choices
    descriptions: list[list[str]]

    def alike(self) -> Choices:
        """Goods of a sector: row 2 * sector + mode; -1 where the sector does not move that way."""
        return choices(
            [
                [(int(i), float(w)) for i, w in enumerate(self.share * share * (self.sector == sector)) if w > 0]
                for sector in range(int(self.sector.max()) + 1)
                for share in (1 - self.air, self.air)
            ]
        )


@dataclass(frozen=True)
class Destinations:
    """Places where goods arrive, with their customs office and share of trade."""

    place: Ints
    air: Bools
    country: Ints
    office: list[str]
    share: Floats


@dataclass(frozen=True)
class Typology:
    """One way of smuggling; see data/typologies.yaml."""

    name: str
    share: float
    mode: str
    trace: str
    product: str
    species: list[str]
    species_share: Floats
    appendix: str
    quantity: tuple[float, float, str]
    covers: Ints
    sources: Ints
    source_share: Floats
    heat: Floats
    """(zones, 4): how busy each zone is along the world's time."""
    hubs: list[str]
    hub_share: Floats
    laundering: float
    destinations: Ints
    destination_share: Floats


@dataclass(frozen=True)
class Tables:
    """Everything read from `data/`."""

    countries: list[str]
    zones: list[str]
    zone: Ints
    sea_days: Floats
    via_share: Floats
    air_hub: Ints
    currency: list[str]
    places: Places
    commodities: Commodities
    seasons: list[tuple[int, ...]]
    destinations: Destinations
    typologies: list[Typology]
    rules: dict[str, Any]
    names: dict[str, Any]
    depths: list[dict[str, str]]

    def country(self, code: str) -> int:
        """The index of a country."""
        return self.countries.index(code)


@cache
def tables() -> Tables:
    """All tables, read once."""
    zones = _rows("zones")
    countries = [code for row in zones for code in row["countries"].split()] + ["DJ"]
    zone = [i for i, row in enumerate(zones) for _ in row["countries"].split()]
    zone.append(next(i for i, row in enumerate(zones) if row["zone"] == "east_africa"))
    arrivals = _rows("destinations")
    places = _places(countries, arrivals)
    commodities, seasons = _commodities(countries, places)
    destinations = Destinations(
        place=np.array([places.index(row["port"], row["mode"] == "air") for row in arrivals]),
        air=np.array([row["mode"] == "air" for row in arrivals]),
        country=np.array([countries.index(row["country"]) for row in arrivals]),
        office=[row["office"] for row in arrivals],
        share=_normal([float(row["share"]) for row in arrivals]),
    )
    currency = dict.fromkeys(countries, "USD")
    currency.update({row["country"]: row["currency"] for row in _rows("ports")})
    zone_names = [row["zone"] for row in zones]
    return Tables(
        countries=countries,
        zones=zone_names,
        zone=np.array(zone),
        sea_days=np.array([float(row["sea_days"]) for row in zones]),
        via_share=np.array([float(row["via_share"]) for row in zones]),
        air_hub=np.array([places.index(row["air_hub"], True) for row in zones]),
        currency=[currency[code] for code in countries],
        places=places,
        commodities=commodities,
        seasons=seasons,
        destinations=destinations,
        typologies=[_typology(entry, countries, zone_names, commodities.hs, arrivals) for entry in _yaml("typologies")],
        rules=_yaml("rules"),
        names=_yaml("names"),
        depths=_rows("depths"),
    )


def _places(countries: list[str], arrivals: list[dict[str, str]]) -> Places:
    rows = _rows("ports")
    known: dict[tuple[str, bool], int] = {}
    for code, mode in [(r["port"], r["mode"]) for r in rows] + [(r["port"], r["mode"]) for r in arrivals]:
        known.setdefault((code, mode == "air"), len(known))
    served: list[list[tuple[int, float]]] = [[] for _ in range(2 * len(countries))]
    for row in rows:
        air = row["mode"] == "air"
        at = 2 * countries.index(row["country"]) + (AIR if air else SEA)
        served[at].append((known[row["port"], air], float(row["share"])))
    return Places(
        code=[code for code, _ in known],
        air=np.array([air for _, air in known]),
        country=np.array([countries.index(code[:2]) for code, _ in known]),
        of_country=choices(served),
        served=np.array([bool(row) for row in served]).reshape(-1, 2),
    )


def _commodities(countries: list[str], places: Places) -> tuple[Commodities, list[tuple[int, ...]]]:
    rows = _rows("commodities")
    sectors = list(dict.fromkeys(row["sector"] for row in rows))
    seasons: list[tuple[int, ...]] = [()]
    for row in rows:
        months = tuple(int(month) for month in row["season"].split())
        if months not in seasons:
            seasons.append(months)

    def numbers(name: str) -> Floats:
        return np.array([float(row[name]) for row in rows])

    goods = Commodities(
        hs=[row["hs"] for row in rows],
        sector=np.array([sectors.index(row["sector"]) for row in rows]),
        share=_normal(numbers("share")),
        air=numbers("air"),
        package=[row["package"] for row in rows],
        kg=numbers("kg"),
        packages=numbers("packages"),
        value=numbers("value"),
        density=numbers("density"),
        season=np.array([seasons.index(tuple(int(m) for m in row["season"].split())) for row in rows]),
        protected=np.array([bool(row["product"]) for row in rows]),
        origins=choices([_origins(row["origins"], countries) for row in rows]),
        descriptions=[row["descriptions"].split("|") for row in rows],
    )
    return goods, seasons


def _origins(text: str, countries: list[str]) -> list[tuple[int, float]]:
    pairs = (entry.split(":") for entry in text.split())
    return [(countries.index(code), float(weight)) for code, weight in pairs]


def _typology(
    entry: dict[str, Any], countries: list[str], zones: list[str], hs: list[str], arrivals: list[dict[str, str]]
) -> Typology:
    heat = np.zeros((len(zones), 4))
    for name, levels in entry["heat"].items():
        heat[zones.index(name)] = levels
    at = [(i, float(entry["destinations"].get(row["port"], 0))) for i, row in enumerate(arrivals)]
    at = [(i, w) for i, w in at if w > 0 and entry["mode"] in ("any", arrivals[i]["mode"])]
    return Typology(
        name=entry["name"],
        share=entry["share"],
        mode=entry["mode"],
        trace=entry["trace"],
        product=entry["product"],
        species=list(entry["species"]),
        species_share=_normal(list(entry["species"].values())),
        appendix=entry["appendix"],
        quantity=(entry["quantity"][0], entry["quantity"][1], entry["quantity"][2]),
        covers=np.array([hs.index(code) for code in entry["covers"]]),
        sources=np.array([countries.index(code) for code in entry["sources"]]),
        source_share=_normal(list(entry["sources"].values())),
        heat=heat,
        hubs=list(entry["hubs"]),
        hub_share=_normal(list(entry["hubs"].values())),
        laundering=entry["laundering"],
        destinations=np.array([i for i, _ in at]),
        destination_share=_normal([w for _, w in at]),
    )


def _normal(weights: list[float] | Floats) -> Floats:
    array = np.array(weights, float)
    shares: Floats = array / array.sum()
    return shares


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _yaml(name: str) -> Any:
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))
