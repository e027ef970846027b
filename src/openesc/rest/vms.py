"""VMs over all deployments: which of them are on a host, and how they are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Vm
from openesc.netconf import User
from openesc.northbound import access
from openesc.rest.answers import Answer, Json
from openesc.rest.call import Call


async def listed(call: Call) -> Answer:
    """GET /openesc/v1/vms?host=&tenant=&deployment_id=, by host and name."""
    asked = {
        "hostname": call.query("host"),
        "tenant": call.query("tenant"),
        "deployment_id": call.query("deployment_id"),
    }
    found = await call.context.store.read(lambda connection: _vms(connection, call.user, asked))
    return Json({"vms": found})


def _vms(connection: Connection, user: User, asked: dict[str, str | None]) -> list[dict[str, Any]]:
    pairs = inventory.vms_with_deployments(connection, **{name: one for name, one in asked.items() if one is not None})
    return [_fields(deployment, vm) for deployment, vm in pairs if access.may_use_tenant(user, deployment.tenant)]


def _fields(deployment: Deployment, vm: Vm) -> dict[str, Any]:
    return {
        "name": vm.name,
        "vm_id": vm.server_id,
        "state": vm.state,
        "vim_status": vm.vim_status,
        "host": vm.hostname,
        "host_id": vm.host_id,
        "image": vm.image,
        "flavor": vm.flavor,
        "vm_group": vm.vm_group,
        "deployment": deployment.name,
        "deployment_id": deployment.id,
        "tenant": deployment.tenant,
        "vim_id": deployment.vim_id,
        "failure": vm.failure,
    }
