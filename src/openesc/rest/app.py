"""The application: routes behind the gate, and errors in the form their path wants."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from openesc.rest.accept import XML, chosen
from openesc.rest.answers import Answer
from openesc.rest.auth import LOCAL, Authenticator
from openesc.rest.call import Call
from openesc.rest.context import Context
from openesc.rest.errors import MethodNotAllowed, NoSuchPath, error_answer
from openesc.rest.gate import Gate
from openesc.rest.routes import ROUTES, Handler

MANY: Final = 100
"""From so many entries on an answer is written on a thread, so that others keep their latency."""


def application(context: Context) -> Starlette:
    """The whole of REST on these rooms."""
    options = context.options
    local = LOCAL if options.tls is None and options.local_admin else None
    gate = Middleware(Gate, options=options, authenticator=Authenticator(context.users, local))
    app = Starlette(routes=_routes(context), middleware=[gate], exception_handlers={HTTPException: _no_route})
    app.router.redirect_slashes = False
    return app


def _routes(context: Context) -> list[Route]:
    by_path: dict[str, dict[str, Handler]] = defaultdict(dict)
    for method, path, handler in ROUTES:
        by_path[path][method] = handler
    return [
        Route(path.replace("}", ":segment}"), _endpoint(context, handlers), methods=list(handlers))
        for path, handlers in by_path.items()
    ]


def _endpoint(context: Context, handlers: Mapping[str, Handler]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        try:
            return await _answered(handler, Call(request, context))
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets an answer
            return _error(request, error)

    return endpoint


async def _answered(handler: Handler, call: Call) -> Response:
    call.require_acceptable()
    answer: Answer = await handler(call)
    return answer.response(call) if answer.size < MANY else await asyncio.to_thread(answer.response, call)


async def _no_route(request: Request, error: Exception) -> Response:
    """Starlette's own verdicts: no such path, no such method."""
    found = cast(HTTPException, error)
    path = request.scope["path"]
    fault: Exception = NoSuchPath(f"there is nothing at {path}; /openapi.json lists what there is")
    if found.status_code == 405:
        allowed = (found.headers or {}).get("Allow", "")
        fault = MethodNotAllowed(f"{path} takes {allowed}")
    return _error(request, fault, found.headers)


def _error(request: Request, error: Exception, headers: Mapping[str, str] | None = None) -> Response:
    media = chosen(request.headers.get("accept")) or XML
    return error_answer(error, request.scope["path"], media, headers)
