"""Driven by REST and told by callbacks: the life of a deployment, operations on it, and what the cloud refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import Vnf
from tests.integration.rest.client import V0, Answer, Rest, operation
from tests.integration.snapshots.actions import vm_name
from tests.openstack.acceptance.callbacks import Callbacks, Told
from tests.openstack.acceptance.outside import Outside
from tests.openstack.acceptance.test_operations import CONFIRMED, REVERTED, V1, V2
from tests.openstack.acceptance.test_refusals import limited

DEPLOYED = ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
UNDEPLOYED = ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
BY_THE_WAY = ("CREATE_NETWORK", "CREATE_SUBNET", "DELETE_SUBNET")
"""Events of an operation that has no final one: one on the way turns out to be the last."""
REQUEST = "(req-"


@dataclass
class Caller:
    """A client that asks by REST, is called back, and reads events beside it."""

    rest: Rest
    callbacks: Callbacks
    vnf: Vnf

    @property
    def path(self) -> str:
        """The deployment has its name for its internal id."""
        return f"{V0}/deployments/{self.vnf.name}"

    @property
    def vm(self) -> str:
        return self.vnf.vms[0]

    def ask(self, method: str, path: str, body: str | None = None) -> Answer:
        """With XML, to be called back."""
        headers = {"Content_Type": "application/xml", **self.callbacks.headers}
        return self.rest.call(method, path, body, **headers)

    def deploy(self, *groups: str) -> None:
        """POST it; it is alive, and all of that is told."""
        made = self.ask("POST", self.path, deployment(self.vnf.name, *(groups or (group(),))))
        assert made.status == 200, made.text
        assert self.told(made, DEPLOYED).message == "Service group deployment completed successfully!"
        self.vnf.vms = [vm_name(self.vnf.admin, self.vnf.name)]

    def told(self, answer: Answer, events: list[str], after: int = 0, *, twice: bool = False, **fields: str) -> Told:
        """These events come, by NETCONF and as callbacks of the request; the final callback.

        `after`, `twice`: see `Callbacks.tell`. `fields`: what tells them from others, where they are of no deployment.
        """
        came = self.vnf.subscriber.until(events[-1], **(fields or {"depname": self.vnf.name}))  # type: ignore[arg-type]
        assert types(came) == events, "\n".join(map(str, came))
        final = self.callbacks.tell(came, after, twice=twice)
        assert final.transaction == answer.headers["ESC-Transaction-Id"]
        return final

    def does(self, path: str, body: str, events: list[str], after: int = 0) -> Told:
        """An operation of the tenant's deployments that is taken, and told so."""
        answer = self.ask("POST", f"{V0}/admin/deployments/{path}", body)
        assert (answer.status, answer.content) == (200, b""), answer.text
        final = self.told(answer, events, after)
        assert final.code == "200", final
        return final

    def makes(self, path: str, body: str, event: str) -> Told:
        """POST a resource; its final callback."""
        return self._resource(self.ask("POST", path, body), event)

    def takes_away(self, path: str, event: str) -> None:
        """DELETE a resource."""
        self._resource(self.ask("DELETE", path), event)
        assert self.rest.get(path).status == 404

    def _resource(self, answer: Answer, event: str) -> Told:
        assert answer.status == 200, answer.text
        final = self.told(answer, [event], twice=event in BY_THE_WAY, status="SUCCESS")
        assert final.code == "200", final
        return final


@pytest.fixture
def caller(house: House, admin: Session, subscriber: Subscriber, rest: Rest, callbacks: Callbacks, name: str) -> Caller:
    """Nothing is deployed yet."""
    return Caller(rest, callbacks, Vnf(name, house, admin, subscriber, []))


def test_a_deployment_from_post_to_delete(caller: Caller, outside: Outside) -> None:
    caller.deploy()
    shown = caller.rest.get(caller.path)
    assert shown.texts("vm_name") == [caller.vm]
    assert {"SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"} <= set(shown.texts("state"))
    server = outside.server(caller.vm)
    assert (server.status, shown.texts("vm_id")[0]) == ("ACTIVE", server.id)
    assert shown.texts("ip_address") == outside.addresses(caller.vm)
    assert caller.vnf.name in caller.rest.get(f"{V0}/admin/deployments").texts("internal_deployment_id")
    gone = caller.ask("DELETE", caller.path)
    assert gone.status == 200
    assert caller.told(gone, UNDEPLOYED).message == "Service group undeployment completed successfully"
    assert outside.is_empty(caller.vnf.name)
    assert caller.rest.get(caller.path).error == (404, "Deployment or tenant not found")


def test_the_same_in_json(caller: Caller, outside: Outside) -> None:
    name = caller.vnf.name
    interface = {"nicid": 0, "network": "SolTest-Network"}
    one_group = {
        "name": "g1",
        "image": "SolTest-Cirros-Image",
        "flavor": V1,
        "bootup_time": 60,
        "recovery_wait_time": 0,
        "interfaces": {"interface": [interface]},
        "scaling": {"min_active": 1, "max_active": 1},
    }
    deployments = {"deployment": [{"name": name, "vm_group": [one_group]}]}
    document = {"esc_datamodel": {"tenants": {"tenant": [{"name": "admin", "deployments": deployments}]}}}
    headers = {"Content_Type": "application/json", "Accept": "application/json", **caller.callbacks.headers}
    made = caller.rest.call("POST", f"{V0}/deployments", json.dumps(document), **headers)
    assert made.status == 200, made.text
    final = caller.told(made, ["VM_DEPLOYED", "SERVICE_ALIVE"])
    path = made.headers["Location"]
    assert made.json["deployment"]["internal_deployment_id"] == path.rpartition("/")[2]
    assert final.texts("internal_deployment_id") == [path.rpartition("/")[2]]
    server = outside.server(vm_name(caller.vnf.admin, name))
    assert (final.texts("vm_uuid"), final.texts("host_name")) == ([server.id], [server.compute_host])
    (tenant,) = caller.rest.json("GET", path).json["esc_datamodel"]["opdata"]["tenants"]["tenant"]
    (shown,) = tenant["deployments"]
    assert (shown["deployment_name"], shown["state_machine"]["state"]) == (name, "SERVICE_ACTIVE_STATE")
    gone = caller.rest.call("DELETE", path, **headers)
    caller.told(gone, UNDEPLOYED)
    assert outside.is_empty(name)


def test_power_of_the_service(caller: Caller, outside: Outside) -> None:
    caller.deploy()
    path = f"service/{caller.vnf.name}"

    def does(word: str, *events: str) -> None:
        caller.does(path, operation("service_operation", word), list(events))

    does("stop", "VM_STOPPED", "SERVICE_STOPPED")
    assert outside.server(caller.vm).status == "SHUTOFF"
    again = caller.ask("POST", f"{V0}/admin/deployments/{path}", operation("service_operation", "stop"))
    assert again.error == (409, f"Service group [{caller.vnf.name}] is already stopped")
    does("start", "VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE")
    assert outside.server(caller.vm).status == "ACTIVE"
    does("reboot", "VM_REBOOTED", "VM_ALIVE", "SERVICE_ALIVE")
    assert outside.metadata(caller.vm)["openesc:last_operation"] == "reboot"
    assert caller.vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_power_of_a_vm(caller: Caller, outside: Outside) -> None:
    caller.deploy()

    def does(word: str, *events: str, **more: str) -> None:
        caller.does(f"vm/{caller.vm}", operation("vm_operation", word, **more), list(events))

    does("stop", "VM_STOPPED", force="true")
    assert outside.server(caller.vm).status == "SHUTOFF"
    does("start", "VM_STARTED", "VM_ALIVE")
    does("reboot", "VM_REBOOTED", "VM_ALIVE")
    assert outside.server(caller.vm).status == "ACTIVE"
    does("disable_monitor", "VM_MONITOR_UNSET")
    does("enable_monitor", "VM_MONITOR_SET")
    does("recover", "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
    assert caller.vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_a_flavor_by_put_and_by_operation(caller: Caller, outside: Outside) -> None:
    caller.deploy()
    path, resized = f"vm/{caller.vm}", ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]
    asked = caller.ask("PUT", caller.path, deployment(caller.vnf.name, group(flavor=V2)))
    assert (asked.status, asked.content) == (200, b"")
    caller.told(asked, resized, after=1)
    assert (outside.server(caller.vm).status, outside.flavor(caller.vm)) == ("VERIFY_RESIZE", V2)
    caller.does(path, operation("vm_operation", "revert_resize"), REVERTED, after=1)
    assert (outside.server(caller.vm).status, outside.flavor(caller.vm)) == ("ACTIVE", V1)
    back = caller.ask("PUT", caller.path, deployment(caller.vnf.name, group(flavor=V1)))
    caller.told(back, ["SERVICE_UPDATED"])
    caller.does(path, operation("vm_operation", "resize", flavor=V2), resized, after=1)
    caller.does(path, operation("vm_operation", "confirm_resize"), CONFIRMED, after=1)
    assert (outside.server(caller.vm).status, outside.flavor(caller.vm)) == ("ACTIVE", V2)


def test_more_vms_and_another_group_by_put(caller: Caller, outside: Outside) -> None:
    caller.deploy()
    document = deployment(caller.vnf.name, group(count=2), group("g2", kpi=False))
    asked = caller.ask("PUT", caller.path, document)
    came = caller.vnf.until("SERVICE_UPDATED")
    assert sorted(types(came)) == sorted(["VM_DEPLOYED", "VM_ALIVE", "VM_DEPLOYED", "SERVICE_UPDATED"])
    final = caller.callbacks.tell(came)
    assert (final.code, final.transaction) == ("200", asked.headers["ESC-Transaction-Id"])
    vms = caller.rest.get(caller.path).texts("vm_name")
    assert len(vms) == 3 and {outside.server(vm).status for vm in vms} == {"ACTIVE"}
    same = caller.ask("PUT", caller.path, document)
    caller.told(same, ["SERVICE_UPDATED"])


def test_migration(caller: Caller, outside: Outside) -> None:
    caller.deploy()
    path, moved = f"migrate-vm/{caller.vm}", ["VM_MIGRATE_INIT", "VM_MIGRATED"]
    here, there = outside.host(caller.vm), outside.elsewhere(caller.vm)

    def to(kind: str, **more: str) -> str:
        return operation("vm_migrate_operation", "migrate", migrationType=kind, **more)

    caller.does(path, to("live", host=there), [*moved, "VM_MIGRATE_COMPLETE"])
    assert outside.host(caller.vm) == there
    caller.does(path, to("cold", host=here), [*moved, "VM_VERIFY_RESIZE"])
    assert (outside.server(caller.vm).status, outside.host(caller.vm)) == ("VERIFY_RESIZE", here)
    caller.does(f"vm/{caller.vm}", operation("vm_operation", "confirm_resize"), CONFIRMED, after=1)
    refused = caller.ask("POST", f"{V0}/admin/deployments/{path}", to("live", host="nowhere"))
    code, message = refused.error
    assert code == 500
    assert "Compute host nowhere could not be found." in message
    final = caller.told(refused, ["VM_MIGRATE_INIT"])
    assert final.code == "500" and "Compute host nowhere could not be found." in final.message
    assert REQUEST in final.message and REQUEST in message
    assert outside.host(caller.vm) == here


def test_a_snapshot_made_listed_and_deleted(caller: Caller, outside: Outside) -> None:
    caller.deploy()
    backup = f"{caller.vnf.name}-backup"
    caller.does(
        f"snapshot-vm/{caller.vm}",
        operation("snapshot", "snapshot", name=backup),
        ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"],
    )
    image = outside.cloud.image.find_image(backup)
    assert (image.status, image.instance_uuid) == ("active", outside.server(caller.vm).id)
    (listed,) = caller.rest.json("GET", f"{V0}/snapshots?generatedVMName={caller.vm}").json["snapshots"]["snapshot"]
    assert (listed["name"], listed["status"], listed["tenant"]) == (backup, "available", "admin")
    gone = caller.ask("DELETE", f"{V0}/snapshots/{listed['id']}")
    assert (gone.status, gone.content) == (200, b"")
    caller.told(gone, ["VM_SNAPSHOT_DELETING", "VM_SNAPSHOT_DELETED"])
    assert outside.cloud.image.find_image(backup) is None


def test_what_the_cloud_refuses_is_called_back_in_its_words(caller: Caller, outside: Outside) -> None:
    document = deployment(caller.vnf.name, group(image="no-such-image"))
    refused = ["VM_DEPLOYED", "SERVICE_ALIVE"]
    asked = caller.ask("POST", caller.path, document)
    assert asked.status == 200, "it is accepted; what becomes of it is called back"
    final = caller.told(asked, refused)
    assert (final.code, "no-such-image" in final.message) == ("500", True)
    with limited(outside, lambda cloud, project: cloud.compute.update_quota_set(project, cores=0)):
        again = caller.ask("PUT", caller.path, deployment(caller.vnf.name, group()))
        assert again.status == 200, again.text
        final = caller.told(again, refused)
    assert final.code == "500" and "Quota exceeded for cores" in final.message and REQUEST in final.message
    assert outside.is_empty(caller.vnf.name)
    at_last = caller.ask("PUT", caller.path, deployment(caller.vnf.name, group()))
    assert caller.told(at_last, DEPLOYED).code == "200"


def test_a_tenant_a_network_and_a_vm_on_it(caller: Caller, outside: Outside) -> None:
    """Ids of the client's choice are ours; what is in the cloud goes by the names."""
    name = caller.vnf.name
    paths = {"tenant": f"{V0}/tenants/{name}-t", "network": f"{V0}/{name}-t/networks/{name}-n"}
    paths["subnet"] = f"{paths['network']}/subnets/{name}-s"
    where = "<address>192.168.9.0</address><netmask>255.255.255.0</netmask>"

    def made(kind: str, called: str, leaves: str = "") -> str:
        body = f"<{kind}><name>{called}</name>{leaves}</{kind}>"
        final = caller.makes(paths[kind], body, f"CREATE_{kind.upper()}")
        assert final.texts(f"internal_{kind}_id") == [paths[kind].rpartition("/")[2]]
        (external_id,) = final.texts(f"external_{kind}_id")
        return external_id

    project, network = made("tenant", name), made("network", f"{name}-inner")
    subnet = made("subnet", "low", f"<ipversion>ipv4</ipversion><dhcp>true</dhcp>{where}")
    found = outside.cloud.network.get_network(network)
    assert (found.name, found.project_id, found.subnet_ids) == (f"{name}-inner", project, [subnet])
    assert outside.cloud.network.get_subnet(subnet).cidr == "192.168.9.0/24"

    one_vm = group(networks=(f"{name}-inner",), kpi=False)
    posted = caller.ask("POST", f"{V0}/{name}-t/deployments/{name}", deployment(name, one_vm, tenant=name))
    final = caller.told(posted, ["VM_DEPLOYED", "SERVICE_ALIVE"])
    assert final.texts("network_uuid") == [network]
    server = outside.cloud.compute.get_server(final.texts("vm_uuid")[0])
    assert (server.status, server.project_id) == ("ACTIVE", project)
    assert caller.rest.delete(paths["tenant"]).error[0] == 409
    caller.told(caller.ask("DELETE", f"{V0}/{name}-t/deployments/{name}"), UNDEPLOYED)

    caller.takes_away(paths["subnet"], "DELETE_SUBNET")
    caller.takes_away(paths["network"], "DELETE_NETWORK")
    assert outside.is_empty(name)
    caller.takes_away(paths["tenant"], "DELETE_TENANT")
    assert outside.cloud.identity.find_project(name) is None


def test_an_image_and_a_flavor(caller: Caller, outside: Outside, web: str) -> None:
    name = caller.vnf.name
    image, flavor = f"{V0}/images/{name}-i", f"{V0}/flavors/{name}-f"
    leaves = f"<src>{web}/image</src><disk_format>raw</disk_format><container_format>bare</container_format>"
    final = caller.makes(image, f"<image><name>{name}-image</name>{leaves}</image>", "CREATE_IMAGE")
    found = outside.cloud.image.get_image(final.texts("external_image_id")[0])
    assert (found.name, found.status, found.size) == (f"{name}-image", "active", 3 << 20)
    leaves = "<vcpus>1</vcpus><memory_mb>64</memory_mb><root_disk_mb>1024</root_disk_mb>"
    final = caller.makes(flavor, f"<flavor><name>{name}-flavor</name>{leaves}</flavor>", "CREATE_FLAVOR")
    kind = outside.cloud.compute.get_flavor(final.texts("external_flavor_id")[0])
    assert (kind.name, kind.vcpus, kind.ram, kind.disk) == (f"{name}-flavor", 1, 64, 1)
    caller.deploy(group(image=found.name, flavor=kind.name))
    server = outside.server(caller.vm)
    assert (server.image.id, outside.flavor(caller.vm)) == (found.id, kind.name)
    caller.told(caller.ask("DELETE", caller.path), UNDEPLOYED)
    caller.takes_away(image, "DELETE_IMAGE")
    caller.takes_away(flavor, "DELETE_FLAVOR")
    assert outside.is_empty(name)
    assert outside.cloud.compute.find_flavor(kind.name) is None


def test_what_cannot_be_made_is_called_back(caller: Caller, outside: Outside, web: str) -> None:
    name = caller.vnf.name
    leaves = f"<src>{web}/absent</src><disk_format>raw</disk_format><container_format>bare</container_format>"
    asked = caller.ask("POST", f"{V0}/images/{name}", f"<image><name>{name}</name>{leaves}</image>")
    final = caller.told(asked, ["CREATE_IMAGE"], image=name)
    assert final.code == "500" and f"{web}/absent" in final.message
    assert outside.is_empty(name)
    assert caller.rest.delete(f"{V0}/images/{name}").status == 200
