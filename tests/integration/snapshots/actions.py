"""What the tests of snapshots and recovery ask for: deployments, actions, and what the cloud has afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openstack
from lxml import etree
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele
from tests.integration.main_job.house import House, Session, one
from tests.integration.main_job.payloads import ESC, deployment, group
from tests.integration.main_job.subscriber import Subscriber

BOOT_VOLUME = (
    "<volumes><volume><name>root</name><volid>0</volid><bus>virtio</bus><size>1</size><sizeunit>GiB</sizeunit>"
    "<boot_index>0</boot_index></volume><volume><name>data</name><volid>1</volid><bus>virtio</bus><size>2</size>"
    "<sizeunit>GiB</sizeunit></volume></volumes>"
)


def deployed(
    admin: Session, subscriber: Subscriber, name: str, extra: str = "", *, kpi: bool = True, bootup: int = 60
) -> str:
    """Deploy one VM; its generated name."""
    admin.edit(deployment(name, group(kpi=kpi, extra=extra, bootup=bootup)))
    subscriber.until("SERVICE_ALIVE", depname=name, status="SUCCESS")
    return vm_name(admin, name)


def vm_name(admin: Session, deployment_name: str) -> str:
    """The generated name of the deployment's only VM."""
    entry = admin.deployment(deployment_name)
    assert entry is not None
    return str(entry.findtext(f".//{{{ESC}}}vm_instance/{{{ESC}}}name"))


def vm_state(admin: Session, deployment_name: str) -> str:
    """The state of the deployment's only VM."""
    entry = admin.deployment(deployment_name)
    assert entry is not None
    return one(entry.find(f".//{{{ESC}}}vm_state_machine"), "state")


def service_state(admin: Session, deployment_name: str) -> str:
    """The state of the deployment."""
    entry = admin.deployment(deployment_name)
    assert entry is not None
    return str(entry.findtext(f"{{{ESC}}}state_machine/{{{ESC}}}state"))


def call(admin: Session, rpc: str) -> str:
    """Send an action; the reply. Raises: RPCError."""
    return str(admin.client.dispatch(to_ele(rpc)).xml)


def refused(admin: Session, rpc: str) -> RPCError:
    """Send an action that must be refused; its error."""
    try:
        reply = call(admin, rpc)
    except RPCError as error:
        return error
    raise AssertionError(f"was accepted: {reply}")


def backup(vm: str, name: str, kind: str = "", xml: str = "") -> str:
    """A vmBackupAction."""
    kind = f"<actionType>{kind}</actionType>" if kind else ""
    return (
        f'<vmBackupAction xmlns="{ESC}"><vmName>{vm}</vmName><backupName>{name}</backupName>{kind}{xml}'
        "</vmBackupAction>"
    )


def delete(reference: str) -> str:
    """A snapshotAction."""
    return (
        f'<snapshotAction xmlns="{ESC}"><actionType>DELETE</actionType><snapshot>{reference}</snapshot>'
        "</snapshotAction>"
    )


def recover(vm: str) -> str:
    """A recoveryVmAction."""
    return f'<recoveryVmAction xmlns="{ESC}"><actionType>DO</actionType><vmName>{vm}</vmName></recoveryVmAction>'


def vm_action(action: str, vm: str) -> str:
    """A vmAction."""
    return f'<vmAction xmlns="{ESC}"><actionType>{action}</actionType><vmName>{vm}</vmName></vmAction>'


def error_info(error: RPCError) -> dict[str, str | None]:
    """The leaves of error-info."""
    if not error.info:
        return {}
    root = etree.fromstring(str(error.info).encode())
    return {etree.QName(child).localname: child.text for child in root}


def snapshot_id(message: str | None) -> str:
    """The id in the status_message of VM_BACKUP_INIT."""
    return str(message).rpartition("snapshot ID: [")[2].partition("]")[0]


def images(house: House) -> list[str]:
    return house.names("images")


def volume_snapshots(house: House) -> list[str]:
    return house.names("snapshots")


def fault(operation: str, action: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule of the simulator."""
    return {"match": {"operation": operation}, "action": action, **more}


@contextmanager
def volume_quota(house: House, **limits: int) -> Iterator[None]:
    """Quotas of the project admin's volumes for as long as the block lasts."""
    facts = house.server.cloud_facts
    words = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
    with openstack.connect(auth={name: facts[name] for name in words}, region_name="RegionOne") as cloud:
        cloud.set_volume_quotas("admin", **limits)
        try:
            yield
        finally:
            cloud.delete_volume_quotas("admin")
