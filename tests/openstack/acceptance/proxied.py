"""A second region of the lab's catalogue: the same services behind a reverse proxy with TLS, at one address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.openstack.acceptance.outside import Outside
from tests.reverse_proxy import Authority, ReverseProxy, running

REGION = "Proxied"

SERVICES = {
    "identity": ("keystone", "/v3"),
    "compute": ("nova", "/v2.1"),
    "network": ("neutron", ""),
    "image": ("glance", ""),
    "volume": ("cinder", "/v3"),
    "placement": ("placement", ""),
}
"""The proxy's path: service, and the path of its API."""


@dataclass(frozen=True)
class Proxied:
    """The region's proxy and the CA of its certificate. Internal endpoints lead past the proxy."""

    proxy: ReverseProxy
    authority: Authority

    @property
    def auth_url(self) -> str:
        return f"{self.proxy.url}/identity/v3"

    def asked(self) -> set[str]:
        """The services that were asked for since the last look."""
        came = {request.split("/")[1] for request in self.proxy.requests}
        self.proxy.requests.clear()
        return came

    def mend(self) -> None:
        """The proxy does what it should."""
        self.proxy.hangs, self.proxy.status = False, None


@contextmanager
def region(outside: Outside, folder: Path) -> Iterator[Proxied]:
    """The region for as long as the block lasts."""
    authority = Authority.create(folder)
    with running({path: outside.settings.url(name) for path, (name, _) in SERVICES.items()}, authority) as proxy:
        _take_away(outside)  # what an interrupted run left
        outside.cloud.identity.create_region(id=REGION, description="behind a proxy")
        try:
            _fill(outside, proxy)
            yield Proxied(proxy, authority)
        finally:
            _take_away(outside)


def _fill(outside: Outside, proxy: ReverseProxy) -> None:
    identity: Any = outside.cloud.identity
    ids = {one.name: one.id for one in identity.services()}
    for path, (name, api) in SERVICES.items():
        urls = dict.fromkeys(("public", "admin"), f"{proxy.url}/{path}{api}")
        for interface, url in {**urls, "internal": outside.settings.url(name, api)}.items():
            identity.create_endpoint(service_id=ids[name], interface=interface, url=url, region_id=REGION)


def _take_away(outside: Outside) -> None:
    identity: Any = outside.cloud.identity
    for endpoint in identity.endpoints():
        if endpoint.region_id == REGION:
            identity.delete_endpoint(endpoint)
    identity.delete_region(REGION, ignore_missing=True)
