"""`risk audit`: who saw and did what, and whether the record is whole."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Who saw and did what; whether that record is whole.", no_args_is_help=True)


@app.command()
def show(
    who: Annotated[str | None, typer.Option(help="What this person or system did (key:NAME).")] = None,
    subject: Annotated[str | None, typer.Option(help="What was done with this, by its id.")] = None,
    action: Annotated[str | None, typer.Option(help="Actions that begin so, such as worklist.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show so many, the last first.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Show the latest rows."""
    from risk.layout import utc
    from serving.settings import settings
    from serving.store import Store
    from serving.store.audit import Wanted, latest
    from serving.terminal import print_json, say

    with Store.open(settings().store_url, create=False) as store, store.reading() as connection:
        found = latest(connection, Wanted(who, subject, action), limit)
    if json:
        print_json([{"number": row.number, **vars(row.entry), "hash": row.hash} for row in found])
        return
    for row in found:
        one = row.entry
        said = f"{row.number:>8}  {utc(one.at)}  {one.who} ({one.how})  {one.action}  {one.subject}"
        typer.echo(said + (f"  {one.reason}" if one.reason else "") + (f"  {one.details}" if one.details else ""))
    if not found:
        say("nothing was recorded")


@app.command()
def head() -> None:
    """Print the end of the chain as NUMBER:HASH, to be kept where nobody who can write the store can."""
    from serving.settings import settings
    from serving.store import Store
    from serving.store import audit as table

    with Store.open(settings().store_url, create=False) as store, store.reading() as connection:
        typer.echo(str(table.head(connection)))


@app.command()
def verify(
    kept: Annotated[str | None, typer.Option("--head", help="A head kept earlier (NUMBER:HASH).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> int:
    """Hold every row against its hash and its predecessor; status 1 when one was changed, removed or moved.

    Rows cut off at the end can only be seen with --head.
    """
    from serving import audit
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say, steps

    wanted = None if kept is None else audit.parse_head(kept)
    with Store.open(settings().store_url, create=False) as store, store.reading() as connection, steps() as progress:
        progress.begin("Reading the audit")
        found = audit.verify(connection, wanted, lambda rows: progress.detail(f"{rows:,} rows"))
    if json:
        print_json({"sound": found.sound, "rows": found.rows, "head": str(found.head), "faults": found.faults,
                    "count": found.count})  # fmt: skip
        return 0 if found.sound else 1
    for fault in found.faults:
        typer.echo(fault)
    if found.count > len(found.faults):
        typer.echo(f"and {found.count - len(found.faults):,} more")
    say(f"{found.rows:,} rows, {'sound' if found.sound else 'NOT SOUND'}; the head is {found.head}")
    if found.sound and kept is None:
        say("without --head nothing can be said of rows cut off at the end")
    return 0 if found.sound else 1
