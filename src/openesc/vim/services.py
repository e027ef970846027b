"""The services of a cloud, seen from one project, by the names the SDK gives them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

from openstack import exceptions as sdk
from openstack.block_storage.v3._proxy import Proxy as BlockStorage
from openstack.compute.v2._proxy import Proxy as Compute
from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as Identity
from openstack.image.v2._proxy import Proxy as Image
from openstack.network.v2._proxy import Proxy as Network

_using = threading.local()


def service_in_use() -> str:
    """The service that this thread has used last, by the SDK's name: what it sends is for that one."""
    return getattr(_using, "service", "identity")


class Services:
    """A project's SDK connection whose services say why they cannot be used.

    A service is discovered when it is first used. One that is down just then is called "not supported" by the
    SDK, which is neither true nor of use: it is then asked directly, and what comes of that is raised.

    Args:
        connection: gives the connection, which changes with the credentials.
    """

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The one with the credentials of now."""
        return self._connection()

    @property
    def session(self) -> Any:
        """The keystoneauth session, with its log-in."""
        return self.connection.session

    @property
    def compute(self) -> Compute:
        """Nova."""
        return cast(Compute, self._discover("compute"))

    @property
    def network(self) -> Network:
        """Neutron."""
        return cast(Network, self._discover("network"))

    @property
    def image(self) -> Image:
        """Glance."""
        return cast(Image, self._discover("image"))

    @property
    def block_storage(self) -> BlockStorage:
        """Cinder."""
        return cast(BlockStorage, self._discover("block_storage"))

    @property
    def identity(self) -> Identity:
        """Keystone v3; v2 has been gone since 2018."""
        return cast(Identity, self._discover("identity"))

    def _discover(self, name: str) -> object:
        _using.service = name
        connection = self.connection
        try:
            return getattr(connection, name)
        except (sdk.NotSupported, sdk.ServiceDiscoveryException):
            url = connection.config.get_endpoint_from_catalog(name.replace("_", "-"))
            if url:
                self.session.get(url, log=False)
            raise
