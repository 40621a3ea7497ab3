"""Tests of the papers: amendments, switched bills, permits, what is missing, numbers of a wrong form."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from risk.indicators import keys
from risk.indicators.columns import DAY_US, Floats, UInt64, moment
from risk.indicators.learning import described, permit_numbers
from risk.indicators.learnt import block
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.route import boxes_recent
from risk.indicators.view import View
from risk.reference import cites

_IMPORT: Final = re.compile(r"\bimport", re.IGNORECASE)
_MONTH_DAYS: Final = 31


def _changed(view: View, statistic: str, now: UInt64) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[Any]]:
    """Where an earlier version is known, where it said otherwise, and its row."""
    rows = view.learnt[statistic]
    found = rows.find(keys.line(view))
    amended = (view.number("version") > 1) & (found >= 0) & view.after_learning()
    before = np.append(rows.part, np.uint64(0))[found]
    return amended, amended & (before > 0) & (now > 0) & (before != now), found


@test("D02", share=float)
def amended_after_departure(view: View, p: Parameters) -> Outcome:
    """Consignee, goods, weight or port changed after the planned departure."""
    late = view.time("filed_at") > view.time("etd")
    known, consignee, found = _changed(view, "versions_consignee", keys.party(view, "consignee"))
    _, goods, _ = _changed(view, "versions_goods", keys.heading(view, 6))
    _, port, _ = _changed(view, "versions_loading", keys.plain(view, "loading_port"))
    before = np.append(view.learnt["versions_consignee"].value, np.nan)[found]
    weight = known & (np.abs(view.number("gross_weight_kg") - before) > p.number("share") * before)
    first = view.number("version") == 1
    return Outcome(
        late & (consignee | goods | port | weight),
        known=first | known,
        which=np.select([consignee, goods, port], [0, 1, 2], 3),
    )


@test("D03", says=("earlier_bill", "earlier_port", "days_ago"), days=float, share=float)
def switched_bill(view: View, p: Parameters) -> Outcome:
    """The same box with like weight or seal came under another bill, from another shipper or port."""
    rows, seals, box = view.learnt["containers"], view.learnt["container_seals"], keys.container(view)
    found = rows.find(box)
    recent = boxes_recent(view, rows.time, found, p.number("days"))
    told = [text.rpartition("|") for text in np.append(rows.text, "|")[np.where(recent, found, -1)]]
    bill, port = (np.array([part[side] for part in told], object) for side in (0, 2))
    weight, shipper = np.append(rows.value, np.nan)[found], np.append(rows.part, np.uint64(0))[found]
    gross, own = view.number("gross_weight_kg"), keys.party(view, "shipper")
    like = np.abs(gross - weight) <= p.number("share") * weight
    seal = keys.seal(view)
    like |= (seal > 0) & (np.append(seals.part, np.uint64(0))[seals.find(box)] == seal)
    other_bill = (bill != view.text("bl_no").said()) & (bill != "") & view.known("bl_no")
    other_port = (port != view.text("loading_port").said()) & (port != "") & view.known("loading_port")
    other_shipper = (own > 0) & (shipper > 0) & (own != shipper)
    ago = (view.time("filed_at") - np.append(rows.time, 0)[found]) / DAY_US
    return Outcome(recent & like & other_bill & (other_port | other_shipper), known=box > 0,
                   says={"earlier_bill": bill, "earlier_port": port, "days_ago": ago})  # fmt: skip


@test("D04", says=("earlier_port",))
def destination_changed(view: View, p: Parameters) -> Outcome:
    """The port of discharge changed after the planned departure."""
    late = view.time("filed_at") > view.time("etd")
    known, changed, found = _changed(view, "versions_discharge", keys.plain(view, "discharge_port"))
    earlier = np.append(view.learnt["versions_discharge"].text, None)[found]
    return Outcome(late & changed, known=known | (view.number("version") == 1), says={"earlier_port": earlier})


@test("D07", says=("permit_no",))
def permit_reused(view: View, p: Parameters) -> Outcome:
    """The number of a permit that another consignment used before."""
    rows, texts = view.learnt["permits"], view.text("permits")
    numbers = [permit_numbers(text) for text in texts.values]
    flat = [number for listed in numbers for number in listed]
    owners = dict(zip(flat, np.append(rows.text, None)[rows.find(keys.hashes(flat))] if flat else [], strict=True))
    ids = view.text("consignment_id").said()
    said = np.full(len(view), None, object)
    for row in np.flatnonzero(texts.known):
        used = [n for n in numbers[texts.codes[row]] if owners[n] is not None and owners[n] != ids[row]]
        said[row] = used[0] if used else None
    return Outcome(np.array([entry is not None for entry in said], bool), says={"permit_no": said})


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
    description, marks = view.text("description"), view.text("marks").said()
    begins = description.where(lambda text: block(" ".join(text.casefold().split())) in blocks)
    alike, said = np.full(len(view), np.nan), np.full(len(view), None, object)
    long = np.zeros(len(view), bool)
    texts = description.said()
    known: dict[str, tuple[float, str | None]] = {}
    for row in np.flatnonzero(begins):
        text = described(texts[row], marks[row])
        long[row] = len(text) >= least
        if long[row]:
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
    bills = np.append(total.n, 0.0)[total.find(carrier)]
    alike = np.append(forms.n, 0.0)[forms.find(keys.both(carrier, keys.bill_form(view)))]
    enough, share = bills >= p.number("least_bills"), alike / np.where(bills > 0, bills, 1)
    here = enough & view.known("bl_no")
    return Outcome(here & (share < p.number("share")), known=enough, says={"form_share": share})


@test("X01")
def permit_absent(view: View, p: Parameters) -> Outcome:
    """A heading or word of wildlife, and stated that there is no permit."""
    wild, clear = view.feature("wildlife_heading") == 1, view.feature("clear_species_words") >= 1
    return Outcome((wild | clear) & (view.feature("permits") == 0), band=np.where(clear, 3, 2), which=np.where(clear, 1, 0))


@test("X02", says=("permit_no", "permit_date", "permit_months"))
def permit_dates(view: View, p: Parameters) -> Outcome:
    """A permit that had expired, that is valid for longer than may be, or that was issued after departure."""
    texts, etd, filed = view.text("permits"), view.time("etd"), view.time("filed_at")
    parsed = [_dated(text) for text in texts.values]
    which = np.full(len(view), -1, np.int64)
    number, date, length = (np.full(len(view), None, object) for _ in range(3))
    known = np.zeros(len(view), bool)
    for row in np.flatnonzero(texts.known):
        for no, issued, expires, most in parsed[texts.codes[row]]:
            known[row] |= not (np.isnan(issued) and np.isnan(expires))
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
    months = np.array([np.nan if entry is None else entry for entry in length], np.float64)
    return Outcome(which >= 0, known=known, which=np.maximum(which, 0),
                   says={"permit_no": number, "permit_date": date, "permit_months": months})  # fmt: skip


def _dated(permits: str) -> list[tuple[str, float, float, int]]:
    """Number, issue, expiry (microseconds, NaN where not stated) and longest validity in months of each permit."""
    return [
        (
            str(entry.get("no") or ""),
            _moment(entry.get("issued")),
            _moment(entry.get("expires")),
            cites.validity_months("import_permit" if _IMPORT.search(str(entry.get("type") or "")) else "export_permit"),
        )
        for entry in keys.objects(permits)
    ]


def _moment(stated: object) -> float:
    time = pd.to_datetime(stated, utc=True, errors="coerce") if isinstance(stated, str) else pd.NaT
    return float("nan") if pd.isna(time) else float(moment(pd.Timestamp(time)))


def _day(moment: Floats | float) -> str | None:
    return None if np.isnan(moment) else pd.Timestamp(int(moment), unit="us").strftime("%Y-%m-%d")
