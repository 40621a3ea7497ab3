"""The JSON Schema of one record of each table, for those who write our format."""

from __future__ import annotations

from typing import Any

from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES
from risk.layout import json_schema


def consignment_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one goods line of a consignment."""
    return json_schema(CONSIGNMENTS, "Consignment line", "One goods line of one version of one consignment.")


def outcome_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one outcome of an inspection."""
    return json_schema(OUTCOMES, "Outcome", "What one inspection found.")
