"""The golden files against a running server, as they stand: what is taken, what is refused and how."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lxml import etree
from tests.golden.files import CLIENTS, DOCUMENTS, FULL, SRC
from tests.integration.main_job.house import ADMIN, House, Session, texts
from tests.integration.main_job.payloads import ESC, model
from tests.integration.main_job.subscriber import Subscriber
from tests.rawclient import RawClient

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
OK = re.compile(r'<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1\.0"[^>]*>\s*<ok/>\s*</rpc-reply>')


@pytest.fixture
async def raw(house: House, version: str) -> AsyncIterator[RawClient]:
    key = str(house.server.key_file)
    async with await RawClient.connect("127.0.0.1", house.server.netconf_port, ADMIN, key=key, version=version) as one:
        yield one


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_a_document_is_taken(house: House, file: Path, tmp_path: Path) -> None:
    """By the command of the user guide; misprints and undeclared prefixes as they are in the file.

    Only the hosts of images and files are others: no test asks the network.
    """
    copy = tmp_path / file.name
    copy.write_text(_nowhere(file))
    done = house.esc_nc_cli("edit-config", str(copy))
    assert done.returncode == 0, done.stdout + done.stderr
    assert OK.search(done.stdout)


def test_what_this_server_does_not_do_is_refused_and_not_ignored(house: House, admin: Session) -> None:
    """The document with every part of the model at once: all that cannot be had is told together."""
    admin.edit(model("<networks><network><name>mgmt</name></network></networks>"))  # it depends on it
    done = house.esc_nc_cli("edit-config", str(FULL))
    assert done.returncode == 1
    messages = [found.text for found in etree.fromstring(done.stdout.encode()).iter(f"{{{BASE}}}error-message")]
    assert messages == [
        "volumes of a tenant are not made by this server: declare red-volume in its vm_group",
        "deployment dns, which deployment everything depends on, is not there: deploy it first",
    ]
    assert admin.config("everything", "red") is None


def _nowhere(file: Path) -> str:
    return re.sub(r"http://\w+\.example\.net", "http://127.0.0.1:9", file.read_text())


def test_extensions_come_back_as_they_were_sent(admin: Session) -> None:
    """Stored opaque: every element, value and order."""
    document = re.sub(r"^<\?xml[^>]*\?>", "", _nowhere(CLIENTS / "nfvo_deployment.xml"))
    admin.edit(document)
    sent = etree.fromstring(document)
    name = sent.findtext(f".//{{{ESC}}}deployment/{{{ESC}}}name") or ""
    tenant = sent.findtext(f".//{{{ESC}}}tenant/{{{ESC}}}name") or ""
    kept = admin.config(name, tenant)
    assert kept is not None

    def extensions(root: etree._Element) -> list[list[tuple[str, str]]]:
        return sorted(
            [(str(part.tag), (part.text or "").strip()) for part in found.iter(etree.Element)]
            for found in root.iter(f"{{{ESC}}}extensions")
        )

    assert extensions(kept) == extensions(sent) != []


@pytest.mark.parametrize("removal", ["undeploy", "undeploy_unqualified"])
def test_a_removal_is_taken(house: House, admin: Session, subscriber: Subscriber, removal: str) -> None:
    """With ``operation`` in the base namespace, and without one."""
    house.esc_nc_cli("edit-config", str(SRC / "sample_deployment_update.xml"))
    assert admin.config("Cirros-VNF") is not None
    assert house.esc_nc_cli("edit-config", str(CLIENTS / f"{removal}.xml")).returncode == 0
    assert admin.config("Cirros-VNF") is None
    closed = subscriber.until("SERVICE_UNDEPLOYED", depname="Cirros-VNF")[-1]
    assert closed.status == "SUCCESS", closed.status_message


@pytest.mark.parametrize("version", ["1.0", "1.1"])
class TestOnTheWire:
    async def test_hello_says_what_clients_need(self, raw: RawClient, version: str) -> None:
        capabilities = re.findall(r"<capability>([^<]+)</capability>", raw.server_hello.decode())
        for name in ("writable-running:1.0", "rollback-on-error:1.0", "notification:1.0", "xpath:1.0"):
            assert f"urn:ietf:params:netconf:capability:{name}" in capabilities
        assert {f"urn:ietf:params:netconf:base:{number}" for number in ("1.0", "1.1")} <= set(capabilities)
        assert any(uri.startswith(f"{ESC}?module=esc&amp;revision=") for uri in capabilities)
        for name in ("candidate", "confirmed-commit", "startup", "partial-lock"):
            assert not any(f":{name}:" in uri for uri in capabilities)

    async def test_what_is_not_well_formed(self, raw: RawClient, version: str) -> None:
        """The live vmMigrate of the user guide has no quotes around its namespace; with them it is understood."""
        unquoted = (SRC / "vmMigrate_live_unquoted.xml").read_text()
        reply = etree.fromstring(await raw.rpc(unquoted))
        assert reply.findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-tag") == "malformed-message"
        assert reply.findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-type") == "rpc"
        reply = etree.fromstring(await raw.rpc((SRC / "vmMigrate_live.xml").read_text()))
        message = reply.findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-message") or ""
        assert "VM [test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008] not found" in message

    async def test_an_action_of_the_old_manuals_is_told_how_to_be_sent(self, raw: RawClient, version: str) -> None:
        reply = etree.fromstring(await raw.rpc(_content("serviceAction_in_edit_config.xml")))
        error = reply.find(f"{{{BASE}}}rpc-error")
        assert error is not None
        leaves = {etree.QName(leaf).localname: leaf.text for leaf in error}
        assert (leaves["error-type"], leaves["error-tag"], leaves["error-severity"]) == (
            "application",
            "operation-failed",
            "error",
        )
        assert "as the child of <rpc>" in str(leaves["error-message"])

    async def test_source_in_place_of_target(self, raw: RawClient, version: str) -> None:
        assert b"<ok/>" in await raw.rpc(_content("edit_config_source.xml"))

    async def test_an_action_in_the_namespace_of_the_message(self, raw: RawClient, version: str) -> None:
        action = "<actionType>STOP</actionType><tenantName>nobody</tenantName><depName>none</depName>"
        reply = etree.fromstring(await raw.rpc(f"<serviceAction>{action}</serviceAction>"))
        assert reply.findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-tag") == "data-missing"

    async def test_a_read_is_understood(self, raw: RawClient, version: str) -> None:
        """What it asks for is not there."""
        assert b"<data/></rpc-reply>" in await raw.rpc(_content("get_state_xpath.xml"))

    async def test_a_read_with_the_keys_of_esc_1_x(self, raw: RawClient, version: str) -> None:
        """Tenant by tenant a subtree filter matches its key (RFC 6241 section 6.2.5), and nothing below."""
        found = etree.fromstring(await raw.rpc(_content("get_three_keys.xml")))
        assert texts(found, "deployments") == []

    async def test_a_password_is_enough(self, house: House, version: str) -> None:
        added = house.openesc(
            "user", "add", f"nso-{version}", "--group", "admin", "--password-stdin", stdin="its word\n"
        )
        assert added.returncode == 0, added.stderr
        port = house.server.netconf_port
        login = RawClient.connect("127.0.0.1", port, f"nso-{version}", password="its word", version=version)
        async with await login as client:
            reply = await client.rpc("<get-config><source><running/></source></get-config>")
        assert etree.fromstring(reply).find(f".//{{{ESC}}}vim_connector") is not None


def _content(name: str) -> str:
    """An operation as text, without a declaration."""
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", (CLIENTS / name).read_text())
