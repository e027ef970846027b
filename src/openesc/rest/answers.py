"""What handlers answer with; each knows how it looks in XML and in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from lxml import etree
from starlette.responses import Response

from openesc.rest.accept import JSON, XML
from openesc.rest.call import Call
from openesc.rest.codec import BASE, DECLARATION, Fields, json_text, json_value, xml_text
from openesc.rest.codec.xmlform import xml_element
from openesc.yang import parse_xml

Headers = Mapping[str, str]


class Answer(Protocol):
    """Anything that can become a response. `size`: how many entries it has."""

    @property
    def size(self) -> int: ...

    def response(self, call: Call) -> Response:
        """The response in the form the client accepts. Raises: NotAcceptable."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """Success without a payload, as ESC answers operations."""

    status: int = 200
    headers: Headers = field(default_factory=dict)

    size: ClassVar[int] = 1

    def response(self, call: Call) -> Response:
        return Response(status_code=self.status, headers=dict(self.headers))


@dataclass(frozen=True, slots=True)
class Entity:
    """One resource, in the namespace of NETCONF's messages."""

    name: str
    fields: Fields
    headers: Headers = field(default_factory=dict)

    size: ClassVar[int] = 1

    def response(self, call: Call) -> Response:
        json = call.media == JSON
        content = json_text({self.name: _plain(self.fields)}) if json else xml_text(self.name, self.fields, BASE)
        return Response(content, headers=dict(self.headers), media_type=call.media)


@dataclass(frozen=True, slots=True)
class Listing:
    """Resources of one kind. The list stands in no namespace, its entries do (user guide, list snapshot)."""

    name: str
    entry: str
    entries: Sequence[Fields]

    @property
    def size(self) -> int:
        return len(self.entries)

    def response(self, call: Call) -> Response:
        if call.media == JSON:
            content = json_text({self.name: {self.entry: [_plain(fields) for fields in self.entries]}})
        else:
            root = etree.Element(self.name)
            root.extend(xml_element(self.entry, fields, BASE) for fields in self.entries)
            content = DECLARATION + etree.tostring(root)
        return Response(content, media_type=call.media)


@dataclass(frozen=True, slots=True)
class Tree:
    """A document of ESC's data model."""

    document: bytes
    headers: Headers = field(default_factory=dict)

    size: ClassVar[int] = 1

    def response(self, call: Call) -> Response:
        if call.media == XML:
            return Response(DECLARATION + self.document, headers=dict(self.headers), media_type=XML)
        root = parse_xml(self.document)
        node = call.context.running.schema.data_node(str(root.tag))
        content = json_text({node.name: json_value(root, node)})
        return Response(content, headers=dict(self.headers), media_type=JSON)


@dataclass(frozen=True, slots=True)
class Json:
    """What is told in JSON alone: everything beyond ESC's own paths (see `Call.require_acceptable`)."""

    value: Any
    status: int = 200

    @property
    def size(self) -> int:
        return max((len(value) for value in self.value.values() if isinstance(value, list)), default=1)

    def response(self, call: Call) -> Response:
        return Response(json_text(self.value), self.status, media_type=JSON)


@dataclass(frozen=True, slots=True)
class Page:
    """A page for people, or a file it needs."""

    media: str
    content: bytes

    size: ClassVar[int] = 1

    def response(self, call: Call) -> Response:
        policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return Response(self.content, headers={"Content-Security-Policy": policy}, media_type=self.media)


def _plain(fields: Fields) -> dict[str, Any]:
    """Without what is absent."""
    return {name: value for name, value in fields.items() if value is not None}
