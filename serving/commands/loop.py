"""`risk simulate-loop`: ways of selecting side by side, week by week, on simulated trade or on a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="simulate-loop")
    def simulate_loop(
        directory: Annotated[Path, typer.Argument(help="Folder for the weeks (CSV), figures and plots.")],
        weeks: Annotated[int, typer.Option(min=8, help="Weeks of simulated trade that are selected.")] = 104,
        strategies: Annotated[str, typer.Option(help="Names, with commas between them; all by default.")] = "",
        seeds: Annotated[str, typer.Option(help="How many worlds (3), or which (4,5,6).")] = "3",
        lines: Annotated[int, typer.Option(min=1000, help="Goods lines of a simulated world, about.")] = 300_000,
        capacity: Annotated[float, typer.Option(help="Inspections a week: a share below 1, else a number.")] = 0.01,
        consignments: Annotated[
            list[Path] | None, typer.Option(help="A table of inspected consignments in place of simulated trade.")
        ] = None,
        outcomes: Annotated[list[Path] | None, typer.Option(help="Its outcomes.")] = None,
        mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
        label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to learn.")] = None,
        json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    ) -> None:
        """Run the loop of selecting, inspecting and learning for each strategy; what is finished is not run again."""
        from serving.learning_loop import run_loops
        from serving.terminal import out, print_json, say
        from training.simulation.loop_report import table

        numbers = [int(part) for part in seeds.split(",")]
        found: dict[str, Any] = run_loops(
            directory,
            weeks=weeks,
            strategies=[name.strip() for name in strategies.split(",") if name.strip()],
            seeds=list(range(1, numbers[0] + 1)) if len(numbers) == 1 else numbers,
            lines=lines,
            capacity=capacity,
            consignments=consignments or [],
            outcomes=outcomes or [],
            mapping=mapping,
            label=label,
        )
        if json:
            print_json(found)
            return
        out.print(table(found), markup=False)
        say(f"figures, weeks and plots are in {directory} (loop.md)")
