"""Turns anyone's columns into ours: the mapping file compiled into rules.

Every mistake in the file is found when it is loaded, whether or not a manifest ever reaches it, and told in
one sentence with its place. Knows no manifest; what one lacks is found out in `reading`.
"""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from risk.consignment import CONSIGNMENTS
from risk.errors import MappingError
from risk.feature import Feature
from risk.inspection import OUTCOMES, RESULTS, Target
from risk.layout import EXTRA_PREFIX, Column, Table
from risk.manifests import mapping_file, values
from risk.manifests.mapping_file import MappingFile, Setting
from risk.manifests.rules import UNITS, Extra, Plan, Rule, TableName

_SOURCES: Final = ("column", "constant", "same_as", "join")
_SAMPLE_DAY: Final = datetime(2001, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class ColumnMapping:
    """A mapping ready for use; made with `load` or `parse`.

    name      the file it came from, for messages
    encoding  the encoding of the manifests, None for UTF-8
    time_zone zone of times and days that name none, if the mapping sets one for the whole file
    known     columns of the manifests that the mapping names, be it to ignore them
    """

    name: str
    encoding: str | None
    time_zone: tzinfo | None
    known: frozenset[str]
    _consignments: Mapping[str, Rule]
    _outcomes: Mapping[str, Mapping[str, Rule]]
    _targets: Mapping[str, Target]
    _extras: Mapping[str, Extra]
    _features: tuple[Feature, ...]

    @classmethod
    def load(cls, path: Path) -> ColumnMapping:
        """Read a mapping file. Raises MappingError naming the file, the place in it and what is expected."""
        return cls.parse(mapping_file.read(path), str(path))

    @classmethod
    def parse(cls, text: str, name: str = "mapping") -> ColumnMapping:
        """Compile a mapping given as YAML text; `name` is what messages call it."""
        return _Compiler(mapping_file.parse(text, name), name).compile()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the outcomes that the mapping takes out of a file."""
        return tuple(self._outcomes)

    @property
    def has_outcomes(self) -> bool:
        """Whether the mapping takes outcomes out of a file."""
        return bool(self._outcomes)

    def target(self, label: str | None = None) -> Target:
        """What a model trained on this label finds; the first label, or a wildlife seizure, when None."""
        if label is None and not self.labels:
            return Target()
        return self._targets[self._label(label)]

    def extra_features(self) -> tuple[Feature, ...]:
        """The extra columns as features, with the words that the mapping gives them."""
        return self._features

    def plans(self, table: TableName | None = None, label: str | None = None) -> list[Plan]:
        """How the tables are filled, consignments first. Raises MappingError when it fills no such table."""
        plans = []
        if self._consignments and table != "outcomes":
            plans.append(Plan("consignments", self._consignments, extras=self._extras))
        if self._outcomes and table != "consignments":
            label = self._label(label)
            plans.append(
                Plan("outcomes", self._outcomes[label], f"outcomes.{label}.", optional=bool(self._consignments))
            )
        elif label is not None:
            self._label(label)
        if not plans:
            raise MappingError(f"{self.name}: says nothing of {table}; expected is a section that fills them.")
        return plans

    def _label(self, label: str | None) -> str:
        if label is None:
            return self.labels[0]
        if label not in self._outcomes:
            raise MappingError(f"{self.name}: outcomes: there is no label {label!r}; {_nearest(label, self.labels)}.")
        return label


class _Compiler:
    """Turns a mapping file into rules; `place` is always where in the file we are."""

    def __init__(self, file: MappingFile, name: str) -> None:
        self._file, self._name = file, name
        if file.encoding is not None:
            try:
                codecs.lookup(file.encoding)
            except LookupError:
                raise self._error("encoding", f"there is no encoding {file.encoding!r}") from None
        self._zone = self._time_zone(file.time_zone, "time_zone")

    def compile(self) -> ColumnMapping:
        """The whole mapping."""
        file = self._file
        if not file.columns and not file.outcomes:
            raise self._error("columns", "is missing; expected is columns, outcomes or both")
        if file.extra and not file.columns:
            raise self._error("extra", "needs columns, as extra columns belong to consignments")
        consignments = self._rules(CONSIGNMENTS, file.columns, {}, "columns") if file.columns else {}
        outcomes = {label: self._outcome_rules(label, consignments) for label in file.outcomes}
        targets = {label: self._target(label) for label in file.outcomes}
        extras = {EXTRA_PREFIX + name: self._extra(name) for name in file.extra}
        features = tuple(self._feature(name) for name in file.extra)
        rules = [*consignments.values(), *(rule for each in outcomes.values() for rule in each.values())]
        named = {name for rule in (*rules, *(extra.rule for extra in extras.values())) for name in rule.sources}
        return ColumnMapping(
            self._name,
            file.encoding,
            self._zone,
            frozenset(named.union(file.ignore)),
            consignments,
            outcomes,
            targets,
            extras,
            features,
        )

    def _rules(
        self, table: Table, settings: Mapping[str, Setting], others: Mapping[str, Setting], place: str
    ) -> dict[str, Rule]:
        """The rules of a table; `same_as` may also name one of the other settings."""
        known = {column.name: column for column in table}
        for name in settings:
            if name not in known:
                raise self._error(f"{place}.{name}", f"is no column of ours; {_nearest(name, list(known))}")
        for column in table:
            if column.required and column.name not in settings:
                raise self._error(f"{place}.{column.name}", f"is missing; it is required ({column.description})")
        reachable = {**others, **settings}
        return {
            name: self._rule(known[name], *self._followed(name, setting, reachable, place), f"{place}.{name}")
            for name, setting in settings.items()
        }

    def _followed(
        self, name: str, setting: Setting, settings: Mapping[str, Setting], place: str
    ) -> tuple[Setting, int | None]:
        """The setting at the end of `same_as`, and the days that were added on the way (the first stated)."""
        way, days = [name], setting.plus_days
        while setting.same_as is not None:
            at = f"{place}.{way[-1]}" if len(way) == 1 else f"{place}.{name}"
            self._one_source(setting, at)
            other = setting.same_as
            if other in way:
                raise self._error(f"{at}.same_as", "goes in a circle: " + " -> ".join([*way, other]))
            if other not in settings:
                raise self._error(
                    f"{at}.same_as", f"{other!r} is not in the mapping; {_nearest(other, list(settings))}"
                )
            stated = setting.model_fields_set - {"same_as", "plus_days"}
            if stated:
                raise self._error(f"{at}.{min(stated)}", "has no effect with same_as, which takes over all settings")
            way.append(other)
            setting = settings[other]
            days = setting.plus_days if days is None else days
        return setting, days

    def _rule(self, column: Column, setting: Setting, days: int | None, place: str) -> Rule:
        """The rule of one column; raises MappingError for settings that do not go with its kind."""
        self._one_source(setting, place)
        for name, fits in (
            ("format", column.kind == "time"),
            ("time_zone", column.kind == "time"),
            ("unit", column.unit in UNITS),
            ("decimal", column.kind == "number"),
            ("with_", setting.join is not None),
            ("otherwise", setting.codes is not None),
        ):
            if name in setting.model_fields_set and not fits:
                needs = {"with_": "join", "otherwise": "codes"}.get(name)
                why = f"has an effect only beside {needs}" if needs else f"does not go with {column.expected}"
                raise self._error(f"{place}.{name.rstrip('_')}", why)
        if days is not None and column.kind != "time":
            raise self._error(f"{place}.plus_days", f"does not go with {column.expected}")
        units = UNITS.get(column.unit or "", {})
        if setting.unit is not None and setting.unit not in units:
            raise self._error(f"{place}.unit", f"is {setting.unit!r}; expected is one of {', '.join(units)}")
        for format in setting.format:
            self._check_format(format, f"{place}.format")
        rule = Rule(
            sources=tuple(setting.join or ([] if setting.column is None else [setting.column])),
            separator=setting.with_,
            constant=setting.constant,
            codes=setting.codes,
            otherwise=setting.otherwise or "missing",
            formats=tuple(setting.format),
            zone=self._time_zone(setting.time_zone, f"{place}.time_zone") or self._zone,
            plus_days=days or 0,
            factor=units.get(setting.unit or "", 1.0),
            decimal=setting.decimal or self._file.decimal if column.kind == "number" else None,
            missing=frozenset(self._file.missing),
        )
        self._check_texts(column, rule, place)
        return rule

    def _one_source(self, setting: Setting, place: str) -> None:
        given = [name for name in _SOURCES if getattr(setting, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise self._error(place, f"is expected to have exactly one of {', '.join(_SOURCES)}, but has {found}")

    def _check_texts(self, column: Column, rule: Rule, place: str) -> None:
        """A constant and the results of codes are values of the column, so they can be judged at once."""
        read = values.reader(column, replace(rule, decimal=None))
        for code, text in (rule.codes or {}).items():
            if text is not None and read(text)[0] is None:
                raise self._error(f"{place}.codes.{code}", f"is {text!r}; expected is {column.expected}")
        if rule.constant is not None and values.parser(column, rule)(rule.constant)[0] is None:
            raise self._error(f"{place}.constant", f"is {rule.constant!r}; expected is {column.expected}")

    def _check_format(self, format: str, place: str) -> None:
        try:
            read = datetime.strptime(_SAMPLE_DAY.strftime(format), format)
        except ValueError:
            raise self._error(place, f"is {format!r}; expected is a date format such as %Y-%m-%d") from None
        if read.date() != _SAMPLE_DAY.date():
            raise self._error(place, f"is {format!r}, which does not say year, month and day")

    def _outcome_rules(self, label: str, consignments: Mapping[str, Rule]) -> dict[str, Rule]:
        settings = dict(self._file.outcomes[label].columns)
        if consignments:
            settings.setdefault("consignment_id", Setting(same_as="consignment_id"))
            line = Setting(same_as="line_no") if "line_no" in consignments else Setting(constant="1")
            settings.setdefault("line_no", line)
        own = {name: setting for name, setting in settings.items() if setting.same_as != name}
        others = {name: setting for name, setting in self._file.columns.items() if name not in own}
        place = f"outcomes.{label}.columns"
        taken = {
            name: others[name] if setting.same_as == name and name in others else setting
            for name, setting in settings.items()
        }
        return self._rules(OUTCOMES, taken, others, place)

    def _target(self, label: str) -> Target:
        positive = self._file.outcomes[label].positive
        for result in positive:
            if result not in RESULTS or result == "inconclusive":
                expected = ", ".join(name for name in RESULTS if name != "inconclusive")
                raise self._error(f"outcomes.{label}.positive", f"has {result!r}; expected are some of {expected}")
        return Target(label, tuple(positive))

    def _extra(self, name: str) -> Extra:
        setting = self._file.extra[name]
        column = Column(EXTRA_PREFIX + name, "number" if setting.kind == "number" else "text", "", "other")
        if setting.same_as is not None:
            raise self._error(f"extra.{name}.same_as", "is not for extra columns; name the column itself")
        return Extra(self._rule(column, setting, setting.plus_days, f"extra.{name}"), setting.kind)

    def _feature(self, name: str) -> Feature:
        setting = self._file.extra[name]
        number = setting.kind == "number"
        words = setting.words or name.replace("_", " ") + (" {value:g}" if number else " {value}")
        try:
            said = words.format(value=1.5 if number else "A")
            complete = said != words.format(value=2.5 if number else "B")
        except (ValueError, KeyError, IndexError, AttributeError, TypeError):
            complete = False
        if not complete:
            raise self._error(f"extra.{name}.words", f"is {words!r}; expected is a phrase with {{value}} in it")
        return Feature(EXTRA_PREFIX + name, "other", words, "number" if number else "category")

    def _time_zone(self, name: str | None, place: str) -> tzinfo | None:
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self._error(place, f"is {name!r}; expected is a time zone such as Asia/Ho_Chi_Minh or UTC") from None

    def _error(self, place: str, what: str) -> MappingError:
        return MappingError(f"{self._name}: {place}: {what}.")


def _nearest(name: str, names: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"the nearest is {near[0]!r}"
    shown = ", ".join(names[:6]) + (" and so on (docs/formats.md has all)" if len(names) > 6 else "")
    return f"expected is one of {shown}"
