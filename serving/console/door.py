"""Who may open a page: signed in, allowed, and with the token that forms carry."""

from __future__ import annotations

from serving.api.guard import Principal, may_see, record, require

allowed = require

__all__ = ["Principal", "allowed", "may_see", "record"]
