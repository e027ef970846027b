"""The main job: Cirros-VNF in, a running VNF and its three events out, and away again; with every kind of client."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree
from tests.integration.main_job.house import ADMIN, GENERATED, ROOT, House, Session, one, texts
from tests.integration.main_job.payloads import ESC, deployment, group, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types
from tests.rawclient import RawClient

DEPLOY = ROOT / "examples" / "cirros-vnf.xml"
UNDEPLOY = ROOT / "examples" / "cirros-vnf-undeploy.xml"
NAME = "Cirros-VNF"
GROUP = "SolTest-Cirros-VM-Group"
OK_REPLY = re.compile(r'<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1\.0"[^>]*>\s*<ok/>\s*</rpc-reply>')
EVENT_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{2,3}\+00:00$")
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
VM_SOURCE = ["vmid", "vmname", "generated_vmname", "vim_id", "vim_project", "vim_project_id", "hostid", "hostname"]
INTERFACE = ["nicid", "type", "port_id", "network", "subnet", "ip_address", "mac_address", "netmask", "gateway"]


def child_names(element: etree._Element | None) -> list[str]:
    assert element is not None
    return [etree.QName(child).localname for child in element]


def vm_source(event: Event) -> dict[str, str]:
    """The leaves of vm_source; the order of all its children is checked on the way."""
    element = event.element.find(f"{{{ESC}}}vm_source")
    names = child_names(element)
    assert names in (VM_SOURCE, [*VM_SOURCE, "interfaces"])
    assert element is not None
    return {etree.QName(child).localname: child.text or "" for child in element if not len(child)}


def check_deploy_events(came: list[Event], house: House, admin: Session) -> tuple[str, str]:
    """The three events of a deploy, field by field, against opdata and the cloud; vmid and depid."""
    deployed, alive, service = came
    assert types(came) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
    entry = admin.deployment(NAME)
    vm_id, depid = one(entry, "vm_id"), one(entry, "deployment_id")
    instance = entry.find(f".//{{{ESC}}}vm_instance") if entry is not None else None
    assert instance is not None
    name = instance.findtext(f"{{{ESC}}}name") or ""
    check_envelopes(came, depid)
    check_names(name)
    assert [event.status_message for event in came] == [
        f"OpenStack Driver: VM successfully created, VM Name: [{name}]",
        f"VM_Alive event received, VM ID: [{name}]",
        "Service group deployment completed successfully!",
    ]
    head = ["status", "status_code", "status_message", "depname", "tenant", "tenant_id", "depid"]
    assert deployed.names == alive.names == [*head, "vm_group", "vm_source", "event"]
    assert service.names == [*head, "event"]
    guest = house.guest(vm_id)
    assert guest["name"] == name
    for event in (deployed, alive):
        assert event.vm_group == GROUP
        assert vm_source(event) == {
            "vmid": vm_id,
            "vmname": name,
            "generated_vmname": name,
            "vim_id": "default_openstack_vim",
            "vim_project": "admin",
            "vim_project_id": deployed.tenant_id or "",
            "hostid": instance.findtext(f"{{{ESC}}}host_id"),
            "hostname": guest["host"],
        }
    check_interfaces(deployed, instance, guest)
    assert alive.element.find(f"{{{ESC}}}vm_source/{{{ESC}}}interfaces") is None
    return vm_id, depid


def check_envelopes(came: list[Event], depid: str) -> None:
    assert UUID.match(depid)
    for event in came:
        assert (event.status, event.status_code) == ("SUCCESS", "200")
        assert (event.depname, event.tenant, event.depid) == (NAME, "admin", depid)
        assert EVENT_TIME.match(event.time), event.time
        assert child_names(event.element.find(f"{{{ESC}}}event")) == ["type"]  # event/details must be absent
    assert len({event.tenant_id for event in came}) == 1
    assert re.match(r"^[0-9a-f]{32}$", came[0].tenant_id or "")
    times = [event.time for event in came]
    assert times == sorted(set(times)), "event times grow strictly"


def check_names(name: str) -> None:
    match = GENERATED.match(name)
    assert match is not None, name
    assert match.groupdict() == {"deployment": NAME, "group": "SolTes", "index": "0"}


def check_interfaces(event: Event, instance: etree._Element, guest: dict[str, object]) -> None:
    """interfaces of VM_DEPLOYED are those of opdata, and the address is the one the cloud gave."""
    told = event.element.find(f"{{{ESC}}}vm_source/{{{ESC}}}interfaces/{{{ESC}}}interface")
    shown = instance.find(f"{{{ESC}}}interfaces/{{{ESC}}}interface")
    assert told is not None and shown is not None
    assert child_names(told) == INTERFACE
    assert [child.text for child in told] == [child.text for child in shown]
    addresses = guest["addresses"]
    assert isinstance(addresses, dict)
    (address,) = addresses["SolTest-Network"]
    assert told.findtext(f"{{{ESC}}}ip_address") == address["addr"]
    assert told.findtext(f"{{{ESC}}}mac_address") == address["OS-EXT-IPS-MAC:mac_addr"]
    assert told.findtext(f"{{{ESC}}}netmask") == "255.255.0.0"
    assert told.findtext(f"{{{ESC}}}type") == "virtual"


def check_undeploy_events(came: list[Event], vm_id: str, depid: str) -> None:
    gone, service = came
    assert types(came) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert (gone.status, gone.status_code) == (service.status, service.status_code) == ("SUCCESS", "200")
    assert gone.status_message == "OpenStack Driver: VM successfully deleted"
    assert service.status_message == "Service group undeployment completed successfully"
    assert gone.vm_source_vmid == vm_id
    assert gone.vm_group == GROUP
    assert gone.depid == service.depid == depid
    assert gone.depname == service.depname == NAME


def check_nothing_left(house: House, admin: Session) -> None:
    assert admin.deployment(NAME) is None
    assert house.of_deployment(NAME) == {"servers": [], "ports": []}
    assert admin.get_config("/esc_datamodel/tenants/tenant/deployments").find(f".//{{{ESC}}}deployment") is None


def test_esc_nc_cli_and_an_ncclient_subscriber(house: House, admin: Session, subscriber: Subscriber) -> None:
    done = house.esc_nc_cli("edit-config", str(DEPLOY))
    assert done.returncode == 0, done.stderr
    assert OK_REPLY.search(done.stdout), done.stdout
    ids = check_deploy_events(subscriber.until("SERVICE_ALIVE"), house, admin)
    subscriber.quiet()
    shown = house.esc_nc_cli(
        "get", f'/esc_datamodel/opdata/tenants/tenant[name="admin"]/deployments[deployment_name="{NAME}"]'
    )
    assert shown.returncode == 0
    assert f"<vm_id>{ids[0]}</vm_id>" in shown.stdout
    assert "SERVICE_ACTIVE_STATE" in shown.stdout
    again = house.esc_nc_cli("edit-config", str(UNDEPLOY))
    assert OK_REPLY.search(again.stdout), again.stderr
    check_undeploy_events(subscriber.until("SERVICE_UNDEPLOYED"), *ids)
    subscriber.quiet()
    check_nothing_left(house, admin)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_raw_socket_client(house: House, admin: Session, subscriber: Subscriber, version: str) -> None:
    """Byte for byte what leaves the server: ``<ok/>`` unprefixed and self-closing, ``<data/>`` for nothing."""
    client = await RawClient.connect(
        "127.0.0.1", house.server.netconf_port, ADMIN, key=str(house.server.key_file), version=version
    )
    async with client:
        ok = b'<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="%d"><ok/></rpc-reply>'
        assert _bare(await client.rpc(_edit(DEPLOY))) == ok % 1
        ids = check_deploy_events(subscriber.until("SERVICE_ALIVE"), house, admin)
        state = await client.rpc(
            _get(
                f'/esc_datamodel/opdata/tenants/tenant[name="admin"]/deployments[deployment_name="{NAME}"]/state_machine/state'
            )
        )
        assert b"<state>SERVICE_ACTIVE_STATE</state>" in state
        assert _bare(await client.rpc(_edit(UNDEPLOY))) == ok % 3
        check_undeploy_events(subscriber.until("SERVICE_UNDEPLOYED"), *ids)
        nothing = await client.rpc(
            _get(f'/esc_datamodel/opdata/tenants/tenant[name="admin"]/deployments[deployment_name="{NAME}"]')
        )
        assert b"><data/></rpc-reply>" in nothing
    check_nothing_left(house, admin)


def _bare(message: bytes) -> bytes:
    """Without an XML declaration."""
    return re.sub(rb"^<\?xml[^>]*\?>\s*", b"", message)


def _edit(file: Path) -> str:
    content = re.sub(r"^<\?xml[^>]*\?>", "", file.read_text())
    return f"<edit-config><target><running/></target><config>{content}</config></edit-config>"


def _get(select: str) -> str:
    return f"<get><filter type=\"xpath\" select='{select}'/></get>"


def test_netconf_console2(house: House, admin: Session, subscriber: Subscriber) -> None:
    assert "<ok" in _console2(house, f"--edit-config={DEPLOY}")
    ids = check_deploy_events(subscriber.until("SERVICE_ALIVE"), house, admin)
    assert ids[0] in _console2(house, "--get", "-x", "/esc_datamodel/opdata")
    assert "<ok" in _console2(house, f"--edit-config={UNDEPLOY}")
    check_undeploy_events(subscriber.until("SERVICE_UNDEPLOYED"), *ids)
    check_nothing_left(house, admin)


def _console2(house: House, *words: str) -> str:
    # without an ssh_config it takes the password "admin" for the key's passphrase
    command = [str(Path(sys.executable).with_name("netconf-console2")), "--ssh-config=/dev/null", "--host=127.0.0.1"]
    command += [f"--port={house.server.netconf_port}", f"--user={ADMIN}", f"--privKeyFile={house.server.key_file}"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


D = '/esc_datamodel/opdata/tenants/tenant[name="admin"]/deployments[deployment_name="reads"]'
C = '/esc_datamodel/tenants/tenant[name="admin"]/deployments/deployment[name="reads"]'
SELECTS: dict[str, dict[str, list[str] | int]] = {
    f"{D}/state_machine/state": {"state": ["SERVICE_ACTIVE_STATE"], "deployment_name": ["reads"], "vm_id": 0},
    f"{D}/state_machine/vm_state_machines": {"state": ["VM_ALIVE_STATE"], "vm_name": 1, "vm_id": 0},
    f'{D}/vm_group[name="g1"]': {"vm_id": 1, "nicid": ["0"], "port_id": 1, "mac_address": 1, "state": 0},
    f"{D}/vm_group": {"vm_id": 1, "ip_address": 1},
    D: {"state": ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"], "vm_id": 1, "service_name": ["-"]},
    C: {"image": ["SolTest-Cirros-Image"], "flavor": ["SolTest-Cirros-Flavor"], "value": ["vdu1"]},
    f'{C}/vm_group[name="g1"]': {"image": ["SolTest-Cirros-Image"], "value": ["vdu1"]},
}
"""The XPaths of direct NETCONF clients, and what must be in the answers: texts, or how many."""


@pytest.fixture(scope="module")
def reads(shared_house: House) -> House:
    """A deployment that is there to be read."""
    extension = (
        "<extensions><extension><name>NSO</name><properties><property><name>VDU</name><value>vdu1</value>"
        "</property></properties></extension></extensions>"
    )
    session = shared_house.session()
    watching = Subscriber(shared_house.session())
    session.edit(deployment("reads", group(extra=extension)))
    watching.until("SERVICE_ALIVE", depname="reads")
    shared_house.leave()
    return shared_house


class TestXPaths:
    """client-side XPaths: no prefix, no binding, with and without the leading slash, both quote styles."""

    @pytest.mark.parametrize("select", SELECTS)
    def test_every_form_gives_the_same(self, reads: House, admin: Session, select: str) -> None:
        forms = {select, select[1:], select.replace('"', "'"), select[1:].replace('"', "'")}
        answers = {etree.tostring(admin.get(form)) for form in forms}
        assert len(answers) == 1
        data = etree.fromstring(answers.pop())
        for name, wanted in SELECTS[select].items():
            found = texts(data, name)
            assert (len(found) if isinstance(wanted, int) else found) == wanted, name
        assert "admin" in texts(data, "name"), "ancestors come with their keys"
        namespaces = {etree.QName(element).namespace for element in data.iterdescendants()}
        assert namespaces == {ESC}

    @pytest.mark.parametrize(
        "select",
        [
            '/esc_datamodel/opdata/tenants/tenant[name="admin"]/deployments[deployment_name="absent"]',
            "esc_datamodel/opdata/tenants/tenant[name='absent']/deployments[deployment_name='reads']",
            "/esc_datamodel/opdata/tenants/tenant[name='admin']/deployments[deployment_name='reads']/vm_group[name='absent']",
            "/esc_datamodel/tenants/tenant[name='admin']/deployments/deployment[name='absent']",
        ],
    )
    def test_what_is_absent_is_data(self, reads: House, admin: Session, select: str) -> None:
        reply = admin.client.get(filter=("xpath", select))
        assert re.search(r"<data/>|<data></data>|<data\s*/>", reply.xml), reply.xml
        assert len(reply.data) == 0

    def test_the_vim_connector(self, reads: House, admin: Session) -> None:
        data = admin.get("/esc_system_config/vim_connectors/vim_connector")
        named = dict(zip(texts(data, "name"), texts(data, "value"), strict=True))
        facts = reads.server.cloud_facts
        assert texts(data, "type") == ["OPENSTACK"]
        assert named["os_auth_url"] == facts["auth_url"]
        assert named["os_password"] == facts["password"]
        assert named["os_project_name"] == "admin"
        assert {"os_project_domain_name", "os_user_domain_name"} <= named.keys()
        user = data.find(f".//{{{ESC}}}user/{{{ESC}}}id")
        assert user is not None and user.text == facts["username"]

    def test_a_subtree_filter(self, reads: House, admin: Session) -> None:
        wanted = (
            f'<esc_datamodel xmlns="{ESC}"><opdata><tenants><tenant><name>admin</name><deployments>'
            "<deployment_name>reads</deployment_name><state_machine/></deployments></tenant></tenants></opdata></esc_datamodel>"
        )
        data = admin.client.get(filter=("subtree", wanted)).data
        assert texts(data, "state") == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_opdata_is_complete_before_the_event(house: House, admin: Session, subscriber: Subscriber) -> None:
    """A client that reads at once on an event finds what the event announces."""
    seen: list[tuple[str, str | None, list[str], int]] = []

    def look(event: Event) -> None:
        entry = admin.deployment("prompt")
        if event.type in ("VM_DEPLOYED", "VM_ALIVE"):
            assert event.vm_source_vmid in texts(entry, "vm_id")
            machine = entry.find(f".//{{{ESC}}}vm_state_machine[{{{ESC}}}vm_name='{event.vm_source_vmname}']")  # type: ignore[union-attr]
            state = machine.findtext(f"{{{ESC}}}state") if machine is not None else None
            seen.append((event.type, state, texts(entry, "hostname"), len(texts(entry, "ip_address"))))
        else:
            state = entry.findtext(f"{{{ESC}}}state_machine/{{{ESC}}}state") if entry is not None else None
            seen.append((event.type, state, [], 0))

    admin.edit(deployment("prompt", group(count=2, networks=("SolTest-Network", "SolTest-Network"))))
    first = admin.deployment("prompt")
    assert texts(first, "state")[0] == "SERVICE_DEPLOYING_STATE", "there from acceptance on"
    assert len(texts(first, "vm_name")) == 2
    subscriber.until("SERVICE_ALIVE", each=look, depname="prompt")
    ips = {entry[0]: entry[3] for entry in seen}
    assert ips["VM_DEPLOYED"] >= 2 and ips["VM_ALIVE"] >= 2
    for kind, state, hosts, _ in seen[:-1]:
        assert state in (("VM_INERT_STATE", "VM_ALIVE_STATE") if kind == "VM_DEPLOYED" else ("VM_ALIVE_STATE",))
        assert hosts
    assert seen[-1][:2] == ("SERVICE_ALIVE", "SERVICE_ACTIVE_STATE")
    admin.edit(undeploy("prompt"))
    gone: list[list[str]] = []
    subscriber.until("SERVICE_UNDEPLOYED", each=lambda event: gone.append(texts(admin.deployment("prompt"), "vm_id")))
    assert gone[-1] == []
    assert admin.deployment("prompt") is None
