"""Events about inventory records: who, where, how it went. Texts are in `openesc.events.types`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from openesc.events.escevent import FAILURE, SUCCESS, EscEvent, VmInfo
from openesc.events.types import TEXTS
from openesc.inventory.records import Deployment, Interface, Resource, Vm

OK = 200
FAILED = 500
SHARED_TENANT = "SystemAdminTenantId"


def service(event_type: str, deployment: Deployment, failure: str | None = None, text: str | None = None) -> EscEvent:
    """An event about a deployment; `failure` makes it a FAILURE with that message, `text` a SUCCESS with that."""
    return EscEvent(
        event_type,
        *_verdict(text or TEXTS[event_type], failure),
        depname=deployment.name,
        tenant=deployment.tenant,
        tenant_id=deployment.project_id,
        depid=deployment.id,
    )


def vm(
    event_type: str,
    deployment: Deployment,
    vm: Vm,
    interfaces: Sequence[Interface] = (),
    failure: str | None = None,
    text: str | None = None,
) -> EscEvent:
    """An event about a VM, which it names as `vm_source`. `text`: another one than usual for a success."""
    status, code, message = _verdict((text or TEXTS[event_type]).format(name=vm.name), failure)
    return replace(
        service(event_type, deployment),
        status=status,
        status_code=code,
        status_message=message,
        vm_group=vm.vm_group,
        vm_source=vm_info(deployment, vm, interfaces),
    )


def vm_info(deployment: Deployment, vm: Vm, interfaces: Sequence[Interface] = ()) -> VmInfo:
    """What `vm_source` and `vm_target` say of a VM."""
    return VmInfo(
        vmid=vm.server_id,
        vmname=vm.name,
        generated_vmname=vm.name,
        vim_id=deployment.vim_id,
        vim_project=deployment.project,
        vim_project_id=deployment.project_id,
        hostid=vm.host_id or None,
        hostname=vm.hostname,
        interfaces=[interface_leaves(interface) for interface in interfaces],
    )


def interface_leaves(interface: Interface) -> dict[str, str]:
    """The leaves of an interface entry, as in events and opdata, in the model's order."""
    leaves = {
        "nicid": str(interface.nicid),
        "type": interface.type,
        "port_id": interface.port_id,
        "network": interface.network_id,
        "subnet": interface.subnet_id,
        "ip_address": interface.ip_address,
        "mac_address": interface.mac_address,
        "netmask": interface.netmask,
        "gateway": interface.gateway,
    }
    return {name: value for name, value in leaves.items() if value is not None}


def tenant(event_type: str, record: Resource, failure: str | None = None) -> EscEvent:
    """CREATE_TENANT, DELETE_TENANT."""
    return EscEvent(event_type, *_verdict(TEXTS[event_type], failure), tenant=record.name, tenant_id=record.external_id)


def artifact(event_type: str, record: Resource, failure: str | None = None) -> EscEvent:
    """An image or flavor event: the admin tenant's."""
    named = {record.kind: record.name}
    return EscEvent(event_type, *_verdict(TEXTS[event_type], failure), tenant=SHARED_TENANT, **named)  # type: ignore[arg-type]  # image or flavor


def network(event_type: str, record: Resource, deployment: Deployment | None, failure: str | None = None) -> EscEvent:
    """CREATE_NETWORK, DELETE_NETWORK."""
    return _of_network(
        EscEvent(event_type, *_verdict(TEXTS[event_type], failure), network=internal_id(record)), record, deployment
    )


def subnet(
    event_type: str, record: Resource, parent: Resource, deployment: Deployment | None, failure: str | None = None
) -> EscEvent:
    """CREATE_SUBNET, DELETE_SUBNET: they name the network and the subnet."""
    text = TEXTS[event_type].format(id=record.external_id)
    event = EscEvent(
        event_type,
        *_verdict(text, failure),
        network=internal_id(parent),
        subnet=internal_id(parent) + record.name,
    )
    return _of_network(event, record, deployment)


def _of_network(event: EscEvent, record: Resource, deployment: Deployment | None) -> EscEvent:
    if deployment is None:
        return replace(event, tenant=record.tenant or SHARED_TENANT)
    return replace(
        event, depname=deployment.name, depid=deployment.id, tenant=deployment.tenant, tenant_id=deployment.project_id
    )


def internal_id(record: Resource) -> str:
    """ESC's internal id of a network: tenant and name (developer guide, network events)."""
    return f"{record.tenant or SHARED_TENANT}{record.name}"


def _verdict(text: str, failure: str | None) -> tuple[str, int, str]:
    return (SUCCESS, OK, text) if failure is None else (FAILURE, FAILED, failure)
