"""Tests of who sends and who receives: first-time, dormant, hidden behind others, seized before, on a list."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from risk.indicators import keys
from risk.indicators.columns import DAY_US, Bools
from risk.indicators.learnt import Learnt, block
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.view import View
from risk.parties.names import normalise_name

_PO_BOX: Final = re.compile(
    r"\b(P\.?\s*O\.?\s*BOX|POST ?BOX|PMB|B\.?P\.? ?\d+|CAIXA POSTAL|APARTADO|LOCKED BAG)\b", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d")
_FREE_ZONE: Final = re.compile(r"\b(FREE (TRADE )?(ZONE|PORT)|FTZ|FREEZONE|ZONA FRANCA|ZONE FRANCHE)\b", re.IGNORECASE)


@test("P01", days=float)
def first_time(view: View, p: Parameters) -> Outcome:
    """A consignee never seen, or not for two years."""
    new = view.feature("consignee_filings") == 0
    old = view.feature("consignee_days_since_filing") >= p.number("days")
    return Outcome(new | old, which=np.where(new, 0, 1))


@test("P03", days=float)
def dormant(view: View, p: Parameters) -> Outcome:
    """A consignee active again after a long silence."""
    never = view.feature("consignee_filings") == 0
    return Outcome(view.feature("consignee_days_since_filing") >= p.number("days"),
                   known=never | (view.feature("consignee_days_since_filing") >= 0))  # fmt: skip


@test("P04", says=("seized_name", "role"), alike=float)
def seized_before(view: View, p: Parameters) -> Outcome:
    """A name equal or close to that of a party of a seized consignment."""
    fired, band = np.zeros(len(view), bool), np.ones(len(view), np.int64)
    said, roles = np.full(len(view), None, object), np.full(len(view), None, object)
    rows = view.learnt["seized_names"]
    for role in ("shipper", "consignee"):
        names = view.text(f"{role}_name")
        near = view.learnt.kept("near names")
        if len(rows) == 0:
            break
        found = []
        for name in names.values.tolist():
            if name not in near:
                near[name] = _nearest(view.learnt, normalise_name(name), p.number("alike"))
            found.append(near[name])
        close = np.flatnonzero(np.array([*map(bool, found), False])[names.codes])
        some = view.some(close)
        place, country = keys.address(some, role), some.text(f"{role}_country").said()
        for number, row in enumerate(close):
            at = found[names.codes[row]]
            name = rows.text[at[0]].split("|")[0]
            same_place = any(place[number] > 0 and rows.part[one] == place[number] for one in at)
            same_country = any(rows.text[one].split("|")[1] == (country[number] or "-") for one in at)
            fired[row], said[row], roles[row] = True, name, role
            band[row] = 3 if same_place else 2 if same_country else 1
    known = view.known("consignee_name") | view.known("shipper_name")
    return Outcome(fired, known=known, band=band, says={"seized_name": said, "role": roles})


def _nearest(learnt: Learnt, name: str, alike: float) -> list[int]:
    """The rows of seized parties whose name is close enough, the closest first."""
    listed = learnt.blocks("seized_names").get(block(name), []) if len(name) > 5 else []
    if not listed:
        return []
    found = process.extract(name, [text.split("|")[0] for text, _ in listed], scorer=fuzz.token_sort_ratio,
                            score_cutoff=100 * alike, limit=5)  # fmt: skip
    return [listed[at][1] for _, _, at in found]


@test("P05")
def not_the_receiver(view: View, p: Parameters) -> Outcome:
    """The consignee is a forwarder, or whoever holds the bill."""
    forwarder, order = view.feature("consignee_is_forwarder") == 1, view.feature("order_bill") == 1
    both = view.feature("notify_is_forwarder") == 1
    return Outcome(forwarder | order, band=np.where(forwarder & both, 3, 2), which=np.where(forwarder, 0, 1))


@test("P06")
def notify(view: View, p: Parameters) -> Outcome:
    """The notify party is the shipper or the forwarder, or missing on a bill to order."""
    name, shipper = keys.name(view, "notify"), keys.name(view, "shipper")
    forwarder = keys.name(view, "forwarder")
    absent = (view.feature("order_bill") == 1) & (view.feature("notify_missing") == 1)
    as_shipper, as_forwarder = (name > 0) & (name == shipper), (name > 0) & (name == forwarder)
    known = view.known("notify_name") & view.known("shipper_name") & view.known("forwarder_name")
    return Outcome(
        as_shipper | as_forwarder | absent, known=known, which=np.select([as_shipper, as_forwarder], [0, 1], 2)
    )


def poor_address(view: View) -> NDArray[np.int64]:
    """What is wrong with the consignee's address: 0 missing, 1 a post box, 2 no number in it; -1 nothing."""
    found: NDArray[np.int64] = view.once("poor address", lambda: _poor_address(view))
    return found


def _poor_address(view: View) -> NDArray[np.int64]:
    text = view.text("consignee_address")
    named = view.known("consignee_name") & ~(view.feature("order_bill") == 1)
    box = text.where(lambda address: bool(_PO_BOX.search(address)))
    vague = text.where(lambda address: not _NUMBER.search(address))
    found: NDArray[np.int64] = np.select([named & ~text.known, box, vague], [0, 1, 2], -1)
    return found


@test("P07")
def address(view: View, p: Parameters) -> Outcome:
    """The consignee's address is missing, a post box, or too vague to be visited."""
    what = poor_address(view)
    return Outcome(what >= 0, known=view.known("consignee_address"), band=np.select([what == 1, what == 2], [3, 2], 1),
                   which=np.maximum(what, 0))  # fmt: skip


@test("P08", consignees=float)
def shared_address(view: View, p: Parameters) -> Outcome:
    """An address of many consignees that is no forwarder's."""
    many = view.feature("consignee_address_partners") >= p.number("consignees")
    return Outcome(many & (view.feature("consignee_is_forwarder") == 0))


@test("P11", says=("old_name",), days=float)
def renamed(view: View, p: Parameters) -> Outcome:
    """The number or address of a consignee that had trouble lately, under another name."""
    rows, names = view.learnt["trouble"], view.text("consignee_name")
    old = np.full(len(view), None, object)
    if len(rows) == 0:
        return Outcome(np.zeros(len(view), bool), says={"old_name": old})
    number, fired = keys.registered(view, "consignee"), np.zeros(len(view), bool)
    for key in (number, keys.address(view, "consignee")):
        asked, row = rows.matches(key)
        recent = rows.time[row] >= view.time("filed_at")[asked] - p.number("days") * DAY_US
        for at, one in zip(asked[recent].tolist(), row[recent].tolist(), strict=True):
            was, name = rows.text[one], normalise_name(names.values[names.codes[at]]) if names.codes[at] >= 0 else ""
            if name and was and fuzz.token_sort_ratio(name, was) < 70:
                old[at], fired[at] = max(was, old[at] or ""), True
    return Outcome(fired, says={"old_name": old})


@test("P13")
def connected(view: View, p: Parameters) -> Outcome:
    """Shipper and consignee have the same name, number or address."""
    name = keys.name(view, "shipper"), keys.name(view, "consignee")
    number = keys.registered(view, "shipper"), keys.registered(view, "consignee")
    place = keys.address(view, "shipper"), keys.address(view, "consignee")
    same = [(left > 0) & (left == right) for left, right in (name, number, place)]
    return Outcome(np.logical_or.reduce(same), which=np.select(same, [0, 1, 2], 0))


@test("P14", says=("list_name", "role"))
def watched(view: View, p: Parameters) -> Outcome:
    """A number or name of a watch list."""
    rows = view.learnt["watched"]
    fired = np.zeros(len(view), bool)
    said, roles = np.full(len(view), None, object), np.full(len(view), None, object)
    for role in ("consignee", "shipper", "notify"):
        for key in (keys.name(view, role), keys.registered(view, role)):
            found = rows.find(key)
            here = (found >= 0) & ~fired
            said[here], roles[here] = rows.text[found[here]], role
            fired |= here
    known = (view.known("consignee_name") | view.known("consignee_id")) & (len(rows) > 0)
    return Outcome(fired, known=known, says={"list_name": said, "role": roles})


@test("P15", says=("times",), times=float, least_inspections=float)
def agent(view: View, p: Parameters) -> Outcome:
    """A declarant or forwarder whose consignments were seized far more often than others."""
    usual, enough = view.feature("all_hit_rate"), view.feature("declarant_inspections") >= p.number("least_inspections")
    times = view.feature("declarant_hit_rate") / np.where(usual > 0, usual, 1)
    fired = enough & (times >= p.number("times")) & (view.feature("declarant_hits") >= 1)
    return Outcome(fired, known=enough, says={"times": times})


@test("P18", words=list)
def wildlife_business(view: View, p: Parameters) -> Outcome:
    """A party whose name tells of animals or traditional medicine, with goods of another kind."""
    words = p.texts("words")
    hit: Bools = np.zeros(len(view), bool)
    for role in ("shipper", "consignee"):
        hit |= view.text(f"{role}_name").where(lambda name: _tells(name, words))
    return Outcome(hit & (view.feature("wildlife_heading") == 0))


@lru_cache(maxsize=200_000)
def _tells(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name has a word that begins like one of these."""
    return bool(_words(words).search(name.casefold()))


@lru_cache(maxsize=16)
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})")


@test("A02")
def free_zone(view: View, p: Parameters) -> Outcome:
    """By air to a free zone, with an address that cannot be verified."""
    fired = view.text("mode").among(("air",)) & (poor_address(view) >= 0)
    some = view.some(fired)
    texts = [some.text(name) for name in ("consignee_address", "final_destination", "customs_office")]
    fired[fired] = np.logical_or.reduce([text.where(lambda place: bool(_FREE_ZONE.search(place))) for text in texts])
    return Outcome(fired, known=view.known("consignee_address") & view.known("mode"))
