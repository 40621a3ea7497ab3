"""`risk compare`, `risk promote`, `risk rollback`: which registered model is the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Consignments = Annotated[
    list[Path] | None, typer.Option(help="Consignments; can be given several times. From the store if left out.")
]
Outcomes = Annotated[list[Path] | None, typer.Option(help="Outcomes, unless the mapping takes them along.")]
Mapping = Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")]
Label = Annotated[str | None, typer.Option(help="Which outcomes of the mapping to read.")]


def mount(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def compare(
        one: Annotated[str, typer.Argument(help="Alias or version.")] = "champion",
        other: Annotated[str, typer.Argument(help="Alias or version.")] = "challenger",
        consignments: Consignments = None,
        outcomes: Outcomes = None,
        mapping: Mapping = None,
        label: Label = None,
        json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    ) -> None:
        """Say which of two models finds more at capacity on later consignments, and whether the gates hold."""
        from serving.governance import compare_models, print_comparison
        from serving.terminal import print_json

        found = compare_models(one, other, consignments or [], outcomes or [], mapping, label)
        if json:
            print_json(found)
        else:
            print_comparison(found)

    @app.command()
    def promote(
        version: Annotated[str, typer.Argument(help="Version of the model that becomes champion.")],
        force: Annotated[str | None, typer.Option(help="Pass over the gates, for this reason; it is kept.")] = None,
        consignments: Consignments = None,
        outcomes: Outcomes = None,
        mapping: Mapping = None,
        label: Label = None,
    ) -> None:
        """Make a registered version the champion that scores, if every gate holds."""
        from serving.governance import promote as through_the_gates
        from serving.terminal import say

        say(through_the_gates(version, consignments or [], outcomes or [], mapping, label, force))

    @app.command()
    def rollback() -> None:
        """Make the version champion again that the present one replaced."""
        from serving.modelling import registry
        from serving.terminal import say

        say(f"version {registry().roll_back().version} is champion again")
