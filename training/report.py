"""What a person reads about a model: three plots, the model card, the catalogue of its features.

Owns the files of a run. The figures come from the model's own facts; nothing is computed twice.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from risk.model import RiskModel
from training.evaluate import calibration_curve, capacity_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float64 = NDArray[np.float64]

INK: Final = "#1b4965"
SECOND: Final = "#c1666b"
GREY: Final = "#8a8a8a"


def write(
    folder: Path, model: RiskModel, order: NDArray[np.int64], label: Float64, weight: Float64, probability: Float64
) -> None:
    """Write all files of the report on a model into a folder.

    `order`, `label`, `weight` and `probability` are those of the tested consignments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _capacity_plot(folder / "capacity.png", model, order, label)
    _calibration_plot(folder / "calibration.png", model, label, weight, probability)
    _importance_plot(folder / "importance.png", model)
    (folder / "model_card.md").write_text(card(model), encoding="utf-8")
    (folder / "report.json").write_bytes(orjson.dumps(dict(model.facts), option=orjson.OPT_INDENT_2))
    with (folder / "features.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "concept", "kind", "unit", "sign", "words"])
        rows.writerows([f.name, f.concept, f.kind, f.unit, f.sign, f.words] for f in model.features)


def figure_text(figure: Mapping[str, float | None], percent: bool = True) -> str:
    """A figure with its interval, as `38.2 % (30.1 to 46.0)`."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None or low is None or high is None:
        return "not to be had"
    if percent:
        return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def card(model: RiskModel) -> str:
    """The model card as Markdown."""
    facts = model.facts
    simulated = "\n> Trained on a simulated world. Every figure here is simulated.\n" if facts["simulated"] else ""
    spans = "\n".join(
        f"| {name} | {span['from'][:10]} | {span['before'][:10]} | {facts['rows'][name]:,} "
        f"| {facts['positives'][name]:,} | {facts['labels'][name]['random_stream']:,} "
        f"| {facts['labels'][name]['effective_sample_size']:,.0f} |"
        for name, span in facts["spans"].items()
    )
    tables = "\n\n".join(
        f"### {title}\n\n{_figures_table(facts['metrics'][name])}"
        for name, title in (
            ("test", "Among consignments inspected"),
            ("test_weighted", "Weighted to all consignments by inverse propensity"),
            ("test_random_stream", "On the random stream alone"),
        )
        if name in facts["metrics"]
    )
    capacity = f"{min(facts['capacities']):g}"
    baselines = "\n".join(
        f"| {name.replace('_', ' ')} | {figure_text(found['precision_at'][capacity])} "
        f"| {figure_text(found['recall_at'][capacity])} | {figure_text(found['pr_auc'], percent=False)} |"
        for name, found in [("this model", facts["metrics"]["test"]), *facts["baselines"].items()]
    )
    trials = "\n".join(
        f"| {trial['features']} | {trial['shape']} | {trial['trees']} | {trial['log_loss']:.5f} "
        f"| {trial['average_precision']:.4f} |"
        for trial in facts["trials"]
    )
    target = facts["target"]
    return f"""# Model card: {target["name"]}
{simulated}
**What it is for.** Ranks customs consignments by the probability that an inspection finds
{", ".join(target["positive"]).replace("_", " ")}, so that a limited number of inspections goes where it finds most.

**What it is not.** A score is a lead, never proof, and no ground to act on without an inspection. It is not made
for decisions on persons, and it knows only what seizures taught it: smuggling that nobody finds stays unseen.

## Data

{facts["data"]["consignments"]:,} consignments ({facts["data"]["lines"]:,} goods lines) filed
{facts["data"]["filed_from"][:10]} to {facts["data"]["filed_to"][:10]}, {facts["data"]["outcomes"]:,} outcomes;
fingerprint `{facts["data"]["fingerprint"]}`, reference data `{facts["reference"]}`.
Only inspected consignments have a label; lines not inspected are never negatives.
{facts["without_selection_probability"]:,} labels came without a selection probability and weigh 1.

| span | from | before | labelled lines | positives | random stream | effective sample size |
| --- | --- | --- | --- | --- | --- | --- |
{spans}

Between calibration and test lie {facts["gap_days"]} days, the time in which 95 % of outcomes are recorded.

## Figures on later time

Intervals are 95 % bootstrap intervals over consignments.

{tables}

### Against simple rankings, at {100 * float(capacity):g} % inspected, among consignments inspected

| ranking | precision | recall | average precision |
| --- | --- | --- | --- |
{baselines}

## How it was chosen

On the validation time; kept is the plainest (the first) within one standard error of the lowest log loss:

| features | trees | number | log loss | average precision |
| --- | --- | --- | --- | --- |
{trials}

Kept: {facts["parameters"]["shape"]} trees on {facts["parameters"]["feature_set"]}; {len(model.features)} features,
{facts["parameters"]["forests"]} forests of {facts["parameters"]["trees"]} trees, seed {facts["parameters"]["seed"]}.
Calibration: {model.calibration.to_json()["kind"]}.

## Limits

- The labels come from inspections that somebody chose; weights correct for that only as far as the recorded
  probabilities are right, and they are clipped.
- "Nothing found" after a shallow look is a noisy negative.
- Smugglers move: figures age, and hold for the test span above.
- Nationality is no feature. Routes are, and a route of high risk is mostly lawful trade.
"""


def _figures_table(found: Mapping[str, Any]) -> str:
    if not found["positives"]:
        return f"{found['consignments']:,} consignments, none positive: too few to measure anything."
    lines = ["| inspected | precision | recall | lift |", "| --- | --- | --- | --- |"]
    for capacity in sorted(found["precision_at"], key=float):
        lift = found["lift_at"][capacity]["value"]
        lines.append(
            f"| {100 * float(capacity):g} % | {figure_text(found['precision_at'][capacity])} "
            f"| {figure_text(found['recall_at'][capacity])} | {'' if lift is None else f'{lift:.1f}'} |"
        )
    lines.append(
        f"\n{found['consignments']:,} consignments, {found['positives']:,} positive. "
        f"PR-AUC {figure_text(found['pr_auc'], percent=False)}, "
        f"ROC-AUC {figure_text(found['roc_auc'], percent=False)}, "
        f"calibration error {figure_text(found['calibration_error'], percent=False)}."
    )
    return "\n".join(lines)


def _capacity_plot(path: Path, model: RiskModel, order: NDArray[np.int64], label: Float64) -> None:
    inspected, precision, recall = capacity_curve(order, label, np.ones(len(label)))
    rate = float(label.mean())
    axes = _axes(_title(model, "Found with a share of inspections"))
    start = max(1, len(label) // 1000)
    axes.plot(100 * inspected[start:], 100 * recall[start:], color=INK, lw=2.2, label="recall")
    axes.plot(100 * inspected[start:], 100 * precision[start:], color=SECOND, lw=2.2, ls="--", label="precision")
    axes.plot(100 * inspected, 100 * inspected, color=GREY, lw=1, ls=":", label="recall at random")
    axes.axhline(100 * rate, color=GREY, lw=1, label="precision at random")
    axes.set(xscale="log", xlabel="share inspected (%)", ylabel="%", ylim=(0, 102))
    axes.legend(frameon=False, loc="center right")
    _save(axes, path)


def compare_plot(path: Path, title: str, inspected: Float64, recalls: Mapping[str, Sequence[float]]) -> None:
    """Recall of several rankings over the share inspected (0 to 1), the first one drawn strongest."""
    axes = _axes(title)
    for (name, recall), color, style in zip(
        recalls.items(), (INK, SECOND, GREY, GREY), ("-", "--", "-.", ":"), strict=False
    ):
        axes.plot(
            100 * inspected,
            100 * np.asarray(recall),
            color=color,
            ls=style,
            lw=2.4 if style == "-" else 1.6,
            label=name,
        )
    axes.set(xscale="log", xlabel="share inspected (%)", ylabel="smuggling found (%)", ylim=(0, 102))
    ticks = [t for t in (0.1, 0.5, 1, 2, 5, 10, 20) if inspected[0] <= t / 100 <= inspected[-1] * 1.001]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
    axes.set_xticks([], minor=True)
    axes.get_figure().legend(frameon=False, loc="outside lower center", ncols=2)  # type: ignore[union-attr]
    _save(axes, path)


def _calibration_plot(path: Path, model: RiskModel, label: Float64, weight: Float64, probability: Float64) -> None:
    curve = calibration_curve(label, weight, probability)
    axes = _axes(_title(model, "Probability said and found"))
    top = 100 * max(max(point["said"], point["found"]) for point in curve) * 1.05 + 1e-9
    axes.plot([0, top], [0, top], color=GREY, lw=1, ls=":")
    axes.plot([100 * p["said"] for p in curve], [100 * p["found"] for p in curve], color=INK, marker="o", lw=1.5)
    axes.set(xlabel="probability said (%)", ylabel="found (%), weighted", xlim=(0, top), ylim=(0, top))
    _save(axes, path)


def _importance_plot(path: Path, model: RiskModel) -> None:
    gains = list(model.facts["importance"].items())[:20][::-1]
    total = sum(model.facts["importance"].values()) or 1.0
    axes = _axes(_title(model, "What the trees use most"), height=6.0)
    axes.barh([name.replace("_", " ") for name, _ in gains], [100 * gain / total for _, gain in gains], color=INK)
    axes.set(xlabel="share of the gain (%)")
    axes.tick_params(axis="y", labelsize=8)
    _save(axes, path)


def _title(model: RiskModel, text: str) -> str:
    return f"{text}{' (simulated)' if model.facts['simulated'] else ''}"


def _axes(title: str, height: float = 4.2) -> Axes:
    from matplotlib.figure import Figure  # half a second to import

    axes = Figure(figsize=(7.2, height), layout="constrained").add_subplot()
    axes.set_title(title, loc="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _save(axes: Axes, path: Path) -> None:
    axes.get_figure().savefig(path, dpi=120)  # type: ignore[union-attr]
