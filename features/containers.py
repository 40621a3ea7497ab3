"""The containers of a consignment: how many, whether their numbers can be right, whether others travel in them.

Owns the reading of the JSON array `containers`. That a container came before is history (the key `container`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from features.columns import Column, Float64, Lines
from risk.feature import Feature
from risk.reference import identifiers

FEATURES: Final = (
    Feature("containers", "container", "{value:.0f} containers", zero="no container", one="1 container",
            missing="no containers stated"),
    Feature("wrong_container_numbers", "container", "{value:.0f} container numbers with a wrong check digit",
            zero="all container numbers have their check digit", missing="no containers stated"),
    Feature("sealed_containers", "container", "{value:.0%} of the containers have a seal stated",
            zero="no container has a seal stated", missing="no containers stated"),
    Feature("empty_containers", "container", "{value:.0f} containers declared empty",
            zero="no container declared empty", missing="not stated whether containers are full"),
)  # fmt: skip


@dataclass(frozen=True)
class Containers:
    """Figures of the containers of each row, NaN where nothing is stated."""

    count: Float64
    wrong: Float64
    sealed: Float64
    empty: Float64
    vgm_kg: Float64


def count_containers(lines: Lines) -> Containers:
    """The figures of the containers of each line; verified gross mass only where all containers have it."""
    return lines.once("containers", _count)


def columns(lines: Lines) -> dict[str, Column]:
    """The features of this module by name."""
    boxes = count_containers(lines)
    return {
        "containers": boxes.count,
        "wrong_container_numbers": boxes.wrong,
        "sealed_containers": boxes.sealed,
        "empty_containers": boxes.empty,
    }


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a JSON array; whatever else stands in it is left out, and so is text that is no array."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _count(lines: Lines) -> Containers:
    texts = lines.text("containers")
    figures = np.array([_figures(objects(text)) for text in texts.values], np.float64).reshape(-1, 5)
    return Containers(*(texts.spread(figure) for figure in figures.T))


def _figures(boxes: list[dict[str, Any]]) -> tuple[float, ...]:
    numbers = wrong = sealed = told = empty = 0
    mass = 0.0
    for box in boxes:
        number, full = box.get("no"), box.get("full")
        if isinstance(number, str):
            numbers += 1
            wrong += not identifiers.valid_container(number)
        if isinstance(full, bool):
            told += 1
            empty += not full
        sealed += bool(box.get("seals"))
        verified = box.get("vgm_kg")
        mass += float(verified) if isinstance(verified, int | float) else np.nan
    return (
        len(boxes),
        wrong if numbers else np.nan,
        sealed / len(boxes) if boxes else np.nan,
        empty if told else np.nan,
        mass if boxes else np.nan,
    )
