"""`risk promote`: which registered model is the champion."""

from __future__ import annotations

from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def promote(version: Annotated[str, typer.Argument(help="Version of the model that becomes champion.")]) -> None:
        """Make a registered version the champion that scores."""
        from serving.modelling import registry
        from serving.terminal import say

        registry().promote(version)
        say(f"version {version} is champion")
