"""A client of REST as the tests use it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Self

import requests
from lxml import etree
from tests.integration.main_job.house import House

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
XML = {"Content-Type": "application/xml"}
JSON = {"Content-Type": "application/json"}
V0 = "/ESCManager/v0"
V1 = "/openesc/v1"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Any
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def xml(self) -> etree._Element:
        return etree.fromstring(self.content)

    @property
    def error(self) -> tuple[int, str]:
        """ESC's error element: code and message."""
        root = self.xml
        assert root.tag == f"{{{BASE}}}error", self.text
        assert [etree.QName(child).localname for child in root] == ["error_code", "error_message"]
        code = int(root.findtext(f"{{{BASE}}}error_code") or 0)
        assert code == self.status
        return code, root.findtext(f"{{{BASE}}}error_message") or ""

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of a name, of any namespace."""
        return [found.text or "" for found in self.xml.iter("{*}" + name)]


@dataclass
class Rest:
    """One caller. `credentials` None: nobody in particular."""

    url: str
    credentials: tuple[str, str] | None = None
    verify: str | bool = True
    session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def of(cls, house: House, credentials: tuple[str, str] | None = None) -> Self:
        address = house.server.endpoints["rest"]
        return cls(f"http://{address['host']}:{address['port']}", credentials)

    def __enter__(self) -> Self:
        self.session.trust_env = False
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        """A request; underscores in the names of headers are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body.encode() if isinstance(body, str) else body
        got = self.session.request(
            method, self.url + path, data=data, headers=named, auth=self.credentials, timeout=30, verify=self.verify
        )
        return Answer(got.status_code, got.headers, got.content)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        """With XML in the body, unless the headers say otherwise."""
        return self.call("POST", path, body, **{"Content_Type": "application/xml", **headers})

    def put(self, path: str, body: str | bytes, **headers: str) -> Answer:
        return self.call("PUT", path, body, **{"Content_Type": "application/xml", **headers})

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, **headers)

    def json(self, method: str, path: str, value: Any = None) -> Answer:
        """JSON both ways."""
        body = None if value is None else json.dumps(value)
        return self.call(method, path, body, Content_Type="application/json", Accept="application/json")


def operation(kind: str, what: str, /, **more: str) -> str:
    """The payload of an operation, in ESC's namespace for payloads."""
    leaves = "".join(f"<{leaf}>{value}</{leaf}>" for leaf, value in {"operation": what, **more}.items())
    return f'<{kind} xmlns="{BASE}">{leaves}</{kind}>'
