"""How each row of `openesc.lifecycle.failures` about actions on what is deployed is brought about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ncclient.operations import RPCError
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.operations.vnf import Vnf, rpc

from openesc.lifecycle.failures import INTERRUPTED, TABLE, TURN

V2 = "SolTest-Cirros-Flavor-v2"
VOLUMES = (
    "<volumes><volume><name>root</name><volid>0</volid><bus>virtio</bus><size>1</size><boot_index>0</boot_index>"
    "</volume></volumes>"
)
WORDS = "Refused for the table."
REFUSED: Mapping[str, Any] = {"type": "http", "status": 403, "text": WORDS}
BROKEN: Mapping[str, Any] = {"type": "error"}
HELD: Mapping[str, Any] = {"type": "freeze"}
SILENT: Mapping[str, Any] = {"type": "ping_silent"}

Ask = Callable[[Vnf], object]


@dataclass(frozen=True)
class Scenario:
    """`before`: requests, each with the event that ends it. `faults`: rules of the simulator, by operation. `ask`: what
    fails; `then` comes while `ask` is held by a frozen call, which goes on afterwards. `extra`: leaves of the group.
    """

    ask: Ask
    faults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    before: Sequence[tuple[Ask, str]] = ()
    then: Sequence[Ask] = ()
    extra: str = ""
    bootup: int = 60

    @property
    def silent(self) -> bool:
        return SILENT in self.faults.values()


def act(action: str) -> Ask:
    return _on_vm("vmAction", actionType=action)


def serve(action: str) -> Ask:
    return lambda vnf: rpc(vnf.admin, "serviceAction", actionType=action, tenantName="admin", depName=vnf.name)


def _on_vm(name: str, **leaves: str) -> Ask:
    return lambda vnf: rpc(vnf.admin, name, **{**leaves, "vmName": vnf.vms[0]})


def migrate(kind: str) -> Ask:
    return _on_vm("vmMigrate", migrationType=kind)


def backup(kind: str) -> Ask:
    return lambda vnf: rpc(vnf.admin, "vmBackupAction", vmName=vnf.vms[0], backupName=vnf.name, actionType=kind)


recover = _on_vm("recoveryVmAction", actionType="DO")


def policy(action: str) -> str:
    return (
        f"<reboot_time>1</reboot_time><recovery_policy><action_on_recovery>{action}</action_on_recovery>"
        "<max_retries>2</max_retries></recovery_policy>"
    )


def resize(vnf: Vnf, bootup: int = 60) -> None:
    vnf.admin.edit(deployment(vnf.name, group(flavor=V2, bootup=bootup)))


def scale(vnf: Vnf) -> None:
    vnf.admin.edit(deployment(vnf.name, group(count=2)))


def remove(vnf: Vnf) -> None:
    vnf.admin.edit(undeploy(vnf.name))


def delete_snapshot(vnf: Vnf) -> None:
    rpc(vnf.admin, "snapshotAction", actionType="DELETE", snapshot=vnf.name)


def taken(ask: Ask, vnf: Vnf) -> None:
    """Ask. Whether the refusal of the cloud is the answer, or only the event, other tests show."""
    with suppress(RPCError):
        ask(vnf)


ON, OFF = (act("ENABLE_MONITOR"), "VM_MONITOR_SET"), (act("DISABLE_MONITOR"), "VM_MONITOR_UNSET")
STOPPED, RESIZED, KEPT = (
    (act("STOP"), "VM_STOPPED"),
    (resize, "VM_VERIFY_RESIZE"),
    (backup("SNAPSHOT"), "VM_BACKUP_COMPLETE"),
)
RESIZED_SOON = (partial(resize, bootup=2), "VM_VERIFY_RESIZE")
QUIET = {"*": SILENT}


def _power(ask: Callable[[str], Ask]) -> dict[str, Scenario]:
    return {
        "the server is stopped": Scenario(ask("STOP"), {"server.stop": REFUSED}),
        "the server is started": Scenario(ask("START"), {"server.start": BROKEN}, [STOPPED]),
        "the server is stopped and started (REBOOT)": Scenario(ask("REBOOT"), {"server.start": BROKEN}),
        "the VM is not alive within bootup_time after START or REBOOT": Scenario(ask("REBOOT"), QUIET, bootup=2),
        "the VM is not alive within bootup_time after ENABLE_MONITOR": Scenario(
            ask("ENABLE_MONITOR"), QUIET, [OFF], bootup=2
        ),
        TURN: Scenario(act("STOP"), {"server.stop": HELD}, then=[ask("REBOOT")]),
        INTERRUPTED: Scenario(ask("REBOOT"), {"server.stop": HELD}, then=[remove]),
    }


def _confirming(action: str, call: str) -> dict[str, Scenario]:
    return {
        "the cloud refuses it: its words answer the caller": Scenario(act(action), {call: REFUSED}, [RESIZED]),
        "the server goes to ERROR on the way": Scenario(act(action), {call: BROKEN}, [RESIZED]),
        "the VM is not alive within bootup_time afterwards": Scenario(act(action), QUIET, [RESIZED_SOON]),
        INTERRUPTED: Scenario(act(action), {call: HELD}, [RESIZED], then=[remove]),
    }


BY_OPERATION: Mapping[str, Mapping[str, Scenario]] = {
    "service-action": _power(serve),
    "vm-action": _power(act),
    "confirm-resize": _confirming("CONFIRM_RESIZE", "server.confirm_resize"),
    "revert-resize": _confirming("REVERT_RESIZE", "server.revert_resize"),
    "migrate": {
        "the cloud refuses it: its words answer the caller": Scenario(
            migrate("live"), {"server.live_migrate": REFUSED}
        ),
        "the server goes to ERROR on the way": Scenario(migrate("cold"), {"server.migrate": BROKEN}),
        "no valid host, a migration that fails on the way or ends where it began": Scenario(
            migrate("cold"), {"server.migrate": {"type": "no_valid_host"}}
        ),
        "the VM is not alive within bootup_time after a live migration": Scenario(migrate("live"), QUIET, bootup=2),
        TURN: Scenario(act("STOP"), {"server.stop": HELD}, then=[migrate("live")]),
        INTERRUPTED: Scenario(migrate("live"), {"server.live_migrate": HELD}, then=[remove]),
    },
    "update": {
        "the cloud refuses a resize": Scenario(resize, {"server.resize": REFUSED}),
        "the server goes to ERROR in a resize": Scenario(resize, {"server.resize": BROKEN}),
        "no valid host for a resize: the flavor is the old one": Scenario(
            resize, {"server.resize": {"type": "no_valid_host"}}
        ),
        TURN: Scenario(act("STOP"), {"server.stop": HELD}, then=[scale]),
    },
    "backup": {
        "the cloud refuses the snapshot: its words answer the caller": Scenario(
            backup("SNAPSHOT"), {"server.create_image": REFUSED}
        ),
        "the snapshot does not become active in time, or breaks off": Scenario(
            backup("SNAPSHOT"), {"server.create_image": {"type": "fail"}}
        ),
        "EXPORT: the image's bytes cannot be had, do not fit their checksum or cannot be written": Scenario(
            backup("EXPORT"), {"image.download": REFUSED}
        ),
        TURN: Scenario(act("REBOOT"), {"server.stop": HELD, "server.start": BROKEN}, then=[backup("SNAPSHOT")]),
        INTERRUPTED: Scenario(backup("EXPORT"), {"server.create_image": HELD}, then=[remove]),
    },
    "snapshot-delete": {
        "the cloud refuses to delete the image: its words answer the caller": Scenario(
            delete_snapshot, {"image.delete": REFUSED}, [KEPT]
        ),
        "a volume snapshot is deleted, or the time is up before all of it is gone": Scenario(
            delete_snapshot, {"snapshot.delete": REFUSED}, [KEPT], extra=VOLUMES
        ),
    },
    "recover": {
        "the reboot: with REBOOT_THEN_REDEPLOY the redeploy follows": Scenario(recover, {"server.reboot": REFUSED}),
        "the server is deleted: the next try follows": Scenario(
            recover, {"server.delete": REFUSED}, extra=policy("REDEPLOY_ONLY")
        ),
        "the new server is asked for, or goes to ERROR: the next try follows": Scenario(
            recover, {"server.create": REFUSED}, extra=policy("REDEPLOY_ONLY")
        ),
        "every try of the recovery policy": Scenario(recover, QUIET, extra=policy("REBOOT_ONLY")),
        TURN: Scenario(act("STOP"), {"server.stop": HELD}, then=[recover]),
        INTERRUPTED: Scenario(recover, {"server.reboot": HELD}, then=[remove]),
    },
}


def scenario(operation: str, step: str) -> Scenario:
    """What brings a row about. Raises: KeyError when nobody knows."""
    return BY_OPERATION[operation][TURN if step.startswith(TURN) else step]


ROWS = [
    row
    for row in TABLE
    if row.operation in BY_OPERATION
    and (row.operation != "update" or "resize" in row.step or row.step.startswith(TURN))
]
