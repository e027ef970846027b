"""What ESC's documents print of events and states, word for word: a client may look for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openesc.events import types
from openesc.inventory import states
from openesc.inventory.transitions import SERVICE, VM, target

YANG = Path(__file__).parents[2] / "yang"

PRINTED = {
    "CREATE_TENANT": "Tenant successfully created",
    "DELETE_TENANT": "Tenant successfully deleted",
    "CREATE_NETWORK": "Network creation completed successfully",
    "DELETE_NETWORK": "OpenStack Driver: Network successfully deleted",
    "CREATE_SUBNET": "Subnet creation completed successfully, subnet ID: [{id}]",
    "DELETE_SUBNET": "OpenStack Driver: Subnet successfully deleted",
    "CREATE_IMAGE": "Image creation completed successfully.",
    "DELETE_IMAGE": "Image deletion completed successfully.",
    "DELETE_FLAVOR": "Flavor deletion completed successfully.",
    "VM_DEPLOYED": "OpenStack Driver: VM successfully created, VM Name: [{name}]",
    "VM_ALIVE": "VM_Alive event received, VM ID: [{name}]",
    "SERVICE_ALIVE": "Service group deployment completed successfully!",
    "VM_UNDEPLOYED": "OpenStack Driver: VM successfully deleted",
    "SERVICE_UNDEPLOYED": "Service group undeployment completed successfully",
    "SERVICE_UPDATED": "Service group update completed successfully",
    "VM_STOPPED": "VM successfully stopped",
    "VM_STARTED": "VM successfully started",
    "VM_REBOOTED": "VM successfully rebooted",
    "SERVICE_STOPPED": "Service group suspension completed successfully",
    "VM_MONITOR_UNSET": "Unset Monitoring VM successfully.",
    "VM_RECOVERY_INIT": (
        "Recovery event for VM [{name}] triggered. Processing Auto healing. Proceeding with Recovery."
    ),
    "VM_RECOVERY_UNDEPLOYED": "VM [{name}] has been undeployed.",
    "VM_RECOVERY_COMPLETE": "Recovery: Successfully recovered VM [{name}].",
    "VM_VERIFY_RESIZE": "VM Resize request processed",
    "VM_BACKUP_CREATED": "Snapshot is now active.",
    "VM_SNAPSHOT_DELETED": "Snapshot image [{id}] has been deleted.",
}


@pytest.mark.parametrize("event", PRINTED)
def test_the_message_of_a_success_is_the_printed_one(event: str) -> None:
    assert types.TEXTS[event] == PRINTED[event]


def test_the_messages_that_say_what_came_before() -> None:
    assert types.ALIVE_AFTER["start"] == "VM_Alive event received after started, VM ID: [{name}]"
    assert types.ALIVE_AFTER["reboot"] == "VM_Alive event received after rebooted, VM ID: [{name}]"
    assert types.SERVICE_ALIVE_AFTER["ENABLE_MONITOR"] == "Service group set monitor successfully"


def test_events_and_states_are_those_of_the_model() -> None:
    """A name in the code that the YANG has not would be sent and refused by the client."""
    assert set(types.TEXTS) - types.CALLBACK_ONLY <= _enumeration("esc_notifications", "event_types")
    named = {str(value) for name, value in vars(states).items() if name.startswith(("SERVICE_", "VM_")) and value}
    named = {value for value in named if value.endswith("_STATE")}
    known = _enumeration("esc_types", "service_state_machine_states")
    assert named == known | _enumeration("esc_types", "vm_state_machine_states")


def _enumeration(module: str, typedef: str) -> set[str]:
    text = (YANG / f"{module}.yang").read_text().partition(f"typedef {typedef} {{")[2]
    return set(re.findall(r"enum (\S+) \{", text.partition("\n  }\n")[0]))


DOCUMENTED = [
    ("service", "SERVICE_UNDEF_STATE", ("deploy", "up", "alive"), "SERVICE_ACTIVE_STATE"),
    ("service", "SERVICE_UNDEF_STATE", ("deploy", "fail"), "SERVICE_ERROR_STATE"),
    ("service", "SERVICE_STOPPED_STATE", ("start",), "SERVICE_STARTING_STATE"),
    ("service", "SERVICE_STOPPED_STATE", ("start", "alive"), "SERVICE_ACTIVE_STATE"),
    ("service", "SERVICE_ACTIVE_STATE", ("stop",), "SERVICE_STOPPING_STATE"),
    ("service", "SERVICE_ACTIVE_STATE", ("stop", "off"), "SERVICE_STOPPED_STATE"),
    ("service", "SERVICE_ACTIVE_STATE", ("reboot",), "SERVICE_REBOOTING_STATE"),
    ("service", "SERVICE_ACTIVE_STATE", ("reboot", "alive"), "SERVICE_ACTIVE_STATE"),
    ("service", "SERVICE_ACTIVE_STATE", ("undeploy",), "SERVICE_UNDEPLOYING_STATE"),
    ("service", "SERVICE_ACTIVE_STATE", ("undeploy", "gone"), states.GONE),
    ("vm", "VM_UNDEF_STATE", ("deploy",), "VM_DEPLOYING_STATE"),
    ("vm", "VM_UNDEF_STATE", ("deploy", "up"), "VM_INERT_STATE"),
    ("vm", "VM_UNDEF_STATE", ("deploy", "up", "alive"), "VM_ALIVE_STATE"),
    ("vm", "VM_UNDEF_STATE", ("deploy", "fail"), "VM_ERROR_STATE"),
    ("vm", "VM_ALIVE_STATE", ("stop",), "VM_STOPPING_STATE"),
    ("vm", "VM_ALIVE_STATE", ("stop", "off"), "VM_SHUTOFF_STATE"),
    ("vm", "VM_SHUTOFF_STATE", ("start",), "VM_STARTING_STATE"),
    ("vm", "VM_SHUTOFF_STATE", ("start", "up", "alive"), "VM_ALIVE_STATE"),
    ("vm", "VM_ALIVE_STATE", ("reboot",), "VM_REBOOTING_STATE"),
    ("vm", "VM_ALIVE_STATE", ("reboot", "up", "alive"), "VM_ALIVE_STATE"),
    ("vm", "VM_ALIVE_STATE", ("unmonitor",), "VM_MONITOR_UNSET_STATE"),
    ("vm", "VM_ALIVE_STATE", ("undeploy",), "VM_UNDEPLOYING_STATE"),
    ("vm", "VM_ALIVE_STATE", ("undeploy", "gone"), states.GONE),
]


@pytest.mark.parametrize(("machine", "source", "triggers", "end"), DOCUMENTED)
def test_what_happens_leads_to_the_documented_state(
    machine: str, source: str, triggers: tuple[str, ...], end: str
) -> None:
    state = source
    for trigger in triggers:
        state = target(machine, state, trigger)
    assert state == end


def test_a_state_is_left_and_reached() -> None:
    """No dead end but the end, no state that nothing leads to but the first."""
    for lines, first in ((SERVICE, states.SERVICE_UNDEF), (VM, states.VM_UNDEF)):
        sources, targets = {line.source for line in lines}, {line.target for line in lines}
        assert targets - sources == {states.GONE}
        assert sources - targets == {first}
