"""What a group's recovery policy means."""

from __future__ import annotations

import pytest

from openesc.lifecycle.recovery_policy import RecoveryPolicy, recovery_policy

ESC = "http://www.cisco.com/esc/esc"


def document(leaves: str) -> bytes:
    group = f"<vm_group><name>g</name><bootup_time>60</bootup_time>{leaves}</vm_group>"
    inner = f"<deployments><deployment><name>d</name>{group}</deployment></deployments>"
    tenant = f"<tenants><tenant><name>t</name>{inner}</tenant></tenants>"
    return f'<esc_datamodel xmlns="{ESC}">{tenant}</esc_datamodel>'.encode()


@pytest.mark.parametrize(
    "leaves, expected, pairs",
    [
        ("", RecoveryPolicy("REBOOT_THEN_REDEPLOY", 60), 3),
        ("<reboot_time>7</reboot_time>", RecoveryPolicy("REBOOT_THEN_REDEPLOY", 7), 3),
        (
            "<recovery_policy><action_on_recovery>REBOOT_ONLY</action_on_recovery></recovery_policy>",
            RecoveryPolicy("REBOOT_ONLY", 60),
            0,
        ),
        (
            "<recovery_policy><action_on_recovery>REDEPLOY_ONLY</action_on_recovery><max_retries>1</max_retries>"
            "</recovery_policy>",
            RecoveryPolicy("REDEPLOY_ONLY", 60, 1),
            1,
        ),
    ],
)
def test_policies(leaves: str, expected: RecoveryPolicy, pairs: int) -> None:
    policy = recovery_policy(document(leaves), "g")
    assert policy == expected
    assert policy.retries(3) == pairs
    assert policy.reboots == (policy.action != "REDEPLOY_ONLY")


def test_a_group_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="other"):
        recovery_policy(document(""), "other")
