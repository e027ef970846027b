"""The addresses of a static pool must lie in a subnet of its network (user guide, static IP pool).

Networks that the document itself makes are looked at by the checks; those of the VIM are asked for here, outside the
writer lane and bounded, before the request is accepted. A network that is not there yet, or a cloud that does not
answer, keeps no client waiting: the address is then refused when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from openesc.datastore.partition import SplitEdit
from openesc.datastore.running import Running
from openesc.errors import InvalidRequest
from openesc.lifecycle import intent
from openesc.lifecycle.paths import group_path
from openesc.lifecycle.pools import outside
from openesc.lifecycle.subnets import SubnetQuestion
from openesc.lifecycle.xmlread import each, text
from openesc.northbound.edited import EditedDeployment, edited_deployments


@dataclass(frozen=True, slots=True)
class _Named:
    """A pool as an edit names it."""

    group: str
    pool: intent.Pool


class AddressLookup:
    """Looks at the pools that an edit of a deployment names."""

    def __init__(self, running: Running, question: SubnetQuestion) -> None:
        self._running = running
        self._question = question

    async def check(self, edit: SplitEdit) -> None:
        """Raises: InvalidRequest naming an address that is in no subnet of its network."""
        for deployment in edited_deployments(edit, self._running):
            for named in _pools(deployment):
                if named.pool.network not in _made(deployment):
                    await self._look(deployment, named)

    async def _look(self, deployment: EditedDeployment, named: _Named) -> None:
        ranges = await self._question.ranges(deployment.vim_id, deployment.project, named.pool.network)
        fault = outside(named.pool, ranges) if ranges else None
        if fault is not None:
            raise InvalidRequest(
                fault,
                path=f"{group_path(deployment.tenant, deployment.name, named.group)}/scaling/static_ip_address_pool"
                f"[network='{named.pool.network}']",
            )


def _made(deployment: EditedDeployment) -> set[str]:
    """Networks that the edit or the deployment makes itself."""
    ephemeral = {
        name
        for element in deployment.elements("deployment")
        for network in each(element, "networks/network")
        if (name := text(network, "name"))
    }
    before = {network.name for network in deployment.before.networks} if deployment.before is not None else set()
    return {*deployment.networks, *ephemeral, *before}


def _pools(deployment: EditedDeployment) -> Iterator[_Named]:
    for group in deployment.elements("vm_group"):
        for element in each(group, "scaling/static_ip_address_pool"):
            found = _pool(element)
            if found is not None:
                yield _Named(text(group, "name") or "", found)


def _pool(element: etree._Element) -> intent.Pool | None:
    """What can be read of it: the edit is not validated yet."""
    try:
        return intent.pool(element)
    except (AssertionError, ValueError):
        return None
