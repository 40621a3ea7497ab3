"""Reads manifests: files of consignments and of outcomes, in any columns, checked at the border.

`read_manifest` gives batches with memory that does not grow, `read_all` two frames. What was not accepted
comes back as `Reject` with its file, line, field, value and reason; what was accepted with a remark is
counted in `Findings`. docs/formats.md describes the layouts, the policy and the mapping language.
"""

from risk.manifests.cancellations import Cancellation, cancellations
from risk.manifests.checks import check_outcomes
from risk.manifests.facts import MessageFacts
from risk.manifests.mapping import ColumnMapping
from risk.manifests.reading import read_all, read_each, read_manifest
from risk.manifests.records import Batch, Finding, Findings, Reading, Reject
from risk.manifests.rejects import RejectWriter, write_rejects
from risk.manifests.schema import consignment_schema, outcome_schema

__all__ = [
    "Batch",
    "Cancellation",
    "ColumnMapping",
    "Finding",
    "Findings",
    "MessageFacts",
    "Reading",
    "Reject",
    "RejectWriter",
    "cancellations",
    "check_outcomes",
    "consignment_schema",
    "outcome_schema",
    "read_all",
    "read_each",
    "read_manifest",
    "write_rejects",
]
