"""What one operation on a VM costs against a cloud without latencies: CPU, and time until its last event."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rawclient import RawClient

from benchmarks import documents
from benchmarks.house import House, Site, Subscriber, check_ok
from benchmarks.measure import median
from benchmarks.report import Table
from openesc.vimmanager import FILE

COLUMNS = ("operation", "up to", "alone ms p50", "together a second", "server CPU ms each", "cloudsim CPU ms each")
ALONE = 5
"""VMs that are operated on one after the other; all the others at once."""
POLL_SECONDS = "1"
FLAVOR = b"<flavor>SolTest-Cirros-Flavor</flavor>"
OTHER_FLAVOR = b"<flavor>SolTest-Cirros-Flavor-v2</flavor>"


@dataclass(frozen=True)
class Operation:
    """`request` makes the rpc for the number of a deployment and its VM's name; `last` is the event that ends it."""

    name: str
    request: Callable[[int, str], str]
    last: str


def _rpc(name: str, **leaves: str) -> str:
    content = "".join(f"<{leaf}>{value}</{leaf}>" for leaf, value in leaves.items())
    return f'<{name} xmlns="{documents.ESC}">{content}</{name}>'


def _action(action: str) -> Callable[[int, str], str]:
    return lambda _, vm: _rpc("vmAction", actionType=action, vmName=vm)


def _resize(number: int, _: str) -> str:
    return documents.edit(documents.deployment(number).replace(FLAVOR, OTHER_FLAVOR))


def _backup_name(number: int) -> str:
    return f"backup-{number}"


OPERATIONS = (
    Operation("stop", _action("STOP"), "VM_STOPPED"),
    Operation("start", _action("START"), "VM_ALIVE"),
    Operation("reboot", _action("REBOOT"), "VM_ALIVE"),
    Operation("resize", _resize, "VM_VERIFY_RESIZE"),
    Operation("confirm", _action("CONFIRM_RESIZE"), "VM_ALIVE"),
    Operation(
        "live migration", lambda _, vm: _rpc("vmMigrate", vmName=vm, migrationType="live"), "VM_MIGRATE_COMPLETE"
    ),
    Operation(
        "backup",
        lambda number, vm: _rpc("vmBackupAction", vmName=vm, backupName=_backup_name(number)),
        "VM_BACKUP_COMPLETE",
    ),
    Operation(
        "snapshot delete",
        lambda number, _: _rpc("snapshotAction", actionType="DELETE", snapshot=_backup_name(number)),
        "VM_SNAPSHOT_DELETED",
    ),
    Operation(
        "recovery (reboot)", lambda _, vm: _rpc("recoveryVmAction", actionType="DO", vmName=vm), "VM_RECOVERY_COMPLETE"
    ),
)


async def run(site: Site, count: int) -> Table:
    """`count` deployments of one VM; every operation is done to each of them, in turn."""
    table = Table(f"operations: each on {count} VMs of {count} deployments", COLUMNS)
    data_dir = site.data_dir()
    _poll_often(data_dir)
    with site.open(data_dir) as house:
        client, subscriber = await house.session(), await house.subscriber()
        vms = await _deployed(client, subscriber, count)
        for operation in OPERATIONS:
            table.rows.append(await _measure(house, client, subscriber, operation, vms))
        await client.close()
        await subscriber.client.close()
    table.notes = [
        f"alone: {ALONE} VMs one after the other; together: all the others at once, requests on one session in turn",
        "CPU: of those that were done together, up to the last event of the last of them",
        "times hold waits that are settings: the cloud is looked at once a second, snapshots too (15 s by default)",
    ]
    return table


def _poll_often(data_dir: Path) -> None:
    names = [f"vim.asyncpoller.snapshot.{what}.poll.secs" for what in ("create", "delete")]
    (data_dir / FILE).write_text("".join(f"{name}={POLL_SECONDS}\n" for name in names))


async def _deployed(client: RawClient, subscriber: Subscriber, count: int) -> Mapping[int, str]:
    """The generated names of the VMs by number of deployment."""
    for number in range(count):
        check_ok(await client.rpc(documents.edit(documents.deployment(number))))
    await _until(subscriber, "SERVICE_ALIVE", range(count))
    wanted = f'<esc_datamodel xmlns="{documents.ESC}"><opdata/></esc_datamodel>'
    opdata = await client.rpc(f'<get><filter type="subtree">{wanted}</filter></get>')
    found = {vm.decode() for vm in re.findall(rb"<vm_name>([^<]+)</vm_name>", opdata)}
    return {number: next(vm for vm in found if vm.startswith(documents.name(number))) for number in range(count)}


async def _until(subscriber: Subscriber, event: str, numbers: Sequence[int]) -> None:
    """Wait for the event of each of these deployments."""
    expected = {documents.name(number) for number in numbers}
    while expected:
        expected.discard(await subscriber.next(event))


async def _measure(
    house: House, client: RawClient, subscriber: Subscriber, operation: Operation, vms: Mapping[int, str]
) -> Sequence[str]:
    numbers = list(vms)
    alone = []
    for number in numbers[:ALONE]:
        began = time.perf_counter()
        check_ok(await client.rpc(operation.request(number, vms[number])))
        await _until(subscriber, operation.last, [number])
        alone.append(time.perf_counter() - began)
    rest = numbers[ALONE:]
    server, cloud, began = house.cpu, house.cloud_cpu, time.perf_counter()
    for number in rest:
        check_ok(await client.rpc(operation.request(number, vms[number])))
    await _until(subscriber, operation.last, rest)
    seconds, server, cloud = time.perf_counter() - began, house.cpu - server, house.cloud_cpu - cloud
    return (
        operation.name,
        operation.last,
        f"{median(alone) * 1000:.0f}",
        f"{len(rest) / seconds:.1f}",
        f"{server / len(rest) * 1000:.0f}",
        f"{cloud / len(rest) * 1000:.0f}",
    )
