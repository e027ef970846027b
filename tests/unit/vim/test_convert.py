"""Nova's JSON as readings, with what may be missing."""

from __future__ import annotations

from openesc.vim import convert
from openesc.vim.networking import port_body
from openesc.vim.port import BlockDevice, PortSpec, ServerSpec
from openesc.vim.servers import server_body

ADMINS = {
    "id": "s1",
    "name": "vm",
    "status": "ERROR",
    "OS-EXT-STS:task_state": None,
    "OS-EXT-STS:power_state": 4,
    "hostId": "hash",
    "OS-EXT-SRV-ATTR:host": "cmp-a",
    "OS-EXT-SRV-ATTR:hypervisor_hostname": "cmp-a.example",
    "flavor": {"original_name": "small", "vcpus": 1},
    "image": {"id": "i1"},
    "fault": {"code": 500, "message": "No valid host was found. "},
    "metadata": {"k": "v"},
    "os-extended-volumes:volumes_attached": [{"id": "v1"}, {"id": "v2"}],
}


def test_server_as_an_admin_sees_it() -> None:
    server = convert.server(ADMINS)
    assert (server.hostname, server.flavor, server.image_id) == ("cmp-a", "small", "i1")
    assert (server.fault, server.volume_ids) == ("No valid host was found.", ("v1", "v2"))


def test_server_of_a_cell_that_is_down() -> None:
    server = convert.server({"id": "s1", "status": "UNKNOWN", "tenant_id": "p"})
    assert (server.status, server.name, server.hostname, server.image_id) == ("UNKNOWN", "", None, None)


def test_server_from_a_volume_and_an_old_flavor() -> None:
    server = convert.server({"id": "s1", "status": "ACTIVE", "image": "", "flavor": {"id": "f1"}})
    assert (server.image_id, server.flavor) == (None, "f1")


def test_what_is_not_given_is_left_out() -> None:
    body = server_body(ServerSpec("vm", "f1", None, ("p1", "p2")))
    assert body == {"name": "vm", "flavorRef": "f1", "networks": [{"port": "p1"}, {"port": "p2"}]}
    assert server_body(ServerSpec("vm", "f1", "i1", ()))["networks"] == "none"
    assert port_body(PortSpec("p", "n1")) == {"name": "p", "network_id": "n1"}


def test_a_boot_volume_takes_the_place_of_the_image() -> None:
    root = BlockDevice("v1", boot_index=0, disk_bus="virtio")
    body = server_body(ServerSpec("vm", "f1", "i1", ("p1",), block_devices=(root,)))
    assert "imageRef" not in body
    assert body["block_device_mapping_v2"] == [
        {
            "uuid": "v1",
            "source_type": "volume",
            "destination_type": "volume",
            "boot_index": 0,
            "delete_on_termination": False,
            "disk_bus": "virtio",
        }
    ]


def test_an_image_comes_before_its_data_volumes() -> None:
    body = server_body(ServerSpec("vm", "f1", "i1", ("p1",), block_devices=(BlockDevice("v1"),)))
    image, data = body["block_device_mapping_v2"]
    assert (image["uuid"], image["boot_index"], image["source_type"]) == ("i1", 0, "image")
    assert (data["uuid"], data["boot_index"]) == ("v1", -1)


def test_day_zero_data_and_place() -> None:
    spec = ServerSpec("vm", "f1", "i1", ("p1",), user_data=b"#!", config_drive=True, host="cmp-a")
    body = server_body(spec)
    assert (body["user_data"], body["config_drive"], body["host"]) == ("IyE=", True, "cmp-a")


def test_files_name_the_host_the_old_way() -> None:
    body = server_body(ServerSpec("vm", "f1", "i1", ("p1",), host="cmp-a", files={"/etc/day0": b"x"}))
    assert body["personality"] == [{"path": "/etc/day0", "contents": "eA=="}]
    assert body["availability_zone"] == "nova:cmp-a" and "host" not in body


def test_port_with_everything() -> None:
    spec = PortSpec(
        "p",
        "n1",
        subnet_id="s1",
        ip_address="10.0.0.5",
        mac_address="fa:16:3e:00:00:01",
        allowed_address_pairs=(("10.0.0.9", None), ("10.0.0.8", "fa:16:3e:00:00:02")),
        vnic_type="direct",
    )
    assert port_body(spec) == {
        "name": "p",
        "network_id": "n1",
        "fixed_ips": [{"subnet_id": "s1", "ip_address": "10.0.0.5"}],
        "mac_address": "fa:16:3e:00:00:01",
        "allowed_address_pairs": [
            {"ip_address": "10.0.0.9"},
            {"ip_address": "10.0.0.8", "mac_address": "fa:16:3e:00:00:02"},
        ],
        "binding:vnic_type": "direct",
    }
