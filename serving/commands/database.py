"""`risk db`: the store as a whole: its version, backups, and how long personal data is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The store as a whole.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]


@app.command()
def upgrade() -> None:
    """Bring the store's tables to the version of this program; nothing is lost."""
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    before, after = Store.upgrade(settings().store_url)
    say(f"store at version {after}" + (" already" if before == after else f", was {before or 'empty'}"))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there.")], json: AsJson = False
) -> None:
    """Write the whole store into one file, with its SHA-256 beside it; others may go on working."""
    from serving import upkeep
    from serving.settings import settings
    from serving.terminal import print_json, say, steps

    with steps() as progress:
        progress.begin("Backing up")
        made = upkeep.backup(settings().store_url, file, progress.detail)
    if json:
        print_json({"file": str(file), **vars(made)})
    else:
        say(f"{file}: {sum(made.rows.values()):,} rows, version {made.version}, SHA-256 {made.sha256}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `risk db backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Also into a store that holds something; that goes.")] = False,
    json: AsJson = False,
) -> None:
    """Put a backup into an empty store, all or nothing. Stop the servers before; everybody signs in anew."""
    from serving import upkeep
    from serving.settings import settings
    from serving.terminal import print_json, say, steps

    with steps() as progress:
        progress.begin("Restoring")
        made = upkeep.restore(settings().store_url, file, force=force, progress=progress.detail)
    if json:
        print_json({"file": str(file), **vars(made)})
    else:
        say(f"{sum(made.rows.values()):,} rows restored from {file}; revoke again what was revoked after it was made")


@app.command()
def retain(
    before: Annotated[
        str, typer.Option("--before", help="ISO 8601 date or time (UTC); what is older loses its names.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
    json: AsJson = False,
) -> None:
    """Replace the personal data of what came before a date by pseudonyms, or remove it, for good (docs/access.md)."""
    from datetime import UTC, datetime

    from risk.errors import UsageError
    from serving import upkeep
    from serving.settings import settings
    from serving.terminal import print_json, say

    try:
        when = datetime.fromisoformat(before)
    except ValueError as error:
        raise UsageError(f"--before is {before!r}; an ISO 8601 date or time like 2024-06-30 is expected") from error
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    counts = upkeep.retain(settings(), when, dry_run=dry_run, reason=reason)
    if json:
        print_json({"dry_run": dry_run, "before": when, "rows": counts})
        return
    for name, rows in counts.items():
        typer.echo(f"{rows:>12,}  {name}")
    say("nothing was changed (dry run)" if dry_run else "done; older backups still hold what was replaced here")


@app.callback()
def db() -> None:
    """The store as a whole."""
