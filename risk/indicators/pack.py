"""The pack: which indicators there are, what they say, their parameters and sources, as a versioned data file.

A pack is a YAML file sealed with a checksum over its content (comments and layout do not count), so that a file edited
after it was reviewed is refused until somebody seals it again: `python -m risk.indicators.pack FILE` prints the
checksum to write into it. Owns what a pack may hold; the tests themselves are code, told by their id.
"""

from __future__ import annotations

import hashlib
import string
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson
import yaml

from risk.consignment import CONSIGNMENTS
from risk.errors import RiskError
from risk.feature import CONCEPTS
from risk.indicators.learnt import STATISTICS
from risk.indicators.registry import Parameters, tests
from risk.layout import column_names

LAYOUT: Final = 1
PACKAGED: Final = Path(__file__).parent / "data" / "pack.yaml"
MAX_BYTES: Final = 1024 * 1024
STRENGTHS: Final = {"S": "strong alone", "M": "medium", "W": "only in combination"}
BASES: Final = ("read", "recalled")

_FIELDS: Final = frozenset(column_names(CONSIGNMENTS))
_REQUIRED: Final = ("id", "statement", "concept", "strength", "source", "basis", "evidence")
_OPTIONAL: Final = ("fields", "features", "statistics", "parameters", "absence")
_LACKING: Final = ("id", "statement", "concept", "strength", "source", "would_need")
_TOP: Final = ("layout", "pack", "version", "checksum", "indicators", "lacking")


class PackError(RiskError):
    """A pack of indicators is not as it should be: names the file, the indicator and the field."""


@dataclass(frozen=True)
class Indicator:
    """One test of the pack.

    statement    what it says when it fired, without figures
    evidence     message templates with named placeholders; the test picks one (most have one only)
    fields       columns of the record it needs; features: columns of the feature table; statistics: of `Learnt`
    absence      whether a missing field is what it looks for
    basis        whether thresholds and lists were read in the source, or are recalled defaults to confirm
    """

    id: str
    statement: str
    concept: str
    strength: Literal["S", "M", "W"]
    evidence: tuple[str, ...]
    fields: tuple[str, ...]
    features: tuple[str, ...]
    statistics: tuple[str, ...]
    parameters: Parameters
    source: str
    basis: str
    absence: bool


@dataclass(frozen=True)
class Lacking:
    """A test of the catalogue that is not run, and what it would need."""

    id: str
    statement: str
    concept: str
    strength: str
    source: str
    would_need: str


@dataclass(frozen=True)
class Pack:
    """A pack of indicators as read; `fingerprint` names its content in results."""

    id: str
    version: str
    indicators: tuple[Indicator, ...]
    lacking: tuple[Lacking, ...]
    checksum: str

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any change of the content."""
        return self.checksum[:16]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the indicators, in order of the columns of findings."""
        return tuple(indicator.id for indicator in self.indicators)


def load_pack(path: Path | None = None, features: Iterable[str] | None = None) -> Pack:
    """The pack in a file, the packaged one by default; `features`, when given, are the only ones it may name.

    Raises PackError for a file that is missing, too large, no pack of this layout, edited after it was sealed, or that
    names an id twice, an id without a test, an unknown concept, field, feature, statistic or placeholder.
    """
    path = path or PACKAGED
    content = _read(path)
    reader = _Reader(path, None if features is None else frozenset(features))
    reader.only(content, "the pack", _TOP, _TOP)
    if content["layout"] != LAYOUT:
        raise reader.wrong("layout", f"is {content['layout']!r}; this version reads layout {LAYOUT}")
    found = checksum(content)
    if content["checksum"] != found:
        raise reader.wrong("checksum", f"does not match the content ({found[:16]}...): it was edited after it was "
                           "sealed; have it reviewed, then seal it with python -m risk.indicators.pack")  # fmt: skip
    for name in ("pack", "version"):
        reader.text(content[name], name)
    return Pack(
        content["pack"],
        content["version"],
        tuple(reader.indicator(entry) for entry in reader.entries(content, "indicators")),
        tuple(reader.lacking(entry) for entry in reader.entries(content, "lacking")),
        found,
    )


def checksum(content: Mapping[str, Any]) -> str:
    """The SHA-256 of the content without its own checksum, in hex."""
    rest = {name: value for name, value in content.items() if name != "checksum"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise PackError(f"{path} does not exist; a pack of indicators is a YAML file")
    if path.stat().st_size > MAX_BYTES:
        raise PackError(f"{path} has {path.stat().st_size:,} bytes; a pack of indicators has at most {MAX_BYTES:,}")
    try:
        text = path.read_text(encoding="utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_LOADER)):
            raise PackError(f"{path} has an alias (*name), which could make a small file huge; write the value out")
        content = yaml.load(text, Loader=_LOADER)  # a safe loader
        orjson.dumps(content, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise PackError(f"{path} is no YAML of a pack: {' '.join(str(error).split())}") from None
    except orjson.JSONEncodeError:
        raise PackError(f"{path} holds a value that is no text, number, list or mapping; put dates in quotes") from None
    if not isinstance(content, dict):
        raise PackError(f"{path} holds no pack; expected is a mapping with {', '.join(_TOP)}")
    return content


class _Reader:
    """Reads the entries of one file and names it in every error."""

    def __init__(self, path: Path, features: frozenset[str] | None) -> None:
        self._path, self._features = path, features
        self._seen: set[str] = set()

    def wrong(self, field: str, what: str, which: str = "") -> PackError:
        """The error for a field of an indicator, or of the pack itself."""
        return PackError(f"{self._path}{', indicator ' + which if which else ''}: {field} {what}")

    def entries(self, content: Mapping[str, Any], name: str) -> list[Any]:
        """A list of the pack."""
        if not isinstance(content[name], list):
            raise self.wrong(name, "is expected to be a list")
        return list(content[name])

    def text(self, value: Any, field: str, which: str = "") -> str:
        """A text that is not empty."""
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(field, f"is {value!r}; expected is a text", which)
        return value

    def only(self, entry: Any, which: str, required: Iterable[str], allowed: Iterable[str]) -> None:
        """That an entry is a mapping with the fields required and no others than those allowed."""
        if not isinstance(entry, dict):
            raise self.wrong("an entry", f"is {str(entry)[:60]!r}; expected is a mapping with {', '.join(required)}")
        named = which if which == "the pack" else str(entry.get("id", which))
        for name in required:
            if name not in entry:
                raise self.wrong(name, "is missing", named)
        for name in entry:
            if name not in set(allowed):
                raise self.wrong(str(name), f"is no field of a pack; there are {', '.join(allowed)}", named)

    def lacking(self, entry: Any) -> Lacking:
        """A test that is not run."""
        self.only(entry, "?", _LACKING, _LACKING)
        which = self._id(entry)
        self._choices(entry, which)
        return Lacking(**{name: self.text(entry[name], name, which) for name in _LACKING})

    def indicator(self, entry: Any) -> Indicator:
        """A test that is run."""
        self.only(entry, "?", _REQUIRED, (*_REQUIRED, *_OPTIONAL))
        which = self._id(entry)
        if which not in tests():
            raise self.wrong("id", "has no test of that id", which)
        self._choices(entry, which)
        if entry["basis"] not in BASES:
            raise self.wrong("basis", f"is {entry['basis']!r}; expected is one of {', '.join(BASES)}", which)
        evidence = entry["evidence"] if isinstance(entry["evidence"], list) else [entry["evidence"]]
        names = {key: self._names(entry, key, which) for key in ("fields", "features", "statistics")}
        self._known(names["fields"], _FIELDS, "fields", which)
        self._known(names["statistics"], frozenset(STATISTICS), "statistics", which)
        if self._features is not None:
            self._known(names["features"], self._features, "features", which)
        parameters = entry.get("parameters", {})
        wanted = tests()[which].parameters
        if not isinstance(parameters, dict) or set(parameters) != set(wanted):
            raise self.wrong("parameters", f"are expected to be {', '.join(sorted(wanted)) or 'none'}", which)
        for name, kind in wanted.items():
            value = parameters[name]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            texts = isinstance(value, list) and all(isinstance(text, str) for text in value)
            if not (number if kind is float else texts):
                expected = "a number" if kind is float else "a list of texts"
                raise self.wrong(f"parameter {name}", f"is {str(value)[:60]!r}; expected is {expected}", which)
        sayable = {*names["fields"], *names["features"], *parameters, *tests()[which].says}
        for sentence in evidence:
            self._placeholders(self.text(sentence, "evidence", which), sayable, which)
        absence = entry.get("absence", False)
        if not isinstance(absence, bool):
            raise self.wrong("absence", f"is {absence!r}; expected is true or false", which)
        return Indicator(
            which,
            self.text(entry["statement"], "statement", which),
            entry["concept"],
            entry["strength"],
            tuple(evidence),
            names["fields"],
            names["features"],
            names["statistics"],
            Parameters(parameters),
            self.text(entry["source"], "source", which),
            entry["basis"],
            absence,
        )

    def _id(self, entry: Mapping[str, Any]) -> str:
        which = self.text(entry["id"], "id")
        if which in self._seen:
            raise self.wrong("id", "is given twice", which)
        self._seen.add(which)
        return which

    def _choices(self, entry: Mapping[str, Any], which: str) -> None:
        for name, choices in (("concept", CONCEPTS), ("strength", tuple(STRENGTHS))):
            if entry[name] not in choices:
                raise self.wrong(name, f"is {entry[name]!r}; expected is one of {', '.join(choices)}", which)

    def _names(self, entry: Mapping[str, Any], key: str, which: str) -> tuple[str, ...]:
        found = entry.get(key, [])
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise self.wrong(key, f"is {found!r}; expected is a list of names", which)
        return tuple(found)

    def _known(self, names: Iterable[str], known: frozenset[str], key: str, which: str) -> None:
        for name in names:
            if name not in known:
                raise self.wrong(key, f"names {name!r}, which does not exist", which)

    def _placeholders(self, sentence: str, sayable: set[str], which: str) -> None:
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]
        except ValueError as error:
            raise self.wrong("evidence", f"{sentence!r} is no template: {error}", which) from None
        for name in names:
            if name not in sayable:
                raise self.wrong("evidence", f"has the placeholder {{{name}}}, which nothing fills; "
                                 f"there are {', '.join(sorted(sayable))}", which)  # fmt: skip


if __name__ == "__main__":
    print(checksum(_read(Path(sys.argv[1]))))
