"""`risk score`: bulk scoring of manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.receipt import FORMATS, RECEIVED, receipt


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def score(
        manifests: Annotated[list[Path], typer.Argument(help=f"Manifests: {FORMATS}")],
        output: Annotated[Path, typer.Option("--output", "-o", help="Result file: .parquet, .csv or .jsonl.")],
        history: Annotated[
            Path | None, typer.Option(help="History file of `risk history snapshot`; from the store if left out.")
        ] = None,
        capacity: Annotated[
            float | None, typer.Option(help="Inspections: a number, or a share below 1. Default: RISK_CAPACITY.")
        ] = None,
        format: Annotated[str | None, typer.Option(help="parquet, csv or jsonl; else by the name's ending.")] = None,
        mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
        explain: Annotated[int, typer.Option(min=0, help="Give exact reasons to so many of the highest risk.")] = 100,
        sheet: Annotated[str | None, typer.Option(help="Sheet of an Excel workbook; the first with a header.")] = None,
        received_at: Annotated[str | None, typer.Option(help=RECEIVED)] = None,
        model: Annotated[str, typer.Option(help="Alias, version number or folder of the model.")] = "champion",
        statistics: Annotated[
            Path | None, typer.Option(help="Reference statistics of `risk indicators learn -o`; else from the store.")
        ] = None,
        language: Annotated[str, typer.Option(help="Language of the explanation: en, fr, vi or zh.")] = "en",
        show: Annotated[int, typer.Option(min=0, help="Print so many of the highest risk.")] = 10,
        json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> int:
        """Score manifests: probability, rank, lane and reasons for every consignment."""
        from serving.batch import score_files
        from serving.terminal import print_json
        from serving.worklist import print_worklist

        scored = score_files(
            manifests,
            output,
            history=history,
            capacity=capacity,
            format=format,
            mapping=mapping,
            explained=max(explain, 0 if json else show),
            model=model,
            received_at=receipt(received_at),
            sheet=sheet,
            statistics=statistics,
            language=language,
        )
        if json:
            print_json(scored.counts)
        else:
            print_worklist(scored.assessments, scored.lines, show, language)
        return 3 if scored.counts["rejected"] else 0
