"""What a client asks for: an edit, as the document it sends, or one of ESC's RPCs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.crash.documents import ESC, Names

BACKUP = "backup{suffix}"
"""The name of a deployment's backup: so it is found again."""

Document = Callable[[Names], str]


@dataclass(frozen=True, slots=True)
class Rpc:
    """One of ESC's RPCs. `{vm}` in a leaf is the generated name of the deployment's first VM; `{tenant}`,
    `{deployment}` and `{suffix}` are the names'.
    """

    name: str
    leaves: Mapping[str, str]

    @property
    def of_vm(self) -> bool:
        """Whether it names the VM."""
        return any("{vm}" in value for value in self.leaves.values())

    def text(self, names: Names, vm: str) -> str:
        """The operation for these names."""
        known = {"vm": vm, "tenant": names.tenant, "deployment": names.deployment, "suffix": names.suffix}
        leaves = "".join(f"<{leaf}>{value.format(**known)}</{leaf}>" for leaf, value in self.leaves.items())
        return f'<{self.name} xmlns="{ESC}">{leaves}</{self.name}>'


@dataclass(frozen=True, slots=True)
class Post:
    """A POST of JSON over REST, for what NETCONF has no word for. `{snapshot}` in the path is the id of the backup."""

    path: str
    body: Mapping[str, str | bool]

    def text(self, names: Names) -> str:
        """The body for these names."""
        return json.dumps(
            {
                key: value.format(suffix=names.suffix) if isinstance(value, str) else value
                for key, value in self.body.items()
            }
        )


Request = Document | Rpc | Post


def edit(document: str) -> str:
    """An edit-config of running."""
    return f"<edit-config><target><running/></target><config>{document}</config></edit-config>"


def service_action(action: str) -> Rpc:
    return Rpc("serviceAction", {"actionType": action, "tenantName": "{tenant}", "depName": "{deployment}"})


def vm_action(action: str) -> Rpc:
    return Rpc("vmAction", {"actionType": action, "vmName": "{vm}"})


def migrate(kind: str) -> Rpc:
    return Rpc("vmMigrate", {"vmName": "{vm}", "migrationType": kind})


def backup(kind: str = "SNAPSHOT") -> Rpc:
    return Rpc("vmBackupAction", {"vmName": "{vm}", "backupName": BACKUP, "actionType": kind})


def delete_snapshot() -> Rpc:
    return Rpc("snapshotAction", {"actionType": "DELETE", "snapshot": BACKUP})


def recover() -> Rpc:
    return Rpc("recoveryVmAction", {"actionType": "DO", "vmName": "{vm}"})


def volume_from_snapshot() -> Post:
    return Post("/ESCManager/v0/snapshots/{snapshot}/volumes", {"name": "volume{suffix}", "bootable": False})
