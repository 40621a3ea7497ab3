"""`risk retrain` and `risk shadow`: the monthly job, and what a challenger would have said."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from serving.commands.model import Consignments, Label, Mapping, Outcomes


def mount(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def retrain(
        consignments: Consignments = None,
        outcomes: Outcomes = None,
        mapping: Mapping = None,
        label: Label = None,
        budget: Annotated[str | None, typer.Option(help="Search for better parameters for this long: 10m.")] = None,
        json: Annotated[bool, typer.Option("--json", help="Print what each step found as JSON.")] = False,
    ) -> None:
        """Measure drift, train, compare with the champion; what to decide is left in a file. Never promotes."""
        from serving.retraining import retrain as monthly
        from serving.terminal import print_json, say

        found = monthly(consignments or [], outcomes or [], mapping, label, budget)
        if json:
            print_json(found)
        else:
            say(f"version {found['version']} waits; read {found['decision']}")

    @app.command()
    def shadow(
        since: Annotated[datetime | None, typer.Option(help="Only what was scored since (UTC).")] = None,
        model: Annotated[str, typer.Option(help="Alias or version that scores in shadow.")] = "challenger",
        json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    ) -> None:
        """Let the challenger score what the champion scored, without effect, and say who would move lanes."""
        from datetime import UTC

        from serving.shadowing import print_difference, score_in_shadow
        from serving.terminal import print_json

        moment = since if since is None or since.tzinfo else since.replace(tzinfo=UTC)
        found = score_in_shadow(moment, model)
        if json:
            print_json(found)
        else:
            print_difference(found)
