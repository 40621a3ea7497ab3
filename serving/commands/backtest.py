"""`risk backtest`: what rules would have done on stored history, before anybody has to work with them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def backtest(
        source: Annotated[
            str, typer.Argument(help="A file of rules or a pack (YAML), the id of a rule in the store, or: pack.")
        ],
        consignments: Annotated[
            list[Path] | None, typer.Option(help="Consignments; from the store if left out.")
        ] = None,
        outcomes: Annotated[list[Path] | None, typer.Option(help="Outcomes, unless the mapping brings them.")] = None,
        mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
        label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to take.")] = None,
        start: Annotated[datetime | None, typer.Option("--from", help="First day judged (UTC).")] = None,
        until: Annotated[datetime | None, typer.Option("--until", help="First day not judged any more (UTC).")] = None,
        capacity: Annotated[
            float | None, typer.Option(help="Inspections a week: a share of consignments below 1, else a number.")
        ] = None,
        model: Annotated[str, typer.Option(help="Model to compare with: champion, a version, or none.")] = "champion",
        json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    ) -> int:
        """Judge stored history with rules: volume, precision with intervals, overlap with the model, what gives way."""
        from serving.backtesting import Asked, print_backtest, run_backtest
        from serving.terminal import print_json

        asked = Asked(source, consignments or [], outcomes or [], mapping, label, start, until, capacity, model)
        found = run_backtest(asked)
        if json:
            print_json(found)
        else:
            print_backtest(found)
        return 3 if found["rejected"] or found["problems"] else 0
