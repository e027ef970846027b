"""How a VM of a group is recovered (user guide, recovery policy)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from openesc.lifecycle.xmlread import each, integer, text

REBOOT_THEN_REDEPLOY = "REBOOT_THEN_REDEPLOY"
REBOOT_ONLY = "REBOOT_ONLY"
REDEPLOY_ONLY = "REDEPLOY_ONLY"


@dataclass(frozen=True, slots=True)
class RecoveryPolicy:
    """`reboot_time`: seconds from the reboot until the VM must be alive; -1 waits without end. `max_retries`: how
    often it is undeployed and deployed at most; None: the setting.
    """

    action: str = REBOOT_THEN_REDEPLOY
    reboot_time: int = 0
    max_retries: int | None = None

    @property
    def reboots(self) -> bool:
        return self.action != REDEPLOY_ONLY

    @property
    def redeploys(self) -> bool:
        return self.action != REBOOT_ONLY

    def retries(self, default: int) -> int:
        """How many pairs of undeploy and deploy there may be."""
        return (self.max_retries if self.max_retries is not None else default) if self.redeploys else 0


@lru_cache(maxsize=64)
def recovery_policy(document: bytes, group: str) -> RecoveryPolicy:
    """The policy of a vm_group in a deployment's document. Raises: KeyError when there is no such group."""
    for element in each(etree.fromstring(document), "tenants/tenant/deployments/deployment/vm_group"):
        if text(element, "name") == group:
            return _policy(element)
    raise KeyError(group)


def _policy(element: etree._Element) -> RecoveryPolicy:
    retries = text(element, "recovery_policy/max_retries")
    return RecoveryPolicy(
        action=text(element, "recovery_policy/action_on_recovery") or REBOOT_THEN_REDEPLOY,
        reboot_time=integer(element, "reboot_time", integer(element, "bootup_time", 0)),
        max_retries=int(retries) if retries is not None else None,
    )
