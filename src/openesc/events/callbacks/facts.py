"""What a body says beyond its event, read from the inventory's tables when the callback is prepared."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from openesc.events.escevent import EscEvent, VmInfo
from openesc.store import tables as t

SHARED_TENANT = "SystemAdminTenantId"


def service_state(connection: Connection, deployment_id: str | None) -> str | None:
    """The state of a deployment; None once it is gone."""
    found = connection.execute(select(t.deployments.c.state).where(t.deployments.c.id == deployment_id))
    return found.scalar()


def vms_of(connection: Connection, deployment_id: str | None) -> Sequence[VmInfo]:
    """The VMs of a deployment that are in the VIM, with their interfaces."""
    v = t.vms.c
    where = (v.deployment_id == deployment_id, v.server_id.is_not(None))
    rows = connection.execute(select(t.vms).where(*where).order_by(v.vm_group, v.ordinal)).all()
    return [
        VmInfo(
            vmid=row.server_id,
            generated_vmname=row.name,
            hostid=row.host_id or None,
            hostname=row.hostname,
            interfaces=_interfaces(connection, row.id),
        )
        for row in rows
    ]


def interfaces_of(connection: Connection, server_id: str | None) -> Sequence[dict[str, str]]:
    """The interfaces of the VM with this id in the VIM."""
    vm_id = connection.execute(select(t.vms.c.id).where(t.vms.c.server_id == server_id)).scalar()
    return _interfaces(connection, vm_id) if vm_id is not None else ()


def _interfaces(connection: Connection, vm_id: str) -> Sequence[dict[str, str]]:
    i = t.interfaces.c
    columns = (
        *(i.nicid, i.type, i.port_id, i.network_id.label("network"), i.subnet_id.label("subnet")),
        *(i.ip_address, i.mac_address),
    )
    rows = connection.execute(select(*columns).where(i.vm_id == vm_id).order_by(i.nicid))
    return [{name: str(value) for name, value in row._mapping.items()} for row in rows]


def external_id(
    connection: Connection, event: EscEvent, kind: str, name: str | None, network: str | None = None
) -> str | None:
    """The VIM's id of an image, flavor, network or subnet of this name, of the tenant and deployment that `event` is
    of; `network` is the name of a subnet's network.
    """
    r = t.resources.c
    parent = [] if network is None else [r.parent.in_(select(r.key).where(*_named(event, "network", network)))]
    return connection.execute(select(r.external_id).where(*_named(event, kind, name), *parent)).scalar()


def _named(event: EscEvent, kind: str, name: str | None) -> Sequence[ColumnElement[bool]]:
    """What is shared is the admin tenant's."""
    r = t.resources.c
    tenant = None if event.tenant == SHARED_TENANT else event.tenant
    return (
        r.kind == kind,
        r.name == name,
        r.tenant.is_not_distinct_from(tenant),
        r.deployment_id.is_not_distinct_from(event.depid),
    )


def internal_id(connection: Connection, kind: str, scope: Sequence[str | None], name: str | None) -> str | None:
    """The id that a client of REST chose for a resource; None: it goes by what the event calls it.

    `scope`: its tenant, of a subnet also its network; nothing where it is shared.
    """
    c = t.internal_ids.c
    owner = "/".join(one for one in scope if one and one != SHARED_TENANT)
    found = connection.execute(select(c.id).where(c.kind == kind, c.scope == owner, c.name == name))
    return found.scalar()


def tenant_id(connection: Connection, tenant: str | None) -> str | None:
    """The internal id of a tenant."""
    return internal_id(connection, "tenant", (), tenant) or tenant
