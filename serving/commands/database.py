"""`risk db`: the tables of the store."""

from __future__ import annotations

import typer

app = typer.Typer(help="The store's tables.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the store's tables to the version of this program; nothing is lost."""
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    before, after = Store.upgrade(settings().store_url)
    say(f"store at version {after}" + (" already" if before == after else f", was {before or 'empty'}"))


@app.callback()
def db() -> None:
    """The store's tables."""
