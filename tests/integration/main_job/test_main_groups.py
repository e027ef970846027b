"""Deployments of several groups: order, networks, day-0 data, scaling; updates of a running deployment."""

from __future__ import annotations

import re

import pytest
from tests.integration.main_job.house import GENERATED, House, Session, one, texts
from tests.integration.main_job.payloads import ESC, deployment, group, network, of_tenant, removed_group, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types

STARTUP = (
    "<policies><startup><target_vm_group_ref>g2</target_vm_group_ref><depends_on><vm_group_ref>g1</vm_group_ref>"
    "</depends_on></startup></policies>"
)
DAY_ZERO = (
    "<config_data><configuration><dst>--user-data</dst>"
    "<data>#cloud-config ip=$NICID_0_IP_ADDRESS x=${X} other=$OTHER</data>"
    "<variable><name>X</name><val>7</val></variable></configuration>"
    "<configuration><dst>day0.cfg</dst><data>inner $NICID_1_IP_ADDRESS mask $NICID_1_NETMASK\nkey $KEY</data>"
    "<variable><name>KEY</name><val>one</val><val>two</val></variable></configuration></config_data>"
)
TWO_NICS = ("SolTest-Network", "inner")


@pytest.fixture(scope="module")
def came(shared_house: House) -> list[Event]:
    """The events of a deployment of three groups in a new tenant, with an ephemeral network."""
    session, watching = shared_house.session(), Subscriber(shared_house.session())
    networks = f"<networks>{network('inner', '192.168.7.0')}</networks>"
    groups = (
        group("g1", count=2, networks=TWO_NICS),
        group("g2", networks=TWO_NICS),
        group("g3", networks=TWO_NICS, kpi=False, count=2, extra=DAY_ZERO),
    )
    session.edit(deployment("multi", *groups, before=STARTUP + networks, tenant="multi-tenant"))
    events = watching.until("SERVICE_ALIVE", depname="multi")
    shared_house.leave()
    return events


class TestMultiGroup:
    """Three groups in a tenant of their own, with an ephemeral network, one group after another."""

    def test_events(self, came: list[Event]) -> None:
        """What is made on the way comes first; a VM without KPI has no VM_ALIVE."""
        assert types(came)[:3] == ["CREATE_TENANT", "CREATE_NETWORK", "CREATE_SUBNET"]
        assert sorted(types(came)[3:]) == sorted(["VM_DEPLOYED"] * 5 + ["VM_ALIVE"] * 3 + ["SERVICE_ALIVE"])
        assert {event.status for event in came} == {"SUCCESS"}
        assert [event.vm_group for event in came if event.type == "VM_ALIVE"] == ["g1", "g1", "g2"]

    def test_texts_and_names_of_networks(self, came: list[Event]) -> None:
        tenant, made, subnet = came[:3]
        assert tenant.status_message == "Tenant successfully created"
        assert tenant.names == ["status", "status_code", "status_message", "tenant", "tenant_id", "event"]
        assert made.status_message == "Network creation completed successfully"
        assert made.network == subnet.network == "multi-tenantinner"
        assert re.fullmatch(
            r"Subnet creation completed successfully, subnet ID: \[[0-9a-f-]{36}\]", subnet.status_message or ""
        )
        assert made.depname == subnet.depname == "multi" and made.subnet is None
        assert (subnet.subnet or "").endswith("inner-subnet")

    def test_startup_order(self, came: list[Event]) -> None:
        """g2 is not begun before every VM of g1 is alive; g3 waits for nobody."""
        order = [(event.type, event.vm_group) for event in came]
        alive = [number for number, event in enumerate(order) if event == ("VM_ALIVE", "g1")]
        assert order.index(("VM_DEPLOYED", "g2")) > max(alive)
        assert order.index(("VM_DEPLOYED", "g3")) < order.index(("VM_DEPLOYED", "g2"))

    def test_groups_go_in_parallel(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """While the cloud is slow with one group's server, the other group becomes alive."""
        with house.fault("server.create", {"type": "delay", "seconds": 1.5}, name="parallel_slow*"):
            admin.edit(deployment("parallel", group("slow"), group("quick")))
            came = subscriber.until("SERVICE_ALIVE", depname="parallel")
        order = [(event.type, event.vm_group) for event in came]
        assert order.index(("VM_ALIVE", "quick")) < order.index(("VM_DEPLOYED", "slow"))

    def test_states(self, came: list[Event], admin: Session) -> None:
        entry = admin.deployment("multi", "multi-tenant")
        assert entry is not None
        assert entry.findtext(f"{{{ESC}}}state_machine/{{{ESC}}}state") == "SERVICE_ACTIVE_STATE"
        states = {
            machine.findtext(f"{{{ESC}}}vm_name"): machine.findtext(f"{{{ESC}}}state")
            for machine in entry.iter(f"{{{ESC}}}vm_state_machine")
        }
        assert len(states) == 5
        for name, state in states.items():
            assert state == ("VM_INERT_STATE" if "_g3_" in str(name) else "VM_ALIVE_STATE")

    def test_interfaces(self, came: list[Event], admin: Session) -> None:
        """Every interface has every leaf clients read without a guard, with addresses of its subnet."""
        entry = admin.deployment("multi", "multi-tenant")
        assert entry is not None
        interfaces = list(entry.iter(f"{{{ESC}}}interface"))
        assert len(interfaces) == 10
        for interface in interfaces:
            for leaf in ("nicid", "port_id", "network", "subnet", "ip_address", "mac_address"):
                assert interface.findtext(f"{{{ESC}}}{leaf}"), leaf
        inner = {one(interface, "ip_address") for interface in interfaces if one(interface, "nicid") == "1"}
        assert len(inner) == 5 and all(address.startswith("192.168.7.") for address in inner)
        assert {one(nic, "netmask") for nic in interfaces if one(nic, "nicid") == "1"} == {"255.255.255.0"}

    def test_the_tenants_networks_in_opdata(self, came: list[Event], admin: Session) -> None:
        data = admin.get("/esc_datamodel/opdata/tenants/tenant[name='multi-tenant']/networks")
        assert texts(data, "cidr") == ["192.168.7.0/24"]
        (name,) = [text for text in texts(data, "name") if text.startswith("inner_")]
        entry = admin.deployment("multi", "multi-tenant")
        assert name == f"inner_{one(entry, 'deployment_id')}"
        assert texts(data, "netid")[0] in texts(entry, "network")

    def test_day_zero_as_the_guest_sees_it(self, came: list[Event], house: House) -> None:
        deployed = [event for event in came if (event.type, event.vm_group) == ("VM_DEPLOYED", "g3")]
        keys = set()
        for event in deployed:
            addresses = texts(event.element, "ip_address")
            guest = house.guest(str(event.vm_source_vmid))
            assert guest["user_data"] == f"#cloud-config ip={addresses[0]} x=7 other=$OTHER"
            assert guest["config_drive"]["openstack/latest/user_data"] == guest["user_data"]
            (file,) = guest["personality"].items()
            assert file[0] == "day0.cfg"
            first, second = file[1].split("\n")
            assert first == f"inner {addresses[1]} mask 255.255.255.0"
            keys.add(second)
        assert keys == {"key one", "key two"}, "each VM takes a value of the pool"

    def test_undeploy(self, came: list[Event], house: House, admin: Session, subscriber: Subscriber) -> None:
        """VMs, then subnets, then networks; the tenant stays."""
        admin.edit(undeploy("multi", "multi-tenant"))
        gone = subscriber.until("SERVICE_UNDEPLOYED", depname="multi")
        assert types(gone) == ["VM_UNDEPLOYED"] * 5 + ["DELETE_SUBNET", "DELETE_NETWORK", "SERVICE_UNDEPLOYED"]
        deployed = {event.vm_source_vmid for event in came if event.type == "VM_DEPLOYED"}
        assert {event.vm_source_vmid for event in gone[:5]} == deployed
        assert gone[5].status_message == "OpenStack Driver: Subnet successfully deleted"
        assert gone[6].status_message == "OpenStack Driver: Network successfully deleted"
        subscriber.quiet()
        assert house.of_deployment("multi") == {"servers": [], "ports": []}
        assert not [name for name in house.names("networks") if name.startswith("inner")]
        assert "multi-tenant" in house.names("projects")


def test_min_active_makes_that_many(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Names: deployment cut to 16, group to 6 characters, index, uuid."""
    long = "a-deployment-with-a-long-name"
    admin.edit(deployment(long, group("a-long-group-name", count=3)))
    came = subscriber.until("SERVICE_ALIVE", depname=long)
    names = [str(event.vm_source_vmname) for event in came if event.type == "VM_DEPLOYED"]
    matches = [GENERATED.match(name) for name in names]
    assert sorted(match["index"] for match in matches if match) == ["0", "1", "2"]
    assert {(match["deployment"], match["group"]) for match in matches if match} == {("a-deployment-wit", "a-long")}
    assert sorted(names) == sorted(house.of_deployment("a-deployment-wit")["servers"])
    assert sorted(texts(admin.deployment(long), "vm_name")) == sorted(names)


class TestUpdate:
    """Groups come and go; what is applied already is left alone."""

    def test_groups_come_and_go(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        admin.edit(deployment("update", group("g1")))
        first = subscriber.until("SERVICE_ALIVE", depname="update")[0].vm_source_vmid
        admin.edit(deployment("update", group("g2", count=2)))
        came = subscriber.until("SERVICE_UPDATED", depname="update")
        assert sorted(types(came)) == ["SERVICE_UPDATED", *["VM_ALIVE"] * 2, *["VM_DEPLOYED"] * 2]
        assert {event.vm_group for event in came[:-1]} == {"g2"}
        assert came[-1].status_message == "Service group update completed successfully"
        second = [event.vm_source_vmid for event in came if event.type == "VM_DEPLOYED"]
        admin.edit(removed_group("update", "g1"))
        came = subscriber.until("SERVICE_UPDATED", depname="update")
        assert types(came) == ["VM_UNDEPLOYED", "SERVICE_UPDATED"]
        assert came[0].vm_source_vmid == first
        admin.edit(removed_group("update", "g2", group("g3")))
        came = subscriber.until("SERVICE_UPDATED", depname="update")
        assert sorted(types(came)) == ["SERVICE_UPDATED", "VM_ALIVE", "VM_DEPLOYED", *["VM_UNDEPLOYED"] * 2]
        assert {event.vm_source_vmid for event in came if event.type == "VM_UNDEPLOYED"} == set(second)
        entry = admin.deployment("update")
        assert len(texts(entry, "vm_id")) == 1 and "_g3_" in one(entry, "vm_name")
        assert texts(entry, "state")[0] == "SERVICE_ACTIVE_STATE"
        assert len(house.of_deployment("update")["servers"]) == 1
        subscriber.quiet()

    def test_groups_that_come_start_in_order(self, admin: Session, subscriber: Subscriber) -> None:
        """Two wait for one, the last one for both; what was there before is alive already."""
        admin.edit(deployment("ordered", group("g1")))
        subscriber.until("SERVICE_ALIVE", depname="ordered", status="SUCCESS")
        needs = {"g2": ["g1"], "g3": ["g2"], "g4": ["g2"], "g5": ["g3", "g4"]}
        startup = "".join(
            f"<startup><target_vm_group_ref>{name}</target_vm_group_ref>"
            + "".join(f"<depends_on><vm_group_ref>{other}</vm_group_ref></depends_on>" for other in others)
            + "</startup>"
            for name, others in needs.items()
        )
        groups = [group(name) for name in reversed(needs)]
        admin.edit(deployment("ordered", *groups, before=f"<policies>{startup}</policies>"))
        came = subscriber.until("SERVICE_UPDATED", depname="ordered", status="SUCCESS")
        order = [(event.type, event.vm_group) for event in came]
        for name, others in needs.items():
            for other in set(others) - {"g1"}:
                assert order.index(("VM_DEPLOYED", name)) > order.index(("VM_ALIVE", other))

    def test_an_ephemeral_network_comes_and_goes(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        admin.edit(deployment("netted", group("g1")))
        subscriber.until("SERVICE_ALIVE", depname="netted")
        networks = f"<networks>{network('side', '192.168.9.0')}</networks>"
        admin.edit(deployment("netted", group("g2", networks=("side",)), before=networks))
        came = subscriber.until("SERVICE_UPDATED", depname="netted")
        assert types(came) == ["CREATE_NETWORK", "CREATE_SUBNET", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
        gone = '<networks><network nc:operation="delete"><name>side</name></network></networks>'
        admin.edit(deployment("netted", '<vm_group nc:operation="delete"><name>g2</name></vm_group>', before=gone))
        came = subscriber.until("SERVICE_UPDATED", depname="netted")
        assert types(came) == ["VM_UNDEPLOYED", "DELETE_SUBNET", "DELETE_NETWORK", "SERVICE_UPDATED"]
        assert not [name for name in house.names("networks") if name.startswith("side")]

    def test_the_same_document_again_does_nothing(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        document = deployment("again", group("g1"))
        admin.edit(document)
        admin.edit(document)  # while it is being deployed
        assert types(subscriber.until("SERVICE_ALIVE", depname="again")) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
        operations = len(house.told("operation.list"))
        admin.edit(document)
        subscriber.quiet()
        assert len(house.told("operation.list")) == operations
        assert len(house.of_deployment("again")["servers"]) == 1

    def test_created_again_while_it_goes(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """Accepted and queued: a new depid; the old entry stays until it is gone."""
        document = deployment("phoenix", group("g1"))
        admin.edit(document)
        old = subscriber.until("SERVICE_ALIVE", depname="phoenix")[-1].depid
        with house.fault("server.delete", {"type": "delay", "seconds": 1.5}):
            admin.edit(undeploy("phoenix"))
            admin.edit(document)
            entry = admin.deployment("phoenix")
            assert one(entry, "deployment_id") == old
            assert texts(entry, "state")[0] == "SERVICE_UNDEPLOYING_STATE"
            assert admin.config("phoenix") is not None
            came = subscriber.until("SERVICE_ALIVE", depname="phoenix")
        assert types(came) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
        assert [event.depid == old for event in came] == [True, True, False, False, False]
        entry = admin.deployment("phoenix")
        assert one(entry, "deployment_id") == came[-1].depid
        assert len(house.of_deployment("phoenix")["servers"]) == 1
        assert (
            admin.get(
                "/esc_datamodel/opdata/tenants/tenant[name='admin']/deployments[deployment_name='phoenix']"
            ).xpath("count(.//*[local-name()='deployments'])")
            == 1
        )

    def test_a_tenants_other_deployments_are_left_alone(self, admin: Session, subscriber: Subscriber) -> None:
        """A merge into one deployment touches no other."""
        admin.edit(deployment("left", group("g1"), tenant="pair"))
        subscriber.until("SERVICE_ALIVE", depname="left")
        admin.edit(deployment("right", group("g1"), tenant="pair"))
        came = subscriber.until("SERVICE_ALIVE", depname="right")
        assert {event.depname for event in came} == {"right"}
        admin.edit(of_tenant("pair"))
        subscriber.quiet()
