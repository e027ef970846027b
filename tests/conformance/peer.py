"""The raw client with a few words for judging replies."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element
from tests.rawclient import RawClient

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
RUNNING = "<target><running/></target>"


def q(name: str, namespace: str = BASE) -> str:
    """A Clark name, in the base namespace if none is given."""
    return f"{{{namespace}}}{name}"


class Peer(RawClient):
    """A session whose replies are read as XML."""

    @property
    def hello(self) -> _Element:
        """The server's hello."""
        return etree.fromstring(self.server_hello)

    @property
    def capabilities(self) -> list[str]:
        """The capability URIs of the server."""
        return [(element.text or "").strip() for element in self.hello.iter(q("capability"))]

    @property
    def session_id(self) -> int:
        """The id the server gave to this session."""
        return int(self.hello.findtext(q("session-id"), "0"))

    def need(self, capability: str) -> None:
        """Skip the test when the server does not advertise `capability` (such as `:xpath`) or a namespace."""
        prefix = "urn:ietf:params:netconf:capability"
        uri = f"{prefix}{capability}" if capability.startswith(":") else capability
        if not any(offered.startswith(uri) for offered in self.capabilities):
            pytest.skip(f"the server does not advertise {capability}")

    async def ask(self, operation: str, attributes: str = "") -> _Element:
        """The reply to an operation."""
        return etree.fromstring(await self.rpc(operation, attributes))

    async def message(self, document: str | bytes) -> _Element:
        """The answer to a whole message."""
        await self.send(document.encode() if isinstance(document, str) else document)
        return etree.fromstring(await self.receive())

    async def edit(self, config: str, parameters: str = "") -> _Element:
        """The reply to an edit-config of running."""
        return await self.ask(f"<edit-config>{RUNNING}{parameters}<config>{config}</config></edit-config>")

    async def running(self, wanted: str = "") -> str:
        """The text of `<data>` of a get-config of running."""
        reply = await self.ask(f"<get-config><source><running/></source>{wanted}</get-config>")
        found = reply.find(q("data"))
        assert found is not None, etree.tostring(reply)
        return etree.tostring(found).decode()


def is_ok(reply: _Element) -> bool:
    """Whether a reply is nothing but `<ok/>`."""
    return reply.tag == q("rpc-reply") and [child.tag for child in reply] == [q("ok")]


def error(reply: _Element) -> _Element:
    """The first rpc-error of a reply."""
    found = reply.find(q("rpc-error"))
    assert found is not None, etree.tostring(reply)
    return found


def error_tag(reply: _Element) -> str:
    """The error-tag of the first rpc-error."""
    return error(reply).findtext(q("error-tag"), "")


def error_info(reply: _Element, name: str) -> str | None:
    """A leaf of the error-info of the first rpc-error."""
    return error(reply).findtext(f"{q('error-info')}/{q(name)}")
