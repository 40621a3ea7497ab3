"""A backtest as a person asks for it: rules from a file or the store, history, the champion, and a readable table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
from rich.table import Table

from features import extras as extra_columns
from features.catalogue import catalogue
from risk.errors import ModelError, UsageError
from risk.feature import Feature
from risk.indicators import load_pack
from risk.layout import EXTRA_PREFIX, utc
from risk.model import RiskModel
from risk.rules import ExpressionError, RuleError, compile_rule, read_rules
from serving.modelling import registry
from serving.rulebook import Rulebook, fields
from serving.scorer import model_target
from serving.settings import settings
from serving.store import Store
from serving.tables import Tables, load_tables
from serving.terminal import Steps, out, say, steps
from training.backtest import Span, backtest
from training.judges import Indicators, Judges, Rules

PACK: Final = "pack"
"""The source that means the packaged indicators."""
DAYS: Final = 182
"""How far back a backtest reaches when neither a date nor a model says so."""


@dataclass(frozen=True)
class Asked:
    """What `risk backtest` is asked for."""

    source: str
    consignments: Sequence[Path] = ()
    outcomes: Sequence[Path] = ()
    mapping: Path | None = None
    label: str | None = None
    start: datetime | None = None
    until: datetime | None = None
    capacity: float | None = None
    model: str = "champion"


def run_backtest(asked: Asked) -> dict[str, Any]:
    """The figures of a backtest, with `problems` (rules left out) and `notes` on how to read them."""
    with steps() as progress:
        tables = load_tables(asked.consignments, asked.outcomes, progress, mapping=asked.mapping, label=asked.label)
        notes: list[str] = []
        progress.begin("Loading the model")
        trained, version = _model(asked.model, tables, notes)
        extras = _extras(trained, tables.lines)
        judges, problems = _judges(asked.source, extras, tables)
        span = _span(asked, tables, trained, notes)
        progress.begin("Judging the history")
        found = _run(asked, tables, judges, span, trained, extras, progress)
    return {
        "source": asked.source,
        "model": version,
        **found,
        "problems": problems,
        "notes": notes,
        "rejected": tables.rejected,
    }


def _run(
    asked: Asked,
    tables: Tables,
    judges: Judges,
    span: Span,
    trained: RiskModel | None,
    extras: Sequence[Feature],
    progress: Steps,
) -> dict[str, Any]:
    return backtest(
        tables.lines,
        tables.outcomes,
        judges,
        span,
        model=trained,
        capacity=settings().capacity if asked.capacity is None else asked.capacity,
        target=tables.target,
        extras=extras,
        threads=settings().threads,
        progress=lambda done: progress.detail(f"{done:,} lines"),
    )


def _model(name: str, tables: Tables, notes: list[str]) -> tuple[RiskModel | None, str | None]:
    if name == "none":
        return None, None
    try:
        model, version = registry().load(name)
    except ModelError as error:
        if name != "champion":
            raise
        notes.append(f"not compared with a model: {error}")
        return None, None
    if model_target(model) != tables.target:
        notes.append(
            f"not compared with model {version.version}: it was trained for {model_target(model).name!r}, the outcomes "
            f"are of {tables.target.name!r}"
        )
        return None, None
    return model, version.version


def _extras(model: RiskModel | None, lines: pd.DataFrame) -> list[Feature]:
    if model is None:
        return list(extra_columns.extra_features(lines))
    return [feature for feature in model.features if feature.name.startswith(EXTRA_PREFIX)]


def _judges(source: str, extras: Sequence[Feature], tables: Tables) -> tuple[Judges, list[str]]:
    """A pack of indicators, the rules of a file, or the rule of the store with this id; and what was left out.

    A rule that has expired is no mistake here.
    """
    path = Path(source)
    if source == PACK or (path.is_file() and _is_pack(path)):
        pack = load_pack(None if source == PACK else path, [feature.name for feature in catalogue(extras)])
        return Indicators(pack, tables.lines, tables.outcomes, tables.target), []
    known = fields(extras)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        found = read_rules(path, known, today=date.min)
        if not found.rules:
            raise RuleError(found.problems[0])
        return Rules(found.rules), found.problems
    with Store.open(settings().store_url) as store:
        versions = Rulebook(store).all(source)
    if not versions:
        raise UsageError(
            f"{source!r} is neither a file of rules nor the id of a rule in the store; {PACK!r} means the indicators"
        )
    try:
        return Rules([compile_rule(versions[-1].rule, known)]), []
    except ExpressionError as error:
        raise RuleError(f"rule {source!r}, when: {error}") from None


def _is_pack(path: Path) -> bool:
    """Whether a file says of itself that it is a pack of indicators."""
    with path.open("rb") as file:
        return re.search(rb"^(pack|checksum):", file.read(65_536), re.MULTILINE) is not None


def _span(asked: Asked, tables: Tables, model: RiskModel | None, notes: list[str]) -> Span:
    """The span asked for; by default what the model was not trained on, else the last months."""
    filed = tables.lines["filed_at"]
    first, end = filed.min(), filed.max() + pd.Timedelta(microseconds=1)
    spans = {} if model is None else model.facts.get("spans", {})
    unseen = pd.Timestamp(spans["test"]["from"]) if "test" in spans else None
    default = max(first, end - pd.Timedelta(days=DAYS)).floor("D")
    if unseen is not None and first <= unseen < end:
        default = unseen
    span = Span(_moment(asked.start, tables) or default, _moment(asked.until, tables) or end)
    if span.start >= span.before:
        raise UsageError(f"the span begins {utc(span.start)} and ends {utc(span.before)}; give --from before --until")
    if unseen is not None and span.start < unseen:
        notes.append(
            f"the model was trained on consignments filed before {utc(unseen)}; there it looks better than it is"
        )
    return span


def _moment(moment: datetime | None, tables: Tables) -> pd.Timestamp | None:
    if moment is None:
        return None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=tables.time_zone)
    return pd.Timestamp(zoned.astimezone(UTC))


def print_backtest(found: Mapping[str, Any]) -> None:
    """The figures for a person: how often each rule fires, what was found there, what it would displace."""
    compared = found["top"] is not None
    out.print(_volumes(found, compared))
    out.print(_findings(found, compared))
    for entry in found["rules"] if compared else []:
        out.print(f"{entry['id']}: {_displacing(entry['model'])}", markup=False)
    out.print(
        "Precision is the share of positives among those whose outcome is known, with 95 % intervals; what was not "
        "inspected counts neither way. Weighted: each counts as much as its inspection was unlikely."
    )
    for note in [*found["notes"], *(f"left out: {problem}" for problem in found["problems"])]:
        say(f"note: {note}")


def _volumes(found: Mapping[str, Any], compared: bool) -> Table:
    table = Table(title=f"{found['consignments']:,} consignments, {found['from'][:10]} to {found['before'][:10]}")
    table.add_column("fires on", overflow="fold")
    for name in ("hits", "share", "a week", "most", "busiest office's most", "not evaluable"):
        table.add_column(name, justify="right")
    if compared:
        table.add_column("in model's top", justify="right")
    for entry in found["rules"]:
        busiest = max(entry["by_week_and_office"], key=lambda row: row["hits"], default=None)
        share = entry["model"]["share_of_hits_in_top"] if compared else None
        table.add_row(
            entry["id"],
            f"{entry['hits']:,}",
            f"{100 * entry['share']:.2f} %",
            f"{entry['a_week']['median']:g}",
            f"{entry['a_week']['most']:,}",
            "-" if busiest is None else f"{busiest['hits']:,} {busiest['office']}",
            f"{entry['not_evaluable']:,}",
            *(["-" if share is None else f"{share:.0%}"] if compared else []),
        )
    return table


def _findings(found: Mapping[str, Any], compared: bool) -> Table:
    table = Table(title="What was found there")
    table.add_column("precision on", overflow="fold")
    for name in ("random stream", "all inspected", "weighted"):
        table.add_column(name, justify="right")
    for entry in found["rules"]:
        table.add_row(entry["id"], *_precision(entry))
    table.add_section()
    table.add_row("everything", *_precision(found["all"]))
    if compared:
        table.add_row(f"model's top {found['top']['inspections']:,}", *_precision(found["top"]))
    return table


def _precision(entry: Mapping[str, Any]) -> list[str]:
    random, inspected = entry["random"], entry["inspected"]
    counted = [f"{part['positives']}/{part['inspected']} {_share(part['precision'])}" for part in (random, inspected)]
    return [*counted, _share(inspected["weighted"])]


def _share(figure: Mapping[str, float | None]) -> str:
    """A figure with its interval in few characters, as `37 % (25-50)`."""
    if figure["value"] is None:
        return "-"
    value, low, high = (f"{100 * (figure[name] or 0.0):.3g}" for name in ("value", "low", "high"))
    return f"{value} % ({low}-{high})"


def _displacing(model: Mapping[str, Any]) -> str:
    taken, displaced = model["taken_in"], model["displaced"]
    if not taken["consignments"]:
        return "changes nothing in the model's selection"

    def said(group: Mapping[str, Any]) -> str:
        known = group["inspected"]
        return (
            f"{group['consignments']:,} consignments, of which {known['inspected']:,} were inspected and "
            f"{known['positives']:,} positive ({group['expected_by_model']:g} expected by the model)"
        )

    return f"takes in {said(taken)}; displaces {said(displaced)}"
