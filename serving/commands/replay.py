"""`risk replay`: make a stored assessment again and see whether it is the same."""

from __future__ import annotations

from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def replay(
        assessment: Annotated[str, typer.Argument(help="Id of a stored assessment.")],
        json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> int:
        """Make a stored assessment again from what was stored; exit status 1 when it differs."""
        from serving.modelling import registry
        from serving.replay import described
        from serving.replay import replay as again
        from serving.settings import settings
        from serving.store import Store
        from serving.terminal import out, print_json

        with Store.open(settings().store_url, create=False) as store:
            found = again(store, registry(), assessment)
        if json:
            print_json(found.content())
        else:
            for line in described(found):
                out.print(line, markup=False)
        return 0 if found.same else 1
