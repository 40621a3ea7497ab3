"""`risk users`: the people who sign in. Every change is in the audit under the name of who works at this machine."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

app = typer.Typer(help="The people who sign in.", no_args_is_help=True)

Roles = Annotated[list[str], typer.Option("--role", help="A role; may be given several times.")]
Offices = Annotated[
    list[str] | None, typer.Option("--office", help="A customs office in scope; may be given several times.")
]
AllOffices = Annotated[bool, typer.Option("--all-offices", help="Every office is in scope.")]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read the password from the first line of standard input.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Roles,
    office: Offices = None,
    all_offices: AllOffices = False,
    stdin: Stdin = False,
) -> None:
    """Add a person. The password is asked for, or made and shown once."""
    from serving.access import people
    from serving.access.principal import local
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    offices = _offices(office, all_offices)
    password, made = _password(stdin=stdin)
    with Store.open(settings().store_url) as store:
        added = people.add(store, name, password, role, offices, local(), datetime.now(UTC))
    say(f"{added.name} can sign in as {', '.join(added.roles)}, for {_shown(added.offices)}")
    if made:
        say("the password, shown this once:")
        typer.echo(password)


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """Show everybody with roles and offices."""
    from serving.access import people
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import print_json, say

    with Store.open(settings().store_url, create=False) as store:
        found = people.listed(store)
    if json:
        shown = ({**vars(one), "password": None} for one in found)
        print_json([{key: value for key, value in one.items() if key != "password"} for one in shown])
        return
    for one in found:
        typer.echo(f"{one.name}  {', '.join(one.roles)}  {_shown(one.offices)}{'  disabled' if one.disabled else ''}")
    if not found:
        say("there is nobody yet; `risk users add NAME --role administrator --all-offices` adds the first")


@app.command()
def role(
    name: Annotated[str, typer.Argument(help="Who.")],
    role: Roles,
    office: Offices = None,
    all_offices: AllOffices = False,
) -> None:
    """Give somebody these roles instead, and these offices if any are named; signs out everywhere."""
    from serving.access import people
    from serving.access.principal import local
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    offices = _offices(office, all_offices) if office or all_offices else False
    with Store.open(settings().store_url, create=False) as store:
        people.set_roles(store, name, role, local(), datetime.now(UTC), offices)
    say(f"{name} is {', '.join(role)} now")


@app.command()
def password(name: Annotated[str, typer.Argument(help="Who.")], stdin: Stdin = False) -> None:
    """Give somebody another password; signs out everywhere."""
    from serving.access import people
    from serving.access.principal import local
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    new, made = _password(stdin=stdin)
    with Store.open(settings().store_url, create=False) as store:
        people.set_password(store, name, new, local(), datetime.now(UTC))
    say(f"{name} has another password" + (", shown this once:" if made else ""))
    if made:
        typer.echo(new)


@app.command()
def disable(
    name: Annotated[str, typer.Argument(help="Who.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
) -> None:
    """Let somebody in no more, by password or token; signs out everywhere."""
    _set(name, True, reason)


@app.command()
def enable(
    name: Annotated[str, typer.Argument(help="Who.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
) -> None:
    """Let somebody in again."""
    _set(name, False, reason)


def _set(name: str, disabled: bool, reason: str | None) -> None:
    from serving.access import people
    from serving.access.principal import local
    from serving.settings import settings
    from serving.store import Store
    from serving.terminal import say

    with Store.open(settings().store_url, create=False) as store:
        people.set_disabled(store, name, disabled, local(), datetime.now(UTC), reason)
    say(f"{name} can {'no longer' if disabled else 'again'} sign in")


def _offices(office: list[str] | None, every: bool) -> list[str] | None:
    """The offices in scope, None for all; one of the two options has to be given."""
    from risk.errors import UsageError

    if every == bool(office):
        raise UsageError("give the offices in scope with --office CODE (several times), or --all-offices")
    return None if every else office


def _password(*, stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was made here: asked for at a terminal, else made."""
    from serving.access.passwords import new_password

    if stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if sys.stdin.isatty():
        asked: str = typer.prompt("Password (empty: one is made)", default="", hide_input=True, show_default=False,
                                  confirmation_prompt=True, err=True)  # fmt: skip
        if asked:
            return asked, False
    return new_password(), True


def _shown(offices: tuple[str, ...] | None) -> str:
    return "all offices" if offices is None else ", ".join(offices)
