"""The report on a model as one HTML page that needs nothing else: figures, plots, slices, hits and misses.

Owns the page. The figures are those of the model's facts; the plots are the files of the report.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.model import RiskModel

Float64 = NDArray[np.float64]

SHOWN: Final = 10
SLICE_POSITIVES: Final = 5
"""Slices with fewer positives are left out: a figure of so few says nothing."""
INSPECTED: Final = 0.05
"""Share inspected at which slices are measured."""
PARTS: Final = {
    "test": "Among consignments inspected",
    "test_weighted": "Weighted to all consignments by inverse propensity",
    "test_random_stream": "On the random stream alone",
}


@dataclass(frozen=True)
class Tested:
    """The consignments of the test: arrays of length n; `order` are positions from the highest risk down."""

    lines: pd.DataFrame
    label: Float64
    probability: Float64
    order: NDArray[np.int64]
    slices: Mapping[str, NDArray[np.object_]]


def write_page(folder: Path, model: RiskModel, tested: Tested) -> None:
    """Write report.html into the folder of the report, with the plots that lie there inside."""
    from jinja2 import Environment

    pictures = {path.stem: base64.b64encode(path.read_bytes()).decode("ascii") for path in sorted(folder.glob("*.png"))}
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)
    facts = dict(model.facts)
    text = page.render(
        facts=facts,
        parts=[(words, facts["metrics"][name]) for name, words in PARTS.items() if name in facts["metrics"]],
        baselines=[("this model", facts["metrics"]["test"]), *facts["baselines"].items()],
        capacity=f"{min(facts['capacities']):g}",
        slices=slices(tested),
        months=months(tested),
        hits=_rows(tested, 1.0),
        misses=_rows(tested, 0.0),
        unfound=_rows(tested, 1.0, last=True),
        importance=list(facts["importance"].items())[:20],
        monotone=[f.name for f in model.features if f.sign],
        pictures=pictures,
        calibration=model.calibration.to_json()["kind"],
        figure=_figure,
    )
    (folder / "report.html").write_text(text, encoding="utf-8")


def slices(tested: Tested) -> list[dict[str, Any]]:
    """Positives found in each slice when INSPECTED of all is inspected by risk, and expected against found."""
    selected = np.zeros(len(tested.label), bool)
    selected[tested.order[: max(1, round(INSPECTED * len(tested.label)))]] = True
    found = []
    for kind, values in tested.slices.items():
        for value in pd.unique(values):
            inside = values == value
            positives = int(tested.label[inside].sum())
            if positives >= SLICE_POSITIVES:
                found.append(
                    {
                        "slice": f"{kind}: {value}",
                        "consignments": int(inside.sum()),
                        "positives": positives,
                        "recall": float(tested.label[inside & selected].sum()) / positives,
                        "expected": float(tested.probability[inside].sum()),
                    }
                )
    return found


def months(tested: Tested) -> list[dict[str, Any]]:
    """Expected and found in each month of the test."""
    month = tested.lines["filed_at"].dt.strftime("%Y-%m").to_numpy(object)
    return [
        {
            "month": value,
            "consignments": int((month == value).sum()),
            "expected": float(tested.probability[month == value].sum()),
            "found": int(tested.label[month == value].sum()),
        }
        for value in sorted(set(month))
    ]


def _rows(tested: Tested, label: float, last: bool = False) -> list[dict[str, Any]]:
    """The riskiest (or least risky) consignments of a label, with their place."""
    ranked = [(place, at) for place, at in enumerate(tested.order.tolist(), 1) if tested.label[at] == label]
    shown = ranked[-SHOWN:] if last else ranked[:SHOWN]
    return [
        {
            "place": place,
            "consignment": str(tested.lines["consignment_id"].iloc[at]),
            "probability": float(tested.probability[at]),
            "goods": str(tested.lines["description"].iloc[at]) if "description" in tested.lines else "",
        }
        for place, at in shown
    ]


def _figure(figure: Mapping[str, float | None]) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "not to be had"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Model report: {{ facts.target.name }}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1d2a33}
table{border-collapse:collapse;margin:.6rem 0 1.4rem}td,th{padding:.2rem .8rem .2rem 0;text-align:left;
border-bottom:1px solid #dde3e7;font-variant-numeric:tabular-nums}img{max-width:100%}h1,h2,h3{color:#1b4965}
.note{background:#fbf1e4;padding:.5rem .8rem}
</style></head><body>
<h1>Model report: {{ facts.target.name }}</h1>
{% if facts.simulated %}<p class="note">Trained on a simulated world. Every figure here is simulated.</p>{% endif %}
<p>{{ "{:,}".format(facts.data.consignments) }} consignments filed {{ facts.data.filed_from[:10] }} to
{{ facts.data.filed_to[:10] }}; data fingerprint {{ facts.data.fingerprint }}. Tested on
{{ facts.spans.test.from[:10] }} to {{ facts.spans.test.before[:10] }}, later than everything it learned from.
Calibration: {{ calibration }}. Intervals are 95&nbsp;% bootstrap intervals over consignments.</p>
<h2>Labels</h2>
<table><tr><th>span</th><th>labelled lines</th><th>positives</th><th>random stream</th>
<th>effective sample size</th></tr>
{% for name, entry in facts.labels.items() %}<tr><td>{{ name }}</td><td>{{ entry.labelled }}</td>
<td>{{ entry.positives }}</td><td>{{ entry.random_stream }}</td><td>{{ entry.effective_sample_size }}</td></tr>
{% endfor %}</table>
{% for words, part in parts %}
<h2>{{ words }}</h2><p>{{ part.consignments }} consignments, {{ part.positives }} positive.</p>
{% if part.positives %}<table><tr><th>inspected</th><th>precision</th><th>recall</th><th>lift</th></tr>
{% for share, entry in part.precision_at.items() %}<tr><td>{{ share }}</td><td>{{ figure(entry) }}</td>
<td>{{ figure(part.recall_at[share]) }}</td><td>{{ figure(part.lift_at[share]) }}</td></tr>{% endfor %}</table>
<p>PR-AUC {{ figure(part.pr_auc) }}, ROC-AUC {{ figure(part.roc_auc) }}, calibration error
{{ figure(part.calibration_error) }}.</p>{% endif %}
{% endfor %}
<h2>Against simple rankings, {{ capacity }} inspected</h2>
<table><tr><th>ranking</th><th>precision</th><th>recall</th></tr>
{% for name, found in baselines %}<tr><td>{{ name | replace("_", " ") }}</td>
<td>{{ figure(found.precision_at[capacity]) }}</td><td>{{ figure(found.recall_at[capacity]) }}</td></tr>
{% endfor %}</table>
{% for name, data in pictures.items() %}<h3>{{ name }}</h3>
<img alt="{{ name }}" src="data:image/png;base64,{{ data }}">
{% endfor %}
<h2>Month by month</h2>
<table><tr><th>month</th><th>consignments</th><th>expected finds</th><th>found</th></tr>
{% for row in months %}<tr><td>{{ row.month }}</td><td>{{ row.consignments }}</td>
<td>{{ "%.1f" % row.expected }}</td><td>{{ row.found }}</td></tr>{% endfor %}</table>
<h2>Slices with at least 5 positives, 5&nbsp;% inspected</h2>
<table><tr><th>slice</th><th>consignments</th><th>positives</th><th>recall</th><th>expected finds</th></tr>
{% for row in slices %}<tr><td>{{ row.slice }}</td><td>{{ row.consignments }}</td><td>{{ row.positives }}</td>
<td>{{ "%.2f" % row.recall }}</td><td>{{ "%.1f" % row.expected }}</td></tr>{% endfor %}</table>
{% for title, rows in (("Top hits", hits), ("Top of those where nothing was found", misses),
("Finds ranked lowest", unfound)) %}
<h2>{{ title }}</h2><table><tr><th>place</th><th>consignment</th><th>probability</th><th>goods</th></tr>
{% for row in rows %}<tr><td>{{ row.place }}</td><td>{{ row.consignment }}</td>
<td>{{ "%.4f" % row.probability }}</td><td>{{ row.goods }}</td></tr>{% endfor %}</table>
{% endfor %}
<h2>What the trees use most</h2>
<table>{% for name, gain in importance %}<tr><td>{{ name | replace("_", " ") }}</td><td>{{ gain }}</td></tr>
{% endfor %}</table>
<p>The risk may only rise with, or only fall with, {{ monotone | length }} features whose sign is known.</p>
<h2>Trials on the validation time</h2>
<table><tr><th>features</th><th>trees</th><th>number</th><th>log loss</th><th>average precision</th></tr>
{% for trial in facts.trials %}<tr><td>{{ trial.features }}</td><td>{{ trial["shape"] }}</td><td>{{ trial.trees }}</td>
<td>{{ trial.log_loss }}</td><td>{{ trial.average_precision }}</td></tr>{% endfor %}</table>
<p>A score is a lead, never proof. Limits: see the model card.</p>
</body></html>
"""
