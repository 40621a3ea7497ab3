"""Tests of the way of the goods: where they come from, where they go, and by what detour."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from risk.indicators import keys
from risk.indicators.columns import DAY_US, Bools, Floats
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.view import View
from risk.reference import hubs

_VAGUE: Final = re.compile(
    r"\b(ANY|UNKNOWN|VARIOUS|TBA|TBN|MAIN PORT|BASE PORT)\b|^[A-Z]{2}(ZZZ|XXX|999)$", re.IGNORECASE
)


def lift(view: View, rate: str, inspections: str, least: float) -> Floats:
    """How many times the overall rate of finds a rate is; NaN while the key was inspected too seldom."""
    usual = view.feature("all_hit_rate")
    enough = (view.feature(inspections) >= least) & (usual > 0)
    return np.where(enough, view.feature(rate) / np.where(usual > 0, usual, 1), np.nan)


def band_by(times: Floats) -> Floats:
    """Medium, high where finds are at least twice as frequent as overall, low where they are rarer than overall."""
    return np.where(times >= 2, 3, np.where(times < 1, 1, 2))


def on_corridor(view: View) -> Bools:
    """From a source country to one of demand or transit."""

    def make() -> Bools:
        source = (view.feature("origin_is_source") == 1) | (view.feature("loading_is_source") == 1)
        end = (view.feature("destination_is_demand") == 1) | (view.feature("destination_is_transit") == 1)
        return np.asarray(source & end)

    return np.copy(view.once("on corridor", make))


@test("R01", says=("times",), least_inspections=float)
def source_to_demand(view: View, p: Parameters) -> Outcome:
    """From a wildlife-source country to one of demand or transit."""
    times = lift(view, "corridor_hit_rate", "corridor_inspections", p.number("least_inspections"))
    return Outcome(on_corridor(view), band=band_by(times), says={"times": times})


@test("R02", says=("times",), least_inspections=float)
def hub_pair(view: View, p: Parameters) -> Outcome:
    """From an exit hub to a demand hub."""
    times = lift(view, "lane_hit_rate", "lane_inspections", p.number("least_inspections"))
    fired = (view.feature("loading_is_exit_hub") == 1) & (view.feature("discharge_is_demand_hub") == 1)
    return Outcome(fired, band=band_by(times), says={"times": times})


@test("R03")
def third_country(view: View, p: Parameters) -> Outcome:
    """Changes ship at a hub in a country that is neither that of loading nor that of discharge."""
    via, start, end = view.text("transhipment_ports"), view.text("loading_port"), view.text("discharge_port")
    transit = hubs.ports_with_role("transit")
    fired = on_corridor(view) & via.known & start.known & end.known
    some = np.flatnonzero(fired)
    at_hubs = via.some(some).said(lambda codes: " ".join(code[:2] for code in codes.split() if code in transit))
    froms, tos = (ports.some(some).said(lambda code: code[:2]) for ports in (start, end))
    fired[some] = [
        any(country not in (a, b) for country in countries.split())
        for countries, a, b in zip(at_hubs.tolist(), froms.tolist(), tos.tolist(), strict=True)
    ]
    return Outcome(fired)


@test("R04", detour=float, share=float, least_filings=float)
def circuitous(view: View, p: Parameters) -> Outcome:
    """A long way round, or a way hardly anybody takes between the two ports."""
    long = view.feature("detour") >= p.number("detour")
    filings = view.feature("lane_filings")
    rare = (view.feature("route_filings") < p.number("share") * filings) & (filings >= p.number("least_filings"))
    return Outcome(long | rare, which=np.where(long, 0, 1))


@test("R05", says=("seen_at",), days=float)
def hub_as_origin(view: View, p: Parameters) -> Outcome:
    """Loaded at a transit hub with a cover load, though it was loaded elsewhere first or the box came from a source."""
    hub = (view.feature("loading_is_transit_hub") == 1) & (view.feature("cover_load") == 1)
    boxes, rows = view.learnt["container_sources"], keys.container(view)
    found = boxes.find(rows)
    recent = recently(view, boxes.time, found, p.number("days"))
    differs = view.feature("original_port_differs")
    asked = view.after_learning() & (rows > 0)
    return Outcome(
        hub & ((differs == 1) | recent),
        known=~np.isnan(differs) | asked,
        says={"seen_at": lambda: boxes.texts_at(np.where(recent, found, -1))},
        which=np.where(differs == 1, 0, 1),
    )


def recently(view: View, times: NDArray[Any], found: NDArray[np.int64], days: float) -> Bools:
    """Where a row was found that is at most so many days older than the filing, and may be used."""
    there = (found >= 0) & view.after_learning()
    when = np.full(len(view), -np.inf)
    when[there] = times[found[there]]
    return there & (when >= view.time("filed_at") - days * DAY_US)


@test("R07", days=float, least_lane_filings=float)
def new_lane(view: View, p: Parameters) -> Outcome:
    """Nobody moved these goods between these ports for a year."""
    filings, since = view.feature("lane_hs4_filings"), view.feature("lane_hs4_days_since_filing")
    fired = (filings == 0) | (since >= p.number("days"))
    enough = view.feature("all_offence_rate") >= 0  # there is any history at all
    return Outcome(fired & enough, known=enough, which=np.where(filings == 0, 0, 1))


@test("R08", km_per_day=float)
def impossible_voyage(view: View, p: Parameters) -> Outcome:
    """The planned voyage is faster than ships sail, or ends before it begins."""
    sea = view.text("mode").among(("sea",))
    days = view.feature("transit_days")
    backwards = days <= 0
    fast = view.feature("transit_km_per_day") > p.number("km_per_day")
    return Outcome(sea & (backwards | fast), known=~np.isnan(days), which=np.where(backwards, 0, 1))


@test("R09")
def vague_ports(view: View, p: Parameters) -> Outcome:
    """A port of loading or discharge is missing or says nothing."""
    fired, which = np.zeros(len(view), bool), np.zeros(len(view), np.int64)
    for number, name in enumerate(("loading_port", "discharge_port")):
        text = view.text(name)
        vague, missing = text.where(lambda code: bool(_VAGUE.search(code))), ~text.known
        which = np.where(fired, which, np.where(missing, number, 2 + number))
        fired |= vague | missing
    return Outcome(fired, which=which)


@test("R10", inland=list)
def onward_by_land(view: View, p: Parameters) -> Outcome:
    """Goes on over land to another country than that of discharge."""
    pairs = frozenset(p.texts("inland"))
    onward = view.feature("destination_not_discharge") == 1
    some = np.flatnonzero(onward)
    start = view.text("discharge_port").some(some).said(lambda code: code[:2]).tolist()
    end = view.category("destination_country").some(some).said().tolist()
    onward[some] = [f"{a} {b}" in pairs for a, b in zip(start, end, strict=True)]
    abroad = (view.feature("destination_not_discharge") == 1) & (view.feature("consignee_abroad") == 1)
    return Outcome(onward | abroad, which=np.where(onward, 0, 1))


@test("R11", says=("port",), days=float)
def displaced(view: View, p: Parameters) -> Outcome:
    """A consignee that used a port with a recent seizure now takes the same goods another way."""
    rows = view.learnt["displaced"]
    found = rows.find(keys.both(keys.party(view, "consignee"), keys.heading(view)))
    recent = recently(view, rows.time, found, p.number("days"))
    fired = recent & (view.feature("consignee_lane_filings") == 0)
    for name in ("loading_port", "discharge_port"):
        fired &= view.known(name)
        fired[fired] = view.some(fired).text(name).said() != rows.texts_at(found[fired])
    return Outcome(fired, says={"port": lambda: rows.texts_at(np.where(recent, found, -1))})


@test("A01", transhipments=float)
def many_legs_by_air(view: View, p: Parameters) -> Outcome:
    """By air from a source country over several airports, a hub among them."""
    air = view.text("mode").among(("air",))
    legs = view.feature("transhipments") >= p.number("transhipments")
    return Outcome(air & legs & (view.feature("transhipment_at_hub") == 1) & on_corridor(view))
