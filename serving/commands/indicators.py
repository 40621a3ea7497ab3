"""`risk indicators`: what red flags compare with, learnt from the office's own filings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serving.store.statistics import Entry

app = typer.Typer(help="What red-flag indicators compare with.", no_args_is_help=True)


@app.command()
def learn(
    as_of: Annotated[
        str | None,
        typer.Option(help="What was filed or recorded before this ISO 8601 time (UTC); by default before today."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the statistics to a file.")] = None,
    keep_days: Annotated[int, typer.Option(min=1, help="Drop statistics learnt longer ago than this.")] = 400,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Learn reference statistics from the store, for every answer from that moment on; run it once a day."""
    from datetime import UTC, timedelta

    from risk.inspection import Target
    from serving import history_tables
    from serving.knowledge import learn_statistics
    from serving.settings import settings
    from serving.store import Store, statistics
    from serving.terminal import print_json, say, steps

    with Store.open(settings().store_url, create=False) as store, steps() as progress:
        progress.begin("Learning reference statistics")
        head = store.history_head()
        target = Target() if head is None else history_tables.target_of(head)
        entry = learn_statistics(store, target, _moment(as_of))
        with store.transaction() as connection:
            dropped = statistics.forget(connection, datetime.now(UTC) - timedelta(days=keep_days))
            content = statistics.content(connection, entry.fingerprint)
    if output is not None and content is not None:
        output.write_bytes(content)
    if json:
        print_json({**_shown(entry), "bytes": len(content or b""), "dropped": dropped})
    else:
        say(f"reference statistics {entry.fingerprint} as of {entry.as_of:%Y-%m-%d %H:%M} UTC, {len(content or b''):,} "
            f"bytes, for the target {entry.target!r}")  # fmt: skip
    return 0


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """The statistics in the store, the latest first."""
    from serving.settings import settings
    from serving.store import Store, statistics
    from serving.terminal import out, print_json

    with Store.open(settings().store_url, create=False) as store, store.reading() as connection:
        found = statistics.entries(connection)
    if json:
        print_json({"statistics": [_shown(entry) for entry in found]})
        return 0
    for entry in found:
        shown = _shown(entry)
        out.print(f"{shown['fingerprint']}  as of {shown['as_of']}  learnt {shown['learnt_at']}  for {entry.target}")
    if not found:
        out.print("no statistics; `risk indicators learn` makes them")
    return 0


def _moment(text: str | None) -> datetime | None:
    from datetime import UTC

    from risk.errors import UsageError

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--as-of is {text!r}; an ISO 8601 date or time like 2024-06-30 is expected") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shown(entry: Entry) -> dict[str, str]:
    from risk.layout import utc

    return {name: utc(value) if isinstance(value, datetime) else str(value) for name, value in vars(entry).items()}
