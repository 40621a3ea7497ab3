"""The office's rules: brought in by one person, put to work by another, and what is in force at a time.

A rule that would fire on too much of what was filed lately is refused at activation unless a person forces it with a
reason. Knows nothing of how people log in: names are passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from features.build import build
from features.catalogue import catalogue
from features.profiles import profile_features
from features.state import State
from risk.errors import RiskError, UsageError
from risk.feature import Feature
from risk.inspection import Target
from risk.rules import CompiledRule, ExpressionError, Field, RuleColumns, compile_rule, rule_fields
from serving.store import Store, rules
from serving.store.rules import StoredRule
from training.backtest import features_of

MOST: Final = 0.05
"""Share of the recent consignments on which a rule may fire without being forced."""
RECENT: Final = timedelta(days=28)
"""How far back from the last filing is recent."""


class RuleRefusedError(RiskError):
    """A rule cannot change its state so: the same person, another state, too much volume."""


@dataclass(frozen=True)
class ActiveRules:
    """The rules in force, and one sentence for each that no longer fits the fields of this program."""

    rules: tuple[CompiledRule, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """On how many of the recent consignments a rule fires, among those of its offices."""

    hits: int
    consignments: int

    @property
    def share(self) -> float | None:
        """The share; None when nothing was filed lately."""
        return self.hits / self.consignments if self.consignments else None


def fields(extras: Sequence[Feature] = ()) -> dict[str, Field]:
    """All that a rule can ask about: the record and the features of the catalogue."""
    return rule_fields(catalogue(extras))


def active_rules(store: Store, at: datetime, known: dict[str, Field] | None = None) -> ActiveRules:
    """The rules in force at a time (with a zone), ready to be evaluated; `known` are the fields, all by default."""
    known = fields() if known is None else known
    with store.reading() as connection:
        stored = rules.read(connection, state="active", at=at)
    found, problems = [], []
    for entry in stored:
        try:
            found.append(compile_rule(entry.rule, known))
        except ExpressionError as error:
            problems.append(f"rule {entry.rule.id!r} is not evaluated: {error}")
    return ActiveRules(tuple(found), tuple(problems))


class Rulebook:
    """The rules of a store and what people do with them; `now` may be given for tests and imports."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, rule_id: str | None = None) -> list[StoredRule]:
        """All versions of all rules, or of one."""
        with self._store.reading() as connection:
            return rules.read(connection, rule_id=rule_id)

    def add(self, compiled: Sequence[CompiledRule], by: str, now: datetime | None = None) -> int:
        """Bring rules in as drafts; how many of them were not there yet in this wording."""
        who, at = _person(by), now or datetime.now(UTC)
        with self._store.transaction() as connection:
            return sum(rules.add(connection, rule.rule, who, at)[1] for rule in compiled)

    def activate(
        self, rule_id: str, by: str, *, force: str | None = None, most: float = MOST, now: datetime | None = None
    ) -> tuple[StoredRule, Volume]:
        """Put the latest version of a rule to work, in place of an earlier one.

        Raises UsageError when there is no such rule, RuleRefusedError when the person brought it in or wrote it, when
        it is active, has expired or no longer fits, or when it fires on more than `most` of the recent consignments
        and nobody gives a reason to force it.
        """
        who, at = _person(by), now or datetime.now(UTC)
        wanted = self._latest(rule_id)
        _may_activate(wanted, who, at)
        volume = self.volume(wanted)
        share = volume.share
        if share is not None and share > most and not (force and force.strip()):
            raise RuleRefusedError(
                f"the rule {rule_id!r} fires on {volume.hits:,} of {volume.consignments:,} consignments of the last "
                f"{RECENT.days} days ({share:.1%}), more than {most:.1%}; narrow it, or give a reason with --force"
            )
        with self._store.transaction() as connection:
            rules.lock(connection, rule_id)
            versions = rules.read(connection, rule_id=rule_id)
            if versions[-1] != wanted:
                raise RuleRefusedError(f"the rule {rule_id!r} was changed by somebody else meanwhile; look at it again")
            for earlier in versions[:-1]:
                if earlier.state == "active":
                    reason = f"replaced by {wanted.fingerprint}"
                    rules.change(connection, earlier.number, "retired", who, at, reason)
            rules.change(connection, wanted.number, "active", who, at, force, share)
            return rules.read(connection, rule_id=rule_id)[-1], volume

    def retire(self, rule_id: str, by: str, reason: str, now: datetime | None = None) -> StoredRule:
        """Take a rule out of force. Raises UsageError when there is none, RuleRefusedError when it is not in force."""
        who, why, at = _person(by), reason.strip(), now or datetime.now(UTC)
        if not why:
            raise UsageError("a reason is needed to retire a rule")
        self._latest(rule_id)
        with self._store.transaction() as connection:
            rules.lock(connection, rule_id)
            standing = [entry for entry in rules.read(connection, rule_id=rule_id) if entry.state != "retired"]
            if not standing:
                raise RuleRefusedError(f"the rule {rule_id!r} is retired already")
            for entry in standing:
                rules.change(connection, entry.number, "retired", who, at, why)
            return rules.read(connection, rule_id=rule_id)[-1]

    def volume(self, stored: StoredRule) -> Volume:
        """How often the rule would have fired lately; of the history only what its features need is folded."""
        try:
            compiled = compile_rule(stored.rule, fields())
        except ExpressionError as error:
            raise RuleRefusedError(f"the rule {stored.rule.id!r} does not fit this program any more: {error}") from None
        last = self._store.latest_filed_at()
        if last is None:
            return Volume(0, 0)
        since = last - RECENT
        history = set(compiled.features) & {feature.name for feature in profile_features()}
        lines = self._store.consignments(filed_from=None if history else since)
        reads = (lines["filed_at"] >= since).to_numpy()
        hits, applies = set[str](), set[str]()
        if history:
            outcomes, target = self._store.outcomes(), Target()
            parts = features_of(lines, outcomes, reads, target=target, extras=())
        else:
            table = build(lines, State(), extras=())[0] if compiled.features else None
            parts = iter([(np.arange(len(lines)), table)])  # type: ignore[list-item]
        for places, table in parts:
            part = lines.iloc[places].reset_index(drop=True)
            verdict = compiled.evaluate(RuleColumns(part, table, compiled.fields))
            hits.update(part["consignment_id"][verdict.fired])
            applies.update(part["consignment_id"][verdict.applies])
        return Volume(len(hits), len(applies))

    def _latest(self, rule_id: str) -> StoredRule:
        versions = self.all(rule_id)
        if not versions:
            raise UsageError(
                f"there is no rule {rule_id!r}; `risk rules list` shows all, `risk rules add` brings one in"
            )
        return versions[-1]


def _may_activate(wanted: StoredRule, who: str, at: datetime) -> None:
    rule = wanted.rule
    if wanted.state == "active":
        raise RuleRefusedError(f"the rule {rule.id!r} is active already, since {wanted.changed_at:%Y-%m-%d}")
    if who.casefold() in (wanted.made_by.casefold(), rule.author.casefold()):
        raise RuleRefusedError(f"{who} wrote or brought in the rule {rule.id!r}; another person has to activate it")
    if rule.expires is not None and rule.expires < at.astimezone(UTC).date():
        raise RuleRefusedError(f"the rule {rule.id!r} expired on {rule.expires}; bring in one with a later date")


def _person(name: str) -> str:
    who = " ".join(name.split())
    if not who or len(who) > 200 or not who.isprintable():
        raise UsageError(f"{name[:40]!r} is not the name of a person; give it with --as NAME")
    return who
