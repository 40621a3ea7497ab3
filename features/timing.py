"""When a consignment was filed, and how that fits its planned voyage. UTC throughout; hours and days."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.columns import HOUR_US, Column, Lines, filing_times, flag, ratio
from features.route import route_km_of
from risk.feature import Feature

FEATURES: Final = (
    Feature("hours_before_arrival", "timing", "filed {value:,.0f} hours before the planned arrival", unit="h",
            missing="no planned arrival"),
    Feature("hours_after_departure", "timing", "filed {value:,.0f} hours after the planned departure", unit="h",
            missing="no planned departure"),
    Feature("filed_after_departure", "timing", "filed after the planned departure",
            zero="filed before the planned departure", missing="no planned departure"),
    Feature("filed_after_arrival", "timing", "filed after the planned arrival",
            zero="filed before the planned arrival", missing="no planned arrival"),
    Feature("weekday", "timing", "filed on day {value:.0f} of the week (Monday is 0, in UTC)"),
    Feature("transit_days", "timing", "planned voyage of {value:,.1f} days", unit="d",
            missing="departure or arrival not planned"),
    Feature("transit_km_per_day", "timing", "planned to make {value:,.0f} km a day", unit="km/d",
            missing="voyage or distance not known"),
)  # fmt: skip


def columns(lines: Lines) -> dict[str, Column]:
    """The features of this module by name."""
    filed_us = filing_times(lines.frame)
    filed, etd, eta = filed_us.astype(np.float64), lines.time("etd"), lines.time("eta")
    transit_days = (eta - etd) / (24 * HOUR_US)
    return {
        "hours_before_arrival": (eta - filed) / HOUR_US,
        "hours_after_departure": (filed - etd) / HOUR_US,
        "filed_after_departure": flag(filed > etd, ~np.isnan(etd)),
        "filed_after_arrival": flag(filed > eta, ~np.isnan(eta)),
        "weekday": ((filed_us // (24 * HOUR_US) + 3) % 7).astype(np.float64),  # 1970 began on a Thursday
        "transit_days": transit_days,
        "transit_km_per_day": ratio(lines.once("route_km", route_km_of), transit_days),
    }
