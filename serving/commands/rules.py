"""`risk rules`: officers' own rules, from the file to the day's work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from risk.rules import CompiledRule
    from serving.store.rules import StoredRule

app = typer.Typer(help="Officers' own rules: check, bring in, put to work, retire.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A file of rules (YAML); see docs/rules.md.")]
Id = Annotated[str, typer.Argument(help="Id of a rule.")]
Person = Annotated[str, typer.Option("--as", help="Who does it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(file: File, json: Json = False) -> int:
    """Check a file of rules, without storing them: one sentence for each mistake, with line and field."""
    from risk.rules import read_rules
    from serving.rulebook import fields
    from serving.terminal import out, print_json

    found = read_rules(file, fields())
    if json:
        print_json({"file": str(file), "rules": [_compiled(rule) for rule in found.rules], "problems": found.problems})
    else:
        for rule in found.rules:
            out.print(f"good  {rule.rule.id}  asks about {', '.join(rule.condition.fields)}", markup=False)
        for problem in found.problems:
            out.print(f"wrong {problem}", markup=False)
    return 3 if found.problems else 0


@app.command()
def fields(
    word: Annotated[str, typer.Argument(help="Show only fields with this in their name.")] = "", json: Json = False
) -> int:
    """The fields that a rule can ask about."""
    from serving.rulebook import fields as known
    from serving.terminal import out, print_json

    found = [field for name, field in known().items() if word in name]
    if json:
        print_json([{"name": f.name, "kind": f.kind, "unit": f.unit, "feature": f.feature is not None} for f in found])
    else:
        for field in found:
            source = "record" if field.feature is None else field.feature.concept
            out.print(f"{field.name:<44} {field.kind:<7} {field.unit:<10} {source}", markup=False)
    return 0


@app.command()
def add(file: File, person: Person, json: Json = False) -> int:
    """Bring the rules of a file in as drafts; a rule with a mistake stays out."""
    from risk.rules import read_rules
    from serving.rulebook import Rulebook, fields
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    found = read_rules(file, fields())
    with Store.open(settings().store_url) as store:
        new = Rulebook(store).add(found.rules, person)
    counts = {"new": new, "known": len(found.rules) - new, "rejected": len(found.problems)}
    if json:
        print_json({**counts, "rules": [rule.rule.id for rule in found.rules], "problems": found.problems})
    else:
        say(f"{counts['new']} new drafts, {counts['known']} known already, {counts['rejected']} rejected")
        for problem in found.problems:
            say(f"rejected: {problem}")
    return 3 if found.problems else 0


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also what is retired.")] = False, json: Json = False
) -> int:
    """The rules of the store and their state."""
    from serving.rulebook import Rulebook
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import out, print_json, say

    with Store.open(settings().store_url) as store:
        found = [entry for entry in Rulebook(store).all() if every or entry.state != "retired"]
    if json:
        print_json([_stored(entry) for entry in found])
    elif not found:
        say("no rules; `risk rules add FILE --as PERSON` brings some in")
    for entry in [] if json else found:
        volume = "" if entry.volume is None else f", {entry.volume:.1%} of filings"
        out.print(
            f"{entry.rule.id:<24} {entry.fingerprint} {entry.state:<8} {entry.changed_at:%Y-%m-%d} by "
            f"{entry.changed_by}{volume}  {entry.rule.statement}",
            markup=False,
        )
    return 0


@app.command()
def activate(
    rule: Id,
    person: Person,
    force: Annotated[str | None, typer.Option(help="Activate in spite of its volume, for this reason.")] = None,
    most: Annotated[float, typer.Option(min=0, max=100, help="Per cent of recent consignments it may fire on.")] = 5.0,
    json: Json = False,
) -> int:
    """Put the latest version of a rule to work; not by the person who wrote it or brought it in."""
    from serving.rulebook import Rulebook
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    with Store.open(settings().store_url, create=False) as store:
        entry, volume = Rulebook(store).activate(rule, person, force=force, most=most / 100)
    if json:
        print_json({**_stored(entry), "hits": volume.hits, "consignments": volume.consignments})
    elif volume.share is None:
        say(f"{rule} is active; nothing was filed lately, so nobody knows how often it fires")
    else:
        say(f"{rule} is active; it fires on {volume.hits:,} of {volume.consignments:,} recent consignments")
    return 0


@app.command()
def retire(
    rule: Id, person: Person, reason: Annotated[str, typer.Option(help="Why it goes.")], json: Json = False
) -> int:
    """Take a rule out of force; its text and its story stay."""
    from serving.rulebook import Rulebook
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    with Store.open(settings().store_url, create=False) as store:
        entry = Rulebook(store).retire(rule, person, reason)
    if json:
        print_json(_stored(entry))
    else:
        say(f"{rule} is retired")
    return 0


def _compiled(rule: CompiledRule) -> dict[str, Any]:
    return {
        "id": rule.rule.id,
        "fingerprint": rule.rule.fingerprint,
        "fields": list(rule.condition.fields),
        "lists": {name: len(values) for name, values in rule.rule.lists.items()},
    }


def _stored(entry: StoredRule) -> dict[str, Any]:
    from risk.layout import utc

    return {
        "id": entry.rule.id,
        "fingerprint": entry.fingerprint,
        "state": entry.state,
        "statement": entry.rule.statement,
        "when": entry.rule.when,
        "lane": entry.rule.lane,
        "strength": entry.rule.strength,
        "author": entry.rule.author,
        "made_by": entry.made_by,
        "made_at": utc(entry.made_at),
        "changed_by": entry.changed_by,
        "changed_at": utc(entry.changed_at),
        "reason": entry.reason,
        "volume": entry.volume,
        "expires": None if entry.rule.expires is None else entry.rule.expires.isoformat(),
    }
