"""Which ports and countries public seizure reports name as exit, transit or destination of wildlife goods.

Ports have the roles exit, transit and demand (`data/hubs.csv`); countries source, transit and demand
(`data/country_roles.csv`). A country may have several roles: Viet Nam is transit and demand. The role belongs
to lanes of trade; it says nothing of a party or of its nationality.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from risk.reference import tables

PortRole = Literal["exit", "transit", "demand"]
CountryRole = Literal["source", "transit", "demand"]

PORT_ROLES: Final[tuple[PortRole, ...]] = ("exit", "transit", "demand")
COUNTRY_ROLES: Final[tuple[CountryRole, ...]] = ("source", "transit", "demand")


@dataclass(frozen=True)
class Hub:
    """A port or airport, by UN/LOCODE, and its role on wildlife routes; `status` as in `tables.STATUSES`."""

    port: str
    name: str
    role: str
    region: str
    source: str
    status: str


@cache
def hubs() -> Mapping[str, Hub]:
    """All hub ports, by UN/LOCODE."""
    return MappingProxyType({row["port"]: Hub(**row) for row in tables.rows("hubs")})


@cache
def ports_with_role(role: PortRole) -> frozenset[str]:
    """The UN/LOCODEs of the hubs with a role."""
    return frozenset(code for code, hub in hubs().items() if hub.role == role)


@cache
def countries_with_role(role: CountryRole) -> frozenset[str]:
    """The ISO codes of the countries with a role."""
    return frozenset(row["country"] for row in tables.rows("country_roles") if row["role"] == role)


@cache
def regions() -> Mapping[str, str]:
    """The region of every country that has a role."""
    return MappingProxyType({row["country"]: row["region"] for row in tables.rows("country_roles")})


def country_mask(codes: Iterable[object], role: CountryRole) -> npt.NDArray[np.bool_]:
    """Whether each of the distinct country codes has the role; missing codes are False."""
    return _member(codes, countries_with_role(role))


def port_mask(codes: Iterable[object], role: PortRole) -> npt.NDArray[np.bool_]:
    """Whether each of the distinct UN/LOCODEs is a hub with the role; missing codes are False."""
    return _member(codes, ports_with_role(role))


def _member(codes: Iterable[object], members: frozenset[str]) -> npt.NDArray[np.bool_]:
    return np.fromiter((code in members for code in codes), dtype=np.bool_)
