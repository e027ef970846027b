"""A cloud that answers what a test tells it to: Keystone's log-in and a catalogue, and one function per request.

For what no well-behaved cloud does on request: hang, cut the connection, answer nonsense.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

PROJECT = "0123456789abcdef0123456789abcdef"
SERVICES = {"compute": "/compute/v2.1", "network": "/network", "volumev3": "/volume/v3", "image": "/image"}


class Cut(Exception):
    """Raised by an answer: the connection ends without one."""


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


Answer = tuple[int, Any]
"""Status and body (anything JSON, or bytes)."""

Answerer = Callable[[Asked], Answer]


@dataclass
class Stub:
    """The cloud. `rules` are tried in order: method, regular expression on the whole path, answer."""

    rules: list[tuple[str, str, Answerer]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    password: str = "secret"
    token: str = "token-1"
    token_lives: float = 3600.0
    base: str = ""
    roles: tuple[str, ...] = ("member",)
    stopped: bool = False

    def on(self, method: str, path: str, answer: Answerer | Answer) -> None:
        """Answer so from now on; the newest rule counts."""
        answerer = answer if callable(answer) else lambda asked: answer
        self.rules.insert(0, (method, path, answerer))

    def hang(self, method: str, path: str, *, then: Answer = (200, {})) -> None:
        """Do not answer before the test's end (or `release`)."""

        def wait(asked: Asked) -> Answer:
            self.released.wait(30)
            return then

        self.on(method, path, wait)

    def cut(self, method: str, path: str, times: int = 10**6) -> None:
        """Take the request and close the connection, so many times."""
        left = [times]
        before = list(self.rules)

        def close(asked: Asked) -> Answer:
            if left[0] <= 0:
                return self._first(before, asked)
            left[0] -= 1
            raise Cut

        self.on(method, path, close)

    def count(self, method: str, path: str) -> int:
        """How many requests of this kind came."""
        return sum(1 for one in self.asked if one.method == method and re.fullmatch(path, one.path))

    def answer(self, asked: Asked) -> Answer:
        """What the request gets."""
        if self.stopped:
            raise Cut
        self.asked.append(asked)
        if asked.path == "/identity/v3/auth/tokens":
            return self._log_in(asked)
        if asked.headers.get("X-Auth-Token") not in (None, self.token):
            return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}
        return self._first(self.rules, asked)

    def _first(self, rules: list[tuple[str, str, Answerer]], asked: Asked) -> Answer:
        for method, path, answerer in rules:
            if method == asked.method and re.fullmatch(path, asked.path):
                return answerer(asked)
        return discovery(self.base, asked.path)

    def _log_in(self, asked: Asked) -> Answer:
        user = asked.json["auth"]["identity"]["password"]["user"]
        if user["password"] != self.password:
            return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}
        return 201, {"token": self._token()}

    def _token(self) -> dict[str, Any]:
        expires = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + self.token_lives))
        catalog = [
            {"type": kind, "name": kind, "id": kind, "endpoints": [self._endpoint(path)]}
            for kind, path in ({"identity": "/identity/v3"} | SERVICES).items()
        ]
        return {
            "methods": ["password"],
            "expires_at": expires,
            "issued_at": expires,
            "project": {"id": PROJECT, "name": "vim", "domain": {"id": "default", "name": "Default"}},
            "user": {"id": "user-1", "name": "vim", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": name, "name": name} for name in self.roles],
            "catalog": catalog,
        }

    def _endpoint(self, path: str) -> dict[str, str]:
        return {"id": path, "interface": "public", "region": "R", "region_id": "R", "url": self.base + path}


def discovery(base: str, path: str) -> Answer:
    """The version documents the SDK asks for."""
    documents: dict[str, Any] = {
        "/identity/v3": {"version": _version(base, "/identity/v3/", "v3.14")},
        "/identity": {"versions": {"values": [_version(base, "/identity/v3/", "v3.14")]}},
        "/compute/v2.1": {"version": _version(base, "/compute/v2.1/", "v2.1", "2.1", "2.100")},
        "/volume/v3": {"version": _version(base, "/volume/v3/", "v3.0", "3.0", "3.71")},
        "/network": {"versions": [_version(base, "/network/v2.0/", "v2.0")]},
        "/network/v2.0": {"resources": []},
        "/image": {"versions": [_version(base, "/image/v2/", "v2.9")]},
    }
    document = documents.get(path.rstrip("/"))
    if document is None:
        return 404, {"itemNotFound": {"code": 404, "message": f"no rule for {path}"}}
    return 200, document


def _version(base: str, path: str, name: str, lowest: str = "", highest: str = "") -> dict[str, Any]:
    links = [{"rel": "self", "href": base + path}]
    return {"id": name, "status": "CURRENT", "min_version": lowest, "version": highest, "links": links}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: ClassVar[Stub]

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        asked = Asked(self.command, parts.path, query, self._body(), dict(self.headers.items()))
        try:
            status, answer = self.stub.answer(asked)
        except Cut:
            self.close_connection = True
            return
        self._send(status, answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _send(self, status: int, answer: Any) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-openstack-request-id", "req-stub")
            self.send_header("X-Subject-Token", self.stub.token)
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # who asked has gone
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that cuts its connection is what some tests want


def start(port: int = 0) -> tuple[Stub, Callable[[], None]]:
    """Serve on a port of loopback (0: a free one); the cloud and what ends it."""
    stub = Stub()
    handler = type("Handler", (_Handler,), {"stub": stub})
    listener = _Listener(("127.0.0.1", port), handler)
    stub.base = f"http://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def stop() -> None:
        stub.stopped = True  # connections that are open would go on being served
        stub.released.set()
        listener.shutdown()
        listener.server_close()
        thread.join()

    return stub, stop
