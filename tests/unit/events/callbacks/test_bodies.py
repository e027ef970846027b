"""Bodies of callbacks, field by field as ESC's documents print them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from openesc.events import types as e
from openesc.events.callbacks import bodies
from openesc.events.callbacks.bodies import JSON, XML, Body, header_text, headers, render
from openesc.events.escevent import EscEvent, VmInfo
from openesc.store import Store, Tx
from openesc.store import tables as t

GOLDEN = Path(__file__).parents[3] / "golden" / "src"
BASE = "{urn:ietf:params:xml:ns:netconf:base:1.0}"


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """With one deployment of one VM, and one resource of each kind."""
    opened = Store(tmp_path / "openesc.db")
    await opened.write(_fill)
    yield opened
    opened.close()


def _fill(tx: Tx) -> None:
    deployment = {"id": "dep-1", "tenant": "t", "name": "d", "state": "SERVICE_ACTIVE_STATE", "project": "t"}
    tx.execute(t.deployments.insert(), {**deployment, "wanted": b"", "created_at": 1})
    vm = {"id": "vm-1", "deployment_id": "dep-1", "vm_group": "g", "ordinal": 0, "name": "d_g_0", "created_at": 1}
    where = {"server_id": "server-1", "host_id": "h1", "hostname": "Host-22", "state": "VM_ALIVE_STATE"}
    tx.execute(t.vms.insert(), {**vm, **where, "announced": True})
    tx.execute(
        t.interfaces.insert(),
        {
            "vm_id": "vm-1",
            "nicid": 0,
            "type": "virtual",
            "port_id": "port-1",
            "network_id": "net-1",
            "subnet_id": "sub-1",
            "ip_address": "10.77.0.5",
            "mac_address": "fa:16:3e:00:00:01",
        },
    )
    for kind, name, tenant, parent in (
        ("network", "n", "t", None),
        ("network", "n", None, None),
        ("subnet", "s", None, "network:n"),
        ("subnet", "s", "t", "network:t/n"),
        ("image", "i", None, None),
        ("flavor", "f", None, None),
    ):
        key = f"{kind}:{tenant + '/' if tenant else ''}{name}"
        row = {"id": key, "kind": kind, "key": key, "name": name, "tenant": tenant, "parent": parent}
        made = {"cloud_name": name, "external_id": f"ext {key}", "owned": True, "facts": {}, "created_at": 1}
        tx.execute(t.resources.insert(), {**row, **made})


async def rendered(store: Store, event: EscEvent) -> Body:
    return await store.read(lambda connection: render(event, connection, "delivery-1", "transaction-1"))


def event(event_type: str, **more: Any) -> EscEvent:
    return EscEvent(event_type, "SUCCESS", 200, "text", **more)


# the sample of the user guide


def sample() -> dict[str, Any]:
    """The printed sample; a page break cut it in two and closed both halves."""
    text = (GOLDEN / "vm_volume_created_event.txt").read_text()
    first, _, second = text.partition("  }\n}\n")
    found: dict[str, Any] = json.loads(first + second)
    return found


async def test_the_volume_of_the_sample_is_told_as_printed(store: Store) -> None:
    printed = sample()
    parameter = printed["escParameter"]
    known = {name: value for name, value in parameter.items() if value is not None}
    told = EscEvent(e.VM_VOLUME_CREATED, "SUCCESS", 201, e.TEXTS[e.VM_VOLUME_CREATED], tenant="t", volume=known)
    found = await store.read(
        lambda c: render(told, c, printed["stateMachineEventNBInfo"]["id"], printed["escTransactionId"])
    )
    assert found.content_type == JSON
    assert json.loads(found.text) == printed
    assert list(json.loads(found.text)) == list(printed)
    assert list(json.loads(found.text)["escParameter"]) == list(parameter)


async def test_an_event_of_a_vm_in_the_same_style(store: Store) -> None:
    vm = VmInfo(vmid="server-1", vmname="d_g_0", generated_vmname="d_g_0", interfaces=({"nicid": "0"},))
    about = {"depname": "d", "depid": "dep-1", "tenant": "t", "tenant_id": "p", "vm_group": "g", "vm_source": vm}
    found = json.loads((await rendered(store, event(e.VM_VERIFY_RESIZE, **about))).text)
    assert found["eventType"] == "VM_VERIFY_RESIZE_EVENT"
    assert found["eventSourceContext"]["generated_vmname"] == "d_g_0"
    assert found["eventSourceContext"]["interfaces"] == [{"nicid": "0"}]
    assert found["eventTargetContext"] is None
    assert found["escParameter"] == {
        "internal_deployment_id": "dep-1",
        "deployment_name": "d",
        "vm_group_name": "g",
        "external_tenant_id": "p",
        "internal_tenant_id": "t",
        "event_type": "VM_VERIFY_RESIZE",
    }
    assert (found["message"], found["statusCode"]) == ("text", "200")
    assert list(found) == list(sample())


# deployments

_DETAILS = (
    "<deployment_details><host_uuid>h1</host_uuid><host_name>Host-22</host_name><vm_uuid>server-1</vm_uuid>"
    "<interfaces><interface><network_uuid>net-1</network_uuid><ip_address>10.77.0.5</ip_address>"
    "<mac_address>fa:16:3e:00:00:01</mac_address><nic_id>0</nic_id><port_forwarding/><port_uuid>port-1</port_uuid>"
    "<security_groups/><subnet_uuid>sub-1</subnet_uuid><type>virtual</type></interface></interfaces>"
    "</deployment_details>"
)


def deployment(event_type: str, details: str = _DETAILS, state: str = "SERVICE_ACTIVE_STATE") -> str:
    shown = f"<service_state_machine_state>{state}</service_state_machine_state>" if state else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<deployment xmlns="{BASE[1:-1]}"><datacenter>default</datacenter>'
        f"{details}<event_type>{event_type}</event_type><internal_deployment_id>dep-1</internal_deployment_id>"
        f"<internal_tenant_id>t</internal_tenant_id>{shown}</deployment>"
    )


async def test_a_service_is_told_with_all_its_vms(store: Store) -> None:
    found = await rendered(store, event(e.SERVICE_UPDATED, depname="d", depid="dep-1", tenant="t"))
    assert found == Body(XML, deployment("SERVICE_UPDATED"))


async def test_a_vm_is_told_alone_and_with_the_interfaces_that_its_event_leaves_out(store: Store) -> None:
    await store.write(lambda tx: tx.execute(t.vms.insert(), {**_other_vm(), "announced": True}))
    vm = VmInfo(vmid="server-1", hostid="h1", hostname="Host-22")
    found = await rendered(store, event(e.VM_ALIVE, depname="d", depid="dep-1", tenant="t", vm_source=vm))
    assert found.text == deployment("VM_ALIVE")


def _other_vm() -> dict[str, Any]:
    return {
        "id": "vm-2",
        "deployment_id": "dep-1",
        "vm_group": "g",
        "ordinal": 1,
        "name": "d_g_1",
        "created_at": 1,
        "server_id": "server-2",
        "state": "VM_ALIVE_STATE",
    }


async def test_what_is_gone_is_left_out(store: Store) -> None:
    def undeploy(tx: Tx) -> None:
        tx.execute(t.vms.delete())
        tx.execute(t.deployments.delete())

    await store.write(undeploy)
    found = await rendered(store, event(e.SERVICE_UNDEPLOYED, depname="d", depid="dep-1", tenant="t"))
    assert found.text == deployment("SERVICE_UNDEPLOYED", "", "")


# resources


@pytest.mark.parametrize(
    ("told", "element", "leaves"),
    [
        (
            event(e.CREATE_TENANT, tenant="t", tenant_id="p"),
            "tenant",
            {"enabled": "true", "event_type": "CREATE_TENANT", "external_tenant_id": "p"}
            | {"internal_tenant_id": "t", "name": "t"},
        ),
        (
            event(e.CREATE_NETWORK, tenant="SystemAdminTenantId", network="SystemAdminTenantIdn"),
            "network",
            {"event_type": "CREATE_NETWORK", "external_network_id": "ext network:n"}
            | {"internal_network_id": "SystemAdminTenantIdn", "internal_tenant_id": "SystemAdminTenantId", "name": "n"},
        ),
        (
            event(e.CREATE_SUBNET, tenant="t", network="tn", subnet="tns"),
            "subnet",
            {"event_type": "CREATE_SUBNET", "external_subnet_id": "ext subnet:t/s", "internal_network_id": "tn"}
            | {"internal_subnet_id": "tns", "internal_tenant_id": "t", "name": "s"},
        ),
        (
            event(e.CREATE_IMAGE, tenant="SystemAdminTenantId", image="i"),
            "image",
            {"event_type": "CREATE_IMAGE", "external_image_id": "ext image:i", "imageisenabled": "true"}
            | {"internal_image_id": "i", "internal_tenant_id": "SystemAdminTenantId", "name": "i"},
        ),
        (
            event(e.DELETE_FLAVOR, tenant="SystemAdminTenantId", flavor="gone"),
            "flavor",
            {"event_type": "DELETE_FLAVOR", "internal_flavor_id": "gone"}
            | {"internal_tenant_id": "SystemAdminTenantId", "name": "gone"},
        ),
    ],
    ids=lambda value: value.type if isinstance(value, EscEvent) else "",
)
async def test_a_resource_is_told_as_itself(store: Store, told: EscEvent, element: str, leaves: dict[str, str]) -> None:
    root = etree.fromstring((await rendered(store, told)).text.encode())
    assert root.tag == BASE + element
    assert {str(child.tag).removeprefix(BASE): child.text for child in root} == leaves
    assert [child.tag for child in root] == sorted(child.tag for child in root)


async def test_ids_that_a_client_chose_are_told(store: Store) -> None:
    chosen = (
        *(("tenant", "", "tenant-7", "t"), ("network", "t", "net-7", "n"), ("subnet", "t/n", "sub-7", "s")),
        ("image", "", "image-7", "i"),
    )
    rows = [dict(zip(("kind", "scope", "id", "name"), row, strict=True)) for row in chosen]
    await store.write(lambda tx: [tx.execute(t.internal_ids.insert(), row) for row in rows])

    async def ids(told: EscEvent) -> dict[str, str | None]:
        root = etree.fromstring((await rendered(store, told)).text.encode())
        leaves = {str(child.tag).removeprefix(BASE): child.text for child in root}
        return {name: value for name, value in leaves.items() if name.startswith("internal_")}

    assert await ids(event(e.CREATE_SUBNET, tenant="t", network="tn", subnet="tns")) == {
        "internal_network_id": "net-7",
        "internal_subnet_id": "sub-7",
        "internal_tenant_id": "tenant-7",
    }
    assert (await ids(event(e.CREATE_IMAGE, tenant="SystemAdminTenantId", image="i")))["internal_image_id"] == "image-7"
    assert (await ids(event(e.SERVICE_ALIVE, depid="dep-1", tenant="t")))["internal_tenant_id"] == "tenant-7"
    migrated = json.loads((await rendered(store, event(e.VM_MIGRATED, depid="dep-1", tenant="t"))).text)
    assert migrated["escParameter"]["internal_tenant_id"] == "tenant-7"


@pytest.mark.parametrize("event_type", sorted(e.TEXTS))
async def test_every_event_has_a_body(store: Store, event_type: str) -> None:
    names = {"image": "i", "flavor": "f", "network": "tn", "subnet": "tns", "depid": "dep-1", "tenant": "t"}
    found = await rendered(store, event(event_type, **names))
    if event_type in bodies.EVENT_STYLE:
        assert json.loads(found.text)["eventType"] == f"{event_type}_EVENT"
    else:
        assert etree.fromstring(found.text.encode()).findtext(f"{BASE}event_type") == event_type


# headers


def test_headers_as_the_rest_guide_names_them() -> None:
    assert headers("id", 200, "text", XML) == {
        "Content-Type": "application/xml",
        "ESC-Transaction-Id": "id",
        "ESC-Status-Code": "200",
        "ESC-Status-Message": "text",
    }


@given(st.text())
def test_the_clouds_words_fit_into_a_header(text: str) -> None:
    found = header_text(text)
    assert found.isascii()
    assert found == "" or found.isprintable()
    assert len(found) <= bodies.MAX_MESSAGE
    assert header_text(found) == found


def test_lines_of_the_clouds_words_are_one_line() -> None:
    assert (
        header_text("No valid host.\r\nX-Evil: 1\n\tmore  \u201cwords\u201d") == "No valid host. X-Evil: 1 more ?words?"
    )
