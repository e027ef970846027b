"""Events byte for byte as they leave the server: every field, order and text (developer guide, notifications).

``{name}`` stands for what each run has of its own; the same name stands for the same value throughout.
"""

from __future__ import annotations

import re

from tests.integration.main_job.house import ADMIN, House, Session, one, texts
from tests.integration.main_job.payloads import deployment, group, model, network, undeploy
from tests.rawclient import RawClient

DELETE = ' nc:operation="delete"'
OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
    '<eventTime>{time}</eventTime><escEvent xmlns="http://www.cisco.com/esc/esc">'
)
CLOSING = "<event><type>{type}</type></event></escEvent></notification>"
OF_DEPLOYMENT = "<depname>dep</depname><tenant>wire</tenant><tenant_id>{tenant_id}</tenant_id><depid>{depid}</depid>"
VM = (
    "<vmid>{vmid}</vmid><vmname>{vm}</vmname><generated_vmname>{vm}</generated_vmname>"
    "<vim_id>default_openstack_vim</vim_id><vim_project>wire</vim_project><vim_project_id>{tenant_id}</vim_project_id>"
    "<hostid>{hostid}</hostid><hostname>{hostname}</hostname>"
)
NIC = (
    "<interface><nicid>@</nicid><type>virtual</type><port_id>{port@}</port_id><network>{net@}</network>"
    "<subnet>{sub@}</subnet><ip_address>{ip@}</ip_address><mac_address>{mac@}</mac_address>"
    "<netmask>MASK</netmask><gateway>GATEWAY</gateway></interface>"
)
NICS = (
    "<interfaces>"
    + NIC.replace("@", "0").replace("MASK", "255.255.0.0").replace("GATEWAY", "10.77.0.1")
    + NIC.replace("@", "1").replace("MASK", "255.255.255.0").replace("GATEWAY", "192.168.60.1")
    + "</interfaces>"
)


def event(type: str, fields: str, text: str, *, status: str = "SUCCESS", code: str = "200") -> str:
    """A whole notification; `fields` are those between the message and ``event``."""
    head = f"<status>{status}</status><status_code>{code}</status_code><status_message>{text}</status_message>"
    return OPENING + head + fields + CLOSING.replace("{type}", type)


INNER = "<network>wireinner</network>"
INNER_SUBNET = f"{INNER}<subnet>wireinnerinner-subnet</subnet>"
OF_TENANT = "<tenant>wire</tenant><tenant_id>{tenant_id}</tenant_id>"
PLANNED = (
    "<vmname>{vm2}</vmname><generated_vmname>{vm2}</generated_vmname><vim_id>default_openstack_vim</vim_id>"
    "<vim_project>wire</vim_project><vim_project_id>{tenant_id}</vim_project_id>"
)
"""A VM of which nothing is in the cloud."""
IN_GROUP = f"{OF_DEPLOYMENT}<vm_group>g1</vm_group>"
SOURCE = f"{IN_GROUP}<vm_source>{VM}</vm_source>"
ADMINS = "<tenant>SystemAdminTenantId</tenant>"
SHARED = f"<network>SystemAdminTenantIdmgmt</network>{ADMINS}"
SHARED_SUBNET = f"<network>SystemAdminTenantIdmgmt</network><subnet>SystemAdminTenantIdmgmtmgmt-subnet</subnet>{ADMINS}"

DEPLOY = [
    event("CREATE_TENANT", OF_TENANT, "Tenant successfully created"),
    event("CREATE_NETWORK", INNER + OF_DEPLOYMENT, "Network creation completed successfully"),
    event("CREATE_SUBNET", INNER_SUBNET + OF_DEPLOYMENT, "Subnet creation completed successfully, subnet ID: [{sub1}]"),
    event(
        "VM_DEPLOYED",
        f"{IN_GROUP}<vm_source>{VM}{NICS}</vm_source>",
        "OpenStack Driver: VM successfully created, VM Name: [{vm}]",
    ),
    event("VM_ALIVE", SOURCE, "VM_Alive event received, VM ID: [{vm}]"),
    event("SERVICE_ALIVE", OF_DEPLOYMENT, "Service group deployment completed successfully!"),
]
NOT_FOUND = "image no-such-image not found"
BROKEN = f"{OF_DEPLOYMENT}<vm_group>g2</vm_group><vm_source>{PLANNED}</vm_source>"
UPDATE_FAILS = [
    event("VM_DEPLOYED", BROKEN, NOT_FOUND, status="FAILURE", code="500"),
    event("SERVICE_UPDATED", OF_DEPLOYMENT, NOT_FOUND, status="FAILURE", code="500"),
]
UNDEPLOYED = "OpenStack Driver: VM successfully deleted"
UPDATE = [
    event("VM_UNDEPLOYED", BROKEN, UNDEPLOYED),
    event("SERVICE_UPDATED", OF_DEPLOYMENT, "Service group update completed successfully"),
]
UNDEPLOY = [
    event("VM_UNDEPLOYED", SOURCE, UNDEPLOYED),
    event("DELETE_SUBNET", INNER_SUBNET + OF_DEPLOYMENT, "OpenStack Driver: Subnet successfully deleted"),
    event("DELETE_NETWORK", INNER + OF_DEPLOYMENT, "OpenStack Driver: Network successfully deleted"),
    event("SERVICE_UNDEPLOYED", OF_DEPLOYMENT, "Service group undeployment completed successfully"),
]
SHARED_MADE = [
    event("CREATE_NETWORK", SHARED, "Network creation completed successfully"),
    event("CREATE_SUBNET", SHARED_SUBNET, "Subnet creation completed successfully, subnet ID: [{shared_subnet}]"),
]
SHARED_GONE = [
    event("DELETE_SUBNET", SHARED_SUBNET, "OpenStack Driver: Subnet successfully deleted"),
    event("DELETE_NETWORK", SHARED, "OpenStack Driver: Network successfully deleted"),
]
IMAGE, FLAVOR = f"<image>wire-image</image>{ADMINS}", f"<flavor>wire-flavor</flavor>{ADMINS}"


def artifact(kind: str, leaves: str, operation: str = "") -> str:
    return model(f"<{kind}s><{kind}{operation}><name>wire-{kind}</name>{leaves}</{kind}></{kind}s>")


async def test_every_event_of_the_main_job(house: House, admin: Session, images: str) -> None:
    before = f"<networks>{network('inner', '192.168.60.0')}</networks>"
    first = group(networks=("SolTest-Network", "inner"))
    second = group("g2", image="no-such-image")
    flavor, image = "<vcpus>1</vcpus><memory_mb>64</memory_mb>", f"<src>{images}/cirros.qcow2</src>"
    image += "<disk_format>qcow2</disk_format>"
    gone = f"<vm_group{DELETE}><name>g2</name></vm_group>"
    shared = f"<networks>{network('mgmt', '10.61.0.0')}</networks>"
    story = [
        (deployment("dep", first, before=before, tenant="wire"), DEPLOY),
        (deployment("dep", second, tenant="wire"), UPDATE_FAILS),
        (deployment("dep", gone, tenant="wire"), UPDATE),
        (undeploy("dep", "wire"), UNDEPLOY),
        (
            model(f"<tenants><tenant{DELETE}><name>wire</name></tenant></tenants>"),
            [event("DELETE_TENANT", OF_TENANT, "Tenant successfully deleted")],
        ),
        (model(shared), SHARED_MADE),
        (model(f"<networks><network{DELETE}><name>mgmt</name></network></networks>"), SHARED_GONE),
        (artifact("image", image), [event("CREATE_IMAGE", IMAGE, "Image creation completed successfully.")]),
        (artifact("image", "", DELETE), [event("DELETE_IMAGE", IMAGE, "Image deletion completed successfully.")]),
        (artifact("flavor", flavor), [event("CREATE_FLAVOR", FLAVOR, "Flavor creation completed successfully.")]),
        (artifact("flavor", "", DELETE), [event("DELETE_FLAVOR", FLAVOR, "Flavor deletion completed successfully.")]),
    ]
    known: dict[str, str] = {}
    async with await connect(house) as client:
        await subscribe(client)
        for document, expected in story:
            admin.edit(document)
            for template in expected:
                match(template, (await client.receive()).decode(), known)
            if expected is DEPLOY:
                check(known, admin)


async def connect(house: House) -> RawClient:
    key, port = str(house.server.key_file), house.server.netconf_port
    return await RawClient.connect("127.0.0.1", port, ADMIN, key=key)


async def subscribe(client: RawClient) -> None:
    client.timeout = 30.0
    stream = "<stream>escEvent</stream>"
    reply = await client.rpc(
        f'<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">{stream}</create-subscription>'
    )
    assert b"<ok/>" in reply


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"


def match(template: str, message: str, known: dict[str, str]) -> None:
    """The message is the template, its names having the values they had before; new ones become known."""
    pattern, new = "", set[str]()
    for literal, name in re.findall(r"([^{]*)(?:\{(\w+)\})?", template):
        pattern += re.escape(literal)
        if name == "time":
            pattern += TIME
        elif name in known:
            pattern += re.escape(known[name])
        elif name in new:
            pattern += f"(?P={name})"
        elif name:
            new.add(name)
            pattern += f"(?P<{name}>[^<\\]]+)"
    found = re.fullmatch(pattern, message)
    assert found is not None, f"expected\n{template}\nwith {known}, got\n{message}"
    known.update(found.groupdict())


def check(known: dict[str, str], admin: Session) -> None:
    """What the events said is what opdata says."""
    entry = admin.deployment("dep", "wire")
    assert known["depid"] == one(entry, "deployment_id")
    assert (known["vmid"], known["vm"]) == (one(entry, "vm_id"), one(entry, "vm_name"))
    assert (known["hostid"], known["hostname"]) == (one(entry, "host_id"), one(entry, "hostname"))
    for name, leaf in {"port": "port_id", "ip": "ip_address", "mac": "mac_address", "sub": "subnet"}.items():
        assert [known[f"{name}0"], known[f"{name}1"]] == texts(entry, leaf)
    tenant = admin.get("/esc_datamodel/opdata/tenants/tenant[name='wire']/tenant_id")
    assert known["tenant_id"] == one(tenant, "tenant_id")
