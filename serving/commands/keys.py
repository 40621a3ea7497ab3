"""`risk keys`: the API keys of systems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from serving.access.limits import DAYS, RATE, SIZE

app = typer.Typer(help="The API keys of systems.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The system; several keys may have one name.")],
    role: Annotated[list[str], typer.Option("--role", help="A role; may be given several times.")],
    office: Annotated[list[str] | None, typer.Option("--office", help="A customs office in scope.")] = None,
    all_offices: Annotated[bool, typer.Option("--all-offices", help="Every office is in scope.")] = False,
    days: Annotated[int, typer.Option(help="Days until it ends.")] = DAYS,
    rate: Annotated[int, typer.Option(help="Requests a minute.")] = RATE,
    size: Annotated[int, typer.Option(help="Bytes of a body.")] = SIZE,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Make a key. It is printed this once; the store keeps a hash of it."""
    from risk.errors import UsageError
    from risk.layout import utc
    from serving.access import keys
    from serving.access.principal import local
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    if all_offices == bool(office):
        raise UsageError("give the offices in scope with --office CODE (several times), or --all-offices")
    wanted = keys.Wanted(name, role, None if all_offices else office, days, rate, size)
    with Store.open(settings().store_url) as store:
        made, key = keys.add(store, wanted, local(), datetime.now(UTC))
    if json:
        print_json({"prefix": made.prefix, "key": key, "expires_at": made.expires_at})
        return
    say(f"the key {made.prefix} of {made.name}, good until {utc(made.expires_at)}, shown this once:")
    typer.echo(key)


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """Show all keys by their public part, and which have ended."""
    from risk.layout import utc
    from serving.access import keys
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    with Store.open(settings().store_url, create=False) as store:
        found = keys.listed(store)
    if json:
        print_json([{key: value for key, value in vars(one).items() if key != "secret"} for one in found])
        return
    now = datetime.now(UTC)
    for one in found:
        state = "revoked" if one.revoked_at else "ended" if one.expires_at <= now else "in force"
        offices = "all offices" if one.offices is None else ", ".join(one.offices)
        typer.echo(f"{one.prefix}  {one.name}  {', '.join(one.roles)}  {offices}  until {utc(one.expires_at)}  {state}")
    if not found:
        say("there are no keys")


@app.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="The public part of the key, as `risk keys list` shows it.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
) -> None:
    """Revoke a key for good; servers let it in no more within seconds."""
    from serving.access import keys
    from serving.access.principal import local
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    with Store.open(settings().store_url, create=False) as store:
        keys.revoke(store, prefix, local(), datetime.now(UTC), reason)
    say(f"the key {prefix} is revoked")
