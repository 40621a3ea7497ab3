"""Weight, packages, volume, value and freight, and what they say put in relation.

Figures stay in their own units, because a tree splits a weight and its logarithm alike and an officer reads
kilograms. Value and freight are in the declared currency; the history features compare with what is usual.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.columns import Column, Float64, Lines, ratio
from features.containers import count_containers
from risk.feature import Feature

_CONCEPT: Final = "weight and value"

FEATURES: Final = (
    Feature("gross_weight_kg", _CONCEPT, "gross weight {value:,.0f} kg", unit="kg", missing="no gross weight"),
    Feature("packages", _CONCEPT, "{value:,.0f} packages", zero="bulk or vehicles, no packages",
            missing="no number of packages"),
    Feature("weight_per_package_kg", _CONCEPT, "{value:,.1f} kg a package", unit="kg",
            missing="weight or packages not stated"),
    Feature("weight_per_container_kg", _CONCEPT, "{value:,.0f} kg a container", unit="kg",
            missing="weight or containers not stated"),
    Feature("density_kg_m3", _CONCEPT, "{value:,.0f} kg a cubic metre", unit="kg/m3",
            missing="weight or volume not stated"),
    Feature("net_to_gross", _CONCEPT, "net weight is {value:.0%} of gross weight",
            missing="net or gross weight not stated"),
    Feature("value", _CONCEPT, "declared value {value:,.0f}", unit="currency", missing="no value declared"),
    Feature("value_per_kg", _CONCEPT, "declared value {value:,.2f} a kilogram", unit="currency/kg",
            missing="value or weight not stated"),
    Feature("freight_per_kg", _CONCEPT, "freight {value:,.2f} a kilogram", unit="currency/kg",
            missing="freight or weight not stated"),
    Feature("freight_to_value", _CONCEPT, "freight is {value:.0%} of the value", missing="freight or value not stated"),
    Feature("weight_zeros", _CONCEPT, "gross weight ends in {value:.0f} zeros", zero="gross weight is no round figure",
            missing="no gross weight"),
    Feature("value_zeros", _CONCEPT, "value ends in {value:.0f} zeros", zero="value is no round figure",
            missing="no value declared"),
    Feature("vgm_difference", _CONCEPT, "verified mass of the containers is {value:.2f} times the gross weight",
            missing="no verified mass of the containers"),
)  # fmt: skip


def columns(lines: Lines) -> dict[str, Column]:
    """The features of this module by name."""
    gross, net = lines.number("gross_weight_kg"), lines.number("net_weight_kg")
    packages, value, freight = lines.number("packages"), lines.number("value"), lines.number("freight")
    weight = np.where(np.isnan(gross), net, gross)
    boxes = count_containers(lines)
    return {
        "gross_weight_kg": gross,
        "packages": packages,
        "weight_per_package_kg": ratio(weight, packages),
        "weight_per_container_kg": ratio(weight, boxes.count),
        "density_kg_m3": ratio(weight, lines.number("volume_m3")),
        "net_to_gross": ratio(net, gross),
        "value": value,
        "value_per_kg": ratio(value, weight),
        "freight_per_kg": ratio(freight, weight),
        "freight_to_value": ratio(freight, value),
        "weight_zeros": trailing_zeros(gross),
        "value_zeros": trailing_zeros(value),
        "vgm_difference": ratio(boxes.vgm_kg, gross),
    }


def trailing_zeros(figures: Float64) -> Float64:
    """How many zeros a figure ends in, up to six; 0 when it is not whole or is zero, NaN where missing."""
    zeros = np.zeros(len(figures))
    for places in range(1, 7):
        zeros += (figures != 0) & (np.fmod(figures, 10.0**places) == 0)
    return np.where(np.isnan(figures), np.nan, zeros)
