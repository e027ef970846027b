"""What the lab's APIs were asked, by whom and how often, as their own access logs have it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from tests.openstack.lab.settings import Settings

SERVICES = ("keystone", "glance", "neutron", "cinder", "nova")
"""Those whose API a client speaks to."""

Call = tuple[str, str]
"""The service, and what was asked of it: ``GET servers/ID``."""

_LINE = re.compile(rb'^access (\S+) (\S+) (\d+) "([^"]*)"$', re.MULTILINE)
_ID = re.compile(r"\b[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\b")
_VERSION = re.compile(r"^/v\d(\.\d)?/")


class AccessLogs:
    """The requests that came after this was made, or after the last `take`."""

    def __init__(self, settings: Settings) -> None:
        self._files = {service: settings.under("log", f"{service}.log") for service in SERVICES}
        self._read = {service: file.stat().st_size for service, file in self._files.items()}

    def take(self, agent: str) -> Counter[Call]:
        """What was asked by those whose User-Agent begins with `agent`."""
        return Counter(
            (service, _named(method.decode(), url.decode()))
            for service in SERVICES
            for method, url, _, who in self._lines(service)
            if who.decode(errors="replace").startswith(agent)
        )

    def _lines(self, service: str) -> list[tuple[bytes, ...]]:
        fresh = _after(self._files[service], self._read[service])
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read[service] += len(whole)
        return _LINE.findall(whole)


def _after(file: Path, position: int) -> bytes:
    with file.open("rb") as log:
        log.seek(position)
        return log.read()


def _named(method: str, url: str) -> str:
    """``GET ports?tags`` for ``GET /v2.0/ports?tags=abc``: the same for every object."""
    parts = urlsplit(url)
    path = _ID.sub("ID", _VERSION.sub("", parts.path)).strip("/") or "(versions)"
    query = "&".join(dict.fromkeys(name for name, _ in parse_qsl(parts.query, keep_blank_values=True)))
    return f"{method} {path}?{query}" if query else f"{method} {path}"
