"""What commands say of the files they take, and when those were received. Imports next to nothing, for quick help."""

from __future__ import annotations

from datetime import UTC, datetime

from risk.errors import UsageError

FORMATS: str = (
    "CSV, JSON Lines, Parquet, Excel, ASYCUDA World, Cargo-XML, Cargo-IMP, UN/EDIFACT CUSCAR or X12 309, also packed "
    "with gzip or zip; told apart by content."
)
"""What can be read, for help texts; docs/formats.md says more."""

RECEIVED: str = (
    "When messages were received (ISO 8601, UTC unless it says otherwise), which is their time of filing when they do "
    "not say when they were prepared. Default: now; the time of a file on disk is not believed."
)
"""What `--received-at` is, for help texts."""


def receipt(text: str | None) -> datetime:
    """The time of receipt that a command was given, now when it was given none. Raises UsageError when malformed."""
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--received-at is {text!r}; expected is a time such as 2026-11-25T06:30Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
