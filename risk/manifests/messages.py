"""Opens the reader of a message by its format: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.air_waybill import Flights
from risk.manifests.awmds import ROOTS as ASYCUDA
from risk.manifests.awmds import Awmds
from risk.manifests.cargo_imp import CargoImp
from risk.manifests.cargo_xml import ROOTS, CargoXml
from risk.manifests.content import Format
from risk.manifests.edifact import Edifact
from risk.manifests.raw import Raw
from risk.manifests.x12 import X12
from risk.manifests.xml_events import root_name

MESSAGES: Final = ("xml", "edifact", "x12", "cargo_imp")


def open_message(
    path: Path, format: Format, encoding: str, batch_rows: int, received: datetime | None, flights: Flights
) -> Iterable[Raw]:
    """The reader of a message. Raises InputError for XML of another kind, naming what can be read."""
    if format == "edifact":
        return Edifact(path, encoding or None, batch_rows, received)
    if format == "x12":
        return X12(path, encoding or None, batch_rows, received)
    if format == "cargo_imp":
        return CargoImp(path, encoding or None, batch_rows, received, flights)
    root = root_name(path, encoding or None)
    if root.capitalize() in ASYCUDA:
        return Awmds(path, root.capitalize(), encoding or None, batch_rows, received)
    if root in ROOTS:
        return CargoXml(path, root, encoding or None, batch_rows, received, flights)
    raise InputError(f"{path}: the XML begins with <{root}>; expected is one of {', '.join((*ASYCUDA, *ROOTS))}.")
