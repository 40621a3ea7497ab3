"""`risk serve`: the API on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def serve(
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
        workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    ) -> None:
        """Serve the worklist and the scoring API."""
        import uvicorn

        from serving.modelling import registry

        registry().load("champion")  # a clear sentence now, not a failing server later
        uvicorn.run("serving.api.app:create_app", factory=True, host=host, port=port, workers=workers)
