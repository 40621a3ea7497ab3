"""Who asks, may they, and the note of what they did: what every route needs of access, in one place."""

from serving.access.dependencies import require
from serving.access.dependencies import see_office as may_see
from serving.access.principal import Principal
from serving.audit import record

__all__ = ["Principal", "may_see", "record", "require"]
