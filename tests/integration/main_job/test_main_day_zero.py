"""Day-0 data of every kind reaches the guest; what cannot be had is told, and nothing is made of it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import ESC, deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber

LOGIN = ("reader", "pass:word")
TEMPLATE = b"host ${HOST} at $NICID_0_IP_ADDRESS, gateway $NICID_0_GATEWAY, price $5"


class Files(BaseHTTPRequestHandler):
    """One template at /open/day0, and at /closed/day0 for who logs in."""

    def do_GET(self) -> None:
        token = base64.b64encode(":".join(LOGIN).encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {token}"
        status = {"/open/day0": 200, "/closed/day0": 200 if known else 401}.get(self.path, 404)
        self.send_response(status)
        self.end_headers()
        if status == 200:
            self.wfile.write(TEMPLATE)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """A file server; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def file_server(address: str) -> str:
    user, password = LOGIN
    return (
        f'<esc_system_config xmlns="{ESC}"><file_servers><file_server><id>files</id>'
        f"<base_url>{address}/closed/</base_url>"
        f"<file_server_user>{user}</file_server_user><file_server_password>{password}</file_server_password>"
        "</file_server></file_servers></esc_system_config>"
    )


def locator(name: str, path: str, server: str = "files") -> str:
    return (
        f"<file_locators><file_locator><name>{name}</name><remote_file><file_server_id>{server}</file_server_id>"
        f"<remote_path>{path}</remote_path></remote_file></file_locator></file_locators>"
    )


def configuration(content: str) -> str:
    variable = "<variable><name>HOST</name><val>vnf1</val></variable>"
    return f"<config_data><configuration><dst>day0.cfg</dst>{content}{variable}</configuration></config_data>"


KINDS = {
    "data": ("<data>{template}</data>", ""),
    "encrypted_data": ("<encrypted_data>{template}</encrypted_data>", ""),
    "file": ("<file>{address}/open/day0</file>", ""),
    "file_locator_name": ("<file_locator_name>l1</file_locator_name>", locator("l1", "/day0")),
    "file_locators": (locator("l2", "day0"), ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_reaches_the_guest(house: House, admin: Session, subscriber: Subscriber, files: str, kind: str) -> None:
    """Tokens and variables are filled in, what only looks like one stays."""
    content, before = KINDS[kind]
    name = f"d0-{kind.replace('_', '-')}"
    admin.edit(file_server(files))
    filled = content.format(template=TEMPLATE.decode(), address=files)
    admin.edit(deployment(name, group(kpi=False, extra=configuration(filled)), before=before))
    deployed, closed = subscriber.until("SERVICE_ALIVE", depname=name)
    assert closed.status == "SUCCESS", closed.status_message
    address = deployed.element.findtext(f".//{{{ESC}}}ip_address")
    guest = house.guest(deployed.vm_source_vmid or "")
    assert guest["personality"] == {"day0.cfg": f"host vnf1 at {address}, gateway 10.77.0.1, price $5"}
    assert guest["config_drive"]
    admin.edit(undeploy(name))
    subscriber.until("SERVICE_UNDEPLOYED", depname=name)


UNAVAILABLE = {
    "no such file": ("<file>{address}/open/absent</file>", "", "/open/absent cannot be read: HTTP Error 404"),
    "a folder that is not allowed": ("<file>file:///etc/hostname</file>", "", "vim.file_folders"),
    "no such file server": (
        "<file_locator_name>l1</file_locator_name>",
        locator("l1", "/day0", "nowhere"),
        "file locator l1: there is no file server nowhere",
    ),
}


@pytest.mark.parametrize("case", UNAVAILABLE)
def test_what_cannot_be_had_is_told(
    house: House, admin: Session, subscriber: Subscriber, files: str, case: str
) -> None:
    content, before, words = UNAVAILABLE[case]
    name = f"d0-{case.replace(' ', '-')}"
    admin.edit(deployment(name, group(extra=configuration(content.format(address=files))), before=before))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert [(event.type, event.status) for event in came] == [("VM_DEPLOYED", "FAILURE"), ("SERVICE_ALIVE", "FAILURE")]
    assert all(words in str(event.status_message) for event in came)
    assert house.of_deployment(name) == {"servers": [], "ports": []}
    admin.edit(undeploy(name))
    subscriber.until("SERVICE_UNDEPLOYED", depname=name)
