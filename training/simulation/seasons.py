"""When trade happens: growth, weekdays, holidays, harvests, the hours of a working day.

Owns the drawing of filing times. Days are counted from the first simulated day.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from training.simulation.tables import Floats, Ints, Tables

DAY = 86_400
GROWTH_A_YEAR = 0.10
OFF_SEASON = 0.25
"""Trade in a seasonal good outside its months, against 1 within them."""
# New year of the lunar calendar: two slow weeks from these days on (and a rush before them).
LUNAR_NEW_YEAR = (date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6))


class Calendar:
    """The simulated days and how busy each is, overall and for each season of `tables`."""

    def __init__(self, tables: Tables, end: date, days: int) -> None:
        self.days = days
        self.first = end - timedelta(days=days - 1)
        self.start = int(np.datetime64(self.first, "s").astype(np.int64))
        self.stop = self.start + days * DAY
        """The first second after the last day."""
        each = [self.first + timedelta(days=i) for i in range(days)]
        busy = np.array([_busy(day) for day in each]) * (1 + GROWTH_A_YEAR) ** (np.arange(days) / 365)
        months = np.array([day.month for day in each])
        rows = [busy * np.where(np.isin(months, list(s)) | (not s), 1.0, OFF_SEASON) for s in tables.seasons]
        self._upto = np.array([np.concatenate([[0.0], np.cumsum(row) / row.sum()]) for row in rows])

    def draw(self, rng: np.random.Generator, season: Ints, opens: Floats, closes: Floats) -> Ints:
        """A filing time for each consignment: in its season, between the days `opens` and `closes`."""
        u = rng.random(len(season))
        day = np.empty(len(season))
        axis = np.arange(self.days + 1, dtype=float)
        for row in np.unique(season):
            mine = season == row
            low = np.interp(opens[mine], axis, self._upto[row])
            high = np.interp(closes[mine], axis, self._upto[row])
            day[mine] = np.interp(low + u[mine] * (high - low), self._upto[row], axis)
        return self.start + np.minimum(day, self.days - 1).astype(np.int64) * DAY + hour(rng, len(season))

    def share(self, opens: Floats, closes: Floats) -> Floats:
        """The share of all trade that falls between two days."""
        axis = np.arange(self.days + 1, dtype=float)
        high: Floats = np.interp(closes, axis, self._upto[0])
        low: Floats = np.interp(opens, axis, self._upto[0])
        return high - low

    def progress(self, seconds: NDArray[np.int64]) -> Floats:
        """How far in the simulated time, 0 to 1."""
        passed: Floats = (seconds - self.start) / (self.days * DAY)
        return passed


def hour(rng: np.random.Generator, n: int) -> Ints:
    """Seconds into the day (UTC): mostly the office hours of the ports of arrival, some through the night."""
    office = rng.normal(4.5 * 3600, 3 * 3600, n) % DAY
    anyhow = rng.random(n) * DAY
    return np.where(rng.random(n) < 0.75, office, anyhow).astype(np.int64)


def _busy(day: date) -> float:
    weight = (1.0, 1.06, 1.08, 1.06, 1.02, 0.72, 0.48)[day.weekday()]
    weight *= (1.0, 0.96, 1.0, 1.0, 1.0, 1.0, 1.02, 1.05, 1.06, 1.08, 1.08, 1.04)[day.month - 1]
    for new_year in LUNAR_NEW_YEAR:
        after = (day - new_year).days
        if -2 <= after < 12:
            weight *= 0.45
        elif -18 <= after < -2:
            weight *= 1.18
    if day.month == 10 and day.day <= 7:
        weight *= 0.75
    if (day.month, day.day) in ((1, 1), (5, 1), (9, 2), (12, 25)):
        weight *= 0.5
    return weight
