"""What people have said about two parties, and what of it holds at a time.

A judgement is about two ids (of mentions, or of parties, whose id is that of their first mention). Judgements
are only ever added; the latest about a pair holds, so a person can change their mind and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, cast, get_args

from risk.errors import UsageError

Verdict = Literal["same", "different", "unsure"]
VERDICTS: Final[tuple[str, ...]] = get_args(Verdict)


@dataclass(frozen=True)
class Judgement:
    """Who said what about two parties, when, and why. `judged_at` has a time zone."""

    left: str
    right: str
    verdict: Verdict
    judged_at: datetime
    judged_by: str
    why: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """The two ids in order."""
        return (self.left, self.right) if self.left <= self.right else (self.right, self.left)


def judgement(left: str, right: str, verdict: str, judged_at: datetime, judged_by: str, why: str = "") -> Judgement:
    """A judgement, checked. Raises UsageError for an unknown verdict, one id twice, or a time without a zone."""
    if verdict not in VERDICTS:
        raise UsageError(f"The verdict is {verdict!r}; expected is one of {', '.join(VERDICTS)}")
    if left == right:
        raise UsageError(f"Both parties are {left}; a judgement is about two")
    if judged_at.tzinfo is None:
        raise UsageError(f"judged_at is {judged_at.isoformat()}; a time with its zone is expected")
    return Judgement(left, right, cast(Verdict, verdict), judged_at.astimezone(UTC), judged_by, why)


def standing(judgements: Iterable[Judgement], as_of: datetime | None = None) -> Sequence[Judgement]:
    """The last judgement on each pair made strictly before `as_of` (all when None), in order of time.

    Of two judgements on one pair at one time the later in the order given holds.
    """
    last: dict[tuple[str, str], Judgement] = {}
    for one in sorted(judgements, key=lambda one: one.judged_at):
        if as_of is None or one.judged_at < as_of:
            last[one.pair] = one
    return sorted(last.values(), key=lambda one: (one.judged_at, one.pair))
