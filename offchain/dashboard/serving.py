"""How the pages are served."""

import uvicorn
from starlette.types import ASGIApp

MOST_CONNECTIONS = 200
GRACE_SECONDS = 3  # for answers that are under way when the server is stopped


def server(app: ASGIApp) -> uvicorn.Server:
    """What serves an application at the sockets that it is run with; its warnings go where the others go."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return uvicorn.Server(config)
