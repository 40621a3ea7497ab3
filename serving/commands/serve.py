"""`risk serve`: the API and the console."""

from __future__ import annotations

from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def serve(
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
        workers: Annotated[int, typer.Option(min=1, help="Processes; for more than one, PostgreSQL serves best.")] = 1,
    ) -> None:
        """Serve the API and the console."""
        import os

        import uvicorn

        from serving.modelling import registry
        from serving.settings import settings
        from serving.store import Store

        registry().load("champion")  # a clear sentence now, not a failing server later
        Store.open(settings().store_url).close()
        os.environ["RISK_HOME"] = str(settings().home.resolve())  # for the processes that follow
        uvicorn.run(
            "serving.api.app:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,  # the service writes its own, without paths
            server_header=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=30,
        )
