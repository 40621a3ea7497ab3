"""Tests of weight, packing, volume, value and freight."""

from __future__ import annotations

import numpy as np

from risk.indicators import keys
from risk.indicators.columns import DAY_US
from risk.indicators.learning import figures
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.view import View


@test("W01", deviations=float, least_filings=float)
def weight_per_package(view: View, p: Parameters) -> Outcome:
    """Weight a package far from what these goods usually have."""
    enough = view.feature("hs6_filings") >= p.number("least_filings")
    return Outcome(enough & (np.abs(view.feature("hs6_weight_deviation")) >= p.number("deviations")), known=enough)


@test("W02", says=("usual_density", "density_deviation", "density_lines"), deviations=float, least_lines=float)
def density(view: View, p: Parameters) -> Outcome:
    """Weight a cubic metre far from what the heading usually has."""
    usual = view.learnt["densities"]
    at = usual.find(keys.heading(view))  # the last row of a key is its spread, the one before it its middle
    there = at >= 1
    spread, lines = np.append(usual.value, np.nan)[at], np.append(usual.n, 0.0)[at]
    middle = np.append(usual.value, np.nan)[np.where(there, at - 1, -1)]
    found = view.feature("density_kg_m3")
    good = there & (found > 0) & (lines >= p.number("least_lines"))
    away = (np.log(np.where(good, found, 1.0)) - middle) / np.maximum(spread, 0.05)
    return Outcome(
        good & (np.abs(away) >= p.number("deviations")),
        known=good,
        says={"usual_density": np.exp(middle), "density_deviation": away, "density_lines": lines},
    )


@test("W03", says=("verified_kg", "declared_kg"), share=float, kg=float, tare_kg=float)
def verified_mass(view: View, p: Parameters) -> Outcome:
    """The verified mass of the containers does not go with the declared weight of all lines in them."""
    declared = view.total("gross_weight_kg")
    verified = view.feature("vgm_difference") * view.feature("gross_weight_kg")
    boxes = view.feature("containers")
    tolerance = np.maximum(p.number("kg"), p.number("share") * declared)
    below, above = verified < declared - tolerance, verified > declared + boxes * p.number("tare_kg") + tolerance
    return Outcome(
        below | above,
        known=~np.isnan(declared),
        says={"verified_kg": verified, "declared_kg": declared},
        which=np.where(below, 0, 1),
    )


@test("W04", deviations=float, least_filings=float)
def unit_value(view: View, p: Parameters) -> Outcome:
    """Value a kilogram far from what these goods usually have."""
    enough = view.feature("hs6_filings") >= p.number("least_filings")
    return Outcome(enough & (np.abs(view.feature("hs6_value_deviation")) >= p.number("deviations")), known=enough)


@test("W05", says=("parties",), days=float, least_parties=float)
def like_figures(view: View, p: Parameters) -> Outcome:
    """The same weight, packages and value that other consignees declared lately."""
    rows = view.learnt["figures"]
    asked, row = rows.matches(figures(view))
    own = keys.party(view, "consignee")
    good = (rows.part[row] != own[asked]) & (rows.time[row] >= view.time("filed_at")[asked] - p.number("days") * DAY_US)
    parties = keys.distinct_parts(asked[good], rows.part[row[good]], len(view))
    return Outcome((own > 0) & (parties >= p.number("least_parties")), known=own > 0, says={"parties": parties})


@test("W07", says=("packing_share", "packing_lines"), share=float, least_lines=float)
def unusual_packing(view: View, p: Parameters) -> Outcome:
    """Packed as goods of this heading hardly ever are."""
    heading, kinds = keys.heading(view), view.learnt["packings"]
    totals = view.learnt["packing_headings"]
    lines = totals.counts(heading)
    alike = kinds.counts(keys.both(heading, keys.plain(view, "package_type")))
    share, enough = alike / np.where(lines > 0, lines, 1), lines >= p.number("least_lines")
    return Outcome(enough & (share < p.number("share")) & view.known("package_type"), known=enough,
                   says={"packing_share": share, "packing_lines": lines})  # fmt: skip


@test("W08", says=("box_kg",), most_kg=float, deviations=float)
def badly_filled(view: View, p: Parameters) -> Outcome:
    """More in a container than it may carry, or far less than these goods usually fill it with."""
    boxes = view.feature("containers")
    each = view.total("gross_weight_kg") / np.where(boxes > 0, boxes, 1)
    full = (boxes > 0) & (each > p.number("most_kg"))
    light = view.feature("hs6_container_deviation") <= -p.number("deviations")
    return Outcome(full | light, known=~np.isnan(each), says={"box_kg": each}, which=np.where(full, 0, 1))


@test("C08")
def freight_above_value(view: View, p: Parameters) -> Outcome:
    """Carrying the goods costs more than they are worth."""
    return Outcome(view.feature("freight_to_value") > 1)


@test("A05", deviations=float)
def weight_by_air(view: View, p: Parameters) -> Outcome:
    """By air, weight a package far from what these goods usually have between these airports."""
    odd = np.abs(view.feature("lane_hs4_weight_deviation")) >= p.number("deviations")
    return Outcome(view.text("mode").among(("air",)) & odd)
