"""Champion and challenger: compare them, promote through the gates, roll back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from risk.errors import ModelError, RiskError, UsageError
from serving.modelling import registry
from serving.scorer import model_target
from serving.settings import settings
from serving.tables import Tables, load_tables
from serving.terminal import Steps, out, say, steps
from training.comparison import Trial, compare, trial
from training.gates import failed, judge
from training.registry import CHAMPION
from training.report import figure_text


class GateError(RiskError):
    """A model may not become champion: names the gates that do not hold."""


def compare_models(
    one: str,
    other: str,
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    mapping: Path | None,
    label: str | None,
) -> dict[str, Any]:
    """What `risk compare` prints: both models on later consignments, the paired difference, the gates."""
    with steps() as progress:
        tried, names = _trial(one, other, consignments, outcomes, mapping, label, progress)
        progress.begin("Comparing")
        challenger, _ = registry().load(other)
        gates = judge(tried, *names, challenger)
        return {
            "champion": names[0],
            "challenger": names[1],
            **compare(tried, *names),
            "gates": [gate.to_json() for gate in gates],
        }


def gates_of(one: str, other: str, tables: Tables) -> dict[str, Any]:
    """The paired figures and gates of two registered versions on tables already read."""
    models = {f"version {version}": registry().load(version)[0] for version in (one, other)}
    challenger = models[f"version {other}"]
    tried = trial(models, tables.lines, tables.outcomes, model_target(challenger), threads=settings().threads)
    first, second = models
    gates = judge(tried, first, second, challenger)
    return {**compare(tried, first, second), "gates": [gate.to_json() for gate in gates]}


def promote(
    version: str,
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    mapping: Path | None,
    label: str | None,
    force: str | None,
) -> str:
    """Make a version champion when every gate holds, or when it is forced with a reason; says what was done.

    Raises GateError with the gates that do not hold, UsageError for a force without a reason.
    """
    if force is not None and len(force.split()) < 2:
        raise UsageError(f"the reason {force!r} is too short; say in a few words why the gates are passed over")
    models = registry()
    wanted = models.load(version)[1] if version.isdecimal() else None
    champion = models.champion()
    if wanted is None:
        models.promote(version)  # says that there is none such
    if force is None and champion is not None and champion.version != version:
        with steps() as progress:
            try:
                tried, names = _trial(CHAMPION, version, consignments, outcomes, mapping, label, progress)
            except ModelError:
                raise
            except RiskError as error:
                raise GateError(f"the gates cannot be tried: {error}; or force it: --force REASON") from None
            progress.begin("Trying the gates")
            stopped = failed(judge(tried, *names, models.load(version)[0]))
        if stopped:
            raise GateError(
                f"version {version} is not promoted: "
                + "; ".join(f"{gate.name}: {gate.says}" for gate in stopped)
                + " (pass over with --force REASON)"
            )
    models.promote(version, note=f"forced: {force}" if force else "")
    return f"version {version} is champion" + (f" (forced: {force})" if force else "")


def _trial(
    one: str,
    other: str,
    consignments: Sequence[Path],
    outcomes: Sequence[Path],
    mapping: Path | None,
    label: str | None,
    progress: Steps,
) -> tuple[Trial, tuple[str, str]]:
    """Both models on what was filed after both were made; their names."""
    models = registry()
    loaded = {}
    for reference in (one, other):
        model, facts = models.load(reference)
        loaded[f"version {facts.version}" if facts.version else facts.name] = model
    if len(loaded) < 2:
        raise UsageError(f"{one} and {other} are the same model; compare two")
    first, second = loaded
    if model_target(loaded[first]) != model_target(loaded[second]):
        raise ModelError(f"{first} and {second} were trained to find different things; they cannot be compared")
    tables = load_tables(consignments, outcomes, progress, mapping=mapping, label=label)
    progress.begin("Scoring with both models")
    tried = trial(loaded, tables.lines, tables.outcomes, model_target(loaded[second]), threads=settings().threads)
    return tried, (first, second)


def print_comparison(found: Mapping[str, Any]) -> None:
    """The comparison for a person."""
    one, other = found["champion"], found["challenger"]
    for name, words in (
        ("random_stream", "on the random stream"),
        ("weighted", "weighted to all trade"),
        ("inspected", "among all inspected"),
    ):
        if name not in found:
            continue
        part = found[name]
        table = Table(title=f"Since {found['since']}, {words}: {part['consignments']:,}, {part['positives']} positive")
        for column in ("inspected", f"recall, {one}", f"recall, {other}", "difference"):
            table.add_column(column, justify="left" if column == "inspected" else "right")
        for capacity, entry in part["recall_at"].items():
            cells = (figure_text(entry[key]) for key in (one, other, "difference"))
            table.add_row(f"{100 * float(capacity):g} %", *cells)
        out.print(table)
    for gate in found["gates"]:
        say(f"{'holds' if gate['passed'] else 'FAILS'}: {gate['name']} ({gate['says']})")
