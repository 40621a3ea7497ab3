"""Tests of when a consignment was filed, and of bills that follow each other."""

from __future__ import annotations

import numpy as np

from risk.indicators import keys
from risk.indicators.columns import DAY_US
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.view import View


@test("D01", says=("lead_hours",), sea_hours=float, air_hours=float)
def filed_late(view: View, p: Parameters) -> Outcome:
    """The first filing came later than the lead time before arrival."""
    sea, air = view.text("mode").among(("sea",)), view.text("mode").among(("air",))
    lead = np.select([sea, air], [p.number("sea_hours"), p.number("air_hours")], np.nan)
    first = (view.number("version") == 1) & view.text("stage").among(("pre_loading", "pre_arrival"))
    return Outcome(first & (view.feature("hours_before_arrival") < lead), says={"lead_hours": lead})


@test("D06", says=("bills",), days=float, bills=float, most_pair_filings=float)
def split(view: View, p: Parameters) -> Outcome:
    """Several bills of the same parties for the same goods within days, on different days or to different ports."""
    rows = view.learnt["splits"]
    consignee, shipper = keys.party(view, "consignee"), keys.party(view, "shipper")
    key = keys.both(keys.both(consignee, shipper), keys.heading(view))
    seldom = view.feature("pair_filings") <= p.number("most_pair_filings")
    asking = np.flatnonzero((key > 0) & seldom & view.known("bl_no"))
    if len(asking) == 0:
        return Outcome(np.zeros(len(view), bool), known=key > 0)
    at, row = rows.matches(key[asking])
    asked = asking[at]
    filed = view.time("filed_at")
    bill = keys.plain(view.some(asked), "bl_no")
    good = (rows.time[row] >= filed[asked] - p.number("days") * DAY_US) & (rows.part[row] != bill)
    asked, row = asked[good], row[good]
    bills = keys.distinct_parts(asked, rows.part[row], len(view)) + 1
    other_day = (rows.time[row] // DAY_US) != (filed[asked] // DAY_US)
    port = view.text("discharge_port").some(asked).said()
    other = np.zeros(len(view), bool)
    other[asked[other_day | (rows.text[row] != port)]] = True
    return Outcome(other & (bills >= p.number("bills")), known=key > 0, says={"bills": bills})
