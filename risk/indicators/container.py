"""Tests of containers, seals, equipment, ship and voyage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.indicators import keys
from risk.indicators.columns import DAY_US
from risk.indicators.goods import under
from risk.indicators.learning import voyage
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.view import View
from risk.reference import identifiers


@test("K01")
def check_digit(view: View, p: Parameters) -> Outcome:
    """A container number without its check digit."""
    return Outcome(view.feature("wrong_container_numbers") >= 1)


@test("K02", says=("owner", "owner_boxes"), least_boxes=float, least_bills=float)
def strange_owner(view: View, p: Parameters) -> Outcome:
    """A box of an owner that this carrier never carried, or that nobody ever saw."""
    owner, carrier = keys.owner(view), keys.plain(view, "carrier")
    owners, pairs, carriers = view.learnt["owners"], view.learnt["owner_carriers"], view.learnt["carriers"]
    boxes = owners.counts(owner)
    together = pairs.find(keys.both(owner, carrier)) >= 0
    bills = carriers.counts(carrier)
    enough = (bills >= p.number("least_bills")) & (owner > 0) & ((boxes == 0) | (boxes >= p.number("least_boxes")))
    known = enough | together
    return Outcome(
        enough & ~together,
        known=known,
        says={
            "owner": lambda: view.text("containers").said(lambda text: keys.first_container(text)[:4]),
            "owner_boxes": boxes,
        },
        which=np.where(boxes == 0, 0, 1),
    )


@test("K03", says=("seal",), days=float)
def seals(view: View, p: Parameters) -> Outcome:
    """A full container without a seal stated, or with the seal of another box."""
    open_box = (view.feature("sealed_containers") < 1) & ~(view.feature("empty_containers") >= 1)
    rows, seal, box = view.learnt["seals"], keys.seal(view), keys.container(view)
    found = rows.find(seal)
    there = (found >= 0) & (box > 0) & view.after_learning()
    there &= np.append(rows.time, 0)[found] >= view.time("filed_at") - p.number("days") * DAY_US
    reused = there & (np.append(rows.part, np.uint64(0))[found] != box)
    return Outcome(
        open_box | reused,
        which=np.where(open_box, 0, 1),
        says={"seal": lambda: view.text("containers").said(keys.first_seal)},
    )


@test("K04", filings=float, partners=float)
def returning_box(view: View, p: Parameters) -> Outcome:
    """The same box keeps coming to the same consignee."""
    often = view.feature("container_filings") >= p.number("filings")
    return Outcome(often & (view.feature("container_partners") <= p.number("partners")))


@test("K05", headings=list)
def unfit_equipment(view: View, p: Parameters) -> Outcome:
    """Frozen or chilled goods in a box that does not cool."""
    cold = under(view, p.texts("headings"))
    texts = view.text("containers")
    plain = np.full(len(view), np.nan)
    cooled: dict[int, float] = {}
    for row in np.flatnonzero(cold & texts.known):
        code = int(texts.codes[row])
        if code not in cooled:
            cooled[code] = _without_cooling(texts.values[code])
        plain[row] = cooled[code]
    return Outcome(cold & (plain >= 1), known=~cold | (plain >= 0))


def _without_cooling(containers: str) -> float:
    """How many boxes have a size and type code (ISO 6346) of another kind than R or H; NaN where none is stated."""
    kinds = [
        box["type"] for box in keys.objects(containers) if isinstance(box.get("type"), str) and len(box["type"]) > 2
    ]
    return float(sum(kind[2].upper() not in "RH" for kind in kinds)) if kinds else float("nan")


@test("K06")
def ship_number(view: View, p: Parameters) -> Outcome:
    """By sea without the ship's IMO number, or with one that cannot be right."""
    number, sea = view.text("vessel_imo"), view.text("mode").among(("sea",))
    wrong = number.where(lambda text: not identifiers.valid_imo(text))
    return Outcome(sea & (wrong | ~number.known), known=view.known("mode"), which=np.where(wrong, 1, 0))


@test("K07")
def seized_box(view: View, p: Parameters) -> Outcome:
    """The box, or the voyage, of an earlier seizure."""
    box = view.feature("container_hits") >= 1
    there = (view.learnt["seized_voyages"].find(voyage(view)) >= 0) & view.after_learning()
    return Outcome(box | there, band=np.where(box, 3, 1), which=np.where(box, 0, 1))


@test("K08", tare_kg=float, kg=float)
def heavy_empty(view: View, p: Parameters) -> Outcome:
    """Declared empty, and heavier than an empty box."""
    boxes, empty = view.feature("containers"), view.feature("empty_containers")
    gross = view.total("gross_weight_kg")
    verified = view.feature("vgm_difference") * view.feature("gross_weight_kg")
    most: NDArray[Any] = boxes * p.number("tare_kg") + p.number("kg")
    heavy = np.fmax(gross, verified) > most
    return Outcome((empty >= 1) & (empty == boxes) & heavy, known=~np.isnan(gross))
