"""`risk train`: from history and outcomes to a registered model."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def train(
        consignments: Annotated[
            list[Path] | None,
            typer.Option(help="Consignments; can be given several times. From the store if left out."),
        ] = None,
        outcomes: Annotated[
            list[Path] | None,
            typer.Option(help="Outcomes, unless the mapping takes them from the consignments' files."),
        ] = None,
        mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
        label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to learn.")] = None,
        validate_from: Annotated[datetime | None, typer.Option(help="First day of the validation time.")] = None,
        test_from: Annotated[datetime | None, typer.Option(help="First day of the test time.")] = None,
        capacity: Annotated[
            float | None, typer.Option(help="Share inspected at which to report, such as 0.01.")
        ] = None,
        seed: Annotated[int, typer.Option(help="The same seed and data give the same model.")] = 1,
        budget: Annotated[
            str | None, typer.Option(help="Search for better parameters for this long, such as 10m; not by default.")
        ] = None,
        json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    ) -> int:
        """Train a model, test it on later time, log it to MLflow and register it."""
        from serving.modelling import print_training, train_and_register
        from serving.terminal import print_json

        found = train_and_register(
            consignments or [],
            outcomes or [],
            mapping=mapping,
            label=label,
            validate_from=validate_from,
            test_from=test_from,
            capacity=capacity,
            seed=seed,
            budget=budget,
        )
        if json:
            print_json(found)
        else:
            print_training(found)
        return 3 if found["rejected"] else 0
