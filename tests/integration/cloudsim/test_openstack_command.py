"""The unmodified `openstack` command on the simulator: what it is told, not only that it is told something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cloudsim_process import CloudsimProcess
from tests.openstack_command import OpenstackCommand, Refused

V1, V2 = "SolTest-Cirros-Flavor", "SolTest-Cirros-Flavor-v2"
OTHER = {"Host-22": "Host-24", "Host-24": "Host-22"}
HOST = "OS-EXT-SRV-ATTR:host"
TASK = "OS-EXT-STS:task_state"


@pytest.fixture(scope="module")
def command(_process: CloudsimProcess) -> Iterator[OpenstackCommand]:
    with OpenstackCommand(_process.environment) as started:
        yield started


@pytest.fixture
def openstack(command: OpenstackCommand, cloudsim: CloudsimProcess) -> OpenstackCommand:
    """The command, on a cloud without delays and faults."""
    return command


@pytest.fixture
def server(openstack: OpenstackCommand) -> Iterator[Callable[[str], Any]]:
    """Makes a server of a name; it is deleted after the test."""
    made: list[str] = []

    def create(name: str) -> Any:
        made.append(name)
        openstack(f"server create --image SolTest-Cirros-Image --flavor {V1} --network SolTest-Network {name}")
        return settled(openstack, name, "ACTIVE")

    yield create
    for name in made:
        openstack(f"server delete --wait {name}")


def settled(openstack: OpenstackCommand, name: str, status: str) -> Any:
    """The server once it has this status and no task."""
    return openstack.settled(f"server show {name}", status=status, **{TASK: None})


def named(rows: list[dict[str, Any]], name: str, column: str = "Name") -> dict[str, Any]:
    """The only row of a name."""
    (found,) = [row for row in rows if row[column] == name]
    return found


def migrations(openstack: OpenstackCommand, name: str) -> list[tuple[str, str, str, str]]:
    """Type, status, source and target of each record, oldest first."""
    rows = sorted(openstack(f"server migration list --server {name}"), key=lambda row: int(row["Id"]))
    return [(row["Type"], row["Status"], row["Source Compute"], row["Dest Compute"]) for row in rows]


def test_a_server_comes_stops_starts_reboots_and_goes(openstack: OpenstackCommand) -> None:
    made = openstack(f"server create --image SolTest-Cirros-Image --flavor {V1} --network SolTest-Network osc-1")
    shown = settled(openstack, "osc-1", "ACTIVE")
    assert (shown["id"], shown["OS-EXT-STS:power_state"]) == (made["id"], 1)
    assert shown["flavor"]["original_name"] == V1
    assert shown["image"].startswith("SolTest-Cirros-Image (")
    row = named(openstack("server list"), "osc-1")
    assert (row["Status"], row["Flavor"], row["Networks"]) == ("ACTIVE", V1, shown["addresses"])
    openstack("server stop osc-1")
    assert settled(openstack, "osc-1", "SHUTOFF")["OS-EXT-STS:power_state"] == 4
    openstack("server start osc-1")
    assert settled(openstack, "osc-1", "ACTIVE")["OS-EXT-STS:vm_state"] == "active"
    openstack("server reboot --hard osc-1")
    settled(openstack, "osc-1", "ACTIVE")
    events = openstack("server event list osc-1")
    assert [row["Action"] for row in events] == ["reboot", "start", "stop", "create"]
    openstack("server delete --wait osc-1")
    assert "osc-1" not in [row["Name"] for row in openstack("server list")]
    with pytest.raises(Refused, match="osc-1"):
        openstack("server show osc-1")


def test_a_resize_is_confirmed_and_another_reverted(openstack: OpenstackCommand, server: Callable[[str], Any]) -> None:
    here = server("osc-2")[HOST]
    openstack(f"server resize --flavor {V2} osc-2")
    waits = settled(openstack, "osc-2", "VERIFY_RESIZE")
    assert (waits["flavor"]["original_name"], waits[HOST]) == (V2, OTHER[here])
    openstack("server resize revert osc-2")
    back = settled(openstack, "osc-2", "ACTIVE")
    assert (back["flavor"]["original_name"], back[HOST]) == (V1, here)
    openstack(f"server resize --flavor {V2} osc-2")
    settled(openstack, "osc-2", "VERIFY_RESIZE")
    openstack("server resize confirm osc-2")
    grown = settled(openstack, "osc-2", "ACTIVE")
    assert (grown["flavor"]["original_name"], grown["flavor"]["ram"], grown[HOST]) == (V2, 1024, OTHER[here])
    assert migrations(openstack, "osc-2") == [
        ("resize", "reverted", here, OTHER[here]),
        ("resize", "confirmed", here, OTHER[here]),
    ]
    with pytest.raises(Refused, match="'confirmResize' instance"):
        openstack("server resize confirm osc-2")


def test_migrations_leave_records(openstack: OpenstackCommand, server: Callable[[str], Any]) -> None:
    here = server("osc-3")[HOST]
    there = OTHER[here]
    openstack("server migrate osc-3")
    assert settled(openstack, "osc-3", "VERIFY_RESIZE")[HOST] == there
    openstack("server migration confirm osc-3")
    settled(openstack, "osc-3", "ACTIVE")
    openstack("server migrate --live-migration osc-3")
    assert openstack.settled("server show osc-3", **{HOST: here, TASK: None})["status"] == "ACTIVE"
    openstack(f"server migrate --live-migration --host {there} osc-3")
    assert openstack.settled("server show osc-3", **{HOST: there, TASK: None})["status"] == "ACTIVE"
    assert migrations(openstack, "osc-3") == [
        ("migration", "confirmed", here, there),
        ("live-migration", "completed", there, here),
        ("live-migration", "completed", here, there),
    ]
    with pytest.raises(Refused, match="No-Such-Host"):
        openstack("server migrate --live-migration --host No-Such-Host osc-3")


def test_a_server_becomes_an_image(openstack: OpenstackCommand, server: Callable[[str], Any]) -> None:
    identifier = server("osc-4")["id"]
    openstack("server image create --name osc-image osc-4")
    image = openstack.settled("image show osc-image", status="active")
    assert image["properties"]["instance_uuid"] == identifier
    original = openstack("image show SolTest-Cirros-Image")
    assert (image["size"], image["checksum"]) == (original["size"], original["checksum"])
    assert named(openstack("image list"), "osc-image")["Status"] == "active"
    openstack("image delete osc-image")
    assert "osc-image" not in [row["Name"] for row in openstack("image list")]


def test_volumes_their_snapshots_and_where_they_are_attached(
    openstack: OpenstackCommand, server: Callable[[str], Any]
) -> None:
    identifier = server("osc-5")["id"]
    made = openstack("volume create --size 2 --type LVM osc-volume")
    shown = openstack.settled("volume show osc-volume", status="available")
    assert (shown["id"], shown["size"], shown["type"], shown["attachments"]) == (made["id"], 2, "LVM", [])
    attached = openstack("server add volume osc-5 osc-volume")
    assert (attached["Server ID"], attached["Volume ID"], attached["Device"]) == (identifier, made["id"], "/dev/vdb")
    row = named(openstack("volume list"), "osc-volume")
    assert (row["Status"], [one["server_id"] for one in row["Attached to"]]) == ("in-use", [identifier])
    openstack("server remove volume osc-5 osc-volume")
    openstack.settled("volume show osc-volume", status="available")
    openstack("volume snapshot create --volume osc-volume osc-snapshot")
    snapshot = openstack.settled("volume snapshot show osc-snapshot", status="available")
    assert (snapshot["volume_id"], snapshot["size"]) == (made["id"], 2)
    assert named(openstack("volume snapshot list"), "osc-snapshot")["ID"] == snapshot["id"]
    with pytest.raises(Refused, match="have snapshots"):
        openstack("volume delete osc-volume")
    openstack("volume snapshot delete osc-snapshot")
    assert openstack("volume snapshot list") == []
    openstack("volume delete osc-volume")
    assert openstack("volume list") == []


def test_a_server_group_places_apart(openstack: OpenstackCommand) -> None:
    group = openstack("server group create --policy anti-affinity osc-apart")
    boot = f"server create --image SolTest-Cirros-Image --flavor {V1} --network SolTest-Network"
    for name in ("osc-6", "osc-7"):
        openstack(f"{boot} --hint group={group['id']} {name}")
    servers = [settled(openstack, name, "ACTIVE") for name in ("osc-6", "osc-7")]
    assert {server[HOST] for server in servers} == set(OTHER)
    listed = named(openstack("server group list --long"), "osc-apart")
    assert (listed["Policy"], set(listed["Members"])) == ("anti-affinity", {server["id"] for server in servers})
    openstack("server delete --wait osc-6 osc-7")
    openstack("server group delete osc-apart")
    assert openstack("server group list") == []


def test_hosts_and_services_up_and_down(openstack: OpenstackCommand, cloudsim: CloudsimProcess) -> None:
    assert {row["Zone Name"]: row["Zone Status"] for row in openstack("availability zone list")} == {
        "nova": "available"
    }
    computes = [row["Host Name"] for row in openstack("host list") if row["Service"] == "compute"]
    assert computes == ["Host-22", "Host-24"]
    hypervisors = openstack("hypervisor list")
    assert [(row["Hypervisor Hostname"], row["State"]) for row in hypervisors] == [("Host-22", "up"), ("Host-24", "up")]
    cloudsim.fault({}, {"type": "host_down", "host": "Host-24"})
    services = openstack("compute service list")
    assert [(row["Host"], row["State"]) for row in services if row["Binary"] == "nova-compute"] == [
        ("Host-22", "up"),
        ("Host-24", "down"),
    ]
    assert named(openstack("hypervisor list"), "Host-24", "Hypervisor Hostname")["State"] == "down"


def test_quotas_are_shown_as_they_are_set(openstack: OpenstackCommand) -> None:
    openstack("quota set --instances 7 --volumes 3 --ports 50 admin")
    quotas = {row["Resource"]: row["Limit"] for row in openstack("quota show admin")}
    assert (quotas["instances"], quotas["volumes"], quotas["ports"]) == (7, 3, 50)
    openstack("quota delete admin")
    assert named(openstack("quota show admin"), "instances", "Resource")["Limit"] == -1


def test_what_a_deployment_needs(openstack: OpenstackCommand, tmp_path: Path) -> None:
    """Networks, subnets, ports, images and flavors are made, listed, shown and deleted."""
    file = tmp_path / "image.raw"
    file.write_bytes(b"\1" * 512)
    openstack("network create osc-n")
    openstack("subnet create --network osc-n --subnet-range 10.5.0.0/24 osc-s")
    openstack("port create --network osc-n osc-p")
    openstack(f"image create --container-format bare --disk-format raw --file {file} osc-i")
    openstack("flavor create --ram 256 --vcpus 1 --disk 1 osc-f")
    assert openstack("image show osc-i")["size"] == 512
    assert openstack("flavor show osc-f")["ram"] == 256
    assert openstack("subnet show osc-s")["cidr"] == "10.5.0.0/24"
    assert openstack("port show osc-p")["fixed_ips"][0]["ip_address"] == "10.5.0.2"
    assert openstack("network show osc-n")["subnets"] == [openstack("subnet show osc-s")["id"]]
    kinds = {"port": "osc-p", "subnet": "osc-s", "network": "osc-n", "image": "osc-i", "flavor": "osc-f"}
    for kind, name in kinds.items():
        assert named(openstack(f"{kind} list"), name)
        openstack(f"{kind} delete {name}")
        assert name not in [row["Name"] for row in openstack(f"{kind} list")]


def test_the_script_itself(cloudsim: CloudsimProcess) -> None:
    """`openstack` as it is installed, a process of its own."""
    script = str(Path(sys.executable).with_name("openstack"))
    environment = {**os.environ, **cloudsim.environment}
    words = [script, "network", "list", "-f", "json"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [row["Name"] for row in json.loads(done.stdout)] == ["SolTest-Network"]
