"""The papers: kind of bill, who is named on them and how completely, amendments, freight terms, permits.

A party that is missing is a fact of its own here: a table without the column says the same as a table in
which nobody filled it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from features.columns import Column, Float64, Lines, flag, pairs
from features.containers import objects
from risk.feature import Feature
from risk.parties.names import is_order, looks_like_forwarder, normalise_name
from risk.reference import wildlife

USUAL_FIELDS: Final = (
    "mode", "carrier", "bl_no", "origin_country", "loading_port", "discharge_port", "etd", "eta", "shipper_name",
    "shipper_address", "consignee_name", "consignee_address", "consignee_id", "notify_name", "hs_code", "description",
    "package_type", "packages", "gross_weight_kg", "value", "freight",
)  # fmt: skip
"""The fields whose absence is counted in `missing_share`."""

_TIMES: Final = ("etd", "eta")
_NUMBERS: Final = ("packages", "gross_weight_kg", "value", "freight")

FEATURES: Final = (
    Feature("order_bill", "documents", "the bill is made out to order", zero="the bill names its consignee",
            missing="neither kind of bill nor consignee stated"),
    Feature("consignee_is_forwarder", "documents", "the consignee looks like a forwarder",
            zero="the consignee does not look like a forwarder", missing="no consignee named"),
    Feature("consignee_id_missing", "documents", "the consignee's number is missing",
            zero="the consignee's number is stated"),
    Feature("consignee_address_missing", "documents", "the consignee's address is missing",
            zero="the consignee's address is stated"),
    Feature("notify_missing", "documents", "no notify party", zero="a notify party is named"),
    Feature("notify_is_consignee", "documents", "the notify party is the consignee",
            zero="the notify party is another than the consignee", missing="no notify party to compare"),
    Feature("notify_is_forwarder", "documents", "the notify party looks like a forwarder",
            zero="the notify party does not look like a forwarder", missing="no notify party named"),
    Feature("consignee_abroad", "documents", "the consignee's address is in another country than the destination",
            zero="the consignee's address is in the country of destination", missing="no country of the consignee"),
    Feature("shipper_not_at_origin", "documents", "the shipper's address is in another country than the loading",
            zero="the shipper's address is in the country of loading", missing="no country of the shipper"),
    Feature("missing_share", "documents", "{value:.0%} of the usual fields are empty", zero="no usual field is empty"),
    Feature("version", "documents", "version {value:.0f} of the papers"),
    Feature("amended", "documents", "the papers were amended", zero="first version of the papers"),
    Feature("freight_prepaid", "documents", "freight paid by the shipper", zero="freight paid by the consignee",
            missing="not stated who pays the freight"),
    Feature("permits", "documents", "{value:.0f} permits", zero="stated that there is no permit",
            missing="permits not stated"),
    Feature("wildlife_permit", "documents", "wildlife heading with permits", zero="wildlife heading without permits",
            missing="no wildlife heading, or permits not stated"),
    Feature("house_bill", "documents", "a house bill under a master bill", zero="no master bill stated"),
    Feature("bl_type", "documents", "kind of bill: {value}", kind="category"),
    Feature("stage", "documents", "stage {value}", kind="category"),
)  # fmt: skip


def columns(lines: Lines) -> dict[str, Column]:
    """The features of this module by name."""
    consignee, notify, bill = lines.text("consignee_name"), lines.text("notify_name"), lines.text("bl_type")
    permits = lines.text("permits").each(lambda text: len(objects(text)))
    hs = lines.text("hs_code")
    on_wildlife = hs.spread(wildlife.mask(hs.values, "wildlife")) == 1
    version = lines.integer("version").astype(np.float64)
    by_name, by_bill = consignee.each(is_order), bill.each(lambda text: "order" in text.lower())
    return {
        "order_bill": np.fmax(by_name, by_bill),
        "consignee_is_forwarder": consignee.each(looks_like_forwarder),
        "consignee_id_missing": flag(~lines.text("consignee_id").known),
        "consignee_address_missing": flag(~lines.text("consignee_address").known),
        "notify_missing": flag(~notify.known & ~lines.text("notify_id").known),
        "notify_is_consignee": _same_party(lines),
        "notify_is_forwarder": notify.each(looks_like_forwarder),
        "consignee_abroad": _differ(lines, "consignee_country", "destination"),
        "shipper_not_at_origin": _differ(lines, "shipper_country", "loading"),
        "missing_share": _missing_share(lines),
        "version": version,
        "amended": flag(version > 1),
        "freight_prepaid": lines.text("freight_payment").each(lambda text: text == "prepaid"),
        "permits": permits,
        "wildlife_permit": flag(permits > 0, ~np.isnan(permits), on_wildlife),
        "house_bill": flag(lines.text("master_bl_no").known),
        "bl_type": bill.texts(lambda text: text.strip().lower()),
        "stage": lines.text("stage").texts(),
    }


def _same_party(lines: Lines) -> Float64:
    """Whether the notify party is the consignee, by name or number; saying "same as consignee" counts."""
    notify = lines.text("notify_name")
    by_name = _compare(lines, "notify_name", "consignee_name", _same_name)
    by_id = _compare(lines, "notify_id", "consignee_id", lambda a, b: a == b)
    says_so = notify.each(lambda text: True if text.strip().upper().startswith("SAME AS") else np.nan)
    return np.fmax(np.fmax(by_name, by_id), says_so)


def _same_name(a: str, b: str) -> float:
    one, other = normalise_name(a), normalise_name(b)
    return float(one == other) if one or other else np.nan  # two names of nobody are not one party


def _compare(lines: Lines, left: str, right: str, same: Callable[[str, str], float]) -> Float64:
    codes, a, b = pairs(lines.text(left), lines.text(right))
    found = [float(same(x, y)) for x, y in zip(a, b, strict=True)]
    return np.array([*found, np.nan])[codes]


def _differ(lines: Lines, country: str, side: str) -> Float64:
    codes, a, b = pairs(lines.text(country), lines.country(side))
    return np.append((a != b).astype(np.float64), np.nan)[codes]


def _missing_share(lines: Lines) -> Float64:
    missing = np.zeros(len(lines))
    for name in USUAL_FIELDS:
        if name in _TIMES:
            missing += np.isnan(lines.time(name))
        elif name in _NUMBERS:
            missing += np.isnan(lines.number(name))
        else:
            missing += ~lines.text(name).known
    return missing / len(USUAL_FIELDS)
