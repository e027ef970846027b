"""ESC's actions as every door calls them: by the name and input that its YANG gives them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from lxml import etree

from openesc.errors import EscError
from openesc.northbound import access
from openesc.northbound.canonical import canonical_rpc
from openesc.northbound.model import local
from openesc.northbound.requester import Requester
from openesc.yang import Schema, validate_rpc_input

RpcHandler = Callable[[Requester, etree._Element], Awaitable[bytes | None]]
"""Serves one ESC action: its input is canonical and valid."""


class NotServed(EscError):
    """The action is part of the model but not of this server."""

    error_type = "protocol"
    error_tag = "operation-not-supported"
    http_status = 501


class Invocations:
    """The actions this server has, by name."""

    def __init__(self, schema: Schema, handlers: Mapping[str, RpcHandler]) -> None:
        self._schema = schema
        self._handlers = handlers

    async def invoke(self, requester: Requester, rpc: etree._Element) -> bytes | None:
        """Do the action. Returns the content of its reply, None for nothing to say.

        Raises: YangErrors naming what is wrong with the input; AccessDenied; what its handler raises.
        """
        name = local(str(rpc.tag))
        access.check_operation(requester.user, name)
        request = validate_rpc_input(self._schema, canonical_rpc(rpc))
        handler = self._handlers.get(name)
        if handler is None:
            raise NotServed(f"{name} is not served by this version of openesc")
        return await handler(requester, request)
