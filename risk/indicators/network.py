"""Tests of who is connected with whom, as history knows it."""

from __future__ import annotations

import numpy as np

from risk.indicators import keys
from risk.indicators.columns import DAY_US
from risk.indicators.learning import salted, shared_by
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.view import View


@test("N01", says=("links",), most_partners=float)
def near_a_seizure(view: View, p: Parameters) -> Outcome:
    """Shares a party, an address or a notify party with a seized consignment."""
    few = p.number("most_partners")
    linked = [
        view.feature("consignee_hits") >= 1,
        (view.feature("shipper_hits") >= 1) & (view.feature("shipper_partners") <= few),
        (view.feature("consignee_address_hits") >= 1) & (view.feature("consignee_address_partners") <= few),
        (view.feature("notify_hits") >= 1) & (view.feature("notify_partners") <= few),
    ]
    links = np.sum(linked, axis=0)
    band = np.where(linked[0] | (links >= 2), 3, 2)
    return Outcome(links >= 1, band=band, which=np.select(linked, [0, 1, 2, 3], 0), says={"links": links.astype(float)})


@test("N03", says=("others",), days=float, others=float, most_filings=float)
def newcomers(view: View, p: Parameters) -> Outcome:
    """A new consignee like other new ones: same address, notify party or shipper, same goods."""
    rows, own, heading = view.learnt["newcomers"], keys.party(view, "consignee"), keys.heading(view)
    new = view.feature("consignee_filings") <= p.number("most_filings")
    best, which = np.zeros(len(view)), np.zeros(len(view), np.int64)
    asking = np.flatnonzero(new & (own > 0))
    if len(asking) == 0:
        return Outcome(np.zeros(len(view), bool), known=own > 0)
    for number, shared in enumerate(shared_by(view)):
        key = keys.both(salted(shared, number), heading)[asking]
        at, row = rows.matches(key)
        asked = asking[at]
        recent = rows.time[row] >= view.time("filed_at")[asked] - p.number("days") * DAY_US
        good = recent & (rows.part[row] != own[asked])
        others = keys.distinct_parts(asked[good], rows.part[row[good]], len(view))
        which, best = np.where(others > best, number, which), np.maximum(best, others)
    return Outcome(best >= p.number("others"), known=own > 0, says={"others": best}, which=which)


@test("N04", says=("consignees", "once_share"), share=float, least_consignees=float)
def once_only(view: View, p: Parameters) -> Outcome:
    """A shipper most of whose consignees came once only."""
    rows = view.learnt["shippers"]
    own = keys.party(view, "shipper")
    found = rows.find(own)
    consignees, once = np.append(rows.n, 0.0)[found], np.append(rows.value, 0.0)[found]
    enough = consignees >= p.number("least_consignees")
    return Outcome(
        enough & (once >= p.number("share")), known=enough, says={"consignees": consignees, "once_share": once}
    )


@test("N05", says=("ports",), ports=float, days=float)
def several_sources(view: View, p: Parameters) -> Outcome:
    """A consignee gets cover goods from several ports of source countries within weeks."""
    here = (view.feature("loading_is_source") == 1) & (view.feature("cover_load") == 1)
    rows, own = view.learnt["sources"], keys.party(view, "consignee")
    asking = np.flatnonzero(here & (own > 0) & view.known("loading_port"))
    if len(asking) == 0:
        return Outcome(np.zeros(len(view), bool), known=own > 0)
    port = keys.plain(view, "loading_port")
    at, row = rows.matches(own[asking])
    asked = asking[at]
    good = (rows.time[row] >= view.time("filed_at")[asked] - p.number("days") * DAY_US) & (
        rows.part[row] != port[asked]
    )
    ports = keys.distinct_parts(asked[good], rows.part[row[good]], len(view)) + 1.0
    return Outcome(here & (ports >= p.number("ports")), known=own > 0, says={"ports": ports})
