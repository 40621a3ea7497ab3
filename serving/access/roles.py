"""What can be done, and which role may do it. The one table of rights; the API, the console and the tests read it.

Rights are of a role; where they hold is a matter of offices (`serving.access.principal`). A person may have several
roles. No role has all rights: who manages the users sees no consignment, the auditor changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """One thing that can be done."""

    READ_WORKLIST = "worklist:read"
    CLAIM = "worklist:claim"
    OVERRIDE_LANE = "worklist:override"
    CONFIRM_OVERRIDE = "worklist:confirm"
    MAKE_SELECTION = "selections:make"
    SCORE_MANIFEST = "manifests:score"
    READ_BATCHES = "batches:read"
    READ_CONSIGNMENT = "consignments:read"
    READ_ASSESSMENT = "assessments:read"
    REPLAY_ASSESSMENT = "assessments:replay"
    RECORD_INSPECTION = "inspections:enter"
    IMPORT_OUTCOMES = "outcomes:import"
    READ_PARTY = "parties:read"
    JUDGE_PARTY = "parties:judge"
    READ_WATCHLISTS = "watchlists:read"
    EDIT_WATCHLISTS = "watchlists:edit"
    READ_RULES = "rules:read"
    WRITE_RULES = "rules:edit"
    ACTIVATE_RULES = "rules:activate"
    READ_MODEL = "model:read"
    PROMOTE_MODEL = "model:promote"
    READ_METRICS = "metrics:read"
    READ_AUDIT = "audit:read"
    MANAGE_USERS = "users:manage"
    MANAGE_KEYS = "keys:manage"
    OWN_SESSION = "session:own"
    """To see who one is and to sign out: everybody who is known."""


class Role(StrEnum):
    """What somebody is in the office."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    DATA_SCIENTIST = "data_scientist"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


_P = Permission
_LOOKS_INTO_CASES: Final = frozenset(
    {_P.READ_WORKLIST, _P.READ_CONSIGNMENT, _P.READ_ASSESSMENT, _P.READ_PARTY, _P.READ_WATCHLISTS, _P.READ_MODEL}
)
_OFFICER: Final = _LOOKS_INTO_CASES | {_P.CLAIM, _P.OVERRIDE_LANE, _P.RECORD_INSPECTION}
_ANALYST: Final = _LOOKS_INTO_CASES | {
    _P.REPLAY_ASSESSMENT, _P.JUDGE_PARTY, _P.EDIT_WATCHLISTS, _P.READ_RULES, _P.WRITE_RULES, _P.READ_METRICS,
}  # fmt: skip

RIGHTS: Final[dict[Role, frozenset[Permission]]] = {
    Role.OFFICER: _OFFICER,
    Role.SUPERVISOR: _OFFICER
    | {
        _P.CONFIRM_OVERRIDE, _P.MAKE_SELECTION, _P.SCORE_MANIFEST, _P.READ_BATCHES, _P.REPLAY_ASSESSMENT,
        _P.JUDGE_PARTY, _P.EDIT_WATCHLISTS, _P.READ_RULES, _P.ACTIVATE_RULES, _P.READ_METRICS,
    },
    Role.ANALYST: _ANALYST,
    Role.DATA_SCIENTIST: frozenset(
        {
            _P.READ_MODEL, _P.PROMOTE_MODEL, _P.READ_METRICS, _P.READ_ASSESSMENT, _P.REPLAY_ASSESSMENT, _P.READ_RULES,
        }
    ),
    Role.OPERATOR: frozenset(
        {_P.SCORE_MANIFEST, _P.READ_BATCHES, _P.IMPORT_OUTCOMES, _P.READ_MODEL, _P.READ_METRICS}
    ),
    Role.AUDITOR: _LOOKS_INTO_CASES | {_P.REPLAY_ASSESSMENT, _P.READ_RULES, _P.READ_AUDIT},
    Role.ADMINISTRATOR: frozenset(
        {
            _P.MANAGE_USERS, _P.MANAGE_KEYS, _P.READ_MODEL, _P.READ_METRICS, _P.READ_WATCHLISTS, _P.EDIT_WATCHLISTS,
            _P.READ_AUDIT,
        }
    ),
}  # fmt: skip
"""Role to what it may do; besides, everybody who is known may OWN_SESSION."""

PEOPLE_ONLY: Final = frozenset({_P.CONFIRM_OVERRIDE, _P.ACTIVATE_RULES, _P.MANAGE_USERS, _P.MANAGE_KEYS})
"""What no key of a system can do, whatever its roles: a second person must be a person."""


def rights_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """What these roles may do together."""
    return frozenset({_P.OWN_SESSION}).union(*(RIGHTS[role] for role in roles))
