"""Officers' own rules: what the model cannot have learnt yet, written down, checked and evaluated over whole tables.

A rule is data. Its condition is parsed by the library `rule-engine` and compiled into Arrow operations on columns;
nothing of it is ever run as a program. Knows records and named features; knows no store and no `features`.
"""

from risk.rules.compiled import CompiledRule, FiredRule, RuleColumns, Verdict, compile_rule, fired
from risk.rules.fields import Field, rule_fields
from risk.rules.mistakes import ExpressionError, RuleError
from risk.rules.rule import Rule
from risk.rules.rule_file import RuleFile, read_rules

__all__ = [
    "CompiledRule",
    "ExpressionError",
    "Field",
    "FiredRule",
    "Rule",
    "RuleColumns",
    "RuleError",
    "RuleFile",
    "Verdict",
    "compile_rule",
    "fired",
    "read_rules",
    "rule_fields",
]
