"""`risk demo`: the main job end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def demo(
        dir: Annotated[Path, typer.Option("--dir", help="Folder for everything the demo leaves.")] = Path("demo"),
        lines: Annotated[int, typer.Option(min=100_000, help="Goods lines to simulate.")] = 300_000,
        seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
        json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    ) -> None:
        """Simulate, import, train, register, score the last day, show the ten most suspicious consignments."""
        from serving.demonstration import run_demo

        run_demo(dir, lines=lines, seed=seed, as_json=json)
