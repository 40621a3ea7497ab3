"""`risk simulate`: a simulated world of trade and smuggling, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def simulate(
        directory: Annotated[Path, typer.Argument(help="Folder for consignments, outcomes and truth (Parquet).")],
        lines: Annotated[int, typer.Option(min=1000, help="Goods lines, about.")] = 300_000,
        days: Annotated[int, typer.Option(min=120, help="Days of trade.")] = 900,
        seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
        json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> None:
        """Write a simulated world of trade: consignments.parquet, outcomes.parquet and truth.parquet."""
        from serving.terminal import print_json, say, steps
        from training.simulation.world import simulate as make

        with steps() as progress:
            progress.begin("Simulating trade")
            world = make(lines=lines, days=days, seed=seed, progress=progress.detail)
            progress.begin("Writing files")
            world.write(directory)
        found = {
            "directory": str(directory),
            "lines": len(world.consignments),
            "consignments": int(world.consignments["consignment_id"].nunique()),
            "outcomes": len(world.outcomes),
            "wildlife_seizures": int((world.outcomes["result"] == "wildlife").sum()),
            "simulated": True,
        }
        if json:
            print_json(found)
        else:
            say(
                f"{found['consignments']:,} simulated consignments ({found['lines']:,} lines), "
                f"{found['outcomes']:,} outcomes, {found['wildlife_seizures']:,} wildlife seizures in {directory}"
            )
            say(f"next: risk train --consignments {directory}/consignments.parquet \\")
            say(f"                 --outcomes {directory}/outcomes.parquet")
