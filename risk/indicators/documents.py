"""Tests of the papers: amendments, switched bills, permits, what is missing, numbers of a wrong form."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from risk.indicators import keys
from risk.indicators.columns import DAY_US, Bools, Floats, UInt64
from risk.indicators.learning import described, permit_numbers
from risk.indicators.learnt import Statistic, block
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.route import recently
from risk.indicators.view import View
from risk.parties.mentions import hashes
from risk.reference import cites

_IMPORT: Final = re.compile(r"\bimport", re.IGNORECASE)
_MONTH_DAYS: Final = 31


class _Before:
    """The amended lines whose earlier version is known, and what that version said."""

    def __init__(self, view: View) -> None:
        self._view = view
        amended = np.flatnonzero((view.number("version") > 1) & view.after_learning())
        if len(amended):
            amended = amended[view.learnt["versions_consignee"].find(keys.line(view.some(amended))) >= 0]
        self.rows, self.lines = amended, view.some(amended)

    @property
    def known(self) -> Bools:
        """The first versions, and amended ones whose earlier version is known."""
        known: Bools = self._view.number("version") == 1
        known[self.rows] = True
        return known

    def changed(self, statistic: str, now: UInt64) -> Bools:
        """Which of the amended lines said otherwise before."""
        before = self._of(statistic).part
        return np.asarray((before > 0) & (now > 0) & (before != now))

    def weight(self) -> Floats:
        """The weight before."""
        return self._of("versions_consignee").value

    def text(self, statistic: str) -> NDArray[np.object_]:
        """The text before."""
        return self._of(statistic).text

    def _of(self, statistic: str) -> Statistic:
        rows = self._view.learnt[statistic]
        return rows.take(rows.find(keys.line(self.lines)))

    def late(self) -> Bools:
        """Which of the amended lines were filed after departure."""
        return np.asarray(self.lines.time("filed_at") > self.lines.time("etd"))


@test("D02", share=float)
def amended_after_departure(view: View, p: Parameters) -> Outcome:
    """Consignee, goods, weight or port changed after the planned departure."""
    before: _Before = view.once("before", lambda: _Before(view))
    if len(before.rows) == 0:
        return Outcome(np.zeros(len(view), bool), known=before.known)
    now = before.lines
    changes = [
        before.changed("versions_consignee", keys.party(now, "consignee")),
        before.changed("versions_goods", keys.heading(now, 6)),
        before.changed("versions_loading", keys.plain(now, "loading_port")),
        np.abs(now.number("gross_weight_kg") - before.weight()) > p.number("share") * before.weight(),
    ]
    fired, which = np.zeros(len(view), bool), np.zeros(len(view), np.int64)
    fired[before.rows] = before.late() & np.logical_or.reduce(changes)
    which[before.rows] = np.select(changes, [0, 1, 2, 3], 0)
    return Outcome(fired, known=before.known, which=which)


@test("D03", says=("earlier_bill", "earlier_port", "days_ago"), days=float, share=float)
def switched_bill(view: View, p: Parameters) -> Outcome:
    """The same box with like weight or seal came under another bill, from another shipper or port."""
    rows, seals, box = view.learnt["containers"], view.learnt["container_seals"], keys.container(view)
    found = rows.find(box)
    recent = np.flatnonzero(recently(view, rows.time, found, p.number("days")))
    if len(recent) == 0:
        return Outcome(np.zeros(len(view), bool), known=box > 0)
    weight, seal = rows.value[found[recent]], keys.seal(view)[recent]
    like = np.abs(view.number("gross_weight_kg")[recent] - weight) <= p.number("share") * weight
    like |= (seal > 0) & (seals.take(seals.find(box[recent])).part == seal)
    recent = recent[like]
    now, then = view.some(recent), rows.take(found[recent])
    own = keys.party(now, "shipper")
    told = [text.rpartition("|") for text in then.text.tolist()]
    bill, port = (np.array([part[side] for part in told], object) for side in (0, 2))
    other_bill = now.text("bl_no").known & (bill != now.text("bl_no").said()) & (bill != "")
    other_port = now.text("loading_port").known & (port != now.text("loading_port").said()) & (port != "")
    other_shipper = (own > 0) & (then.part > 0) & (own != then.part)
    fired = np.zeros(len(view), bool)
    fired[recent] = other_bill & (other_port | other_shipper)

    def said(values: NDArray[np.object_]) -> NDArray[np.object_]:
        all_rows = np.full(len(view), None, object)
        all_rows[recent] = values
        return all_rows

    return Outcome(
        fired,
        known=box > 0,
        says={
            "earlier_bill": lambda: said(bill),
            "earlier_port": lambda: said(port),
            "days_ago": lambda: (view.time("filed_at") - np.append(rows.time, 0)[found]) / DAY_US,
        },
    )


@test("D04", says=("earlier_port",))
def destination_changed(view: View, p: Parameters) -> Outcome:
    """The port of discharge changed after the planned departure."""
    before: _Before = view.once("before", lambda: _Before(view))
    fired, earlier = np.zeros(len(view), bool), np.full(len(view), None, object)
    if len(before.rows) == 0:
        return Outcome(fired, known=before.known)
    now = keys.plain(before.lines, "discharge_port")
    fired[before.rows] = before.late() & before.changed("versions_discharge", now)
    earlier[before.rows] = before.text("versions_discharge")
    return Outcome(fired, known=before.known, says={"earlier_port": earlier})


@test("D07", says=("permit_no",))
def permit_reused(view: View, p: Parameters) -> Outcome:
    """The number of a permit that another consignment used before."""
    rows, texts = view.learnt["permits"], view.text("permits")
    numbers = [permit_numbers(listed) for listed in _listed(view)]
    flat = [number for listed in numbers for number in listed]
    found = rows.find(hashes(flat)) if len(rows) else np.full(len(flat), -1, np.int64)
    owners = dict(zip(flat, rows.texts_at(found), strict=True))
    before = np.array([any(owners[number] is not None for number in listed) for listed in numbers] + [False], bool)
    said = np.full(len(view), None, object)
    asking = np.flatnonzero(before[texts.codes])
    for row, own in zip(asking.tolist(), view.some(asking).text("consignment_id").said().tolist(), strict=True):
        used = [n for n in numbers[texts.codes[row]] if owners[n] is not None and owners[n] != own]
        said[row] = used[0] if used else None
    fired = np.zeros(len(view), bool)
    fired[asking] = [entry is not None for entry in said[asking]]
    return Outcome(fired, says={"permit_no": said})


@test("D08", says=("missing_fields",), share=float)
def incomplete(view: View, p: Parameters) -> Outcome:
    """Too many usual fields are empty, or one that no filing should lack."""
    missing = view.feature("missing_share")
    lacks = [~view.known(name) for name in ("hs_code", "consignee_name", "loading_port", "discharge_port")]
    return Outcome(
        (missing > p.number("share")) | np.logical_or.reduce(lacks),
        says={"missing_fields": missing.astype(np.float64)},
        which=np.select(lacks, [1, 2, 3, 4], 0),
    )


@test("D11", says=("alike", "seized_text"), alike=float, least_length=float)
def text_reused(view: View, p: Parameters) -> Outcome:
    """Description and marks nearly as on a seized consignment."""
    blocks, least = view.learnt.blocks("seized_texts"), int(p.number("least_length"))
    description = view.text("description")
    begins = np.flatnonzero(
        description.where(lambda text: block(" ".join(text[:16].casefold().split())) in blocks)
        if blocks
        else np.zeros(len(view), bool)
    )
    alike, said = np.full(len(view), np.nan), np.full(len(view), None, object)
    some = view.some(begins)
    pairs = zip(some.text("description").said().tolist(), some.text("marks").said().tolist(), strict=True)
    known: dict[str, tuple[float, str | None]] = {}
    for row, (goods, marks) in zip(begins.tolist(), pairs, strict=True):
        text = described(goods, marks)
        if len(text) >= least:
            if text not in known:
                listed = [one for one, _ in blocks[block(text)]]
                found = process.extractOne(text, listed, scorer=fuzz.ratio, score_cutoff=100 * p.number("alike"))
                known[text] = (found[1] / 100, found[0]) if found else (np.nan, None)
            alike[row], said[row] = known[text]
    return Outcome(alike >= p.number("alike"), says={"alike": alike, "seized_text": said})


@test("D12", says=("form_share",), share=float, least_bills=float)
def bill_number(view: View, p: Parameters) -> Outcome:
    """A bill's number of a form that this carrier hardly ever uses."""
    carrier = keys.plain(view, "carrier")
    total, forms = view.learnt["carriers"], view.learnt["bill_forms"]
    bills = total.counts(carrier)
    alike = forms.counts(keys.both(carrier, keys.bill_form(view)))
    enough, share = bills >= p.number("least_bills"), alike / np.where(bills > 0, bills, 1)
    here = enough & view.known("bl_no")
    return Outcome(here & (share < p.number("share")), known=enough, says={"form_share": share})


@test("X01")
def permit_absent(view: View, p: Parameters) -> Outcome:
    """A heading or word of wildlife, and stated that there is no permit."""
    wild, clear = view.feature("wildlife_heading") == 1, view.feature("clear_species_words") >= 1
    return Outcome(
        (wild | clear) & (view.feature("permits") == 0), band=np.where(clear, 3, 2), which=np.where(clear, 1, 0)
    )


@test("X02", says=("permit_no", "permit_date", "permit_months"))
def permit_dates(view: View, p: Parameters) -> Outcome:
    """A permit that had expired, that is valid for longer than may be, or that was issued after departure."""
    texts, etd, filed = view.text("permits"), view.time("etd"), view.time("filed_at")
    parsed = [_dated(listed) for listed in _listed(view)]
    which = np.full(len(view), -1, np.int64)
    number, date = (np.full(len(view), None, object) for _ in range(2))
    length = np.full(len(view), np.nan)
    dated = np.array([*(any(e == e or i == i for _, i, e, _ in one) for one in parsed), False], bool)  # noqa: PLR0124
    known = dated[texts.codes]
    for row in np.flatnonzero(known).tolist():
        for no, issued, expires, most in parsed[texts.codes[row]]:
            wrong = (
                0 if expires + DAY_US <= min(filed[row], np.inf)
                else 1 if expires - issued > most * _MONTH_DAYS * DAY_US
                else 2 if issued > etd[row]
                else -1
            )  # fmt: skip
            if wrong >= 0 and which[row] < 0:
                which[row], number[row] = wrong, no
                date[row] = _day(issued if wrong == 2 else expires)
                length[row] = (expires - issued) / (_MONTH_DAYS * DAY_US)
    return Outcome(which >= 0, known=known, which=np.maximum(which, 0),
                   says={"permit_no": number, "permit_date": date, "permit_months": length})  # fmt: skip


def _listed(view: View) -> list[list[dict[str, Any]]]:
    """The permits of each of the distinct texts."""
    found: list[list[dict[str, Any]]] = view.once(
        "permits", lambda: [keys.objects(text) for text in view.text("permits").values.tolist()]
    )
    return found


def _dated(permits: list[dict[str, Any]]) -> list[tuple[str, float, float, int]]:
    """Number, issue, expiry (microseconds, NaN where not stated) and longest validity in months of each permit."""
    return [
        (
            str(entry.get("no") or ""),
            _moment(entry.get("issued")),
            _moment(entry.get("expires")),
            _longest(str(entry.get("type") or "")),
        )
        for entry in permits
    ]


@lru_cache(maxsize=10_000)
def _longest(kind: str) -> int:
    """The longest validity of a permit of this kind, in months."""
    return cites.validity_months("import_permit" if _IMPORT.search(kind) else "export_permit")


def _moment(stated: object) -> float:
    return _parsed(stated) if isinstance(stated, str) else float("nan")


@lru_cache(maxsize=100_000)
def _parsed(stated: str) -> float:
    try:
        time = datetime.fromisoformat(stated)
    except ValueError:
        return float("nan")
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1e6


def _day(moment: float) -> str | None:
    return None if np.isnan(moment) else datetime.fromtimestamp(moment / 1e6, UTC).strftime("%Y-%m-%d")
