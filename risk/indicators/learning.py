"""Learns reference statistics from history, as of a moment: nothing filed or recorded then or later counts.

An outcome that corrects an earlier one of the same consignment stands in its place once recorded. Windows are the
longest that tests ask for; a test may look back a shorter time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.indicators import keys
from risk.indicators.columns import DAY_US, Columns, UInt64, moment, salted_hashes
from risk.indicators.learnt import Learnt, Statistic
from risk.inspection import Target
from risk.parties.mentions import clean_code, hashes
from risk.parties.names import normalise_name
from risk.reference import hubs, wildlife

FIGURES_DAYS: Final = 90
LAST_DAYS: Final = 180
"""For containers, seals and earlier versions."""
RECENT_DAYS: Final = 60
TRADE_DAYS: Final = 730
WORD: Final = re.compile(r"[^\W\d_]{4,}")
TELLING: Final = 0.8
"""The share of a word's first chapter from which the word tells what goods are."""
POSSIBLE: Final = 0.01
LEAST_WORD: Final = 30

Stated = dict[str, Statistic]


def learn(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    before: pd.Timestamp,
    *,
    watched: pd.DataFrame | None = None,
    target: Target | None = None,
) -> Learnt:
    """The statistics of what was filed, and of what was recorded, strictly before a moment.

    lines      consignment lines; later ones are left out here, so any table of history will do
    outcomes   inspection outcomes of these lines
    watched    a watch list: columns `list`, and `id` or `name` (with `country` when it is known)
    target     which results count as a seizure; wildlife by default
    """
    target = target or Target()
    known = lines[(lines["filed_at"] < before).to_numpy()]
    recorded = outcomes[(outcomes["recorded_at"] < before).to_numpy()] if len(outcomes) else outcomes
    as_of = moment(before)
    history = Columns(known.reset_index(drop=True))
    found = {**_usual(history), **_last(history, as_of), **_recent(history, as_of)}
    found |= _seized(history, recorded, as_of, target)
    found["watched"] = _watched(watched)
    return Learnt(as_of, found)


def _usual(history: Columns) -> Stated:
    """What is usual: packing, density, season, words, forms of numbers, shippers."""
    heading, filed = keys.heading(history), history.time("filed_at")
    packing = keys.both(heading, keys.plain(history, "package_type"))
    carrier, form, owner = keys.plain(history, "carrier"), keys.bill_form(history), keys.owner(history)
    return {
        "packings": _counted(packing),
        "packing_headings": _counted(heading[packing > 0]),
        "bill_forms": _counted(keys.both(carrier, form)),
        "carriers": _counted(carrier[(carrier > 0) & (form > 0)]),
        "owner_carriers": _counted(keys.both(owner, carrier)),
        "owners": _counted(owner[carrier > 0]),
        "densities": _densities(history, heading),
        **_seasons(history, heading),
        "words": _words(history),
        "shippers": _shippers(history, filed),
    }


def _counted(key: UInt64) -> Statistic:
    values, counts = np.unique(key, return_counts=True)
    return Statistic.of(pd.DataFrame({"key": values, "n": counts.astype(np.float64)}))


def _densities(history: Columns, heading: UInt64) -> Statistic:
    weight, volume = history.number("gross_weight_kg"), history.number("volume_m3")
    good = (weight > 0) & (volume > 0) & (heading > 0)
    frame = pd.DataFrame({"key": heading[good], "x": np.log(weight[good] / volume[good])})
    groups = frame.groupby("key")["x"]
    middle = groups.median()
    frame["off"] = (frame["x"] - frame["key"].map(middle)).abs()
    spread = frame.groupby("key")["off"].median() * 1.4826  # of a normal distribution, its standard deviation
    # Two rows a key: the middle at time 0, the spread at time 1.
    parts = [
        pd.DataFrame({"key": values.index.to_numpy(), "value": values.to_numpy(), "time": time, "n": groups.size()})
        for time, values in enumerate((middle, spread))
    ]
    return Statistic.of(pd.concat(parts))


def _seasons(history: Columns, heading: UInt64) -> Stated:
    origin, month = keys.plain(history, "origin_country"), keys.months(history.time("etd"))
    goods = np.where(month > 0, keys.both(origin, heading), np.uint64(0))
    frame = pd.DataFrame({"key": goods, "month": month})
    seen = frame.groupby("key")["month"].agg(n="size", value="nunique").reset_index()
    return {
        "seasons": _counted(keys.both(goods, month.astype(np.uint64))),
        "season_totals": Statistic.of(seen),
    }


def _words(history: Columns) -> Statistic:
    chapter = history.text("hs_code").said(lambda code: code[:2])
    frame = pd.DataFrame({"text": history.text("description").said(str.casefold), "chapter": chapter}).dropna()
    distinct = frame.groupby(["text", "chapter"]).size().reset_index(name="n")
    distinct["word"] = [sorted(set(WORD.findall(text))) for text in distinct["text"]]
    counts = distinct.explode("word").groupby(["word", "chapter"])["n"].sum().reset_index()
    total = counts.groupby("word")["n"].transform("sum")
    counts["share"], counts["total"] = counts["n"] / total, total
    counts = counts[(counts["total"] >= LEAST_WORD) & (counts["share"] >= POSSIBLE)]
    counts = counts.sort_values(["word", "share", "chapter"], ascending=[True, False, True])
    rows = counts.groupby("word").agg(n=("total", "first"), value=("share", "first"), chapters=("chapter", " ".join))
    rows = rows[rows["value"] >= TELLING]
    texts = [f"{word} {chapters}" for word, chapters in zip(rows.index, rows["chapters"], strict=True)]
    return Statistic.of(pd.DataFrame({"key": hashes(texts), "n": rows["n"].to_numpy(np.float64),
                                      "value": rows["value"].to_numpy(), "text": texts}))  # fmt: skip


def _shippers(history: Columns, filed: NDArray[np.float64]) -> Statistic:
    recent = filed >= (np.max(filed, initial=0) - TRADE_DAYS * DAY_US)
    frame = pd.DataFrame({"key": keys.party(history, "shipper"), "part": keys.party(history, "consignee"),
                          "consignment": keys.plain(history, "consignment_id")})[recent]  # fmt: skip
    frame = frame[(frame["key"] > 0) & (frame["part"] > 0)]
    each = frame.groupby(["key", "part"])["consignment"].nunique().reset_index(name="times")
    each["once"] = each["times"] == 1
    rows = each.groupby("key").agg(n=("part", "size"), value=("once", "mean")).reset_index()
    return Statistic.of(rows[rows["n"] > 1])


def _last(history: Columns, as_of: int) -> Stated:
    """The last of each container, seal, permit and goods line."""
    filed = history.time("filed_at")
    when = np.where(np.isnan(filed), 0, filed).astype(np.int64)
    recent = filed >= as_of - LAST_DAYS * DAY_US
    box, seal, line = (np.where(recent, key(history), np.uint64(0)) for key in (keys.container, keys.seal, keys.line))
    port, bill = history.text("loading_port").said(), history.text("bl_no").said()
    told = np.array([f"{b or ''}|{p or ''}" for b, p in zip(bill, port, strict=True)], object)
    weight, consignee = history.number("gross_weight_kg"), keys.party(history, "consignee")
    source = history.text("loading_port").where(lambda code: code[:2] in hubs.countries_with_role("source"))
    return {
        "containers": _newest(box, when, part=keys.party(history, "shipper"), value=weight, text=told),
        "container_seals": _newest(box, when, part=seal),
        "container_sources": _newest(np.where(source, box, np.uint64(0)), when, text=port),
        "seals": _newest(np.where(box > 0, seal, np.uint64(0)), -when, part=box),
        "versions_consignee": _newest(line, when, part=consignee, value=weight),
        "versions_goods": _newest(line, when, part=keys.heading(history, 6), text=history.text("hs_code").said()),
        "versions_loading": _newest(line, when, part=keys.plain(history, "loading_port"), text=port),
        "versions_discharge": _newest(line, when, part=keys.plain(history, "discharge_port"),
                                      text=history.text("discharge_port").said()),
        "permits": _permits(history, when),
    }  # fmt: skip


def _newest(key: UInt64, when: NDArray[np.int64], **columns: Any) -> Statistic:
    """The row of the latest time of each key."""
    order = np.argsort(when, kind="stable")[::-1]
    order = order[key[order] > 0]
    _, first = np.unique(key[order], return_index=True)
    rows = order[first]
    frame = {"key": key[rows], "time": np.abs(when[rows]), **{name: values[rows] for name, values in columns.items()}}
    return Statistic.of(pd.DataFrame(frame))


def _permits(history: Columns, when: NDArray[np.int64]) -> Statistic:
    texts, consignment = history.text("permits"), history.text("consignment_id").said()
    numbers = [permit_numbers(keys.objects(value)) for value in texts.values]
    rows = [
        (number, consignment[row], when[row])
        for row in np.flatnonzero(texts.known).tolist()
        for number in numbers[texts.codes[row]]
    ]
    key = hashes(number for number, _, _ in rows)
    owner = np.array([name for _, name, _ in rows], object)
    times = np.array([time for _, _, time in rows], np.int64)
    return _newest(key, -times, text=owner)


def permit_numbers(permits: list[dict[str, Any]]) -> list[str]:
    """The numbers of permits, without spaces and in upper case."""
    found = (str(entry.get("no") or "").replace(" ", "").upper() for entry in permits)
    return [number for number in found if number]


def _recent(history: Columns, as_of: int) -> Stated:
    """What parties did lately: like figures, bills split, ports that goods came from, newcomers."""
    filed = history.time("filed_at")
    when = np.where(np.isnan(filed), 0, filed).astype(np.int64)
    consignee, shipper, heading = (
        keys.party(history, "consignee"),
        keys.party(history, "shipper"),
        keys.heading(history),
    )
    port, month = history.text("discharge_port").said(), filed >= as_of - RECENT_DAYS * DAY_US
    frame = pd.DataFrame({"key": figures(history), "part": consignee, "time": when})
    frame = frame[(filed >= as_of - FIGURES_DAYS * DAY_US) & (frame["key"] > 0) & (consignee > 0)]
    alike = frame[frame.groupby("key")["part"].transform("nunique") > 1]
    splits = pd.DataFrame({"key": keys.both(keys.both(consignee, shipper), heading),
                           "part": keys.plain(history, "bl_no"), "time": when, "text": port})[month]  # fmt: skip
    hs, loading = history.text("hs_code"), history.text("loading_port")
    cover = hs.where(lambda code: wildlife.heading(code, "cover_load") is not None)
    source = loading.where(lambda code: code[:2] in hubs.countries_with_role("source"))
    sources = pd.DataFrame({"key": consignee, "part": keys.plain(history, "loading_port"), "time": when,
                            "text": loading.said()})[month & cover & source]  # fmt: skip
    sources = sources[sources["part"] > 0].groupby(["key", "part", "text"])["time"].max().reset_index()
    first = pd.Series(when).groupby(consignee).transform("min").to_numpy()
    new = (consignee > 0) & (first >= as_of - RECENT_DAYS * DAY_US)
    newcomers = [
        pd.DataFrame({"key": keys.both(salted(shared, number), heading), "part": consignee, "time": first})[new]
        for number, shared in enumerate(shared_by(history))
    ]
    return {
        "figures": Statistic.of(alike),
        "splits": Statistic.of(splits),
        "sources": Statistic.of(sources),
        "newcomers": Statistic.of(pd.concat(newcomers).drop_duplicates()),
    }


def figures(lines: Columns) -> UInt64:
    """Weight, packages and value as one key; 0 where one is missing."""
    columns = [lines.number(name) for name in ("gross_weight_kg", "packages", "value")]
    known = np.logical_and.reduce([~np.isnan(values) for values in columns])
    weight, packages, value = (values.view(np.uint64) for values in columns)
    return np.where(known, keys.both(keys.both(weight, packages), value), np.uint64(0))


def shared_by(lines: Columns) -> tuple[UInt64, ...]:
    """What consignees may have in common: address, notify party, shipper."""
    return keys.address(lines, "consignee"), keys.party(lines, "notify"), keys.party(lines, "shipper")


def salted(key: UInt64, number: int) -> UInt64:
    """The key told apart by what it is of."""
    return keys.both(key, np.full(len(key), number + 1, np.uint64))


def _seized(history: Columns, recorded: pd.DataFrame, as_of: int, target: Target) -> Stated:
    """What was seized, and who had trouble, as was known."""
    if len(recorded) == 0:
        return {}
    standing = recorded.sort_values("recorded_at", kind="stable").drop_duplicates("consignment_id", keep="last")
    bad = standing[standing["result"].isin([*target.positive, "other_offence"])]
    known = history.text("consignment_id").said()
    of = pd.Series(range(len(bad)), index=bad["consignment_id"].to_numpy(object)).reindex(known).to_numpy()
    rows = np.flatnonzero(~np.isnan(of))
    lines = Columns(history.frame.iloc[rows].reset_index(drop=True))
    which = of[rows].astype(np.int64)
    result = bad["result"].to_numpy(object)[which]
    time = bad["recorded_at"].dt.as_unit("us").astype("int64").to_numpy(np.int64)[which]
    hit = np.isin(result, list(target.positive))
    names = lines.text("consignee_name").said(normalise_name)
    trouble = [
        pd.DataFrame({"key": key, "time": time, "text": names})[(time >= as_of - LAST_DAYS * DAY_US)]
        for key in (keys.party(lines, "consignee"), keys.address(lines, "consignee"))
    ]
    return {
        "seized_names": _seized_names(lines, hit, time),
        "seized_texts": _seized_texts(lines, hit, time),
        "seized_voyages": Statistic.of(pd.DataFrame({"key": voyage(lines), "time": time})[hit].drop_duplicates()),
        "trouble": Statistic.of(pd.concat(trouble).drop_duplicates()),
        "displaced": _displaced(history, lines, hit & (time >= as_of - FIGURES_DAYS * DAY_US), time),
    }


def voyage(lines: Columns) -> UInt64:
    """A voyage of a ship or a flight."""
    return keys.both(
        keys.both(keys.plain(lines, "carrier"), keys.plain(lines, "vessel_imo")), keys.plain(lines, "voyage")
    )


def _seized_names(lines: Columns, hit: NDArray[np.bool_], time: NDArray[np.int64]) -> Statistic:
    parts = []
    for role in ("consignee", "shipper"):
        name, country = lines.text(f"{role}_name").said(normalise_name), lines.text(f"{role}_country").said()
        text = [f"{n}|{c or ''}" if n else "" for n, c in zip(name, country, strict=True)]
        frame = pd.DataFrame({"part": keys.address(lines, role), "time": time, "text": text})[hit]
        parts.append(frame[frame["text"] != ""])
    rows = pd.concat(parts).drop_duplicates()
    return Statistic.of(rows.assign(key=hashes(rows["text"])))


def _seized_texts(lines: Columns, hit: NDArray[np.bool_], time: NDArray[np.int64]) -> Statistic:
    text = [described(d, m) for d, m in zip(lines.text("description").said(), lines.text("marks").said(), strict=True)]
    rows = pd.DataFrame({"time": time, "text": text})[hit].drop_duplicates("text")
    return Statistic.of(rows.assign(key=hashes(rows["text"])))


def described(description: str | None, marks: str | None) -> str:
    """Description and marks as one text for comparison; marks that say nothing (N/M) are left out."""
    said = " ".join((description or "").casefold().split())
    marked = " ".join((marks or "").casefold().split())
    return f"{said} / {marked}" if len(marked) > 4 and said else said


def _displaced(history: Columns, seized: Columns, hit: NDArray[np.bool_], time: NDArray[np.int64]) -> Statistic:
    """Consignees, and their goods, that used a port where something was seized lately."""
    ports: dict[str, int] = {}
    for name in ("discharge_port", "loading_port"):
        for port, when, was in zip(seized.text(name).said(), time.tolist(), hit.tolist(), strict=True):
            if was and port is not None:
                ports[port] = max(when, ports.get(port, 0))
    goods = keys.both(keys.party(history, "consignee"), keys.heading(history))
    parts = []
    for name in ("discharge_port", "loading_port"):
        text = history.text(name)
        used = text.among(frozenset(ports))
        said = text.said()[used]
        parts.append(pd.DataFrame({"key": goods[used], "text": said, "time": [ports[port] for port in said]}))
    return Statistic.of(pd.concat(parts).drop_duplicates())


def _watched(watched: pd.DataFrame | None) -> Statistic:
    rows = list(_watched_keys(watched)) if watched is not None else []
    return Statistic.of(pd.DataFrame({"key": np.array([key for key, _ in rows], np.uint64),
                                      "text": [name for _, name in rows]}))  # fmt: skip


def _watched_keys(watched: pd.DataFrame) -> Iterator[tuple[np.uint64, str]]:
    listed = watched["list"].astype(str).tolist()
    for column, clean, salt in (("id", clean_code, "party"), ("name", normalise_name, "name")):
        if column in watched:
            values = ["" if pd.isna(value) else clean(str(value)) for value in watched[column]]
            found = salted_hashes(salt, values)
            yield from ((key, name) for key, name in zip(found, listed, strict=True) if key > 0)
