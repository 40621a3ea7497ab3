"""What can be wrong with a rule, told in one sentence."""

from __future__ import annotations

from risk.errors import UsageError


class RuleError(UsageError):
    """A rule or a file of rules does not fit: names the file, the line, the field and what is expected."""


class ExpressionError(UsageError):
    """The condition of a rule does not fit; `place` is where in its text, if that is known."""

    def __init__(self, message: str, place: int | None = None) -> None:
        super().__init__(message)
        self.place = place
