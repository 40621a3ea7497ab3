"""What the weekly loop showed: strategies side by side, differences paired by world, plots over the weeks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

BASE: Final = "exploit only"
"""What every strategy is compared with."""
SMOOTH: Final = 8
"""Weeks over which hits a week are averaged in the plot."""
PLOTS: Final = {
    "hits": "Hits a week (mean of 8 weeks)",
    "recall": "Recall of all there was to catch (8 weeks)",
    "cumulated": "Hits, cumulated",
    "new": "First finds of their goods and country pair, cumulated",
    "estimate": "Found by all inspections: estimated over true (cumulated)",
}


def summary(weeks: pd.DataFrame, drift_week: int | None) -> dict[str, Any]:
    """Figures of each strategy over worlds, and of each less BASE in the same world; intervals are 95 %.

    `weeks` has the columns of `loop.Week`, `strategy` and `seed`. Worlds are the unit of the intervals (Student's t);
    one world has none.
    """
    spans = {"all weeks": weeks}
    if drift_week is not None:
        spans |= {"before the drift": weeks[weeks["week"] < drift_week]}
        spans |= {"after the drift": weeks[weeks["week"] >= drift_week]}
    found: dict[str, Any] = {"worlds": int(weeks["seed"].nunique()), "weeks": int(weeks["week"].max()) + 1}
    for span, rows in spans.items():
        sums = rows.groupby(["strategy", "seed"], sort=False).sum(numeric_only=True)
        figures = pd.DataFrame(
            {
                "hits": sums["hits"],
                "recall": sums["hits"] / sums["smuggled"].clip(lower=1),
                "precision": sums["hits"] / sums["inspections"],
                "new_hits": sums["new_hits"],
                "smuggled": sums["smuggled"],
            }
        )
        found[span] = {str(name): _figures(figures, str(name)) for name in figures.index.unique("strategy")}
    return found


def _figures(figures: pd.DataFrame, name: str) -> dict[str, Any]:
    mine = figures.loc[name]
    entry: dict[str, Any] = {column: interval(np.asarray(mine[column], np.float64)) for column in figures.columns}
    if BASE in figures.index.unique("strategy") and name != BASE:
        less = (mine - figures.loc[BASE]).dropna()
        entry["less_exploit_only"] = {
            column: interval(np.asarray(less[column], np.float64)) for column in ("hits", "recall", "new_hits")
        }
    return entry


def interval(values: Float64) -> dict[str, float | None]:
    """The mean and its 95 % interval by Student's t; no interval for a single value."""
    from scipy.stats import t

    mean, n = float(values.mean()), len(values)
    if n < 2:
        return {"value": round(mean, 4), "low": None, "high": None}
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return {"value": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def table(found: Mapping[str, Any], span: str = "all weeks") -> str:
    """The figures of a span as a Markdown table."""
    rows = ["| strategy | recall | hits | recall less exploit only | first finds |", "| --- | --- | --- | --- | --- |"]
    for name, entry in found[span].items():
        less = _text(entry["less_exploit_only"]["recall"], 3, sign=True) if "less_exploit_only" in entry else ""
        rows.append(
            f"| {name} | {_text(entry['recall'], 3)} | {_text(entry['hits'], 1)} | {less} "
            f"| {_text(entry['new_hits'], 1)} |"
        )
    return "\n".join(rows)


def _text(figure: Mapping[str, float | None], digits: int, sign: bool = False) -> str:
    form = f"{{:{'+' if sign else ''}.{digits}f}}"
    value = form.format(figure["value"])
    return (
        value if figure["low"] is None else f"{value} ({form.format(figure['low'])} to {form.format(figure['high'])})"
    )


def write(folder: Path, weeks: pd.DataFrame, drift_week: int | None, title: str) -> dict[str, Any]:
    """Write loop.json, loop.md and the plots into the folder; returns the figures."""
    found = summary(weeks, drift_week)
    (folder / "loop.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    spans = [name for name in found if isinstance(found[name], dict)]
    parts = [f"## {span[0].upper()}{span[1:]}\n\n{table(found, span)}\n" for span in spans]
    pictures = "\n".join(f"![{words}]({name}.png)" for name, words in PLOTS.items())
    text = f"# {title}\n\n{found['worlds']} worlds of {found['weeks']} weeks; intervals are 95 % over worlds.\n\n"
    (folder / "loop.md").write_text(text + "\n".join(parts) + "\n" + pictures + "\n", encoding="utf-8")
    for name, words in PLOTS.items():
        _plot(folder / f"{name}.png", name, words, weeks, drift_week)
    return found


def _plot(path: Path, name: str, words: str, weeks: pd.DataFrame, drift_week: int | None) -> None:
    from matplotlib.figure import Figure  # half a second to import

    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for strategy, rows in weeks.groupby("strategy", sort=False):
        by_week = rows.groupby("week").sum(numeric_only=True)
        lately = by_week.rolling(SMOOTH, min_periods=1).sum()
        worlds = rows["seed"].nunique()
        course = {
            "hits": lately["hits"] / worlds / np.minimum(lately.index.to_numpy() + 1, SMOOTH),
            "recall": lately["hits"] / lately["smuggled"].clip(lower=1),
            "cumulated": by_week["hits"].cumsum() / worlds,
            "new": by_week["new_hits"].cumsum() / worlds,
            "estimate": by_week["estimate"].cumsum() / by_week["to_find"].cumsum().clip(lower=1),
        }[name]
        axes.plot(course.index, course, lw=2.4 if strategy == BASE else 1.4, label=str(strategy))
    if drift_week is not None:
        axes.axvline(drift_week, color="#8a8a8a", lw=1, ls=":")
    axes.set_title(words, loc="left", fontsize=12)
    axes.set_xlabel("week")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    figure.savefig(path, dpi=120)
