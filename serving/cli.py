"""The command `risk`: mounts the commands, turns errors into one sentence and an exit status.

Exit status: 0 good, 1 failed, 2 wrong use, 3 finished with some records rejected.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from risk.errors import RiskError
from serving.commands import (
    audit,
    backtest,
    database,
    demo,
    drift,
    history,
    importing,
    indicators,
    inspect,
    keys,
    loop,
    model,
    parties,
    replay,
    retrain,
    rules,
    score,
    serve,
    simulate,
    train,
    users,
)
from serving.settings import use_home

app = typer.Typer(
    name="risk",
    help="Scores customs consignments for the risk of wildlife smuggling, with reasons.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (demo, simulate, inspect, importing, train, score, model, loop, drift, retrain, serve, replay, backtest):
    module.mount(app)
app.add_typer(history.app, name="history")
app.add_typer(parties.app, name="parties")
app.add_typer(database.app, name="db")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(rules.app, name="rules")
app.add_typer(indicators.app, name="indicators")


@app.callback()
def risk(
    home: Annotated[Path | None, typer.Option(help="Folder of the store and the models. Default: RISK_HOME.")] = None,
) -> None:
    """Scores customs consignments for the risk of wildlife smuggling, with reasons."""
    if home is not None:
        use_home(home)


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; the exit status. A person never sees a stack trace unless RISK_DEBUG is set."""
    try:
        return int(app(arguments, standalone_mode=False) or 0)
    except typer.Exit as leaving:
        return leaving.exit_code
    except TyperException as wrong:
        return _misused(wrong)
    except Exception as error:  # the roof: whatever it is, one sentence and no stack trace
        if os.environ.get("RISK_DEBUG"):
            raise
        return _fail(error)


def _misused(wrong: TyperException) -> int:
    """Say which word of the command is off, with its usage where that is known; the exit status."""
    show = getattr(wrong, "show", None)
    if show is not None:
        show()
    else:
        typer.echo(f"risk: {wrong.format_message()}", err=True)
    return 2


def _fail(error: Exception) -> int:
    """Say what went wrong in one sentence; the exit status."""
    message = str(error)
    if isinstance(error, typer.Abort):
        message = "interrupted; what was finished is kept"
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif not isinstance(error, RiskError):
        message = f"unexpected {type(error).__name__}: {error} (set RISK_DEBUG=1 to see where)"
    typer.echo(f"risk: {message}", err=True)
    return error.exit_status if isinstance(error, RiskError) else 1
