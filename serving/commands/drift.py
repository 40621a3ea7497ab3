"""`risk drift`: whether trade moved away from what the model learned."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.commands.model import Consignments, Label, Mapping, Outcomes


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def drift(
        consignments: Consignments = None,
        outcomes: Outcomes = None,
        mapping: Mapping = None,
        label: Label = None,
        recent: Annotated[int, typer.Option(min=1, help="Days that count as recent.")] = 28,
        json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    ) -> None:
        """Say how far features, scores and finds moved since the champion was tested, and whether to train again."""
        from serving.retraining import look_for_drift
        from serving.terminal import out, print_json
        from training.drift import sentences

        found = look_for_drift(consignments or [], outcomes or [], mapping, label, recent)
        if json:
            print_json(found)
            return
        for sentence in sentences(found):
            out.print(sentence, markup=False)
        for name, entry in list(found["features"].items())[:5]:
            out.print(f"  {name}: PSI {entry['psi']:.3f}", markup=False)
        for kind, entry in found["where"].items():
            out.print(f"  {kind}: PSI {entry['psi']:.3f}, most changed {entry['most_changed']}", markup=False)
