"""From the syntax tree of a condition to operations on whole columns, checked kind by kind.

Three values, as Kleene has them: a comparison with something that is missing is unknown; `false and unknown` is
false, `true or unknown` is true, anything else with an unknown part stays unknown. Division by a zero found in a
record is unknown as well. Arrow's compute functions work just so. Only the kinds of node listed here exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from risk.rules.fields import Fields, unknown
from risk.rules.mistakes import ExpressionError
from risk.rules.syntax import Syntax, parse

MAX_DEPTH: Final = 200

TIME: Final = pa.timestamp("us", tz="UTC")
DURATION: Final = pa.duration("us")

Lists = Mapping[str, Sequence[str]]


class Columns(Protocol):
    """Gives the values of a field as an Arrow array, null where missing."""

    def array(self, name: str) -> pa.Array:
        """The values of the field in all rows."""


Run = Callable[[Columns], Any]


@dataclass(frozen=True)
class Part:
    """A part of a condition: what kind of value it gives, how, and how a person would call it.

    kind       truth, number, text, time, duration, list of text, list of number, or null
    constant   its value when it is written in the rule
    """

    kind: str
    run: Run
    shown: str
    constant: Any = None


@dataclass(frozen=True)
class Condition:
    """A condition that can be evaluated.

    fields   the names of the fields it asks about, in the order of the text
    lists    the names of the lists it looks into
    """

    run: Run
    fields: tuple[str, ...]
    lists: tuple[str, ...]


def compile_condition(text: str, fields: Fields, lists: Lists) -> Condition:
    """The condition written in a text. Raises ExpressionError naming what is wrong and what is expected."""
    syntax = parse(text)
    compiler = _Compiler(syntax, fields, lists)
    part = compiler.part(syntax.tree)
    if part.kind != "truth":
        raise ExpressionError(f"{part.shown} alone is not a condition; compare it, as in {part.shown} == ...")
    if not compiler.fields:
        raise ExpressionError("asks about no field, so it would fire always or never")
    return Condition(part.run, tuple(compiler.fields), tuple(compiler.lists))


_COMPARE: Final[Mapping[str, Any]] = {
    "eq": pc.equal,
    "ne": pc.not_equal,
    "gt": pc.greater,
    "ge": pc.greater_equal,
    "lt": pc.less,
    "le": pc.less_equal,
}
_CONSTANTS: Final[Mapping[str, tuple[str, pa.DataType]]] = {
    "FloatExpression": ("number", pa.float64()),
    "StringExpression": ("text", pa.large_string()),
    "DatetimeExpression": ("time", TIME),
    "TimedeltaExpression": ("duration", DURATION),
    "BooleanExpression": ("truth", pa.bool_()),
}
_SUMS: Final[Mapping[tuple[str, str, str], str]] = {
    ("add", "number", "number"): "number",
    ("sub", "number", "number"): "number",
    ("add", "time", "duration"): "time",
    ("add", "duration", "time"): "time",
    ("sub", "time", "duration"): "time",
    ("sub", "time", "time"): "duration",
    ("add", "duration", "duration"): "duration",
    ("sub", "duration", "duration"): "duration",
}
_EXPECTED: Final[Mapping[str, str]] = {
    "number": "a number",
    "text": "a text in quotes",
    "time": 'a time such as d"2026-06-30"',
    "duration": 'a duration such as t"P30D"',
    "truth": "true or false",
}


class _Compiler:
    """Takes a tree apart; keeps which fields and lists it met."""

    def __init__(self, syntax: Syntax, fields: Fields, lists: Lists) -> None:
        self._syntax, self._known, self._lists = syntax, fields, lists
        self.fields: dict[str, None] = {}
        self.lists: dict[str, None] = {}
        self._depth = 0

    def part(self, node: Any) -> Part:
        """The part that a node stands for."""
        name = type(node).__name__
        if name in _CONSTANTS:
            return self._constant(node)
        found = getattr(self, f"_{name}", None)
        if found is None:
            raise ExpressionError("uses something that is not possible in a rule, such as x[0]")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("is nested too deep; split the rule")
        part: Part = found(node)
        self._depth -= 1
        return part

    def _constant(self, node: Any) -> Part:
        if type(node).__name__ == "BooleanExpression":
            raise ExpressionError(f"a part of it is always {str(node.value).lower()}; leave that part out")
        kind, type_ = _CONSTANTS[type(node).__name__]
        value = float(node.value) if kind == "number" else node.value
        scalar = pa.scalar(value, type_)
        said = {"text": f"the text {value!r}", "number": f"the number {node.value}"}.get(kind, f"the {kind} {value}")
        return Part(kind, lambda _: scalar, said, value)

    def _SymbolExpression(self, node: Any) -> Part:  # noqa: N802  # named after rule-engine's nodes
        return self._named(node.name)

    def _named(self, name: str) -> Part:
        if name in self._known:
            self.fields.setdefault(name)
            return Part(self._known[name].kind, lambda columns: columns.array(name), name)
        if name in self._lists:
            self.lists.setdefault(name)
            values = pa.array(self._lists[name], pa.large_string())
            return Part("list of text", lambda _: values, f"the list {name}")
        raise ExpressionError(unknown(name, [*self._known, *self._lists]), self._syntax.places.get(name))

    def _NullExpression(self, _: Any) -> Part:  # noqa: N802
        return Part("null", lambda _: pa.scalar(None), "null")

    def _ArrayExpression(self, node: Any) -> Part:  # noqa: N802
        parts = [self.part(member) for member in node.value]
        kinds = {part.kind for part in parts}
        if not parts or kinds - {"text", "number"} or len(kinds) != 1 or any(p.constant is None for p in parts):
            raise ExpressionError('a list in square brackets holds texts, or numbers, written out: ["KE", "TZ"]')
        kind = kinds.pop()
        type_ = pa.float64() if kind == "number" else pa.large_string()
        values = pa.array([part.constant for part in parts], type_)
        return Part(f"list of {kind}", lambda _: values, "the list")

    def _LogicExpression(self, node: Any) -> Part:  # noqa: N802
        left, right = self._truth(node.left, node.type), self._truth(node.right, node.type)
        join = pc.and_kleene if node.type == "and" else pc.or_kleene
        return Part("truth", lambda columns: join(left(columns), right(columns)), "the condition")

    def _UnaryExpression(self, node: Any) -> Part:  # noqa: N802
        if node.type == "not":
            run = self._truth(node.right, "not")
            return Part("truth", lambda columns: pc.invert(run(columns)), "the condition")
        part = self._of(self.part(node.right), "number", "a minus sign stands before a number")
        return Part("number", lambda columns: pc.negate(part.run(columns)), f"-{part.shown}")

    def _ComparisonExpression(self, node: Any) -> Part:  # noqa: N802
        left, right = self.part(node.left), self.part(node.right)
        if "null" in (left.kind, right.kind):
            run = right.run if left.kind == "null" else left.run
            if node.type == "eq":
                return Part("truth", lambda columns: pc.is_null(run(columns)), "the condition")
            return Part("truth", lambda columns: pc.is_valid(run(columns)), "the condition")
        return self._compared(node.type, left, right)

    def _ArithmeticComparisonExpression(self, node: Any) -> Part:  # noqa: N802
        left, right = self.part(node.left), self.part(node.right)
        for part in (left, right):
            if part.kind in ("truth", "null"):
                raise ExpressionError(f"{part.shown} has no order; compare it with == or !=")
        return self._compared(node.type, left, right)

    def _compared(self, operator: str, left: Part, right: Part) -> Part:
        if left.kind != right.kind or left.kind.startswith("list"):
            raise ExpressionError(self._unlike(left, right), self._place(left, right))
        compare = _COMPARE[operator]
        a, b = left.run, right.run
        return Part("truth", lambda columns: compare(*_same_precision(a(columns), b(columns))), "the condition")

    def _FuzzyComparisonExpression(self, node: Any) -> Part:  # noqa: N802
        part = self._of(self.part(node.left), "text", "a pattern is compared with a text")
        pattern = self._syntax.patterns.get(getattr(node.right, "value", ""))
        if pattern is None:
            raise ExpressionError("a pattern in quotes is expected after =~, =~~, !~ and !~~")
        if node.type.endswith("fzm"):
            pattern = rf"\A(?:{pattern})"
        try:
            pc.match_substring_regex(pa.array([""]), pattern)
        except pa.ArrowInvalid as error:
            reason = str(error).removeprefix("Invalid regular expression: ")
            raise ExpressionError(
                f"the pattern is not one of RE2 ({reason}); it has no backward references and no look-around"
            ) from None
        return self._flag(lambda columns: pc.match_substring_regex(part.run(columns), pattern), node.type[:2] == "ne")

    def _ContainsExpression(self, node: Any) -> Part:  # noqa: N802
        member, container = self.part(node.member), self.part(node.container)
        if container.kind == "text":
            if not isinstance(member.constant, str) or container.constant is not None:
                raise ExpressionError(f"a text in quotes is expected before `in {container.shown}`")
            sought = member.constant
            return self._flag(lambda columns: pc.match_substring(container.run(columns), sought))
        if not container.kind.startswith("list of"):
            raise ExpressionError(f"a list or a text is expected after `in`, and {self._said(container)}")
        if container.kind != f"list of {member.kind}":
            raise ExpressionError(
                f"{self._said(member)} and is looked for in a {container.kind}; both have to be of one kind",
                self._place(member),
            )

        def contained(columns: Columns) -> Any:
            values = member.run(columns)
            sought = container.run(columns).cast(values.type)
            return pc.if_else(pc.is_valid(values), pc.is_in(values, value_set=sought), pa.scalar(None, pa.bool_()))

        return Part("truth", contained, "the condition")

    def _CoalesceExpression(self, node: Any) -> Part:  # noqa: N802
        left, right = self.part(node.left), self.part(node.right)
        if left.kind != right.kind or left.kind.startswith("list"):
            raise ExpressionError(self._unlike(left, right), self._place(left, right))
        a, b = left.run, right.run
        return Part(left.kind, lambda columns: pc.coalesce(*_same_precision(a(columns), b(columns))), left.shown)

    def _ArithmeticExpression(self, node: Any) -> Part:  # noqa: N802
        left = self._of(self.part(node.left), "number", "only numbers are multiplied and divided")
        right = self._of(self.part(node.right), "number", "only numbers are multiplied and divided")
        if node.type == "mul":
            return _number(lambda columns: pc.multiply(_wide(left.run(columns)), _wide(right.run(columns))))
        if right.constant == 0:
            raise ExpressionError("divides by zero", self._place(left))

        def divided(columns: Columns) -> Any:
            below = _wide(right.run(columns))
            below = pc.if_else(pc.not_equal(below, 0.0), below, pa.scalar(None, pa.float64()))
            return pc.divide(_wide(left.run(columns)), below)

        return _number(divided)

    def _AddExpression(self, node: Any) -> Part:  # noqa: N802
        return self._sum(node, "add", pc.add)

    def _SubtractExpression(self, node: Any) -> Part:  # noqa: N802
        return self._sum(node, "sub", pc.subtract)

    def _sum(self, node: Any, operator: str, work: Any) -> Part:
        left, right = self.part(node.left), self.part(node.right)
        kind = _SUMS.get((operator, left.kind, right.kind))
        if kind is None:
            raise ExpressionError(
                f"{self._said(left)} and {self._said(right)}; they cannot be added or subtracted",
                self._place(left, right),
            )
        if kind == "number":
            return _number(lambda columns: work(_wide(left.run(columns)), _wide(right.run(columns))))
        return Part(kind, lambda columns: work(left.run(columns), right.run(columns)), "the sum")

    def _GetAttributeExpression(self, node: Any) -> Part:  # noqa: N802
        if type(node.object).__name__ == "SymbolExpression" and f"{node.object.name}.{node.name}" in self._known:
            return self._named(f"{node.object.name}.{node.name}")
        part = self._of(self.part(node.object), "text", "as_lower, as_upper and length belong to a text")
        if node.name == "length":
            return _number(lambda columns: pc.utf8_length(part.run(columns)))
        work = {"as_lower": pc.utf8_lower, "as_upper": pc.utf8_upper}.get(node.name)
        if work is None:
            raise ExpressionError(
                f"there is no {part.shown}.{node.name}; a text has as_lower, as_upper, length, starts_with(...) and "
                "ends_with(...)",
                self._place(part),
            )
        return Part("text", lambda columns: work(part.run(columns)), f"{part.shown}.{node.name}")

    def _FunctionCallExpression(self, node: Any) -> Part:  # noqa: N802
        function, arguments = node.function, [self.part(argument) for argument in node.arguments]
        name = getattr(function, "name", "")
        work = {"starts_with": pc.starts_with, "ends_with": pc.ends_with}.get(name)
        if work is None or type(function).__name__ != "GetAttributeExpression":
            raise ExpressionError(f"there is no function {name or 'of this kind'}; there are starts_with and ends_with")
        part = self._of(self.part(function.object), "text", f"{name} belongs to a text")
        if len(arguments) != 1 or not isinstance(arguments[0].constant, str):
            raise ExpressionError(f"{part.shown}.{name} expects one text in quotes")
        sought = arguments[0].constant
        return self._flag(lambda columns: work(part.run(columns), sought))

    def _truth(self, node: Any, word: str) -> Run:
        return self._of(self.part(node), "truth", f"`{word}` joins conditions; compare it first").run

    def _flag(self, run: Run, inverted: bool = False) -> Part:
        if inverted:
            return Part("truth", lambda columns: pc.invert(run(columns)), "the condition")
        return Part("truth", run, "the condition")

    def _of(self, part: Part, kind: str, expected: str) -> Part:
        if part.kind != kind:
            raise ExpressionError(f"{self._said(part)}; {expected}", self._place(part))
        return part

    def _said(self, part: Part) -> str:
        if part.shown in self._known:
            return self._known[part.shown].shown
        article = "a " if part.constant is None and part.kind != "null" else ""
        return f"{part.shown} is {article}{part.kind}" if article else part.shown

    def _unlike(self, left: Part, right: Part) -> str:
        if left.constant is not None and right.constant is None:
            left, right = right, left
        expected = _EXPECTED.get(left.kind, left.kind)
        return f"{self._said(left)} and is compared with {self._other(right)}; {expected} is expected"

    def _other(self, part: Part) -> str:
        return f"{part.shown}, a {part.kind}" if part.constant is None else part.shown

    def _place(self, *parts: Part) -> int | None:
        found = [self._syntax.places.get(part.shown) for part in parts]
        return next((place for place in found if place is not None), None)


def _same_precision(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides; a number written in a rule is rounded as the feature it meets was, or 0.2 would not equal 0.2."""
    if left.type == pa.float32() and isinstance(right, pa.Scalar):
        return left, right.cast(pa.float32())
    if right.type == pa.float32() and isinstance(left, pa.Scalar):
        return left.cast(pa.float32()), right
    return left, right


def _wide(values: Any) -> Any:
    return values.cast(pa.float64()) if values.type != pa.float64() else values


def _number(run: Run) -> Part:
    """A calculated number; what is no number (infinity less infinity) is unknown."""

    def calculated(columns: Columns) -> Any:
        values = _wide(run(columns))
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)

    return Part("number", calculated, "the calculation")
