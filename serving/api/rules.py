"""Officers' own rules: check, bring in, put to work by another person, retire."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi import Path as PathPart
from pydantic import BaseModel, ConfigDict, Field

from risk.rules import RuleFile, read_rules
from serving.api.guard import Principal, record, require
from serving.api.manifests import read_body
from serving.api.service import Desk, in_thread
from serving.rulebook import Rulebook, fields
from serving.store.rules import StoredRule

router = APIRouter(tags=["rules"])
RuleId = Annotated[str, PathPart(min_length=1, max_length=200, description="Id of a rule.")]
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A file of rules, see docs/rules.md.",
        "content": {
            "application/yaml": {
                "schema": {},  # whatever YAML can say; what is wrong with it is told in one sentence each
                "example": "rules:\n  - id: heavy-scrap\n    statement: Scrap far heavier than usual\n"
                '    when: hs_code =~ "7204.*" and gross_weight_kg > 28000\n    lane: yellow\n    author: anna\n',
            }
        },
    }
}


class RuleShown(BaseModel):
    """A version of a rule and its state."""

    id: str
    fingerprint: str = Field(description="Over all that the rule says.")
    statement: str
    when: str
    lane: str
    strength: str
    author: str
    share: float
    expires: date | None = None
    offices: list[str]
    state: Literal["draft", "active", "retired"]
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str
    reason: str | None = None
    volume: float | None = Field(None, description="Share of recent filings on which it fired when activated.")


class Rules(BaseModel):
    """Rules of the store."""

    rules: list[RuleShown]


class Checked(BaseModel):
    """What a file of rules says, and what is wrong with it."""

    rules: list[str] = Field(description="Ids of the rules that are good.")
    problems: list[str] = Field(description="One sentence for each mistake, with line and field.")
    new: int | None = Field(None, description="Drafts that were not there yet in this wording.")


class Activation(BaseModel):
    """Put a rule to work."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"force": "an alert until Friday"}]})

    force: str | None = Field(None, min_length=3, max_length=2000, description="Why, in spite of its volume.")


class Retirement(BaseModel):
    """Take a rule out of force."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the alert is over"}]})

    reason: str = Field(min_length=3, max_length=2000)


class RuleField(BaseModel):
    """Something that a rule can ask about."""

    name: str
    kind: str
    unit: str


class RuleFields(BaseModel):
    """All that a rule can ask about."""

    fields: list[RuleField]


@router.get("/v1/rules", summary="The rules and their state", response_model=Rules)
def listed(
    service: Desk,
    who: Annotated[Principal, Depends(require("rules:read"))],
    retired: Annotated[bool, Query(description="Also what is retired.")] = False,
) -> dict[str, Any]:
    """Every version: drafts, those at work, and the retired ones when asked for."""
    found = Rulebook(service.store).all()
    return {"rules": [_shown(entry) for entry in found if retired or entry.state != "retired"]}


@router.get("/v1/rules/fields", summary="What a rule can ask about", response_model=RuleFields)
def askable(who: Annotated[Principal, Depends(require("rules:read"))]) -> dict[str, Any]:
    """Fields of the record and features, with kind and unit."""
    return {"fields": [{"name": one.name, "kind": one.kind, "unit": one.unit} for one in fields().values()]}


@router.post("/v1/rules:check", summary="Check a file of rules", response_model=Checked, openapi_extra=_FILE)
async def check(request: Request, who: Annotated[Principal, Depends(require("rules:read"))]) -> dict[str, Any]:
    """One sentence for each mistake; nothing is kept."""
    found = await _read(request)
    return {"rules": [one.rule.id for one in found.rules], "problems": found.problems}


@router.post("/v1/rules", summary="Bring rules in as drafts", status_code=201, response_model=Checked,
             openapi_extra=_FILE)  # fmt: skip
async def bring_in(
    request: Request, service: Desk, who: Annotated[Principal, Depends(require("rules:edit"))]
) -> dict[str, Any]:
    """A rule with a mistake stays out; the good ones wait for another person to put them to work."""
    found = await _read(request)
    if not found.rules:
        raise HTTPException(422, found.problems[0] if found.problems else "the file holds no rule")
    names = [one.rule.id for one in found.rules]

    def keep() -> int:
        new = Rulebook(service.store).add(found.rules, who.id)
        with service.store.transaction() as connection:
            record(connection, who, "rules.add", ", ".join(names), None, {"new": new})
        return new

    return {"rules": names, "problems": found.problems, "new": await in_thread(keep)}


@router.post("/v1/rules/{rule_id}/activate", summary="Put a rule to work", response_model=RuleShown)
def activate(
    service: Desk, who: Annotated[Principal, Depends(require("rules:activate"))], rule_id: RuleId, wish: Activation
) -> dict[str, Any]:
    """Not by who wrote it or brought it in; refused when it fires on too much of what was filed lately."""
    entry, volume = Rulebook(service.store).activate(rule_id, who.id, force=wish.force)
    with service.store.transaction() as connection:
        details = {"fingerprint": entry.fingerprint, "hits": volume.hits, "of": volume.consignments}
        record(connection, who, "rules.activate", rule_id, wish.force, details)
    return _shown(entry)


@router.post("/v1/rules/{rule_id}/retire", summary="Take a rule out of force", response_model=RuleShown)
def retire(
    service: Desk, who: Annotated[Principal, Depends(require("rules:activate"))], rule_id: RuleId, wish: Retirement
) -> dict[str, Any]:
    """Its text and its story stay."""
    entry = Rulebook(service.store).retire(rule_id, who.id, wish.reason)
    with service.store.transaction() as connection:
        record(connection, who, "rules.retire", rule_id, wish.reason, {"fingerprint": entry.fingerprint})
    return _shown(entry)


async def _read(request: Request) -> RuleFile:
    body = await read_body(request, 1 << 20)

    def read() -> RuleFile:
        with tempfile.TemporaryDirectory(prefix="risk-") as folder:
            path = Path(folder) / "rules.yaml"
            path.write_bytes(body)
            found = read_rules(path, fields())
        problems = [problem.replace(f"{path}: ", "").replace(str(path), "the file") for problem in found.problems]
        return RuleFile(found.rules, problems)

    found: RuleFile = await in_thread(read)
    return found


def _shown(entry: StoredRule) -> dict[str, Any]:
    own = {name: value for name, value in vars(entry.rule).items() if name not in ("reason", "lists")}
    stored = {name: value for name, value in vars(entry).items() if name not in ("number", "rule")}
    return {**own, **stored}
