"""The deployments of an edit as it came: what is asked of the cloud about them before the edit is accepted.

The edit is not validated yet, and it need not say all of a deployment: what it leaves out is as it was before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from lxml import etree

from openesc.datastore.partition import SplitEdit, UnitEdit
from openesc.datastore.running import Running
from openesc.lifecycle import intent
from openesc.lifecycle.xmlread import text
from openesc.northbound.model import ESC

DEPLOYMENT = "deployment"
NETWORKS = frozenset({"network", "tenant-network"})
"""The kinds of units that make a network."""


class EditedDeployment:
    """One deployment that an edit names.

    Args:
        part: what the edit says of it.
        running: what is there before.
        networks: names of the networks that the same edit makes beside any deployment.
    """

    def __init__(self, part: UnitEdit, running: Running, networks: frozenset[str]) -> None:
        self.networks = networks
        self.tenant, self.name = part.id.keys
        self._part = part
        self._running = running

    @cached_property
    def before(self) -> intent.Deployment | None:
        """As it is configured; None for a new one."""
        current = self._running.get(self._part.id)
        return intent.parse(current.document) if current is not None else None

    def elements(self, name: str) -> Iterator[etree._Element]:
        """Those of ESC's elements with this name that the edit has."""
        return self._part.document.iter(f"{{{ESC}}}{name}")

    @property
    def vim_id(self) -> str | None:
        """The VIM connector; None is the default one."""
        return self._locator[0]

    @property
    def project(self) -> str:
        """The project in the cloud: the locator's, else the tenant's."""
        return self._locator[1] or self.tenant

    @cached_property
    def _locator(self) -> tuple[str | None, str | None]:
        locator = next(self.elements("locator"), None)
        if locator is not None:
            return text(locator, "vim_id"), text(locator, "vim_project")
        return (self.before.vim_id, self.before.vim_project) if self.before is not None else (None, None)


def edited_deployments(edit: SplitEdit, running: Running) -> Iterator[EditedDeployment]:
    """Those that the edit names, in its order."""
    networks = frozenset(part.id.keys[-1] for part in edit.edits if part.id.kind.name in NETWORKS)
    return (EditedDeployment(part, running, networks) for part in edit.edits if part.id.kind.name == DEPLOYMENT)
