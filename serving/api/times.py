"""Times as requests give them: in UTC, within the span that every part of the service can count in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator

YEARS: Final = range(1900, 2200)


def to_utc(time: datetime) -> datetime:
    """The time in UTC; one without a zone is meant in UTC. Raises ValueError for a year that cannot be."""
    if time.year not in YEARS:
        raise ValueError(f"the year {time.year} cannot be; expected is one from {YEARS.start} to {YEARS.stop - 1}")
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(to_utc)]
