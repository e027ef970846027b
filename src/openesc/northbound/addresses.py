"""The addresses of a static pool must lie in a subnet of its network (user guide, static IP pool).

Networks that the document itself makes are looked at by the checks; those of the VIM are asked for here, outside the
writer lane and bounded, before the request is accepted. A network that is not there yet, or a cloud that does not
answer, keeps no client waiting: the address is then refused when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from openesc.datastore.partition import SplitEdit, UnitEdit
from openesc.datastore.running import Running
from openesc.errors import InvalidRequest
from openesc.lifecycle import intent
from openesc.lifecycle.paths import group_path
from openesc.lifecycle.pools import outside
from openesc.lifecycle.subnets import SubnetQuestion
from openesc.lifecycle.xmlread import each, text
from openesc.northbound.model import ESC

NETWORKS = frozenset({"network", "tenant-network"})
"""The kinds of units that make a network."""


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
        made = {part.id.keys[-1] for part in edit.edits if part.id.kind.name in NETWORKS}
        for part in edit.edits:
            if part.id.kind.name == "deployment":
                await self._check(part, made)

    async def _check(self, part: UnitEdit, made: set[str]) -> None:
        pools = list(_pools(part))
        if not pools:
            return
        current = self._running.get(part.id)
        before = intent.parse(current.document) if current is not None else None
        made = made | _networks(part) | ({network.name for network in before.networks} if before else set())
        for named in pools:
            if named.pool.network not in made:
                await self._look(part, named, before)

    async def _look(self, part: UnitEdit, named: _Named, before: intent.Deployment | None) -> None:
        tenant, deployment = part.id.keys
        vim_id, project = locator_of(part, before)
        ranges = await self._question.ranges(vim_id, project or tenant, named.pool.network)
        fault = outside(named.pool, ranges) if ranges else None
        if fault is not None:
            raise InvalidRequest(
                fault,
                path=f"{group_path(tenant, deployment, named.group)}/scaling/static_ip_address_pool"
                f"[network='{named.pool.network}']",
            )


def locator_of(part: UnitEdit, before: intent.Deployment | None) -> tuple[str | None, str | None]:
    """The VIM connector and the project, as the edit or what was there before says."""
    locator = next(part.document.iter(f"{{{ESC}}}locator"), None)
    if locator is not None:
        return text(locator, "vim_id"), text(locator, "vim_project")
    return (before.vim_id, before.vim_project) if before is not None else (None, None)


def _networks(part: UnitEdit) -> set[str]:
    """Ephemeral networks the edit names."""
    return {
        name
        for deployment in part.document.iter(f"{{{ESC}}}deployment")
        for network in each(deployment, "networks/network")
        if (name := text(network, "name"))
    }


def _pools(part: UnitEdit) -> Iterator[_Named]:
    for group in part.document.iter(f"{{{ESC}}}vm_group"):
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
