"""What stands between the pages and the web: which names the server answers to, and what a browser may do."""

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def is_answered(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a request for a host is answered: for addresses, for localhost, and for names that were allowed.

    A page of somebody else's can have its own name lead to this machine, and would then be allowed to read all that
    is served here; its browser still sends that name.

    >>> [is_answered(host) for host in ("127.0.0.1:8646", "[::1]:8646", "localhost", "evil.example:8646", "")]
    [True, True, True, False, False]
    """
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") in {"localhost", *(each.lower() for each in names)}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Refuses other hosts, and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, names: tuple[str, ...]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        app: ASGIApp = self._app
        if not is_answered(Headers(scope=scope).get("host", ""), self._names):
            app = PlainTextResponse("This server does not answer to that name: see --allow-host.\n", 421)
        await app(scope, receive, guarded)
