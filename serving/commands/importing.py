"""`risk import`: consignments and outcomes from files into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.receipt import FORMATS, RECEIVED, receipt


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("import")
    def import_(
        files: Annotated[list[Path], typer.Argument(help=FORMATS)],
        mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
        label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to take.")] = None,
        sheet: Annotated[str | None, typer.Option(help="Sheet of an Excel workbook; the first with a header.")] = None,
        received_at: Annotated[str | None, typer.Option(help=RECEIVED)] = None,
        json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> int:
        """Put consignments and outcomes into the store; rejected records go to FILE.rejects.csv."""
        from serving.importer import import_files
        from serving.reading import load_mapping
        from serving.settings import settings
        from serving.store import Store
        from serving.terminal import print_json, say, steps

        with Store.open(settings().store_url) as store, steps() as progress:
            counts = import_files(
                store,
                files,
                progress,
                mapping=load_mapping(mapping),
                label=label,
                received_at=None if received_at is None else receipt(received_at),
                sheet=sheet,
            )
        if json:
            print_json(counts)
        else:
            say(
                f"read {counts['read']:,}, stored {counts['stored']:,}, already known {counts['known']:,}, "
                f"rejected {counts['rejected']:,}, cancelled {counts['cancelled']:,}"
            )
        return 3 if counts["rejected"] else 0
