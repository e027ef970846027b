"""Who gets which event: final results, other events, the ends of registrations."""

from __future__ import annotations

from tests.callback_receiver import Receiver
from tests.integration.callbacks.conftest import Site, event

from openesc.events import types as e


def types_of(receiver: Receiver) -> list[str]:
    """The events a receiver has got, by what their bodies say."""
    found = []
    for one in receiver.accepted:
        text = one.body.decode()
        mark = "<event_type>" if "<event_type>" in text else '"eventType": "'
        found.append(text.partition(mark)[2].partition("<" if mark.startswith("<") else '"')[0])
    return found


async def test_the_final_result_goes_to_callback_and_the_rest_to_callback_esc_events(
    site: Site, receiver: Receiver, other: Receiver
) -> None:
    await site.operation("op-1", "deploy", receiver)
    await site.deployment("dep-1", other)
    await site.start()
    await site.tell(event(e.VM_DEPLOYED), event(e.VM_ALIVE), event(e.SERVICE_ALIVE), operation_id="op-1")
    await site.tell(event(e.VM_RECOVERY_INIT), event(e.SERVICE_ALIVE))
    await site.until_settled()
    assert types_of(receiver) == ["SERVICE_ALIVE"]
    assert types_of(other) == ["VM_DEPLOYED", "VM_ALIVE", "VM_RECOVERY_INIT", "SERVICE_ALIVE"]
    assert receiver.accepted[0].headers["esc-transaction-id"] == "tx-op-1"
    assert receiver.accepted[0].headers["esc-status-code"] == "200"
    assert receiver.accepted[0].status_message == e.TEXTS[e.SERVICE_ALIVE]
    assert other.accepted[0].headers["esc-transaction-id"] == "tx-op-1"


async def test_nobody_is_called_who_did_not_ask(site: Site, receiver: Receiver) -> None:
    await site.operation("op-1", "deploy", None)
    await site.operation("op-2", "deploy", receiver)
    await site.start()
    await site.tell(event(e.VM_DEPLOYED), event(e.SERVICE_ALIVE), operation_id="op-1")
    await site.tell(event(e.VM_DEPLOYED), operation_id="op-2")
    await site.tell(event(e.SERVICE_ALIVE, depid="dep-2"))
    await site.until_settled()
    assert receiver.received == []


async def test_an_operation_without_callback_tells_its_result_to_callback_esc_events(
    site: Site, receiver: Receiver
) -> None:
    await site.deployment("dep-1", receiver)
    await site.start()
    await site.tell(event(e.SERVICE_UPDATED), operation_id="op-of-netconf")
    await site.until_settled()
    assert types_of(receiver) == ["SERVICE_UPDATED"]
    assert receiver.accepted[0].headers["esc-transaction-id"] == "op-of-netconf"


async def test_an_operation_of_no_deployment_names_its_own_receiver_of_events(
    site: Site, receiver: Receiver, other: Receiver
) -> None:
    await site.operation("op-1", "snapshot-delete", receiver, other)
    await site.start()
    await site.tell(
        event(e.VM_SNAPSHOT_DELETING, depid=None), event(e.VM_SNAPSHOT_DELETED, depid=None), operation_id="op-1"
    )
    await site.until_settled()
    assert (types_of(receiver), types_of(other)) == (["VM_SNAPSHOT_DELETED_EVENT"], ["VM_SNAPSHOT_DELETING_EVENT"])


async def test_the_newest_receiver_of_a_deployment_wins_and_ends_with_the_deployment(
    site: Site, receiver: Receiver, other: Receiver
) -> None:
    await site.deployment("dep-1", other)
    await site.deployment("dep-1", receiver)
    await site.start()
    await site.tell(event(e.VM_UNDEPLOYED), event(e.SERVICE_UNDEPLOYED), event(e.VM_ALIVE))
    await site.until_settled()
    assert (types_of(receiver), types_of(other)) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], [])


async def test_a_failure_on_the_way_ends_an_operation_on_one_vm_and_not_a_recovery(
    site: Site, receiver: Receiver
) -> None:
    await site.operation("op-1", "vm-action", receiver)
    await site.operation("op-2", "recover", receiver)
    await site.start()
    await site.tell(event(e.VM_STARTED, failed=True), operation_id="op-1")
    await site.tell(
        event(e.VM_RECOVERY_REBOOT, failed=True), event(e.VM_RECOVERY_COMPLETE, "up again"), operation_id="op-2"
    )
    await site.until_settled()
    assert types_of(receiver) == ["VM_STARTED", "VM_RECOVERY_COMPLETE"]
    assert [one.headers["esc-status-code"] for one in receiver.accepted] == ["500", "200"]


async def test_an_operation_that_ends_without_the_event_of_the_table_tells_its_last_one(
    site: Site, receiver: Receiver, other: Receiver
) -> None:
    """A start of a VM without a monitor has no VM_ALIVE; a network's last event depends on its subnets."""
    await site.operation("op-1", "vm-action", receiver)
    await site.operation("op-2", "apply-network", receiver, other)
    await site.operation("op-3", "apply-network", receiver, receiver)
    await site.start()
    await site.tell(event(e.VM_STARTED), operation_id="op-1")
    await site.tell(event(e.CREATE_NETWORK, depid=None), event(e.CREATE_SUBNET, depid=None), operation_id="op-2")
    await site.tell(event(e.CREATE_NETWORK, depid=None), operation_id="op-3")
    await site.until_settled()
    assert (types_of(receiver), types_of(other)) == (["CREATE_NETWORK"], ["CREATE_NETWORK", "CREATE_SUBNET"])
    for operation_id in ("op-1", "op-2", "op-3"):
        await site.ended(operation_id)
    await receiver.until(lambda receiver: len(receiver.accepted) == 3)
    await site.until_settled()
    assert sorted(types_of(receiver)) == ["CREATE_NETWORK", "CREATE_SUBNET", "VM_STARTED"]


async def test_what_was_told_before_a_restart_is_not_told_again_and_what_was_not_is(
    site: Site, receiver: Receiver
) -> None:
    await site.deployment("dep-1", receiver)
    await site.start()
    await site.tell(event(e.VM_DEPLOYED))
    await site.until_settled()
    await site.stop()
    await site.tell(event(e.VM_ALIVE), event(e.SERVICE_ALIVE))
    site.store.close()
    site.open()
    await site.start()
    await site.until_settled()
    assert types_of(receiver) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
