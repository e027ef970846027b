"""What an operation leaves in the cloud: listed, so that somebody can remove it."""

from __future__ import annotations

from openesc.inventory import store as inventory
from openesc.lifecycle.context import Work
from openesc.store import Tx


def record_leftover(
    work: Work, tx: Tx, kind: str, external_id: str, name: str, reason: str, *, kept: bool = False
) -> None:
    """Something of the deployment is or may be left in the cloud. `kept`: on purpose."""
    inventory.add_leftover(
        tx,
        {
            "kind": kind,
            "external_id": external_id or name,
            "name": name,
            "vim_id": work.deployment.vim_id,
            "project": work.deployment.project,
            "tenant": work.deployment.tenant,
            "deployment": work.deployment.name,
            "deployment_id": work.deployment.id,
            "reason": reason,
            "kept": kept,
        },
    )
