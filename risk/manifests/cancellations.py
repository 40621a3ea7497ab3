"""What messages take back: which consignments, and from which moment on. Knows no store.

A consignment is cancelled while no filing of it is later than its last cancellation; filed again, it is back. What
was filed stays history either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from risk.consignment import CONSIGNMENTS
from risk.manifests.checks import AHEAD
from risk.manifests.facts import MessageFacts
from risk.manifests.records import Finding, Findings, shorten
from risk.manifests.rules import Rule
from risk.manifests.values import reader

_FILED_AT: Final = next(column for column in CONSIGNMENTS if column.name == "filed_at")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cancellation:
    """A consignment that a message took back, and when (UTC); the same again is the same."""

    consignment_id: str
    cancelled_at: datetime


def cancellations(
    messages: Iterable[MessageFacts], received_at: datetime, zone: tzinfo | None = None
) -> tuple[list[Cancellation], Findings]:
    """What the messages take back, in their order, and remarks on times that cannot be believed.

    The moment is that at which the message was prepared, read like `filed_at` (`zone` is that of times that name
    none), or `received_at` (with its zone) when it does not say so, says it unreadably or lies more than a day later.
    """
    parse = reader(_FILED_AT, Rule(zone=zone))
    found, findings = list[Cancellation](), Findings()
    for facts in messages:
        if not facts.cancelled:
            continue
        moment = received_at
        if facts.prepared_at:
            since, _ = parse(facts.prepared_at)
            prepared = None if since is None else _EPOCH + timedelta(microseconds=since)
            if prepared is None or prepared > received_at + AHEAD:
                reason = "is malformed or in the future; the cancellation counts from when it was received"
                value = shorten(facts.prepared_at)
                findings.add(Finding("cancelled_at", reason, len(facts.cancelled), facts.file, facts.line, value))
            else:
                moment = prepared
        found += [Cancellation(name, moment.astimezone(UTC)) for name in dict.fromkeys(facts.cancelled)]
    return found, findings
