"""The main job end to end on a simulated world: what `risk demo` does and shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.table import Table

from features.build import build
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.inspection import Target
from risk.layout import column_names, utc
from risk.model import RiskModel
from serving.access import people
from serving.access.passwords import new_password
from serving.access.principal import local
from serving.access.roles import Role
from serving.batch import save_assessments
from serving.importer import import_files
from serving.knowledge import knowledge, learn_statistics
from serving.modelling import Made, train_tables, training_json
from serving.past import past_from_tables
from serving.results import write_results
from serving.scorer import Assessments, assess, model_target
from serving.settings import settings, use_home
from serving.store import Store
from serving.tables import Tables
from serving.terminal import out, print_json, steps
from serving.worklist import print_worklist
from training.dataset import by_consignment
from training.report import compare_plot
from training.simulation import truth as yardstick
from training.simulation.messages import cuscar
from training.simulation.world import World, simulate

SHOWN: Final = 10
DEMO_NAME: Final = "demo"
RANKINGS: Final = {
    "model": "this model",
    "rules": "the rules in force until then",
    "propensity": "the simulator itself (no model can do better)",
    "random": "chance",
}
DRAWN: Final = np.geomspace(0.001, 0.2, 80)
"""Shares of inspections at which the picture shows what is found."""


def run_demo(folder: Path, *, lines: int, seed: int, as_json: bool = False) -> None:
    """Simulate, import, train, register, score the last day; leave everything in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    use_home(folder)
    with steps() as progress:
        progress.begin("Simulating trade")
        world = simulate(lines=lines, seed=seed, progress=progress.detail)
        world.write(folder / "world")
        files = [folder / "world" / "consignments.parquet", folder / "world" / "outcomes.parquet"]
        with Store.open(settings().store_url) as store:
            import_files(store, files, progress)
            progress.begin("Reading the store")
            filed, outcomes = store.consignments(), store.outcomes()
        last_day = filed["filed_at"].max().floor("D")
        past, manifest = filed[filed["filed_at"] < last_day], filed[filed["filed_at"] >= last_day]
        known = outcomes[outcomes["recorded_at"] < last_day]
        tables = Tables(past, known, Target(), 0, "simulated world")
        made = train_tables(tables, progress, seed=seed, simulated=True)
        progress.begin("Holding the model against the truth")
        found = _against_truth(made.trained.model, tables, world, folder / "found.png")
        progress.begin("Learning what is usual")
        with Store.open(settings().store_url) as store:
            learn_statistics(store, tables.target, last_day.to_pydatetime())
            known = knowledge(store, last_day, tables.target)
        progress.begin("Scoring the last day")
        assessed = assess(
            manifest.reset_index(drop=True),
            past_from_tables(filed, outcomes, manifest, tables.target, settings().threads),
            made.trained.model,
            capacity=settings().capacity,
            seed=settings().seed,
            random_share=settings().random_share,
            explained=len(manifest),
            known=known,
            model_version=made.registered.version,
            threads=settings().threads,
        )
        with Store.open(settings().store_url) as store:
            save_assessments(store, assessed)
            password = _demo_person(store)
        write_results(assessed.table, folder / "worklist.csv")
        named = _write_manifest(manifest, folder / "manifest.edi")
        login = folder / "login.txt"
        login.write_text(f"{DEMO_NAME}\n{password}\n", encoding="utf-8")
        login.chmod(0o600)
    counts = _counts(world)
    if as_json:
        print_json({**counts, "against_truth": found, "training": training_json(made)})
        return
    _print(folder, counts, found, made, assessed, manifest, last_day)
    _print_next(folder, password, named)


def _demo_person(store: Store) -> str:
    """Somebody with every role, and a new password for them; the data are simulated, so one may see all."""
    roles, password, now = [role.value for role in Role], new_password(), datetime.now(UTC)
    if DEMO_NAME in {user.name for user in people.listed(store)}:
        people.set_password(store, DEMO_NAME, password, local(), now)
    else:
        people.add(store, DEMO_NAME, password, roles, None, local(), now)
    return password


def _write_manifest(lines: pd.DataFrame, path: Path) -> bool:
    """The bills by sea as the cargo report that a carrier would send; whether there are any."""
    by_sea = lines[lines["mode"] == "sea"]
    if len(by_sea):
        with path.open("w", encoding="utf-8") as file:
            cuscar.write(by_sea.reindex(columns=column_names(CONSIGNMENTS)), file)
    return len(by_sea) > 0


def _against_truth(model: RiskModel, tables: Tables, world: World, picture: Path) -> dict[str, Any]:
    """How the model ranks every consignment of its test time, held against what the simulator knows."""
    test = model.facts["spans"]["test"]
    start, end = pd.Timestamp(test["from"]), pd.Timestamp(test["before"])
    reads = ((tables.lines["filed_at"] >= start) & (tables.lines["filed_at"] < end)).to_numpy()
    table, _ = build(
        tables.lines,
        State(),
        outcomes=tables.outcomes,
        reads=reads,
        target=model_target(model),
        threads=settings().threads,
    )
    scores = model.score(table)
    ids = tables.lines.loc[reads, "consignment_id"]
    line, _ = by_consignment(ids, scores.probability, scores.raw)
    ranked = pd.Series(scores.raw[line], index=ids.iloc[line])
    course = yardstick.evaluate(ranked, world.truth, DRAWN.tolist())
    recalls = {words: [course[f"{share:g}"][name]["recall"] for share in DRAWN] for name, words in RANKINGS.items()}
    compare_plot(picture, "Wildlife smuggling found by inspections (simulated)", DRAWN, recalls)
    return yardstick.evaluate(ranked, world.truth)


def _counts(world: World) -> dict[str, Any]:
    consignments = world.truth
    return {
        "simulated": True,
        "consignments": len(consignments),
        "lines": len(world.consignments),
        "days": int(np.ceil((world.consignments["filed_at"].max() - world.consignments["filed_at"].min()).days)),
        "inspected": int(consignments["inspected"].sum()),
        "smuggled": int(consignments["smuggled"].sum()),
        "seizures": int((world.outcomes["result"] == "wildlife").sum()),
    }


def _print(
    folder: Path,
    counts: Mapping[str, Any],
    found: Mapping[str, Any],
    made: Made,
    assessed: Assessments,
    manifest: pd.DataFrame,
    last_day: pd.Timestamp,
) -> None:
    test = made.trained.report["spans"]["test"]
    out.print()
    out.print("[bold]A simulated world of trade[/bold] (every figure below is simulated)")
    out.print(
        f"{counts['consignments']:,} consignments over {counts['days']:,} days, {counts['inspected']:,} inspected, "
        f"{counts['seizures']:,} wildlife seizures; {counts['smuggled']:,} carried wildlife."
    )
    table = Table(title=f"Smuggling found with 1 % inspected, {test['from'][:10]} to {test['before'][:10]}")
    for name in ("ranked by", "recall", "precision"):
        table.add_column(name, justify="left" if name == "ranked by" else "right")
    for name, words in RANKINGS.items():
        figures = found["0.01"][name]
        table.add_row(words, f"{figures['recall']:.1%}", f"{figures['precision']:.2%}")
    out.print(table)
    out.print(f"\n[bold]The most suspicious consignments of {utc(last_day)[:10]}[/bold]\n")
    print_worklist(assessed, manifest, SHOWN)


def _print_next(folder: Path, password: str, manifest: bool) -> None:
    report = "its bills by sea as a cargo report (manifest.edi, CUSCAR), " if manifest else ""
    out.print(
        f"\nLeft in {folder}/: the simulated files (world/), the store (risk.db), the model and its card (mlruns/), "
        f"the whole day (worklist.csv),\n{report}what is found with how many inspections (found.png).\n"
        "Next:\n"
        f"  risk --home {folder} serve\n"
        f"      then open http://127.0.0.1:8000 and sign in as {DEMO_NAME} with {password}\n"
        f"      (kept in {folder}/login.txt)",
        highlight=False,
    )
    if manifest:
        out.print(
            f"  risk --home {folder} score {folder}/manifest.edi -o {folder}/manifest.csv\n"
            "      scores a message, or one of your own (docs/formats.md)",
            highlight=False,
        )
    out.print("  risk train --help\n      trains on your own inspections", highlight=False)
