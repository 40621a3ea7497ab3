"""Containers and ships: their numbers with check digits, and the containers of a consignment as JSON.

Owns the pool of containers that come back again and again, and the fleets. Knows nothing of parties.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from risk.reference.identifiers import container_remainder
from training.simulation.tables import Bools, Floats, Ints
from training.simulation.texts import pick

FULL_KG: Final = 25_500.0
FULL_M3: Final = 64.0
MOST: Final = 12
WRONG: Final = 0.004
"""Share of consignments with one mistyped container number, in honest trade too."""
TYPES: Final = ("22G1", "42G1", "45G1", "45R1")
TARE_KG: Final = (2250, 3700, 3850, 4600)
SHIPS_A_LANE: Final = 7


def container_number(box: int, owners: list[str]) -> str:
    """The number of a container of the pool, valid by ISO 6346."""
    serial, owner = divmod(box, len(owners))
    body = f"{owners[owner][:3]}U{(serial * 48_271 + 131_071) % 1_000_000:06d}"
    return f"{body}{container_remainder(body) % 10}"


def mistyped(number: str) -> str:
    """The number with a wrong check digit."""
    return f"{number[:-1]}{(int(number[-1]) + 3) % 10}"


def imo_number(ship: int) -> str:
    """A valid IMO number for each ship up to 27,000."""
    digits = f"{910_000 + ship * 3}"
    check = sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=True)) % 10
    return f"{digits}{check}"


def containers(
    rng: np.random.Generator,
    sea: Bools,
    box: Ints,
    gross: Floats,
    volume: Floats,
    chilled: Bools,
    owners: list[str],
    whole: int,
) -> Any:
    """For each consignment the JSON array of its containers as Arrow text, null for goods that fly.

    `whole` is how many consignments share the pool; `box` is the first container of the pool; `gross` and `volume`
    are those of the whole consignment.
    """
    n = len(sea)
    pool = max(200, int(0.45 * whole))
    count = np.clip(np.ceil(np.maximum(gross / FULL_KG, volume / FULL_M3)), 1, MOST).astype(np.int64) * sea
    owner = np.repeat(np.arange(n), count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    at = np.arange(len(owner)) - first[owner]
    entry = (box[owner] % pool + at) % pool
    known = {int(one): container_number(int(one), owners) for one in np.unique(entry)}

    kind = np.where(chilled, 3, np.where(volume < 30, 0, 1 + (rng.random(n) < 0.65)))[owner]
    tare = np.array(TARE_KG)[kind]
    mass = np.round((gross[owner] / count[owner] + tare) * np.exp(rng.normal(0, 0.006, len(owner))) / 10) * 10
    mass = np.where((rng.random(n) < 0.65)[owner], mass, -1)
    seal = np.where(rng.random(len(owner)) < 0.93, rng.integers(100_000, 9_999_999, len(owner)), 0)
    wrong = (rng.random(n) < WRONG)[owner] & (at == 0)
    texts = [
        _box(mistyped(known[number]) if slip else known[number], TYPES[shape], sealed, int(kg))
        for number, slip, shape, sealed, kg in zip(
            entry.tolist(), wrong.tolist(), kind.tolist(), seal.tolist(), mass.tolist(), strict=True
        )
    ]
    start, stop = first.tolist(), (first + count).tolist()
    arrays = [f"[{','.join(texts[a:b])}]" if b > a else None for a, b in zip(start, stop, strict=True)]
    return pick(arrays, np.arange(n))


def _box(number: str, kind: str, seal: int, kg: int) -> str:
    seals = f'["S{seal}"]' if seal else "[]"
    verified = f',"vgm_kg":{kg}' if kg >= 0 else ""
    return f'{{"no":"{number}","type":"{kind}","seals":{seals},"full":true{verified}}}'
