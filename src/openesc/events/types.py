"""Event types and status messages: the place to change the text of an event.

Types are those of ESC's ``event_types``; texts are exactly those ESC's documents print. A text with a blank in it for
a name is a format string; `openesc.lifecycle.announce` builds the events themselves.
"""

from __future__ import annotations

CREATE_TENANT = "CREATE_TENANT"
DELETE_TENANT = "DELETE_TENANT"
CREATE_NETWORK = "CREATE_NETWORK"
DELETE_NETWORK = "DELETE_NETWORK"
CREATE_SUBNET = "CREATE_SUBNET"
DELETE_SUBNET = "DELETE_SUBNET"
CREATE_IMAGE = "CREATE_IMAGE"
DELETE_IMAGE = "DELETE_IMAGE"
CREATE_FLAVOR = "CREATE_FLAVOR"
DELETE_FLAVOR = "DELETE_FLAVOR"
VM_DEPLOYED = "VM_DEPLOYED"
VM_ALIVE = "VM_ALIVE"
VM_UNDEPLOYED = "VM_UNDEPLOYED"
SERVICE_ALIVE = "SERVICE_ALIVE"
SERVICE_UNDEPLOYED = "SERVICE_UNDEPLOYED"
SERVICE_UPDATED = "SERVICE_UPDATED"
VM_UPDATED = "VM_UPDATED"
VM_STOPPED = "VM_STOPPED"
VM_STARTED = "VM_STARTED"
VM_REBOOTED = "VM_REBOOTED"
SERVICE_STOPPED = "SERVICE_STOPPED"
VM_MONITOR_SET = "VM_MONITOR_SET"
VM_MONITOR_UNSET = "VM_MONITOR_UNSET"
SERVICE_MONITOR_UNSET = "SERVICE_MONITOR_UNSET"
VM_VERIFY_RESIZE = "VM_VERIFY_RESIZE"
VM_CONFIRM_RESIZE_INIT = "VM_CONFIRM_RESIZE_INIT"
VM_CONFIRM_RESIZE_COMPLETE = "VM_CONFIRM_RESIZE_COMPLETE"
VM_REVERT_RESIZE_INIT = "VM_REVERT_RESIZE_INIT"
VM_REVERT_RESIZE_COMPLETE = "VM_REVERT_RESIZE_COMPLETE"
VM_MIGRATE_INIT = "VM_MIGRATE_INIT"
VM_MIGRATED = "VM_MIGRATED"
VM_MIGRATE_COMPLETE = "VM_MIGRATE_COMPLETE"
VM_BACKUP_INIT = "VM_BACKUP_INIT"
VM_BACKUP_CREATED = "VM_BACKUP_CREATED"
VM_BACKUP_COMPLETE = "VM_BACKUP_COMPLETE"
VM_SNAPSHOT_DELETING = "VM_SNAPSHOT_DELETING"
VM_SNAPSHOT_DELETED = "VM_SNAPSHOT_DELETED"
VM_RECOVERY_INIT = "VM_RECOVERY_INIT"
VM_RECOVERY_REBOOT = "VM_RECOVERY_REBOOT"
VM_RECOVERY_UNDEPLOYED = "VM_RECOVERY_UNDEPLOYED"
VM_RECOVERY_DEPLOYED = "VM_RECOVERY_DEPLOYED"
VM_RECOVERY_COMPLETE = "VM_RECOVERY_COMPLETE"
VM_RECOVERY_CANCELLED = "VM_RECOVERY_CANCELLED"
VM_VOLUME_ACCEPTED = "VM_VOLUME_ACCEPTED"
VM_VOLUME_CREATED = "VM_VOLUME_CREATED"

CALLBACK_ONLY = frozenset({VM_VOLUME_ACCEPTED, VM_VOLUME_CREATED})
"""Told by REST callbacks alone: no escEvent, no log block (user guide, create bootable volume)."""

TEXTS = {
    CREATE_TENANT: "Tenant successfully created",
    DELETE_TENANT: "Tenant successfully deleted",
    CREATE_NETWORK: "Network creation completed successfully",
    DELETE_NETWORK: "OpenStack Driver: Network successfully deleted",
    CREATE_SUBNET: "Subnet creation completed successfully, subnet ID: [{id}]",
    DELETE_SUBNET: "OpenStack Driver: Subnet successfully deleted",
    CREATE_IMAGE: "Image creation completed successfully.",
    DELETE_IMAGE: "Image deletion completed successfully.",
    CREATE_FLAVOR: "Flavor creation completed successfully.",
    DELETE_FLAVOR: "Flavor deletion completed successfully.",
    VM_DEPLOYED: "OpenStack Driver: VM successfully created, VM Name: [{name}]",
    VM_ALIVE: "VM_Alive event received, VM ID: [{name}]",
    VM_UPDATED: "VM has been updated successfully. vm: VM ID: [{name}]",
    VM_UNDEPLOYED: "OpenStack Driver: VM successfully deleted",
    SERVICE_ALIVE: "Service group deployment completed successfully!",
    SERVICE_UNDEPLOYED: "Service group undeployment completed successfully",
    SERVICE_UPDATED: "Service group update completed successfully",
    VM_STOPPED: "VM successfully stopped",
    VM_STARTED: "VM successfully started",
    VM_REBOOTED: "VM successfully rebooted",
    SERVICE_STOPPED: "Service group suspension completed successfully",
    VM_MONITOR_SET: "Set Monitoring VM successfully.",
    VM_MONITOR_UNSET: "Unset Monitoring VM successfully.",
    SERVICE_MONITOR_UNSET: "Service group unset monitor successfully",
    VM_VERIFY_RESIZE: "VM Resize request processed",
    VM_CONFIRM_RESIZE_INIT: "VM confirm resize request accepted",
    VM_CONFIRM_RESIZE_COMPLETE: "VM confirm resize completed successfully",
    VM_REVERT_RESIZE_INIT: "VM revert resize request accepted",
    VM_REVERT_RESIZE_COMPLETE: "VM revert resize completed successfully",
    VM_MIGRATE_INIT: "VM migrate request accepted",
    VM_MIGRATED: "VM successfully migrated",
    VM_MIGRATE_COMPLETE: "VM migration completed successfully",
    VM_BACKUP_INIT: "Snapshot [{snapshot}] of VM [{name}] requested, snapshot ID: [{id}].",
    VM_BACKUP_CREATED: "Snapshot is now active.",
    VM_BACKUP_COMPLETE: "Snapshot image for VM [{name}] is active.",
    VM_SNAPSHOT_DELETING: "Snapshot image [{id}] is being deleted.",
    VM_SNAPSHOT_DELETED: "Snapshot image [{id}] has been deleted.",
    VM_RECOVERY_INIT: "Recovery event for VM [{name}] triggered. Processing Auto healing. Proceeding with Recovery.",
    VM_RECOVERY_REBOOT: "VM [{name}] has been rebooted.",
    VM_RECOVERY_UNDEPLOYED: "VM [{name}] has been undeployed.",
    VM_RECOVERY_DEPLOYED: "VM [{name}] has been deployed.",
    VM_RECOVERY_COMPLETE: "Recovery: Successfully recovered VM [{name}].",
    VM_RECOVERY_CANCELLED: "Recovery: Recovery of VM [{name}] was cancelled.",
    VM_VOLUME_ACCEPTED: "Create volume snapshot request accepted",
    VM_VOLUME_CREATED: "Create volume snapshot request completed",
}
"""The status_message of a success."""

ALIVE_AFTER = {
    "start": "VM_Alive event received after started, VM ID: [{name}]",
    "reboot": "VM_Alive event received after rebooted, VM ID: [{name}]",
}
"""The status_message of VM_ALIVE where something came before it."""

SERVICE_ALIVE_AFTER = {"ENABLE_MONITOR": "Service group set monitor successfully"}
"""The status_message of SERVICE_ALIVE that is not that of a deployment, by the action."""

FAILED = {
    VM_STOPPED: "Service group suspension failed",
    VM_STARTED: "VM start failed",
    VM_REBOOTED: "VM reboot failed",
    VM_MONITOR_SET: "Set Monitoring VM failed",
    VM_MONITOR_UNSET: "Unset Monitoring VM failed",
    SERVICE_STOPPED: "Service group suspension failed",
    SERVICE_MONITOR_UNSET: "Service group unset monitor failed",
}
"""How the status_message of a FAILURE begins; the reason follows after a colon. VM_STOPPED has the service's text in
ESC's documents too.
"""

SERVICE_ALIVE_FAILED = {
    "START": "Service group start failed",
    "REBOOT": "Service group reboot failed",
    "ENABLE_MONITOR": "Service group set monitor failed",
}
"""The same of SERVICE_ALIVE, by the action it closes."""
