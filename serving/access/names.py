"""Names of people and systems, roles and offices as somebody typed them: checked once, at the border."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from risk.errors import UsageError
from serving.access.roles import Role

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_OFFICE: Final = re.compile(r"\S(?:.{0,98}\S)?")


def clean_name(text: str) -> str:
    """A name as it is compared: composed, lower case, without blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def checked_name(text: str) -> str:
    """A name that may be given. Raises UsageError."""
    name = clean_name(text)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"the name is {text!r}; expected are 1 to 64 letters a-z, digits, dots, underscores, @ and hyphens, "
            "the first a letter or a digit"
        )
    return name


def checked_roles(roles: Sequence[str]) -> tuple[str, ...]:
    """Roles that there are, at least one. Raises UsageError."""
    wanted = sorted({role.strip().lower().replace("-", "_").replace(" ", "_") for role in roles})
    unknown = [role for role in wanted if role not in set(Role)]
    if unknown or not wanted:
        said = f"the role {unknown[0]!r} is not known" if unknown else "no role is given"
        raise UsageError(f"{said}; expected is one or more of {', '.join(Role)}")
    return tuple(wanted)


def checked_offices(offices: Sequence[str] | None) -> tuple[str, ...] | None:
    """Codes of customs offices, None for all. Raises UsageError."""
    if offices is None:
        return None
    wanted = tuple(sorted({office.strip() for office in offices}))
    if not wanted or not all(_OFFICE.fullmatch(office) for office in wanted):
        raise UsageError(f"the offices are {', '.join(wanted) or 'none'}; expected are codes of customs offices")
    return wanted
