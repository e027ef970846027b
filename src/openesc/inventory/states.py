"""State names, as ESC's operational data prints them. Constants only."""

from __future__ import annotations

from typing import Final

# services (typedef service_state_machine_states)
SERVICE_UNDEF: Final = "SERVICE_UNDEF_STATE"
"""Accepted; its operation has not begun."""
SERVICE_DEPLOYING: Final = "SERVICE_DEPLOYING_STATE"
"""Being made, or being completed after a failure."""
SERVICE_INERT: Final = "SERVICE_INERT_STATE"
"""All VMs are up; not all of them are alive yet."""
SERVICE_ACTIVE: Final = "SERVICE_ACTIVE_STATE"
"""All monitored VMs are alive."""
SERVICE_UNDEPLOYING: Final = "SERVICE_UNDEPLOYING_STATE"
"""Being taken away."""
SERVICE_STOPPING: Final = "SERVICE_STOPPING_STATE"
SERVICE_STOPPED: Final = "SERVICE_STOPPED_STATE"
SERVICE_STARTING: Final = "SERVICE_STARTING_STATE"
SERVICE_REBOOTING: Final = "SERVICE_REBOOTING_STATE"
SERVICE_ERROR: Final = "SERVICE_ERROR_STATE"
"""An operation failed; the reason is beside it."""

# VMs (typedef vm_state_machine_states)
VM_UNDEF: Final = "VM_UNDEF_STATE"
"""Planned; nothing of it is in the cloud."""
VM_DEPLOYING: Final = "VM_DEPLOYING_STATE"
VM_MONITOR_UNSET: Final = "VM_MONITOR_UNSET_STATE"
"""Up, its monitor taken off by a request."""
VM_MONITOR_DISABLED: Final = "VM_MONITOR_DISABLED_STATE"
"""Up, its monitor off for the time of an operation."""
VM_STOPPING: Final = "VM_STOPPING_STATE"
VM_SHUTOFF: Final = "VM_SHUTOFF_STATE"
VM_STARTING: Final = "VM_STARTING_STATE"
VM_REBOOTING: Final = "VM_REBOOTING_STATE"
VM_INERT: Final = "VM_INERT_STATE"
"""Up in the cloud; not alive yet, or not monitored."""
VM_ALIVE: Final = "VM_ALIVE_STATE"
VM_UNDEPLOYING: Final = "VM_UNDEPLOYING_STATE"
VM_ERROR: Final = "VM_ERROR_STATE"

VERIFY_RESIZE: Final = "VERIFY_RESIZE"
"""No state of ours: the cloud's, of a VM that waits for confirm or revert (`Vm.vim_status`)."""

GONE: Final = ""
"""No state: the entry vanishes."""

STABLE_SERVICE = frozenset({SERVICE_ACTIVE, SERVICE_STOPPED, SERVICE_ERROR})
"""States in which no operation is in progress."""
VM_UP = frozenset({VM_INERT, VM_ALIVE, VM_MONITOR_UNSET, VM_MONITOR_DISABLED})
"""States in which the VM runs in the cloud."""
VM_THERE = VM_UP | {VM_STOPPING, VM_SHUTOFF, VM_STARTING, VM_REBOOTING}
"""States in which the VM is whole in the cloud, running or not: a deployment has not to make it."""
