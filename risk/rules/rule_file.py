"""A file of rules as written: YAML, checked before anything runs, each mistake told with file, line and field.

A file holds one rule, or `rules:` with several, and may hold `lists:` for all of them. Every scalar is read as the
text that stands there, so that a code 0401 keeps its zero and NO stays Norway. Anchors and aliases are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import yaml

from risk.rules.compiled import CompiledRule, compile_rule
from risk.rules.fields import Fields
from risk.rules.mistakes import ExpressionError, RuleError
from risk.rules.rule import LANES, STRENGTHS, Rule

MAX_BYTES: Final = 256 * 1024
"""Of a file of rules; long lists belong into files of their own."""
MAX_DEPTH: Final = 6
MAX_LIST_BYTES: Final = 4 * 1024 * 1024
MAX_LIST: Final = 100_000
MAX_TEXT: Final = 500

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_REQUIRED: Final = ("id", "statement", "when", "author", "reason")
_KEYS: Final = (*_REQUIRED, "lane", "strength", "share", "expires", "offices", "lists")


@dataclass
class RuleFile:
    """The rules of a file that are good, and one sentence for each that is not."""

    rules: list[CompiledRule] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_rules(path: Path, fields: Fields, today: date | None = None) -> RuleFile:
    """The rules of a file, each ready to be evaluated; a rule that expired before `today` (UTC) is a problem.

    Raises RuleError when the file as a whole cannot be read.
    """
    text = _read(path, MAX_BYTES, "a file of rules")
    root = _root(text, path)
    reader = _Reader(path, text, fields, today or datetime.now(UTC).date())
    return reader.file(root)


class _Reader:
    """Reads one file; knows its text for the lines in messages."""

    def __init__(self, path: Path, text: str, fields: Fields, today: date) -> None:
        self._path, self._text, self._fields, self._today = path, text, fields, today

    def file(self, root: yaml.Node) -> RuleFile:
        """All rules of the file."""
        found = RuleFile()
        entries: list[yaml.Node] = [root]
        shared: dict[str, tuple[str, ...]] = {}
        if isinstance(root, yaml.MappingNode) and any(key.value == "rules" for key, _ in root.value):
            parts = self._parts(root, ("rules", "lists"))
            shared = self._lists(parts["lists"]) if "lists" in parts else {}
            if not isinstance(parts["rules"], yaml.SequenceNode) or not parts["rules"].value:
                raise self._wrong(
                    parts["rules"], "rules", "is expected to be a list of rules, each beginning with - id:"
                )
            entries = parts["rules"].value
        seen: dict[str, int] = {}
        for node in entries:
            try:
                rule = self._rule(node, shared)
                if rule.rule.id in seen:
                    raise self._wrong(
                        node, "id", f"{rule.rule.id!r} is the id of the rule in line {seen[rule.rule.id]}"
                    )
                seen[rule.rule.id] = node.start_mark.line + 1
                found.rules.append(rule)
            except RuleError as error:
                found.problems.append(str(error))
        return found

    def _rule(self, node: yaml.Node, shared: Mapping[str, tuple[str, ...]]) -> CompiledRule:
        parts = self._parts(node, _KEYS)
        for name in _REQUIRED:
            if name not in parts:
                raise self._wrong(node, name, "is missing")
        lists = {**shared, **(self._lists(parts["lists"]) if "lists" in parts else {})}
        clash = next((name for name in lists if name in self._fields), None)
        if clash is not None:
            raise self._wrong(
                parts.get("lists", node), "lists", f"{clash!r} is the name of a field; choose another one"
            )
        rule = Rule(
            id=self._matching(parts["id"], "id", _ID, "small letters, digits, -, _ and ., at most 64"),
            statement=self._words(parts["statement"], "statement"),
            when=self._text_of(parts["when"], "when").strip(),
            author=self._words(parts["author"], "author"),
            reason=self._words(parts["reason"], "reason"),
            lane=self._choice(parts, "lane", LANES, Rule.lane),
            strength=self._choice(parts, "strength", STRENGTHS, Rule.strength),
            share=self._share(parts["share"]) if "share" in parts else Rule.share,
            expires=self._expires(parts["expires"]) if "expires" in parts else None,
            offices=self._values(parts["offices"], "offices") if "offices" in parts else (),
            lists=lists,
        )
        try:
            compiled = compile_rule(rule, self._fields)
        except ExpressionError as error:
            line = self._line_of(parts["when"], error.place)
            raise RuleError(f"{self._path} line {line}, rule {rule.id!r}, when: {error}") from None
        used = {name: lists[name] for name in compiled.condition.lists}
        return CompiledRule(replace(rule, lists=used), compiled.condition, self._fields)

    def _parts(self, node: yaml.Node, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        """The entries of a section by key, none unknown or given twice."""
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, "", f"a section with {', '.join(known)} is expected")
        parts: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"expected is one of {', '.join(known)}"
                raise self._wrong(key, "", f"there is no setting {name[:40]!r}; {hint}")
            if name in parts:
                raise self._wrong(key, name, "is given twice")
            parts[name] = value
        return parts

    def _text_of(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._wrong(node, name, "is expected to be a text")
        return str(node.value)

    def _words(self, node: yaml.Node, name: str) -> str:
        text = " ".join(self._text_of(node, name).split())
        if not text or len(text) > MAX_TEXT or not text.isprintable():
            raise self._wrong(node, name, f"is expected to be a text of 1 to {MAX_TEXT} characters")
        return text

    def _matching(self, node: yaml.Node, name: str, pattern: re.Pattern[str], expected: str) -> str:
        text = self._text_of(node, name)
        if not pattern.fullmatch(text):
            raise self._wrong(node, name, f"is {text[:40]!r}; expected are {expected}")
        return text

    def _choice(self, parts: Mapping[str, yaml.Node], name: str, choices: tuple[str, ...], default: str) -> str:
        if name not in parts:
            return default
        text = self._text_of(parts[name], name)
        if text not in choices:
            raise self._wrong(parts[name], name, f"is {text[:40]!r}; expected is one of {', '.join(choices)}")
        return text

    def _share(self, node: yaml.Node) -> float:
        text = self._text_of(node, "share").removesuffix("%").strip()
        try:
            share = float(text)
        except ValueError:
            share = 0.0
        if not 0 < share <= 100:
            raise self._wrong(node, "share", f"is {text[:40]!r}; per cent above 0 and up to 100 are expected")
        return share

    def _expires(self, node: yaml.Node) -> date:
        text = self._text_of(node, "expires")
        try:
            day = datetime.strptime(text, "%Y-%m-%d").date()
        except ValueError:
            raise self._wrong(node, "expires", f"is {text[:40]!r}; a date like 2026-12-31 is expected") from None
        if day < self._today:
            raise self._wrong(node, "expires", f"was {day}; the rule has expired, a date of today or later is expected")
        return day

    def _values(self, node: yaml.Node, name: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self._wrong(node, name, "is expected to be a list of values, as in [A, B]")
        texts = [self._text_of(entry, name).strip() for entry in node.value]
        if not all(texts):
            raise self._wrong(node, name, "holds an empty value")
        return tuple(dict.fromkeys(texts))

    def _lists(self, node: yaml.Node) -> dict[str, tuple[str, ...]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, "lists", "is expected to hold names and values, as in {watched: [A, B]}")
        lists: dict[str, tuple[str, ...]] = {}
        for key, value in node.value:
            name = self._matching(key, "lists", _NAME, "small letters, digits and _ for the name of a list")
            if name in lists:
                raise self._wrong(key, "lists", f"{name!r} is given twice")
            lists[name] = self._list_file(value) if isinstance(value, yaml.ScalarNode) else self._values(value, name)
        return lists

    def _list_file(self, node: yaml.ScalarNode) -> tuple[str, ...]:
        """The values of a text file beside the file of rules, one a line; # begins a comment."""
        folder = self._path.resolve().parent
        path = folder / str(node.value)
        if not str(node.value) or not path.resolve().is_relative_to(folder):
            raise self._wrong(node, "lists", f"{node.value!r} is expected to be a file beside the file of rules")
        try:
            text = _read(path, MAX_LIST_BYTES, "a list")
        except RuleError as error:
            raise self._wrong(node, "lists", str(error)) from None
        values = [line.split("#", 1)[0].strip() for line in text.splitlines()]
        found = tuple(dict.fromkeys(value for value in values if value))
        if not 0 < len(found) <= MAX_LIST:
            raise self._wrong(
                node, "lists", f"{node.value} holds {len(found):,} values; 1 to {MAX_LIST:,} are expected"
            )
        return found

    def _wrong(self, node: yaml.Node, name: str, message: str) -> RuleError:
        place = f", {name}" if name else ""
        return RuleError(f"{self._path} line {node.start_mark.line + 1}{place}: {message}")

    def _line_of(self, node: yaml.Node, place: int | None) -> int:
        """The line in which the character at this place of a condition stands.

        YAML folds line breaks, so the characters that are no white space are counted.
        """
        written = self._text[node.start_mark.index : node.end_mark.index]
        first = 1 if written[:1] in "\"'" else len(re.match(r"[|>][^\n]*\n|", written).group())  # type: ignore[union-attr]
        wanted = 0 if place is None else len("".join(str(node.value).strip()[:place].split()))
        line = node.start_mark.line + 1 + written[:first].count("\n")
        for character in written[first:]:
            if character.isspace():
                line += character == "\n"
            elif wanted == 0:
                break
            else:
                wanted -= 1
        return line


def _read(path: Path, most: int, what: str) -> str:
    try:
        size = path.stat().st_size
        if size > most:
            raise RuleError(f"{path}: has {size:,} bytes; {what} has at most {most:,}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RuleError(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise RuleError(f"{path}: cannot be read ({error.strerror or error})") from None


def _root(text: str, path: Path) -> yaml.Node:
    """The file as a tree of nodes, none of them an alias, nested no deeper than rules can be."""
    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            line = getattr(event.start_mark, "line", 0) + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise RuleError(
                    f"{path} line {line}: anchors (&) and aliases (*) are not possible; write the value out"
                )
            if depth > MAX_DEPTH:
                raise RuleError(f"{path} line {line}: is nested deeper than a rule can be")
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark is not None else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split()).rstrip(".")
        raise RuleError(f"{path}{place}: {problem}") from None
    if root is None:
        raise RuleError(f"{path}: is empty; a rule with {', '.join(_REQUIRED)} is expected")
    return root
