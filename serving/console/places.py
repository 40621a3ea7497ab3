"""The pages one can go to, and who may."""

from __future__ import annotations

from typing import Final

from serving.access.principal import Principal
from serving.access.roles import Permission

PLACES: Final = (
    ("/", "Worklist", Permission.READ_WORKLIST),
    ("/supervision", "Supervision", Permission.CONFIRM_OVERRIDE),
    ("/rules", "Rules", Permission.READ_RULES),
    ("/lists", "Watch lists", Permission.READ_WATCHLISTS),
    ("/models", "Models", Permission.READ_MODEL),
    ("/administration", "Administration", Permission.MANAGE_USERS),
    ("/record", "Audit", Permission.READ_AUDIT),
)
"""Path, name and what it takes."""


def places(who: Principal) -> list[dict[str, str]]:
    """The pages that somebody may open."""
    return [{"path": path, "words": name} for path, name, permission in PLACES if who.may(permission)]
