"""Parties: who a name may be, what is known of a party as of a time, what people say about two."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from risk.errors import UsageError
from risk.parties.judgements import VERDICTS, judgement
from risk.parties.mentions import Mention
from risk.parties.names import role
from serving.api.guard import Principal, record, require
from serving.api.service import Desk
from serving.api.times import Time
from serving.day_work import NotThereError
from serving.parties_at import described, written
from serving.store import parties as stored
from serving.store import party_filings

router = APIRouter(tags=["parties"])
PartyId = Annotated[str, Path(pattern="^P[0-9a-f]{16}$", description="Id of a party or of one of its spellings.")]
AsOf = Annotated[Time | None, Query(description="What was known strictly before this time; now if left out.")]
Spelled = Annotated[str, Query(max_length=1000, pattern=r"^[^\x00]*$")]


class Match(BaseModel):
    """A party that a name may be."""

    party: str
    mention: str = Field(description="The spelling it was compared with.")
    name: str
    score: float
    rule: str
    linked: bool = Field(description="Whether that is enough to take them for one.")


class Matches(BaseModel):
    """Parties that a name may be, the likeliest first."""

    name: str
    role: str = Field(description="What the name stands for: a party, a bank, to order, nobody, ...")
    matches: list[Match]


class Spelling(BaseModel):
    """One way in which a party was written."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    country: str
    address: str
    identifier: str
    first_seen: datetime
    seen: int


class Judged(BaseModel):
    """What somebody said about two parties."""

    left: str
    right: str
    verdict: str
    judged_at: datetime
    judged_by: str
    why: str


class Party(BaseModel):
    """A party as it was known."""

    party: str
    spellings: list[Spelling]
    links: list[dict[str, Any]] = Field(description="Inferred links that hold the spellings together.")
    possible: list[dict[str, Any]] = Field(description="Other parties it may be.")
    judgements: list[Judged]


class Appearance(BaseModel):
    """A consignment in which a party appears."""

    consignment_id: str
    role: str
    filed_at: datetime
    result: str | None = Field(None, description="Last result recorded before the time; missing if not inspected.")
    recorded_at: datetime | None = None


class History(BaseModel):
    """What was known of a party before a time."""

    party: str
    consignments: int
    inspected: int
    results: dict[str, int]
    latest: list[Appearance]


class JudgementWish(BaseModel):
    """What you say about two parties."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "left": "P0a1b2c3d4e5f6071",
                    "right": "P8899aabbccddeeff",
                    "verdict": "same",
                    "why": "same tax number on the licence",
                }
            ]
        },
    )

    left: str = Field(pattern="^P[0-9a-f]{16}$")
    right: str = Field(pattern="^P[0-9a-f]{16}$")
    verdict: str = Field(description=", ".join(VERDICTS))
    why: str = Field(min_length=3, max_length=2000, pattern=r"^[^\x00]*$")


class JudgementMade(BaseModel):
    """A judgement that was noted, and what follows from it."""

    judgement: int
    judged_at: datetime
    left: str | None = Field(description="The party of the left one now.")
    right: str | None = Field(description="The party of the right one now.")
    followed: bool = Field(description="False when other judgements hold the two apart.")


@router.get("/v1/parties", summary="Who a name may be", response_model=Matches)
def search(
    service: Desk,
    who: Annotated[Principal, Depends(require("parties:read"))],
    name: Annotated[str, Query(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")],
    country: Annotated[str, Query(max_length=2)] = "",
    address: Spelled = "",
    identifier: Spelled = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    as_of: AsOf = None,
) -> dict[str, Any]:
    """In any script and spelling, with the score and the rule that made the match."""
    parties = service.parties.get(as_of)
    found = parties.resolve(Mention(name, country, address, identifier), limit)
    matches = [{**vars(match), "name": written(parties, match.party)["name"]} for match in found]
    with service.store.transaction() as connection:
        record(connection, who, "party.search", f"{len(matches)} matches")
    return {"name": name, "role": role(name), "matches": matches}


@router.get("/v1/parties/{party_id}", summary="A party as it was known", response_model=Party)
def one(
    service: Desk, who: Annotated[Principal, Depends(require("parties:read"))], party_id: PartyId, as_of: AsOf = None
) -> dict[str, Any]:
    """All its spellings, what holds them together, who it may be besides, and what people said."""
    found = described(service.parties.get(as_of), party_id)
    with service.store.transaction() as connection:
        record(connection, who, "party.read", party_id)
    return found


@router.get("/v1/parties/{party_id}/history", summary="What a party did, as known at a time", response_model=History)
def history(
    service: Desk,
    who: Annotated[Principal, Depends(require("parties:read"))],
    party_id: PartyId,
    as_of: AsOf = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """The consignments in which it appears and what inspections found, as known strictly before the time."""
    parties = service.parties.get(as_of)
    party = parties.party(party_id)
    if party is None:
        raise NotThereError(f"there is no party {party_id}")
    spellings = [parties.mentions.mention(int(row)) for row in parties.members(party)]
    with service.store.transaction() as connection:
        found = party_filings.history(connection, spellings, as_of, limit)
        record(connection, who, "party.history", party_id)
    return {"party": party, **found}


@router.post(
    "/v1/parties/judgements", summary="Say what two parties are", status_code=201, response_model=JudgementMade
)
def judge(
    service: Desk, who: Annotated[Principal, Depends(require("parties:judge"))], said: JudgementWish
) -> dict[str, Any]:
    """The same, different, or that nobody can tell; it counts from now on, and the last one about two holds."""
    made = judgement(said.left, said.right, said.verdict, service.now(), who.id, said.why)
    parties = service.parties.get()
    for id_ in (said.left, said.right):
        if parties.party(id_) is None:
            raise UsageError(f"there is no party {id_}")
    with service.store.transaction() as connection:
        number = stored.add(connection, made)
        record(connection, who, "party.judge", f"{said.left} {said.right}", said.why, {"verdict": said.verdict})
    after = service.parties.get()
    refused = any(one.pair == made.pair for one in after.clusters.refused)
    left, right = after.party(said.left), after.party(said.right)
    return {"judgement": number, "judged_at": made.judged_at, "left": left, "right": right, "followed": not refused}
