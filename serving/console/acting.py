"""What an officer does from the page of a consignment: claim, lane, inspection, laboratory. Forms in, a page back.

The same functions as the API's; what stands against it is said on the page and nothing is overwritten.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from risk.errors import RiskError
from serving import desk
from serving.access.gate import FORGERY_FIELD
from serving.access.names import clean_name
from serving.access.roles import Permission
from serving.api.inspections import Correction, Inspection
from serving.api.service import Desk
from serving.console.consignment_page import back_to
from serving.console.door import PageRoute, Principal, allowed, record
from serving.console.web import language
from serving.console.words import words
from serving.day_work import ClashError, Draw, NotThereError, Override, override
from serving.inspecting import correct, one
from serving.inspecting import record as store_outcome
from serving.store import claims, notes
from serving.store.access import user

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Text = Annotated[str, Form(max_length=2000)]


@router.post("/act/claim")
def claim(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed("worklist:claim"))],
    consignment_id: Text,
    give_back: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Take a consignment to work on, or give it back."""
    say, now = words(language(request)), service.now()
    if give_back:
        with service.store.transaction() as connection:
            desk.entry_of(connection, who, consignment_id)
            claims.release(connection, consignment_id, who.id)
            record(connection, who, "worklist.release", consignment_id)
        return back_to(consignment_id, say("Given back."))
    minutes = service.settings.claim_minutes
    held = desk.claim(service.store, who, consignment_id, now, timedelta(minutes=minutes))
    if held.claimed_by != who.id:
        sentence = say("It is held by {name}; nothing was changed.", name=held.claimed_by)
        return back_to(consignment_id, sentence, bad=True)
    return back_to(consignment_id, say("It is yours for {minutes} minutes.", minutes=minutes))


@router.post("/act/assign")
def assign(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.CONFIRM_OVERRIDE))],
    consignment_id: Text,
    name: Text,
) -> RedirectResponse:
    """Give a consignment to somebody to work on, in place of whoever held it."""
    say, now = words(language(request)), service.now()
    with service.store.transaction() as connection:
        desk.entry_of(connection, who, consignment_id)
        person = user(connection, clean_name(name))
        if person is None or person.disabled:
            sentence = say("There is nobody named {name}; nothing was changed.", name=name)
            return back_to(consignment_id, sentence, bad=True)
        claims.release(connection, consignment_id)
        claims.claim(connection, consignment_id, person.name, now, timedelta(minutes=service.settings.claim_minutes))
        record(connection, who, "worklist.assign", consignment_id, None, {"to": person.name})
    return back_to(consignment_id, say("Given to {name}.", name=person.name))


@router.post("/act/note")
def note(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.CLAIM))],
    consignment_id: Text,
    note: Text = "",
) -> RedirectResponse:
    """Leave a note on a consignment."""
    say = words(language(request))
    if not note.strip():
        return back_to(consignment_id, say("The note was empty; nothing was changed."), bad=True)
    with service.store.transaction() as connection:
        desk.entry_of(connection, who, consignment_id)
        notes.add(connection, consignment_id, who.id, note.strip(), service.now())
        record(connection, who, "worklist.note", consignment_id)
    return back_to(consignment_id, say("Noted."))


@router.post("/act/lane")
def lane(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed("worklist:override"))],
    consignment_id: Text,
    lane: Text,
    reason: Text = "",
    lane_seen: Text = "",
) -> RedirectResponse:
    """Put a consignment into another lane, with a reason; `lane_seen` is the lane the officer was looking at."""
    say = words(language(request))
    if len(reason.strip()) < 3:
        return back_to(consignment_id, say("Give a reason for the lane; nothing was changed."), bad=True)
    try:
        with service.store.transaction() as connection:
            entry = desk.entry_of(connection, who, consignment_id)
            if lane_seen and entry["lane"] != lane_seen:
                raise ClashError(say("The lane has become {lane} meanwhile; look again.", lane=say(entry["lane"])))
            wanted = Override(consignment_id, lane, reason.strip(), service.settings.second_person_from)
            made = override(connection, wanted, who.id, service.now())
            details = {"lane": lane, "kind": made["kind"], "decision": made["id"]}
            record(connection, who, "worklist.override", consignment_id, reason.strip(), details)
    except ClashError as error:
        return back_to(consignment_id, str(error), bad=True)
    if made["kind"] == "asked":
        return back_to(consignment_id, say("Noted. A second person has to confirm it."))
    return back_to(consignment_id, say("The lane is now {lane}.", lane=say(lane)))


@router.post("/act/selection")
def selection(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed(Permission.MAKE_SELECTION))],
    office: Text,
    day: Annotated[date, Form()],
    capacity: Annotated[int, Form(ge=1, le=1_000_000)],
) -> RedirectResponse:
    """Make the day's selection of an office: so many inspections, part at random, the rest by risk. Made once."""
    say, own = words(language(request)), service.settings
    how = Draw(capacity, own.seed, own.random_share)
    made = desk.make_selection(service.store, who, office, day.isoformat(), how, service.now())
    sentence = say("Selected: {count} inspections.", count=made["inspections"])
    if not made["new"]:
        sentence = say("The selection had been made before, by {name}; nothing was changed.", name=made["made_by"])
    asked = urlencode({"office": office, "day": day.isoformat(), "said": sentence[:300]})
    return RedirectResponse(f"/?{asked}", 303)


@router.post("/act/second")
def second(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed("worklist:confirm"))],
    consignment_id: Text,
    number: Annotated[int, Form(ge=1)],
    confirm: Annotated[bool, Form()],
    reason: Text = "",
) -> RedirectResponse:
    """What a second person says of a lane that was asked for."""
    say = words(language(request))
    try:
        given = reason.strip() or "-"
        desk.answer_override(service.store, who, number, confirm=confirm, reason=given, now=service.now())
    except RiskError as error:
        return back_to(consignment_id, str(error), bad=True)
    return back_to(consignment_id, say("Confirmed.") if confirm else say("Refused."))


@router.post("/act/inspection")
async def inspection(
    request: Request, service: Desk, who: Annotated[Principal, Depends(allowed("inspections:enter"))]
) -> RedirectResponse:
    """The form of a minute: the result is enough, everything else may follow later."""
    say, fields = words(language(request)), await _filled(request)
    consignment_id = str(fields.get("consignment_id", ""))
    try:
        found = Inspection.model_validate(fields)
    except ValueError as error:
        return back_to(consignment_id, say("Not recorded: {why}", why=first_fault(error)), bad=True)
    try:
        with service.store.transaction() as connection:
            desk.entry_of(connection, who, consignment_id)
            label = service.champion.current.target.name
            said = {**found.model_dump(exclude_none=True), "consignment_id": consignment_id}
            stored = store_outcome(connection, said, who.code, service.now(), label)
            details = {"result": found.result, "inspection": stored["id"]}
            record(connection, who, "inspection.enter", consignment_id, None, details)
    except ClashError as error:
        return back_to(consignment_id, str(error), bad=True)
    return back_to(consignment_id, say("Recorded. Thank you: this is what the next scores learn from."))


@router.post("/act/laboratory")
async def laboratory(
    request: Request, service: Desk, who: Annotated[Principal, Depends(allowed("inspections:enter"))]
) -> RedirectResponse:
    """A later finding on an inspection; it counts from now on."""
    say, fields = words(language(request)), await _filled(request)
    consignment_id, number = str(fields.pop("consignment_id", "")), int(str(fields.pop("number", "0")) or 0)
    try:
        changes = Correction.model_validate(fields).model_dump(exclude_unset=True, exclude_none=True)
    except ValueError as error:
        return back_to(consignment_id, say("Not recorded: {why}", why=first_fault(error)), bad=True)
    try:
        with service.store.transaction() as connection:
            before = one(connection, number)
            if before is None or before["consignment_id"] != consignment_id:
                raise NotThereError(say("There is no such inspection."))
            desk.entry_of(connection, who, consignment_id)
            stored = correct(connection, number, changes, service.now(), service.champion.current.target.name)
            details = {"corrects": number, "inspection": stored["id"], "fields": sorted(changes)}
            record(connection, who, "inspection.correct", consignment_id, None, details)
    except (ClashError, NotThereError) as error:
        return back_to(consignment_id, str(error), bad=True)
    return back_to(consignment_id, say("Recorded as a correction; it counts from now on."))


async def _filled(request: Request) -> dict[str, Any]:
    """The fields of a form that were filled in, without the token."""
    form = await request.form()
    return {
        name: value
        for name, value in form.items()
        if isinstance(value, str) and value.strip() and name != FORGERY_FIELD
    }


def first_fault(error: ValueError) -> str:
    """The first thing at fault, as field and reason."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    first = errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
