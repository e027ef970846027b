"""The refusals that flows depend on: class, status and text as the real services give them."""

from __future__ import annotations

from typing import Any

import pytest
from openstack import exceptions
from tests.cloudsim_process import CloudsimProcess

NONE = "00000000-0000-0000-0000-000000000000"


def volume_device(identifier: str) -> list[dict[str, Any]]:
    """A mapping that boots from this volume."""
    return [{"boot_index": 0, "uuid": identifier, "source_type": "volume", "destination_type": "volume"}]


BAD_CREATES: dict[str, tuple[dict[str, Any], str]] = {
    "image not found": ({"image_id": NONE}, "Can not find requested image"),
    "flavor not found": ({"flavor_id": NONE}, f"Flavor {NONE} could not be found."),
    "network not found": ({"networks": [{"uuid": NONE}]}, f"Network {NONE} could not be found."),
    "port not found": ({"networks": [{"port": NONE}]}, f"Port id {NONE} could not be found."),
    "zone": ({"availability_zone": "nowhere"}, "The requested availability zone is not available"),
    "no image": ({"image_id": None}, "Missing imageRef attribute"),
    "boot volume": (
        {"image_id": None, "block_device_mapping": volume_device(NONE)},
        f"Block Device Mapping is Invalid: failed to get volume {NONE}.",
    ),
    "empty name": ({"name": ""}, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
}


@pytest.mark.parametrize("case", BAD_CREATES)
def test_create_is_refused_at_once(boot: Any, case: str) -> None:
    changes, text = BAD_CREATES[case]
    with pytest.raises(exceptions.BadRequestException) as caught:
        boot.accepted(**{"name": "vm-bad", **changes})
    assert caught.value.details == text


def test_image_id_none_is_the_callers_mistake(boot: Any, admin: Any) -> None:
    with pytest.raises(exceptions.BadRequestException, match=r"field/attribute imageRef\. Value: None\."):
        admin.compute.create_server(name="x", image_id=None, flavor_id=boot.flavor.id, networks="none")


def test_port_in_use(boot: Any, admin: Any) -> None:
    server = boot("vm-holder")
    port = next(iter(admin.network.ports(device_id=server.id)))
    with pytest.raises(exceptions.ConflictException) as caught:
        boot("vm-second", networks=[{"port": port.id}])
    assert caught.value.details == f"Port {port.id} is still in use."
    address = port.fixed_ips[0]["ip_address"]
    with pytest.raises(exceptions.BadRequestException) as used:
        boot("vm-third", networks=[{"uuid": boot.network.id, "fixed_ip": address}])
    assert used.value.details == f"Fixed IP address {address} is already in use on instance {server.id}."


def test_fixed_ip_outside_the_subnet_is_told_by_the_fault(boot: Any) -> None:
    server = boot("vm-outside", networks=[{"uuid": boot.network.id, "fixed_ip": "192.0.2.9"}])
    assert server.status == "ERROR"
    assert server.fault["message"] == (
        f"Build of instance {server.id} aborted: Invalid input received: Fixed IP 192.0.2.9 is not a "
        f"valid ip address for "
        f"network {boot.network.id}."
    )


def test_image_not_active_and_too_big(boot: Any, admin: Any) -> None:
    queued = admin.image.create_image("queued", disk_format="raw", container_format="bare")
    with pytest.raises(exceptions.BadRequestException) as caught:
        boot("vm-queued", image_id=queued.id)
    assert caught.value.details == f"Image {queued.id} is not active."
    admin.image.delete_image(queued)
    big = admin.image.create_image("big", data=b"\1" * 64, disk_format="raw", container_format="bare", min_disk=2)
    with pytest.raises(exceptions.BadRequestException) as small:
        boot("vm-small", image_id=big.id)
    assert small.value.details == (
        "Flavor's disk is smaller than the minimum size specified in image metadata. "
        "Flavor disk is 1073741824 bytes, minimum size is 2147483648 bytes."
    )
    admin.image.delete_image(big)


def test_no_valid_host(boot: Any, admin: Any, member: Any) -> None:
    huge = admin.compute.create_flavor(name="huge", ram=1024, vcpus=300, disk=1)
    server = boot("vm-huge", member, flavor_id=huge.id)
    assert (server.status, server.hypervisor_hostname) == ("ERROR", None)
    assert server.fault["message"] == "No valid host was found. "
    assert server.fault["code"] == 500
    seen = member.compute.get_server(server.id)
    assert set(seen.fault) == {"code", "created", "message"}
    with pytest.raises(exceptions.ResourceFailure):
        member.compute.wait_for_server(seen, wait=1)
    with pytest.raises(exceptions.ConflictException) as caught:
        member.compute.stop_server(server.id)
    assert caught.value.details == f"Instance {server.id} is not ready"
    with pytest.raises(exceptions.ConflictException) as metadata:
        member.compute.set_server_metadata(server.id, a="b")
    assert metadata.value.details == f"Cannot 'update metadata' instance {server.id} while it is in vm_state error"
    admin.compute.delete_flavor(huge)


def test_unknown_servers(admin: Any) -> None:
    with pytest.raises(exceptions.NotFoundException) as shown:
        admin.compute.get_server(NONE)
    assert shown.value.details == f"Instance {NONE} could not be found."
    with pytest.raises(exceptions.NotFoundException) as stopped:
        admin.compute.stop_server(NONE)
    assert stopped.value.details == f"Instance {NONE} has no mapping to a cell."
    assert admin.compute.delete_server(NONE) is None


def test_locked_and_busy(cloudsim: CloudsimProcess, boot: Any, admin: Any, member: Any) -> None:
    server = boot("vm-locked", member)
    admin.compute.lock_server(server.id)
    with pytest.raises(exceptions.ConflictException) as locked:
        member.compute.stop_server(server.id)
    assert locked.value.details == f"Instance {server.id} is locked"
    admin.compute.unlock_server(server.id)
    cloudsim.settings(latency_factor=1.0)
    member.compute.create_server_image(server.id, "s1")
    with pytest.raises(exceptions.ConflictException) as busy:
        member.compute.create_server_image(server.id, "s2")
    text = "Cannot 'createImage' instance {} while it is in task_state image_snapshot_pending"
    assert busy.value.details == text.format(server.id)


@pytest.mark.parametrize("resource, limit", [("instances", 0), ("cores", 0), ("ram", 0)])
def test_compute_quotas(boot: Any, admin: Any, member: Any, resource: str, limit: int) -> None:
    project = member.current_project_id
    admin.compute.put(f"/os-quota-sets/{project}", json={"quota_set": {resource: limit}}).raise_for_status()
    with pytest.raises(exceptions.ForbiddenException) as caught:
        boot("vm-quota", member)
    amount = {"instances": 1, "cores": 1, "ram": 512}[resource]
    text = f"Quota exceeded for {resource}: Requested {amount}, but already used 0 of {limit} {resource}"
    assert caught.value.details == text
    admin.compute.delete(f"/os-quota-sets/{project}").raise_for_status()


def test_port_quota(boot: Any, admin: Any, member: Any) -> None:
    project = member.current_project_id
    admin.network.update_quota(project, ports=0)
    with pytest.raises(exceptions.ConflictException) as direct:
        member.network.create_port(network_id=boot.network.id)
    assert direct.value.details == "Quota exceeded for resources: ['port']."
    with pytest.raises(exceptions.ForbiddenException) as at_boot:
        boot("vm-ports", member)
    assert at_boot.value.details == "Maximum number of ports exceeded"
    admin.network.delete_quota(project)


def test_volume_quotas(admin: Any, member: Any, boot: Any) -> None:
    path = f"/os-quota-sets/{member.current_project_id}"
    admin.block_storage.put(path, json={"quota_set": {"volumes": 0}}).raise_for_status()
    with pytest.raises(exceptions.HttpException) as caught:
        member.block_storage.create_volume(size=1)
    assert caught.value.status_code == 413
    text = "VolumeLimitExceeded: Maximum number of volumes allowed (0) exceeded for quota 'volumes'."
    assert caught.value.details == text
    device = {
        "boot_index": 0,
        "uuid": boot.image.id,
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": 1,
    }
    server = boot("vm-volume-quota", member, image_id=None, block_device_mapping=[device])
    assert server.fault["message"] == f"Build of instance {server.id} aborted: {text}"
    admin.block_storage.delete(path).raise_for_status()


def test_network_errors(boot: Any, admin: Any, member: Any) -> None:
    network = member.network.create_network(name="errors")
    subnet = member.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.9.0.0/29")
    fixed = [{"subnet_id": subnet.id, "ip_address": "10.9.0.3"}]
    port = member.network.create_port(network_id=network.id, fixed_ips=fixed)
    cases: list[tuple[type[Exception], Any, str]] = [
        (
            exceptions.ConflictException, lambda: member.network.create_port(network_id=network.id, fixed_ips=fixed),
            f"IP address 10.9.0.3 already allocated in subnet {subnet.id}",
        ),
        (
            exceptions.BadRequestException,
            lambda: member.network.create_port(
                network_id=network.id, fixed_ips=[{"subnet_id": subnet.id, "ip_address": "192.0.2.5"}]
            ),
            "IP address 192.0.2.5 is not a valid IP for the specified subnet.",
        ),
        (
            exceptions.NotFoundException, lambda: member.network.create_port(network_id=NONE),
            f"Network {NONE} could not be found.",
        ),
        (
            exceptions.BadRequestException,
            lambda: member.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.9.0.0/30"),
            f"Invalid input for operation: Requested subnet with cidr: 10.9.0.0/30 for network: "
            f"{network.id} overlaps with "
            "another subnet.",
        ),
        (
            exceptions.BadRequestException,
            lambda: member.network.create_subnet(network_id=network.id, ip_version=4, cidr="nonsense"),
            "Invalid input for operation: nonsense is not in a CIDR format.",
        ),
        (
            exceptions.ConflictException, lambda: member.network.delete_network(network),
            f"Unable to complete operation on network {network.id}. There are one or more ports still in "
            f"use on the network, "
            f"id for these ports is: {port.id}.",
        ),
        (
            exceptions.ForbiddenException,
            lambda: member.network.create_network(name="x", provider_network_type="vlan"),
            "(rule:create_network and rule:create_network:provider:network_type) is disallowed by policy",
        ),
    ]  # fmt: skip
    for kind, call, text in cases:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.details == text  # type: ignore[attr-defined]
    member.network.delete_port(port)
    member.network.delete_network(network)


def test_image_errors(admin: Any) -> None:
    with pytest.raises(exceptions.NotFoundException) as missing:
        admin.image.get_image(NONE)
    assert missing.value.details == f"404 Not Found: No image found with ID {NONE}"
    image = admin.image.create_image(
        "kept", data=b"\1" * 8, disk_format="raw", container_format="bare", is_protected=True
    )
    with pytest.raises(exceptions.ForbiddenException) as kept:
        admin.image.delete_image(image)
    assert kept.value.details == f"403 Forbidden: Image {image.id} is protected and cannot be deleted."
    admin.image.update_image(image, is_protected=False)
    admin.image.delete_image(image)
    with pytest.raises(exceptions.HttpException) as wrong:
        admin.image.create_image("bad", data=b"not a qcow2" * 9, disk_format="qcow2", container_format="bare")
    assert (wrong.value.status_code, wrong.value.details) == (415, "Unsupported Media Type")


def test_names_that_are_taken(admin: Any, member: Any) -> None:
    with pytest.raises(exceptions.ConflictException) as taken:
        admin.compute.create_flavor(name="SolTest-Cirros-Flavor", ram=1, vcpus=1, disk=1)
    assert taken.value.details == "Flavor with name SolTest-Cirros-Flavor already exists."
    with pytest.raises(exceptions.ForbiddenException):
        member.compute.create_flavor(name="x", ram=1, vcpus=1, disk=1)
