"""Watch lists: what somebody wants to hear of, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.api.guard import Principal, record, require
from serving.api.service import Desk
from serving.api.times import Time
from serving.day_work import NotThereError
from serving.store import watch_lists

router = APIRouter(tags=["watch lists"])
ListName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of a list.")]
Kind = Literal["party", "name", "identifier", "container", "vessel", "hs_code", "port", "other"]


class ListCount(BaseModel):
    """A list and how many entries it has, ended ones too."""

    list: str
    entries: int


class Lists(BaseModel):
    """All lists."""

    lists: list[ListCount]


class EntryWish(BaseModel):
    """Something to watch."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "container", "entry": "MSKU1234565", "note": "seen in 2025"}]},
    )

    kind: Kind
    entry: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$")
    note: str | None = Field(None, max_length=2000, pattern=r"^[^\x00]*$")
    valid_from: Time | None = Field(None, description="Now, if left out.")
    valid_until: Time | None = Field(None, description="For good, if left out.")

    @model_validator(mode="after")
    def _in_order(self) -> EntryWish:
        if self.valid_until is not None and self.valid_until <= (self.valid_from or datetime.now(UTC)):
            raise ValueError("valid_until is not later than valid_from")
        return self


class Entry(BaseModel):
    """An entry of a list."""

    id: int
    list: str
    kind: Kind
    entry: str
    note: str | None = None
    valid_from: datetime
    valid_until: datetime | None = None
    added_at: datetime
    added_by: str
    ended: bool
    ended_by: str | None = None


class Entries(BaseModel):
    """The entries of a list in the order they were added."""

    entries: list[Entry]


@router.get("/v1/watchlists", summary="All watch lists", response_model=Lists)
def lists(service: Desk, who: Annotated[Principal, Depends(require("watchlists:read"))]) -> dict[str, Any]:
    """Their names and sizes."""
    with service.store.reading() as connection:
        return {"lists": [{"list": name, "entries": count} for name, count in watch_lists.lists(connection)]}


@router.get("/v1/watchlists/{name}", summary="The entries of a watch list", response_model=Entries)
def entries(
    service: Desk,
    who: Annotated[Principal, Depends(require("watchlists:read"))],
    name: ListName,
    at: Annotated[Time | None, Query(description="Those valid at this time; all if left out.")] = None,
) -> dict[str, Any]:
    """With who added each and until when it holds."""
    with service.store.reading() as connection:
        return {"entries": watch_lists.entries(connection, name, at)}


@router.post("/v1/watchlists/{name}", summary="Watch something", status_code=201, response_model=Entry)
def add(
    service: Desk, who: Annotated[Principal, Depends(require("watchlists:edit"))], name: ListName, wanted: EntryWish
) -> dict[str, Any]:
    """A list is there with its first entry."""
    at = service.now()
    with service.store.transaction() as connection:
        number = watch_lists.add(
            connection,
            list=name,
            kind=wanted.kind,
            entry=wanted.entry,
            note=wanted.note,
            valid_from=wanted.valid_from or at,
            valid_until=wanted.valid_until,
            added_at=at,
            added_by=who.id,
        )
        record(connection, who, "watchlist.add", f"{name} {number}", wanted.note)
        return next(entry for entry in watch_lists.entries(connection, name) if entry["id"] == number)


@router.delete("/v1/watchlists/{name}/{number}", summary="Watch something no more", response_model=Entry)
def end(
    service: Desk,
    who: Annotated[Principal, Depends(require("watchlists:edit"))],
    name: ListName,
    number: Annotated[int, Path(ge=1, lt=2**63)],
) -> dict[str, Any]:
    """The entry ends now and stays on record."""
    with service.store.transaction() as connection:
        ended = watch_lists.end(connection, name, number, who.id, service.now())
        if ended is None:
            raise NotThereError(f"the list {name} has no entry {number} in force")
        record(connection, who, "watchlist.end", f"{name} {number}")
    return ended
