"""``POST /servers/ID/action``: which action the body names, and who answers it."""

from __future__ import annotations

from collections.abc import Callable

from openesc.cloudsim.compute.states import find_server, require_unlocked
from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.faults import bad_request
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Server
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")

ActionHandler = Callable[[Call, Server], Response]
_ACTIONS: dict[str, tuple[str, ActionHandler, str, str, bool]] = {}


def action(
    key: str, operation: str, needs: str = "member", policy: str = "", locks: bool = True
) -> Callable[[ActionHandler], ActionHandler]:
    """Register the decorated function for the body key `key`; `operation` is its name in rules and the request log."""

    def register(handler: ActionHandler) -> ActionHandler:
        _ACTIONS[key] = (operation, handler, needs, policy or f"os_compute_api:servers:{operation}", locks)
        return handler

    return register


def operations() -> set[str]:
    """The names of all server actions."""
    return {f"server.{operation}" for operation, *_ in _ACTIONS.values()}


def operation_of(call: Call) -> str:
    """The symbolic name of an action call, for example ``server.stop``."""
    try:
        key = next(iter(call.document))
    except Exception:  # noqa: BLE001 - whatever is wrong with the body is answered later
        return call.operation
    kind = call.operation.partition(".")[0]
    name = _ACTIONS[key][0] if kind == "server" and key in _ACTIONS else key.removeprefix("os-")
    return f"{kind}.{name}"


@routes.add("POST", "/servers/{id}/action", "server.action", "reader")
def act(call: Call) -> Response:
    """Find the server and do what the body says."""
    document = call.document
    key = next(iter(document), "") if isinstance(document, dict) else ""
    if key not in _ACTIONS:
        raise bad_request(f"There is no such action: {key}")
    _operation, handler, needs, policy, locks = _ACTIONS[key]
    call.require(needs, policy)
    server = find_server(call, for_action=True)
    if locks:
        require_unlocked(call, server)
    return handler(call, server)
