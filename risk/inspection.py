"""What an inspection found, and what that means for learning.

Only an inspected consignment has a label. *Not inspected is not negative.* An outcome counts from
`recorded_at`, the moment it became known. A later outcome of the same consignment corrects the earlier one
from its own `recorded_at` on; before that moment the earlier one stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from risk.layout import Column, Table

RESULTS: Final = ("nothing", "document", "other_offence", "wildlife", "inconclusive")
SELECTION_REASONS: Final = ("random", "rule", "model", "intelligence", "officer", "other")
DEPTHS: Final = ("documents", "scan", "tailgate", "partial", "full")

OUTCOMES: Final[Table] = (
    Column("consignment_id", "code", "The consignment inspected.", "identity", required=True),
    Column("line_no", "integer", "Goods line the result belongs to; 0 for the whole consignment.", "identity",
           minimum=0, default=0),
    Column("inspected_at", "time", "When the goods were inspected.", "inspection", unit="UTC"),
    Column("recorded_at", "time", "When the result became known; it counts from here.", "inspection",
           required=True, unit="UTC"),
    Column("selection_reason", "choice", "Why this consignment was chosen.", "inspection",
           choices=SELECTION_REASONS),
    Column("selection_probability", "number",
           "Probability with which the selection in force would have chosen it; 1 when certain.", "inspection",
           minimum=0, maximum=1),
    Column("method", "text", "How it was inspected: scan, dog, physical, laboratory.", "inspection"),
    Column("depth", "choice", "How deep the inspection went.", "inspection", choices=DEPTHS),
    Column("result", "choice", "What was found.", "inspection", required=True, choices=RESULTS),
    Column("commodity_group", "text", "Group of the goods seized.", "inspection"),
    Column("species", "text", "Scientific name.", "inspection"),
    Column("cites_appendix", "choice", "CITES appendix of the species.", "inspection",
           choices=("I", "II", "III")),
    Column("quantity", "number", "Quantity seized, in `unit`.", "inspection", minimum=0),
    Column("unit", "text", "Unit of the quantity.", "inspection"),
    Column("concealment", "text", "How the goods were hidden.", "inspection"),
    Column("lab_result", "text", "Finding of a laboratory.", "inspection"),
    Column("officer_id", "code", "The officer, by a code that is no name.", "inspection"),
    Column("operation_id", "code", "Joint operation it belongs to.", "inspection"),
)  # fmt: skip
"""The layout of the outcomes table, one result a row."""


@dataclass(frozen=True)
class Target:
    """What a model is trained to find: the results that count as positive and as negative.

    Any other result (inconclusive, by default) is unknown: history, but no label. With the default target a
    wildlife seizure is positive; another offence is a different outcome, so a negative, and still history.
    """

    name: str = "wildlife"
    positive: tuple[str, ...] = ("wildlife",)
    unknown: tuple[str, ...] = ("inconclusive",)

    def label(self, results: Iterable[str]) -> list[float]:
        """1.0 for a positive, 0.0 for a negative, NaN for unknown, one for each result."""
        return [float("nan") if result in self.unknown else float(result in self.positive) for result in results]
