"""What a person at a terminal sees: progress on stderr, results on stdout, JSON when asked for.

Progress and messages never mix into stdout, so that `--json` can be piped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A message on stderr."""
    err.print(text, markup=False)


def print_json(content: Any) -> None:
    """One JSON object on stdout."""
    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())


class Steps:
    """The steps of a long job: on a terminal a line that moves, otherwise a line for each step."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(finished_text="[green]done[/green]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=err,
            transient=False,
        )
        self._task: Any = None
        self._title = ""
        self._since = time.monotonic()

    def begin(self, title: str, total: int | None = None) -> None:
        """End the step before and begin the next one, of `total` parts if that is known."""
        self.end()
        self._title, self._since = title, time.monotonic()
        if err.is_terminal:
            self._task = self._bar.add_task(title, total=total)
        else:
            say(f"{title} ...")

    def detail(self, text: str) -> None:
        """What the step does just now."""
        if self._task is not None:
            self._bar.update(self._task, description=f"{self._title}: {text}")

    def advance(self, parts: int) -> None:
        """So many more parts are done."""
        if self._task is not None:
            self._bar.advance(self._task, parts)

    def end(self) -> None:
        """The step is done."""
        if self._task is not None:
            self._bar.update(self._task, description=self._title, total=1, completed=1)
            self._bar.stop_task(self._task)
            self._task = None

    def __enter__(self) -> Steps:
        if err.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        if err.is_terminal:
            self._bar.stop()


@contextmanager
def steps() -> Iterator[Steps]:
    """Progress for the steps of a job."""
    with Steps() as progress:
        yield progress
