"""`risk history`: the folded history as a file, and as tables of the store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serving.store import Store

app = typer.Typer(help="What was known about parties, routes and goods.", no_args_is_help=True)


@app.command()
def snapshot(
    output: Annotated[Path, typer.Option("--output", "-o", help="The history file to write.")],
    consignments: Annotated[list[Path] | None, typer.Option(help="Consignments; from the store if left out.")] = None,
    outcomes: Annotated[list[Path] | None, typer.Option(help="Outcomes, unless the mapping brings them.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
    label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to take.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> int:
    """Fold consignments and outcomes into a history file for `risk score --history`."""
    from features.snapshot import save_history
    from serving.past import described, fold_all
    from serving.scorer import Past
    from serving.settings import settings
    from serving.tables import load_tables
    from serving.terminal import print_json, say, steps

    with steps() as progress:
        tables = load_tables(consignments or [], outcomes or [], progress, mapping=mapping, label=label)
        progress.begin("Folding the history")
        state = fold_all(tables.lines, tables.outcomes, tables.target, settings().threads)
        progress.begin("Writing the history")
        save_history(state, output, target=tables.target)
    keys = sum(len(kind.compact().hashes) for kind in state.keys.values())
    found = {
        "output": str(output),
        "lines": len(tables.lines),
        "outcomes": len(tables.outcomes),
        "keys": keys,
        "rejected": tables.rejected,
    }
    if json:
        print_json(found)
    else:
        say(f"{output}: {keys:,} keys, {described(Past(state))}")
    return 3 if tables.rejected else 0


@app.command()
def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare the tables with a history folded anew.")] = False,
    mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) whose label says what a hit is.")] = None,
    label: Annotated[str | None, typer.Option(help="Which outcomes of the mapping to take.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> int:
    """Fold all filings and outcomes of the store into its history tables anew."""
    from risk.errors import UsageError
    from risk.inspection import Target
    from serving import history_tables
    from serving.reading import load_mapping
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say, steps

    rules = load_mapping(mapping)
    if label is not None and rules is None:
        raise UsageError(f"--label {label} names outcomes of a mapping file; give the file with --mapping")
    if check and rules is not None:
        raise UsageError("--check compares for the target that the tables have; leave --mapping out")
    with Store.open(settings().store_url, create=False) as store, steps() as progress:
        progress.begin("Folding the history")
        if check:
            return _check(store, as_json=json)
        head = store.history_head()
        kept = Target() if head is None else history_tables.target_of(head)
        target = kept if rules is None else rules.target(label)
        made = history_tables.rebuild(
            store, target, threads=settings().threads, progress=lambda done: progress.detail(f"{done:,} lines")
        )
    reach = history_tables.shown(made)
    if json:
        print_json({"target": target.name, "history_as_of": reach})
    else:
        say(f"history folded for the target {target.name!r}, up to {reach or 'no event yet'}")
    return 0


def _check(store: Store, *, as_json: bool) -> int:
    from serving import history_tables
    from serving.settings import settings
    from serving.terminal import print_json, say

    found = history_tables.compare(store, threads=settings().threads)
    head = store.history_head()
    evicted = None if head is None else history_tables.evicted(head)
    if as_json:
        print_json({**asdict(found), "equal": found.equal, "evicted_before": evicted})
    else:
        said = "equal" if found.equal else "not equal"
        say(
            f"the tables are {said} to a history folded anew: {found.alike:,} keys alike, "
            f"{found.different:,} different, {found.missing:,} missing, {found.beyond:,} that should not be there"
            + ("; late events are not folded in yet" if found.behind else "")
            + (f"; old keys were evicted before {evicted}" if evicted else "")
        )
    return 0 if found.equal else 1


@app.command()
def evict(
    before: Annotated[str, typer.Option("--before", help="ISO 8601 date or time (UTC); what is older may go.")],
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> int:
    """Drop keys that were never inspected and to which nothing has happened since a date from the history tables."""
    from datetime import UTC, datetime

    from risk.errors import UsageError
    from serving import history_tables
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    try:
        when = datetime.fromisoformat(before)
    except ValueError as error:
        raise UsageError(f"--before is {before!r}; an ISO 8601 date or time like 2024-06-30 is expected") from error
    with Store.open(settings().store_url, create=False) as store:
        gone, left = history_tables.evict(store, when if when.tzinfo else when.replace(tzinfo=UTC))
    if json:
        print_json({"evicted": gone, "kept": left})
    else:
        say(f"{gone:,} keys evicted, {left:,} kept")
    return 0
