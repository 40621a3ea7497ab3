"""From the text of a condition to its syntax tree, with bounds on what a text may cost or contain.

The grammar and the parser are those of `rule-engine`. It computes constant parts while it builds the tree, so every
word is checked on its way into the parser: only the words that a condition needs, so many of them, nested so deep.
Regular expressions never reach Python's `re`: the parser sees a mark in their place, and the pattern itself goes to
RE2 (by way of Arrow), whose time grows with the length of the text alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from rule_engine import Context, Rule
from rule_engine.errors import EngineError, RuleSyntaxError

from risk.rules.mistakes import ExpressionError

MAX_LENGTH: Final = 4_000
"""Characters of a condition; long lists of values belong under `lists`."""
MAX_WORDS: Final = 600
MAX_BRACKETS: Final = 20
MAX_PATTERN: Final = 200
MAX_DIGITS: Final = 40

_WORDS: Final = frozenset(
    "FLOAT STRING SYMBOL DATETIME TIMEDELTA NULL TRUE FALSE LPAREN RPAREN LBRACKET RBRACKET COMMA ATTR COALESCE "
    "AND OR NOT IN EQ NE GT GE LT LE ADD SUB MUL TDIV EQ_FZM EQ_FZS NE_FZM NE_FZS".split()
)
_PATTERNS: Final = frozenset("EQ_FZM EQ_FZS NE_FZM NE_FZS".split())
_INSTEAD: Final = {
    "FOR": "a rule cannot loop",
    "POW": "powers are not possible; multiply instead",
    "LBRACE": 'write a list in square brackets, as in ["KE", "TZ"]',
    "QMARK": "write `and` and `or` in place of ? and :",
    "COMMENT": "write comments in the file, not in the condition",
    "BWAND": "write `and`",
    "BWOR": "write `or`",
}
_MARKS: Final = 0xE000
"""Marks that stand for patterns come from Unicode's private use area."""


@dataclass(frozen=True)
class Syntax:
    """A condition as rule-engine's tree.

    patterns   regular expressions by the mark that stands for each in the tree
    places     where in the text each name stands first
    """

    tree: Any
    patterns: dict[str, str]
    places: dict[str, int]


def parse(text: str) -> Syntax:
    """The syntax tree of a condition. Raises ExpressionError for a text that is no condition or too costly."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"has {len(text):,} characters; at most {MAX_LENGTH:,} are read, long lists of values belong under `lists`"
        )
    if not text.strip():
        raise ExpressionError("is empty; a condition such as gross_weight_kg > 1000 is expected")
    words = _Words(Rule.parser._lexer, text)
    try:
        tree = Rule.parser.parse(text, Context(default_timezone="utc"), lexer=words)
    except RuleSyntaxError as error:
        token = error.token
        if token is None and "reserved" in error.message:
            raise ExpressionError(f"cannot be read: {error.message}", words.place) from None
        if token is None:
            raise ExpressionError("ends too early; something is missing at its end", len(text)) from error
        shown = str(token.value)[:20]
        raise ExpressionError(f"cannot be read at {shown!r}", token.lexpos) from None
    except (EngineError, ArithmeticError) as error:
        message = getattr(error, "message", "") or "a calculation with these figures is not possible"
        if "division by zero" in message:
            message = "divides by zero"
        raise ExpressionError(f"cannot be worked out: {message}") from None
    except RecursionError:
        raise ExpressionError("is nested too deep") from None
    folded = set(words.patterns) - words.used(tree.expression)
    if folded:
        raise ExpressionError("a field is expected before =~, and one pattern in quotes after it")
    return Syntax(tree.expression, words.patterns, words.places)


@dataclass
class _Words:
    """Stands between the text and the parser and lets through only what a condition needs."""

    lexer: Any
    text: str
    patterns: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    place: int = 0
    _count: int = 0
    _brackets: int = 0
    _before: str = ""

    def input(self, text: str) -> None:
        """What the parser calls first."""
        self.lexer.input(text)

    def token(self) -> Any:
        """The next word; None at the end."""
        word = self.lexer.token()
        if word is None:
            return None
        self.place = word.lexpos
        self._count += 1
        if word.type not in _WORDS or str(word.value).startswith(("&", "$")):
            raise ExpressionError(
                _INSTEAD.get(word.type, f"{str(word.value)[:20]!r} is not possible in a rule"), word.lexpos
            )
        if self._count > MAX_WORDS:
            raise ExpressionError(f"has more than {MAX_WORDS} words; split the rule", word.lexpos)
        self._brackets += (word.type in ("LPAREN", "LBRACKET")) - (word.type in ("RPAREN", "RBRACKET"))
        if self._brackets > MAX_BRACKETS:
            raise ExpressionError(f"is nested too deep; at most {MAX_BRACKETS} brackets may be open", word.lexpos)
        if word.type == "FLOAT":
            _check_number(word)
        if word.type == "SYMBOL" and self._before != "ATTR":
            self.places.setdefault(word.value, word.lexpos)
        if self._before in _PATTERNS:
            self._take_pattern(word)
        self._before = word.type
        return word

    def used(self, tree: Any) -> set[str]:
        """The marks that are still in the tree."""
        found: set[str] = set()
        left = [tree]
        while left:
            node = left.pop()
            if type(node).__name__ == "FuzzyComparisonExpression":
                found.add(getattr(node.right, "value", ""))
            for name in ("left", "right", "member", "container", "object", "function"):
                child = getattr(node, name, None)
                if child is not None and hasattr(child, "evaluate"):
                    left.append(child)
            arguments = getattr(node, "arguments", ())
            left.extend(arguments)
        return found

    def _take_pattern(self, word: Any) -> None:
        if word.type != "STRING":
            raise ExpressionError("a pattern in quotes is expected after =~, =~~, !~ and !~~", word.lexpos)
        raw = word.value.startswith("r")
        pattern = word.value.lstrip("rs")[1:-1]
        if not raw:
            for escaped, plain in (('\\"', '"'), ("\\'", "'"), ("\\\\", "\\")):
                pattern = pattern.replace(escaped, plain)
        if len(pattern) > MAX_PATTERN:
            raise ExpressionError(f"a pattern has more than {MAX_PATTERN} characters", word.lexpos)
        mark = chr(_MARKS + len(self.patterns))
        self.patterns[mark] = pattern
        word.value = f'"{mark}"'


def _check_number(word: Any) -> None:
    try:
        good = len(word.value) <= MAX_DIGITS and math.isfinite(float(word.value))
    except ValueError:
        good = False
    if not good:
        raise ExpressionError(f"{word.value[:20]!r} is not a number that can be used here", word.lexpos)
