"""The manifest of the simulated world: consignments written out as rows of the table of `risk.consignment`.

Owns the goods lines of a consignment, its amended version, and how every property becomes a column. What was
amended stands rightly in the second version and wrongly in the first. Reads neither propensity nor coin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from risk.consignment import CONSIGNMENTS, STAGES
from risk.layout import arrow_schema
from training.simulation.boxes import SHIPS_A_LANE, containers, imo_number
from training.simulation.names import Names
from training.simulation.seasons import DAY
from training.simulation.shipments import (
    NOTIFY_FORWARDER,
    NOTIFY_NONE,
    NOTIFY_SAME,
    PARTY,
    PORT,
    QUANTITY,
    WORDING,
    Shipments,
)
from training.simulation.tables import Bools, Floats, Ints, Tables
from training.simulation.texts import blank, pick, times, write

RATES: Final = {"USD": 1.0, "EUR": 0.92, "JPY": 150.0, "CNY": 7.2, "HKD": 7.8}
"""Units of each currency for a dollar; assumed, and fixed over the years."""
HS_ENDINGS: Final = ("", "00", "10", "90")
ONWARD_PLACES: Final = {"KH": "KHPNH", "LA": "LAVTE"}


@dataclass(frozen=True)
class _Lines:
    """The goods lines of all consignments: whose, which, and what they hold. kg, m3, USD."""

    of: Ints
    number: Ints
    commodity: Ints
    packages: Floats
    gross: Floats
    net: Floats
    volume: Floats
    value: Floats


@dataclass(frozen=True)
class Part:
    """Which part of a world is written: `before` other consignments came first, out of about `of` in all.

    `first_etd` is the earliest departure of the world, from which voyages are counted.
    """

    before: int
    of: int
    first_etd: int


def consignment_ids(n: int, before: int = 0) -> list[str]:
    """The names of n consignments in order of filing."""
    return [f"C{number:08d}" for number in range(before + 1, before + n + 1)]


def manifest(
    rng: np.random.Generator,
    tables: Tables,
    names: Names,
    shipments: Shipments,
    stop: int,
    part: Part | None = None,
) -> pd.DataFrame:
    """The consignments table of these consignments, which stand in order of filing; all of a world unless told.

    Amendments that would be filed at `stop` (seconds since 1970) or later do not exist yet. The rows are in
    order of `filed_at`, then consignment, version and line.
    """
    s = shipments
    part = part or Part(0, len(s), int(s.etd.min()))
    goods = _goods_lines(rng, tables, s)
    amended_at = _amended_at(rng, s)
    again = (s.amended > 0) & (amended_at < stop)
    second = np.flatnonzero(again[goods.of])
    line = np.concatenate([np.arange(len(goods.of)), second])
    version = np.repeat([1, 2], [len(goods.of), len(second)])
    filed = np.where(version == 1, s.filed[goods.of[line]], amended_at[goods.of[line]])
    order = np.lexsort((goods.number[line], version, goods.of[line], filed))
    line, version, filed = line[order], version[order], filed[order]
    of = goods.of[line]
    wrong = np.where((version == 1) & again[of], s.amended[of], 0)
    columns = {
        "consignment_id": pick(consignment_ids(len(s), part.before), of),
        "line_no": goods.number[line],
        "version": version,
        "filed_at": times(filed),
        **_route(rng, tables, s, of, wrong, filed, part.first_etd),
        **_papers(rng, tables, s, of, part.before),
        **_parties(rng, tables, names, s, of, wrong),
        **_goods(rng, tables, s, goods, line, wrong),
        "containers": _containers(rng, tables, s, goods, part.of).take(pa.array(of)),
    }
    schema = arrow_schema(CONSIGNMENTS)
    table = pa.table([pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names], schema=schema)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _goods_lines(rng: np.random.Generator, tables: Tables, s: Shipments) -> _Lines:
    goods = tables.commodities
    of = np.repeat(np.arange(len(s)), s.lines)
    number = np.arange(len(of)) - np.repeat(np.cumsum(s.lines) - s.lines, s.lines) + 1
    main, n = number == 1, len(of)
    other = goods.alike().draw(2 * goods.sector[s.commodity[of]] + s.air[of], rng.random(n))
    commodity = np.where(main | (other < 0), s.commodity[of], other)
    packages = np.where(main, s.packages[of], np.ceil(goods.packages[commodity] * rng.uniform(0.05, 0.5, n)))
    weight = np.where(main, s.weight[of], goods.kg[commodity] * np.exp(rng.normal(0, 0.17, n)))
    density = np.where(main, s.density[of], goods.density[commodity] * np.exp(rng.normal(0, 0.10, n)))
    value = np.where(main, s.value[of], goods.value[commodity] * np.exp(rng.normal(0, 0.27, n)))
    gross = np.maximum(0.1, np.round(packages * weight, 1))
    return _Lines(
        of=of,
        number=number,
        commodity=commodity,
        packages=packages,
        gross=gross,
        net=np.round(gross * rng.uniform(0.91, 0.99, n), 1),
        volume=np.maximum(0.01, np.round(gross / density, 2)),
        value=gross * value,
    )


def _amended_at(rng: np.random.Generator, s: Shipments) -> Ints:
    """When each consignment would be amended: mostly under way, sometimes soon after arrival."""
    under_way = s.filed + rng.uniform(0.05, 0.9, len(s)) * np.maximum(s.eta - s.filed, 7200)
    arrived = s.eta + rng.uniform(0.02, 0.18, len(s)) * DAY
    when = np.where(rng.random(len(s)) < 0.1, np.maximum(arrived, s.filed + 600), under_way)
    seconds: Ints = when.astype(np.int64)
    return seconds


def _route(
    rng: np.random.Generator, tables: Tables, s: Shipments, of: Ints, wrong: Ints, filed: Ints, first_etd: int
) -> dict[str, Any]:
    places, arrivals, names = tables.places, tables.destinations, tables.names
    air = s.air[of]
    shown = np.where(wrong == PORT, _another_arrival(tables)[s.destination[of]], s.destination[of])
    via = np.where(wrong == PORT, -1, s.via[of])
    final = np.where(s.onward >= 0, s.onward, arrivals.country[s.destination])[of]
    arrival_codes = [places.code[place] for place in arrivals.place]
    onward_places = [ONWARD_PLACES.get(code, code) for code in tables.countries]
    told = np.where(rng.random(len(s)) < 0.7, 0, -1)[of]
    receipt = np.where(rng.random(len(s)) < 0.35, np.where(s.original >= 0, s.original, s.loading), -1)[of]
    line = s.carrier[of] % np.where(air, len(names["air_carriers"]), len(names["sea_carriers"]))
    lane = tables.zone[s.origin[of]]
    ship = (lane * len(names["sea_carriers"]) + line) * SHIPS_A_LANE + s.ship[of] % SHIPS_A_LANE
    trip = np.maximum(s.etd[of] - first_etd, 0) // (14 * DAY)
    stage = np.where((filed < s.etd[of]) & s.early[of], 0, np.where(filed > s.eta[of], 2, 1))

    def carrier(by_air: int, number: int) -> str:
        return str(names["air_carriers" if by_air else "sea_carriers"][number])

    def voyage(by_air: int, number: int, run: int, hull: int) -> str:
        return f"{carrier(1, number)}{300 + hull % 640}" if by_air else f"{run + 11:03d}{'EW'[hull % 2]}"

    return {
        "stage": pick(STAGES, stage),
        "mode": pick(("sea", "air"), air.astype(np.int64)),
        "customs_office": pick(arrivals.office, shown),
        "carrier": write(carrier, air.astype(np.int64), line),
        "vessel_imo": pick([imo_number(hull) for hull in range(int(ship.max()) + 1)], np.where(air, -1, ship)),
        "voyage": write(voyage, air.astype(np.int64), line, trip, ship),
        "origin_country": pick(tables.countries, s.origin[of]),
        "place_of_receipt": pick(places.code, receipt),
        "original_loading_port": pick(places.code, s.original[of]),
        "loading_port": pick(places.code, s.loading[of]),
        "loading_country": pick(tables.countries, places.country[s.loading[of]]),
        "transhipment_ports": pick(places.code, via),
        "discharge_port": pick(arrival_codes, shown),
        "destination_country": pick(tables.countries, final),
        "final_destination": _final_destination(onward_places, arrival_codes, s.onward[of], shown, told),
        "etd": times(s.etd[of]),
        "eta": times(s.eta[of]),
    }


def _final_destination(onward_places: list[str], arrivals: list[str], onward: Ints, shown: Ints, told: Ints) -> Any:
    """Where the goods end: always told when it is beyond the port of discharge."""
    codes = np.where(onward >= 0, onward, np.where(told < 0, -1, len(onward_places) + shown))
    return pick(onward_places + arrivals, codes)


def _another_arrival(tables: Tables) -> Ints:
    """For each destination another one of its mode, in its country where there is one."""
    arrivals = tables.destinations
    another = []
    for row in range(len(arrivals.office)):
        others = [i for i in np.flatnonzero(arrivals.air == arrivals.air[row]) if i != row]
        others.sort(key=lambda i: arrivals.country[i] != arrivals.country[row])
        another.append(int(others[0]))
    return np.array(another)


def _papers(rng: np.random.Generator, tables: Tables, s: Shipments, of: Ints, before: int) -> dict[str, Any]:
    n = len(s)
    lines = [*tables.names["sea_carriers"], *tables.names["air_carriers"]]
    sea_lines = len(tables.names["sea_carriers"])
    carrier = np.where(s.air, sea_lines + s.carrier % len(tables.names["air_carriers"]), s.carrier % sea_lines)
    serial = 10_000_000 + (before + np.arange(n)) * 7 + rng.integers(0, 7, n)
    bills = [f"{lines[c]}{number}" for c, number in zip(carrier.tolist(), serial.tolist(), strict=True)]
    masters = [f"{lines[c]}M{number // 3}" for c, number in zip(carrier.tolist(), serial.tolist(), strict=True)]
    house = (s.forwarder % 5 < 3) & (rng.random(n) < 0.75)
    kind = np.where(s.order, 0, np.where(house, 1, np.where(s.air, 2, 3)))
    pays = np.where(rng.random(n) < 0.97, s.prepaid, -1)
    return {
        "bl_no": pick(bills, of),
        "bl_type": pick(("order", "house", "master", "straight"), kind[of]),
        "master_bl_no": pick(masters, np.where(house, np.arange(n), -1)[of]),
        "freight_payment": pick(("collect", "prepaid"), pays[of]),
    }


def _parties(
    rng: np.random.Generator, tables: Tables, names: Names, s: Shipments, of: Ints, wrong: Ints
) -> dict[str, Any]:
    """All parties. The first version of what a PARTY amendment mends names the notify party as consignee."""
    n = len(s)
    consignee = np.where(wrong == PARTY, s.notify_party[of], s.consignee[of])
    bank = np.where(s.order, rng.integers(0, len(tables.names["banks"]) + 2, n), -1)[of]
    named = bank < 0
    spelling, shipper = s.consignee_spelling[of], s.shipper[of]
    numbered = named & ~s.anonymous[of]
    notify = np.where(s.notify == NOTIFY_FORWARDER, s.forwarder, np.where(s.notify == NOTIFY_SAME, s.consignee, -1))
    notify = np.where(s.notify > NOTIFY_FORWARDER, s.notify_party, notify)[of]
    says_same = (s.notify[of] == NOTIFY_SAME) & (consignee % 2 == 0) & named
    seen = (s.notify[of] != NOTIFY_NONE) & ~says_same
    notify_spelling = np.where(notify == consignee, spelling, (notify + s.wording[of]) % 2)
    address_known = (rng.random((3, n)) < np.array([[0.96], [0.97], [0.85]]))[:, of]
    orders = [f"TO ORDER OF {bank.upper()}" for bank in tables.names["banks"]] + ["TO ORDER", "TO THE ORDER OF SHIPPER"]

    def party(role: str, who: Ints, spelt: Ints, known: Bools, addressed: Bools) -> dict[str, Any]:
        where = np.where(known, who, 0)
        return {
            f"{role}_name": blank(write(names.name, where, spelt), ~known),
            f"{role}_address": blank(write(names.address, where, spelt), ~(known & addressed)),
            f"{role}_country": pick(tables.countries, np.where(known, names.country(where), -1)),
        }

    everyone = np.ones(len(of), bool)
    columns = {
        **party("shipper", shipper, s.shipper_spelling[of], everyone, address_known[0]),
        **party("consignee", consignee, spelling, named, address_known[1]),
        **party("notify", notify, notify_spelling, seen, address_known[2]),
        "shipper_id": blank(write(names.number, shipper), shipper % 6 > 0),
        "consignee_id": blank(write(names.number, consignee), ~numbered),
        "notify_id": blank(write(names.number, np.where(seen, notify, 0)), ~(seen & numbered & (notify == consignee))),
        "forwarder_name": blank(write(lambda who: names.name(who, 0), s.forwarder[of]), (rng.random(n) < 0.25)[of]),
        "declarant_id": write(lambda number: f"D{number + 1:04d}", s.declarant[of]),
    }
    columns["consignee_name"] = pc.coalesce(columns["consignee_name"], pick(orders, bank))
    same = pick(["SAME AS CONSIGNEE"], np.where(says_same, 0, -1))
    columns["notify_name"] = pc.coalesce(columns["notify_name"], same)
    return columns


def _goods(
    rng: np.random.Generator, tables: Tables, s: Shipments, goods: _Lines, line: Ints, wrong: Ints
) -> dict[str, Any]:
    table = tables.commodities
    of, commodity, n = goods.of[line], goods.commodity[line], len(goods.of)
    main = goods.number[line] == 1
    # Before a QUANTITY amendment both packages and weights were told too low or too high.
    slip = np.where(wrong == QUANTITY, np.exp(rng.choice([-1, 1], n) * rng.uniform(0.05, 0.5, n))[line], 1.0)
    packages = np.maximum(1.0, np.round(goods.packages[line] * slip))
    wording = (s.wording[of] + goods.number[line] - 1 + (wrong == WORDING)) % 6
    vague = np.where(main & (s.vague[of] | (wrong == WORDING)), 1 + s.wording[of], 0)
    currency = [tables.currency[country] for country in s.origin]
    kinds = list(RATES)
    money = np.array([kinds.index(code) for code in currency])[of]
    rate = np.array(list(RATES.values()))[money]
    fare = np.where(s.air, rng.uniform(2.2, 5.5, len(s)), rng.uniform(0.05, 0.16, len(s)))[of]
    freight = np.round(goods.gross[line] * fare * rate, 2)
    ending = np.where(s.consignee[of] % 10 == 0, 0, 1 + commodity % 3)

    def description(number: int, style: int, loose: int) -> str:
        if loose:
            return str(tables.names["vague"][(number + loose) % len(tables.names["vague"])]).upper()
        texts = table.descriptions[number]
        text = texts[style % len(texts)]
        return (text, text.upper(), text, f"{text.upper()} AS PER INVOICE", f"STC {text.upper()}", text)[style]

    def marks(who: int, port: int) -> str:
        return (
            f"{'ABCDEFGHKLMNPRSTVW'[who % 18]}{'AEHIKMNOPRTY'[who // 18 % 12]}{who % 97:02d}/{tables.places.code[port]}"
        )

    plain = rng.random(len(s))[of]
    port = np.array(tables.destinations.place)[s.destination[of]]
    return {
        "hs_code": write(lambda number, end: table.hs[number] + HS_ENDINGS[end], commodity, ending),
        "description": write(description, commodity, wording, vague),
        "marks": blank(pc.if_else(pa.array(plain < 0.4), "N/M", write(marks, s.consignee[of], port)), plain > 0.75),
        "package_type": pick(table.package, commodity),
        "packages": packages,
        "gross_weight_kg": np.round(goods.gross[line] * slip, 1),
        "net_weight_kg": np.where((rng.random(n) < 0.85)[line], np.round(goods.net[line] * slip, 1), np.nan),
        "volume_m3": np.where((rng.random(n) < 0.75)[line], goods.volume[line], np.nan),
        "value": np.where((rng.random(n) < 0.97)[line], np.round(goods.value[line] * rate, 2), np.nan),
        "currency": pick(kinds, money),
        "freight": np.where((rng.random(len(s)) < 0.7)[of], freight, np.nan),
        "permits": _permits(rng, tables, s, of, main),
    }


def _permits(rng: np.random.Generator, tables: Tables, s: Shipments, of: Ints, main: Bools) -> Any:
    """Permits of goods under a wildlife heading; without one, half of the time that is stated."""
    holders = np.flatnonzero(s.permit)
    issued = s.filed[holders] // DAY - rng.integers(10, 120, len(holders))
    texts = ["[]"]
    for number, (who, day) in enumerate(zip(holders.tolist(), issued.tolist(), strict=True)):
        dates = np.datetime_as_string(np.array([day, day + 180], "datetime64[D]"))
        code = f"{tables.countries[s.origin[who]]}-{number + 10_001}"
        texts.append(f'[{{"type":"CITES export","no":"{code}","issued":"{dates[0]}","expires":"{dates[1]}"}}]')
    which = np.where(tables.commodities.protected[s.commodity] & (rng.random(len(s)) < 0.5), 0, -1)
    which[holders] = 1 + np.arange(len(holders))
    return pick(texts, np.where(main, which[of], -1))


def _containers(rng: np.random.Generator, tables: Tables, s: Shipments, goods: _Lines, whole: int) -> Any:
    chilled = _chilled(tables)[s.commodity]
    gross: Floats = np.bincount(goods.of, goods.gross, len(s)).astype(np.float64)
    volume: Floats = np.bincount(goods.of, goods.volume, len(s)).astype(np.float64)
    return containers(rng, ~s.air, s.box, gross, volume, chilled, tables.names["sea_carriers"], whole)


def _chilled(tables: Tables) -> Bools:
    return np.array([hs.startswith(("02", "0303", "0306", "0307", "0804")) for hs in tables.commodities.hs])
