"""The list of indicators as Markdown for docs/indicators.md (a test holds the page equal to this)."""

from __future__ import annotations

from risk.indicators.learnt import STATISTICS
from risk.indicators.pack import Pack


def run_table(pack: Pack) -> str:
    """The indicators that are run."""
    lines = ["| id | says | concept | strength | parameters | needs | source (default) |", "| --- " * 7 + "|"]
    for one in pack.indicators:
        parameters = ", ".join(
            f"{name} {value:g}" if isinstance(value, int | float) else f"{name}: {len(value)} entries"
            for name, value in one.parameters.items()
        )
        needs = ", ".join(f"`{name}`" for name in dict.fromkeys((*one.fields, *one.features, *one.statistics)))
        lines.append(
            f"| {one.id} | {one.statement} | {one.concept} | {one.strength} | {parameters} | {needs} "
            f"| {one.source} ({one.basis}) |"
        )
    return "\n".join(lines) + "\n"


def lacking_table(pack: Pack) -> str:
    """The tests of the catalogue that are not run, and what they would need."""
    lines = ["| id | says | strength | would need |", "| --- " * 4 + "|"]
    lines += [f"| {one.id} | {one.statement} | {one.strength} | {one.would_need} |" for one in pack.lacking]
    return "\n".join(lines) + "\n"


def statistics_table() -> str:
    """The reference statistics."""
    lines = ["| statistic | holds |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| `{name}` | {words} |" for name, words in STATISTICS.items())]) + "\n"
