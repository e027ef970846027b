"""One request as its handler sees it."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from lxml import etree
from starlette.requests import ClientDisconnect, Request

from openesc.errors import InvalidRequest
from openesc.events import callbacks
from openesc.events.escevent import xml_safe
from openesc.netconf import User
from openesc.northbound.requester import Requester
from openesc.rest.accept import JSON, XML, chosen
from openesc.rest.codec import BASE, element_of, parse_json
from openesc.rest.context import Context
from openesc.rest.errors import NotAcceptable, TooLarge, TooSlow, UnsupportedMedia
from openesc.yang import MalformedXml, parse_xml

_XML_TYPES: Final = frozenset({"application/xml", "text/xml"})
_JSON_TYPES: Final = frozenset({"application/json"})
_NUMBER: Final = re.compile(r"\d{1,15}")


class Call:
    """A request whose user is known. `transaction_id` is what it is answered with."""

    def __init__(self, request: Request, context: Context) -> None:
        self.request = request
        self.context = context
        self.user: User = request.scope["openesc.user"]
        self.transaction_id: str = request.scope["openesc.transaction_id"]
        self.request_id: str = request.scope["openesc.headers"]["X-Request-Id"]

    @property
    def media(self) -> str:
        """The form of the answer. Raises: NotAcceptable."""
        found = chosen(self.request.headers.get("accept"))
        if found is None:
            raise NotAcceptable(f"answers are made in {XML} or {JSON}, and Accept takes neither")
        return found

    def require_acceptable(self) -> None:
        """Whether the client takes what it will be answered is asked before anything is done. Raises: NotAcceptable."""
        path = self.request.scope["path"]
        if path.startswith("/ESCManager/"):
            _ = self.media
        elif path.startswith("/openesc/") and chosen(self.request.headers.get("accept"), (JSON,)) is None:
            raise NotAcceptable(f"this is answered in {JSON}, which Accept does not take")

    def path(self, name: str) -> str:
        """A parameter of the path, decoded. Raises: InvalidRequest for characters that no name can have."""
        value = str(self.request.path_params[name])
        if xml_safe(value) != value:
            raise InvalidRequest(f"{name}: the path has a character that XML cannot carry")
        return value

    def query(self, name: str) -> str | None:
        """A parameter of the query, None when it is absent or empty."""
        return self.request.query_params.get(name) or None

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query, at most `most`. Raises: InvalidRequest."""
        text = self.query(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text):
            raise InvalidRequest(f"{name}: {text!r} is no whole number")
        return min(int(text), most)

    async def requester(self) -> Requester:
        """Who asks, with the receivers that the headers name. Raises: InvalidRequest for one that cannot be."""
        final = await self._target("Callback")
        if final is None and self.context.options.require_callback:
            raise InvalidRequest("Missing callback")
        events = await self._target("Callback-ESC-Events")
        return Requester(self.user, self.transaction_id, final, events, self.request_id)

    async def _target(self, header: str) -> callbacks.Target | None:
        url = self.request.headers.get(header)
        networks = self.context.options.callback_networks
        return await callbacks.check_url(url, networks, header=header) if url else None

    # the body

    async def element(self, namespace: str, bare: str | None = None) -> etree._Element:
        """The body as an element; what JSON holds gets `namespace`.

        `bare`: the name of the element where JSON comes without it, as ESC's samples do.
        Raises: InvalidRequest, TooLarge, TooSlow, UnsupportedMedia.
        """
        body = await self.body()
        if not body.strip():
            raise InvalidRequest("the request has no body")
        depth = self.context.options.depth
        if self._body_media(body) == XML:
            return await _work(body, lambda: _xml_element(body, depth))
        return await _work(body, lambda: _json_element(parse_json(body, depth), namespace, bare))

    async def body(self) -> bytes:
        """The bytes of the body. Raises: TooLarge, TooSlow."""
        limits = self.context.options
        try:
            async with asyncio.timeout(limits.body_time):
                return await self._read(limits.body_size)
        except TimeoutError:
            raise TooSlow(f"the body did not come within {limits.body_time:g} s") from None
        except ClientDisconnect:
            raise InvalidRequest("the client went away in the middle of the body") from None

    async def _read(self, size: int) -> bytes:
        announced = self.request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > size:
            raise TooLarge(f"the body has {announced} bytes; {size} are taken")
        parts, length = list[bytes](), 0
        async for part in self.request.stream():
            length += len(part)
            if length > size:
                raise TooLarge(f"the body has more than {size} bytes")
            parts.append(part)
        return b"".join(parts)

    def _body_media(self, body: bytes) -> str:
        """XML or JSON by Content-Type, by the first character where there is none. Raises: UnsupportedMedia."""
        given = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given in _XML_TYPES or (not given and body.lstrip().startswith(b"<")):
            return XML
        if given in _JSON_TYPES or not given:
            return JSON
        raise UnsupportedMedia(f"Content-Type {given}: {XML} and {JSON} are read")


_BIG: Final = 64 * 1024
"""Bodies of so many bytes are parsed on a thread, so that others keep their latency."""


async def _work(body: bytes, parse: Any) -> etree._Element:
    element: etree._Element = parse() if len(body) < _BIG else await asyncio.to_thread(parse)
    return element


_ROOT: Final = re.compile(rb"<[A-Za-z_][\w.:-]*")
_NC: Final = b' xmlns:nc="' + BASE.encode() + b'"'


def _xml_element(body: bytes, depth: int) -> etree._Element:
    """The document's root. ``nc:operation`` may stand in it without a declaration of ``nc``, as in files for
    esc_nc_cli.
    """
    if b"nc:" in body and b"xmlns:nc" not in body:
        body = _ROOT.sub(lambda found: found[0] + _NC, body, count=1)
    try:
        return parse_xml(body, max_depth=depth)
    except MalformedXml as error:
        raise InvalidRequest(str(error)) from None


def _json_element(value: Any, namespace: str, bare: str | None) -> etree._Element:
    if not isinstance(value, dict):
        raise InvalidRequest("the JSON is no object")
    wrapped = len(value) == 1 and isinstance(next(iter(value.values())), dict)
    if wrapped:
        return element_of(*next(iter(value.items())), namespace)
    if bare is None:
        raise InvalidRequest("the JSON has no single member that names what it is, as an XML document has")
    return element_of(bare, value, namespace)
