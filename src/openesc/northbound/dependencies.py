"""What a deployment needs to be there before it is accepted: policies/external_dependencies (ESC 1.x YANG).

Deployments are looked for in the writer lane, networks of the VIM before it: that asks the cloud, bounded, and a cloud
that does not answer keeps no client waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from openesc.datastore.partition import SplitEdit
from openesc.datastore.running import Change, Running
from openesc.datastore.units import UnitId
from openesc.errors import EscError, InvalidRequest
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.lifecycle import intent
from openesc.lifecycle.paths import deployment_path
from openesc.lifecycle.subnets import SubnetQuestion
from openesc.lifecycle.xmlread import texts
from openesc.northbound.edited import DEPLOYMENT, EditedDeployment, edited_deployments

_PATH = "policies/external_dependencies"


def unmet_services(changes: Sequence[Change], connection: Connection) -> Iterator[EscError]:
    """Deployments that a new dependency names and that are neither there nor in the same edit."""
    changed = [change for change in changes if change.id.kind.name == DEPLOYMENT and change.after is not None]
    made = {change.id.keys for change in changed}
    for change in changed:
        wanted = intent.parse(change.after or b"")
        known = intent.parse(change.before).needed_services if change.before is not None else ()
        for name in wanted.needed_services:
            if name not in known and (wanted.tenant, name) not in made and not _there(connection, wanted.tenant, name):
                yield InvalidRequest(
                    f"deployment {name}, which deployment {wanted.name} depends on, is not there: deploy it first",
                    path=f"{deployment_path(wanted.tenant, wanted.name)}/{_PATH}/service_dependency"
                    f"/service[service_name='{name}']",
                )


def _there(connection: Connection, tenant: str, name: str) -> bool:
    rows = inventory.deployments_named(connection, tenant, name)
    return any(row.state != states.SERVICE_UNDEPLOYING for row in rows)


class NetworkLookup:
    """Looks for the networks that an edit of a deployment comes to depend on: configured ones, then the VIM's."""

    def __init__(self, running: Running, question: SubnetQuestion) -> None:
        self._running = running
        self._question = question

    async def check(self, edit: SplitEdit) -> None:
        """Raises: InvalidRequest naming a network that is not there."""
        for deployment in edited_deployments(edit, self._running):
            for name in _needed(deployment):
                await self._look(deployment, name)

    async def _look(self, deployment: EditedDeployment, name: str) -> None:
        known = deployment.before.needed_networks if deployment.before is not None else ()
        if name in deployment.networks or name in known or self._configured(deployment.tenant, name):
            return
        if await self._question.lacks(deployment.vim_id, deployment.project, name):
            raise InvalidRequest(
                f"network {name}, which deployment {deployment.name} depends on, is not there: make it first",
                path=f"{deployment_path(deployment.tenant, deployment.name)}/{_PATH}/network_dependency/network",
            )

    def _configured(self, tenant: str, name: str) -> bool:
        kinds = self._running.tree.kinds
        ids = (UnitId(kinds["network"], (name,)), UnitId(kinds["tenant-network"], (tenant, name)))
        return any(self._running.get(one) is not None for one in ids)


def _needed(deployment: EditedDeployment) -> Iterator[str]:
    for element in deployment.elements("deployment"):
        yield from texts(element, intent.NETWORK_DEPENDENCY)
