"""`risk history`: the folded history as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="What was known about parties, routes and goods.", no_args_is_help=True)


@app.command()
def snapshot(
    output: Annotated[Path, typer.Option("--output", "-o", help="The history file to write.")],
    consignments: Annotated[list[Path] | None, typer.Option(help="Consignments; from the store if left out.")] = None,
    outcomes: Annotated[list[Path] | None, typer.Option(help="Outcomes, unless the mapping brings them.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
    label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to take.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> int:
    """Fold consignments and outcomes into a history file for `risk score --history`."""
    from features.snapshot import save_history
    from serving.past import described, fold_all
    from serving.scorer import Past
    from serving.settings import settings
    from serving.tables import load_tables
    from serving.terminal import print_json, say, steps

    with steps() as progress:
        tables = load_tables(consignments or [], outcomes or [], progress, mapping=mapping, label=label)
        progress.begin("Folding the history")
        state = fold_all(tables.lines, tables.outcomes, tables.target, settings().threads)
        progress.begin("Writing the history")
        save_history(state, output, target=tables.target)
    keys = sum(len(kind.compact().hashes) for kind in state.keys.values())
    found = {
        "output": str(output),
        "lines": len(tables.lines),
        "outcomes": len(tables.outcomes),
        "keys": keys,
        "rejected": tables.rejected,
    }
    if json:
        print_json(found)
    else:
        say(f"{output}: {keys:,} keys, {described(Past(state))}")
    return 3 if tables.rejected else 0
