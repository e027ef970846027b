"""Images and flavors."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.boot import Boot
from tests.contract.target import Target

from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimConflict, VimNotFound, VimUnreachable
from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import FlavorSpec, ImageSpec


@pytest.fixture
def web() -> Iterator[str]:
    """A web server with an image, and one without its length."""
    content = b"\0" * (3 << 20)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self.send_response(200 if self.path.startswith("/image") else 404)
            if self.path == "/image":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.path.startswith("/image"):
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class TestImages:
    @pytest.mark.parametrize("path", ["/image", "/image-of-unknown-length"])
    async def test_from_the_web(self, cloud: OpenStackCloud, web: str, path: str, name: str) -> None:
        spec = ImageSpec(f"web-{name}", "raw", "bare", properties={"hw_disk_bus": "virtio"}, tag="openesc:t")
        image = await cloud.create_image(spec, web + path)
        assert (image.status, image.public, image.disk_format) == ("active", False, "raw")
        assert image.properties["hw_disk_bus"] == "virtio"
        assert await cloud.find_image(spec.name) == image
        assert await cloud.find_image(image.id) == image
        await cloud.delete_image(image.id)
        assert await cloud.find_image(spec.name) is None
        await cloud.delete_image(image.id)

    async def test_from_an_allowed_folder_only(self, target: Target, tmp_path: Path, name: str) -> None:
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "one.img").write_bytes(b"\0" * 1000)
        (tmp_path / "secret").write_bytes(b"\0" * 1000)
        vim = OpenStackVim(target.settings(image_folders=(str(tmp_path / "images"),)))
        cloud = await vim.cloud("admin")
        spec = ImageSpec(f"file-{name}", "raw", "bare")
        made = await cloud.create_image(spec, f"file://{tmp_path}/images/one.img")
        assert made.status == "active"
        for refused in (f"file://{tmp_path}/secret", f"file://{tmp_path}/images/../secret"):
            with pytest.raises(VimBadRequest, match="not below an allowed folder"):
                await cloud.create_image(spec, refused)
        with pytest.raises(VimNotFound, match="No such file"):
            await cloud.create_image(spec, f"file://{tmp_path}/images/other.img")
        await cloud.delete_image(made.id)
        await vim.close()

    async def test_refused_sources(self, cloud: OpenStackCloud, web: str, name: str) -> None:
        spec = ImageSpec(f"never-{name}", "raw", "bare")
        with pytest.raises(VimBadRequest, match="only http://, https:// and file://"):
            await cloud.create_image(spec, "ftp://host/image")
        with pytest.raises(VimNotFound, match="404"):
            await cloud.create_image(spec, f"{web}/nothing")
        with pytest.raises(VimUnreachable):
            await cloud.create_image(spec, "http://127.0.0.1:9/image")
        with pytest.raises(VimBadRequest, match="not below an allowed folder"):
            await cloud.create_image(spec, "file:///etc/passwd")
        assert await cloud.find_image(spec.name) is None

    async def test_bytes_of_another_format_leave_no_record(self, cloud: OpenStackCloud, web: str, name: str) -> None:
        with pytest.raises(VimBadRequest) as caught:
            await cloud.create_image(ImageSpec(f"fake-{name}", "qcow2", "bare"), f"{web}/image")
        assert caught.value.status == 415
        assert await cloud.find_image(f"fake-{name}") is None


class TestSnapshots:
    async def test_made_and_deleted(self, cloud: OpenStackCloud, boot: Boot, name: str) -> None:
        server = await boot.active()
        image_id = await cloud.create_server_image(server.id, f"backup-{name}", {"openesc": "yes"})
        with pytest.raises(VimConflict, match=r"Cannot 'createImage' instance .* while it is in task_state image_"):
            await cloud.create_server_image(server.id, f"second-{name}")
        await boot.wait(server, goals.active)
        await settled_image(boot, image_id)
        image = await cloud.get_image(image_id)
        assert (image.name, image.properties["openesc"]) == (f"backup-{name}", "yes")
        await cloud.delete_image(image_id)
        with pytest.raises(VimNotFound):
            await cloud.get_image(image_id)

    async def test_of_one_name_and_their_bytes(
        self, cloud: OpenStackCloud, boot: Boot, tmp_path: Path, name: str
    ) -> None:
        server = await boot.active()
        ids = []
        for mark in ("1", "2"):
            ids.append(await cloud.create_server_image(server.id, f"same-{name}", {"openesc_snapshot": mark}))
            await settled_image(boot, ids[-1])
            await boot.wait(server, goals.active)
        named = await cloud.images_named(f"same-{name}")
        assert {image.id: image.properties["openesc_snapshot"] for image in named} == dict(zip(ids, "12", strict=True))
        size = await cloud.download_image(ids[0], tmp_path / "disk")
        assert (tmp_path / "disk").stat().st_size == size > 0
        with pytest.raises(VimBadRequest, match="cannot be written"):
            await cloud.download_image(ids[0], tmp_path / "missing" / "disk")
        for image_id in ids:
            await cloud.delete_image(image_id)
        assert await cloud.images_named(f"same-{name}") == []

    async def test_of_a_server_in_no_state_for_it(self, cloud: OpenStackCloud, boot: Boot) -> None:
        server = await boot.server()
        with pytest.raises(VimConflict, match="Cannot 'createImage' instance"):
            await cloud.create_server_image(server.id, "too-early")


async def settled_image(boot: Boot, image_id: str) -> None:
    """Wait until the image is active."""

    async def active() -> bool:
        return (await boot.cloud.get_image(image_id)).status == "active"

    await boot.until(active, f"image {image_id} is active")


class TestFlavors:
    async def test_made_found_and_deleted(self, cloud: OpenStackCloud, name: str) -> None:
        spec = FlavorSpec(f"custom-{name}", 2, 1024, 3, properties={"hw:cpu_policy": "dedicated"})
        flavor = await cloud.create_flavor(spec)
        assert (flavor.vcpus, flavor.memory_mb, flavor.root_disk_gb) == (2, 1024, 3)
        assert await cloud.find_flavor(spec.name) == flavor
        assert await cloud.find_flavor(flavor.id) == flavor
        with pytest.raises(VimConflict, match=f"Flavor with name {spec.name} already exists"):
            await cloud.create_flavor(spec)
        await cloud.delete_flavor(flavor.id)
        await cloud.delete_flavor(flavor.id)
        assert await cloud.find_flavor(spec.name) is None
