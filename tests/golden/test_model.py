"""What of the model is fixed by ESC's documents and must not drift: names, keys, orders, texts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from lxml import etree

from openesc.yang import Schema

YANG = Path(__file__).parents[2] / "yang"
ESC = "http://www.cisco.com/esc/esc"

EVENTS_OF_1_X = """
CREATE_NETWORK DELETE_NETWORK CREATE_SUBNET DELETE_SUBNET CREATE_TENANT DELETE_TENANT SERVICE_REGISTRATION
SERVICE_UNREGISTRATION VM_DEPLOYED VM_ALIVE VM_UNDEPLOYED SERVICE_ALIVE SERVICE_UNDEPLOYED VM_SCALE_OUT_INIT
VM_SCALE_OUT_DEPLOYED VM_SCALE_OUT_COMPLETE VM_SCALE_IN_INIT VM_SCALE_IN_COMPLETE VM_RECOVERY_INIT
VM_RECOVERY_DEPLOYED VM_RECOVERY_UNDEPLOYED VM_RECOVERY_COMPLETE SERVICE_UPDATED VM_STOPPED SERVICE_STOPPED
VM_STARTED VM_REBOOTED VM_MONITOR_UNSET SERVICE_MONITOR_UNSET VM_MONITOR_SET ESC_IN_SERVICE ESC_OUT_OF_SERVICE
"""
LATER = """
CREATE_IMAGE DELETE_IMAGE CREATE_FLAVOR DELETE_FLAVOR CREATE_VOLUME DELETE_VOLUME VM_UPDATED VM_RECOVERY_REBOOT
VM_RECOVERY_CANCELLED VM_VERIFY_RESIZE VM_CONFIRM_RESIZE_INIT VM_CONFIRM_RESIZE_COMPLETE VM_REVERT_RESIZE_INIT
VM_REVERT_RESIZE_COMPLETE VM_MIGRATE_INIT VM_MIGRATED VM_MIGRATE_COMPLETE VM_BACKUP_INIT VM_BACKUP_CREATED
VM_BACKUP_COMPLETE VM_SNAPSHOT_DELETING VM_SNAPSHOT_DELETED
"""
SERVICE = "UNDEF DEPLOYING INERT ACTIVE UNDEPLOYING STOPPING STOPPED STARTING REBOOTING ERROR"
VM = "UNDEF DEPLOYING MONITOR_UNSET MONITOR_DISABLED STOPPING SHUTOFF STARTING REBOOTING INERT ALIVE UNDEPLOYING ERROR"

ENUMERATIONS = {
    "esc_notifications event_types": (EVENTS_OF_1_X + LATER).split(),
    "esc_types service_state_machine_states": [f"SERVICE_{state}_STATE" for state in SERVICE.split()],
    "esc_types vm_state_machine_states": [f"VM_{state}_STATE" for state in VM.split()],
    "esc_types service_action_types": ["STOP", "START", "REBOOT", "DISABLE_MONITOR", "ENABLE_MONITOR"],
    "esc_types action_types": [
        "STOP",
        "START",
        "REBOOT",
        "DISABLE_MONITOR",
        "ENABLE_MONITOR",
        "CONFIRM_RESIZE",
        "REVERT_RESIZE",
    ],
}


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_enumeration_has_the_values_of_esc_in_their_order(name: str) -> None:
    module, typedef = name.split()
    text = (YANG / f"{module}.yang").read_text().partition(f"typedef {typedef} {{")[2]
    assert re.findall(r"enum (\S+) \{", text.partition("\n  }\n")[0]) == ENUMERATIONS[name]


def names(elements: Iterable[str]) -> list[str]:
    return [etree.QName(name).localname for name in elements]


def test_the_event_has_the_order_of_fields_of_esc(schema: Schema) -> None:
    event = schema.notifications[f"{{{ESC}}}escEvent"]
    assert " ".join(names(event.children)) == (
        "status status_code status_message image flavor network subnet volume svcname svcversion depname tenant "
        "tenant_id svcid depid vm_group vm_source vm_target event"
    )
    for end in ("vm_source", "vm_target"):
        assert " ".join(names(event.children[f"{{{ESC}}}{end}"].children)) == (
            "vmid vmname generated_vmname vim_id vim_project vim_project_id hostid hostname interfaces"
        )


@pytest.mark.parametrize(
    "path, keys",
    [
        ("tenants/tenant", ["name"]),
        ("tenants/tenant/deployments/deployment", ["name"]),
        ("tenants/tenant/deployments/deployment/vm_group", ["name"]),
        ("tenants/tenant/deployments/deployment/vm_group/interfaces/interface", ["nicid"]),
        ("tenants/tenant/deployments/deployment/vm_group/config_data/configuration", ["dst"]),
        ("opdata/tenants/tenant/deployments", ["deployment_name"]),
        ("opdata/tenants/tenant/deployments/vm_group/vm_instance", ["vm_id"]),
        ("opdata/tenants/tenant/deployments/vm_group/vm_instance/interfaces/interface", ["nicid"]),
        ("opdata/tenants/tenant/deployments/state_machine/vm_state_machines/vm_state_machine", ["vm_name"]),
    ],
)
def test_lists_have_the_keys_of_esc(path: str, keys: list[str], schema: Schema) -> None:
    assert names(schema.find(f"/esc:esc_datamodel/{path}").keys) == keys


def test_operations_are_those_of_esc(schema: Schema) -> None:
    assert sorted(names(schema.rpcs)) == [
        "recoveryVmAction",
        "serviceAction",
        "snapshotAction",
        "vmAction",
        "vmBackupAction",
        "vmMigrate",
    ]


def test_all_modules_of_the_server_compile_together() -> None:
    apart = ("esc_", "esc-manager")  # submodules, and the payloads of REST, which borrow NETCONF's namespace
    modules = sorted(file.stem for file in YANG.glob("*.yang") if not file.stem.startswith(apart))
    schema = Schema.load([YANG], modules)
    assert {"esc", "ietf-netconf", "ietf-netconf-acm", "nc-notifications"} <= set(modules)
    assert f"{{{ESC}}}esc_datamodel" in schema.root.children


def test_the_modules_are_clean() -> None:
    pyang = Path(sys.executable).with_name("pyang")
    options = ["--strict", "--lint", "--ignore-error", "LINT_NO_MODULENAME_PREFIX", "-p", str(YANG)]
    files = [YANG / "esc.yang", YANG / "notifications.yang", YANG / "nc-notifications.yang"]
    done = subprocess.run([pyang, *options, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
