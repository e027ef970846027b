"""The deployments that are crashed: one VM or two, and two groups of two VMs with networks and volumes of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ESC = "http://www.cisco.com/esc/esc"
_OTHER_FLAVOR = "SolTest-Cirros-Flavor-v2"
NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
SHARED = "SolTest-Network"

_ALIVE = """<kpi_data><kpi><event_name>VM_ALIVE</event_name><metric_value>1</metric_value><metric_cond>GT</metric_cond>
<metric_type>UINT32</metric_type><metric_collector><type>ICMPPing</type><nicid>0</nicid><poll_frequency>1</poll_frequency>
<polling_unit>seconds</polling_unit><continuous_alarm>false</continuous_alarm></metric_collector></kpi></kpi_data>
<rules><admin_rules><rule><event_name>VM_ALIVE</event_name><action>ALWAYS log</action>
<action>TRUE servicebooted.sh</action></rule></admin_rules></rules>"""

_HURRIED = _ALIVE.replace("<poll_frequency>1<", "<poll_frequency>2<")

_DAY_ZERO = """<config_data><configuration><dst>--user-data</dst>
<data>#cloud-config ip=$NICID_0_IP_ADDRESS x=${X}</data>
<variable><name>X</name><val>7</val></variable></configuration></config_data>"""

_VOLUME = """<volumes><volume><name>data</name><volid>0</volid><bus>virtio</bus><size>1</size>
<sizeunit>GiB</sizeunit></volume></volumes>"""

_BOOTS = "<image>SolTest-Cirros-Image</image><boot_index>0</boot_index>"


def _volume(name: str, more: str = "") -> str:
    return f"<volumes><volume><name>{name}</name><volid>0</volid><size>1</size>{more}</volume></volumes>"


_BOOT_VOLUME = _VOLUME.replace(
    "<volumes>",
    """<volumes><volume><name>root</name><volid>1</volid><bus>virtio</bus><size>1</size><sizeunit>GiB</sizeunit>
<boot_index>0</boot_index></volume>""",
)

_REDEPLOY = "<recovery_policy><action_on_recovery>REDEPLOY_ONLY</action_on_recovery></recovery_policy>"


_STARTUP = """<policies><startup><target_vm_group_ref>g2</target_vm_group_ref>
<depends_on><vm_group_ref>g1</vm_group_ref></depends_on></startup></policies>"""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one test's tenant and deployment: the same server and cloud serve many tests.

    `image` is where an image can be had from, as the `src` of a document.
    """

    number: int
    image: str = ""

    @property
    def suffix(self) -> str:
        return f"-n{self.number:03d}"

    @property
    def tenant(self) -> str:
        return f"tenant{self.suffix}"

    @property
    def deployment(self) -> str:
        return f"dep{self.suffix}"


def single(names: Names, *others: str, group: str = "g1") -> str:
    """One VM on the shared network."""
    return _datamodel(names, _group(group) + "".join(others))


def single_of_other_flavor(names: Names, *others: str) -> str:
    """The VM of `single` with another flavor: a resize."""
    return _datamodel(names, _group("g1", flavor=_OTHER_FLAVOR) + "".join(others))


def impatient(names: Names) -> str:
    """One VM that must be alive soon, and is redeployed once at most."""
    retries = "<recovery_policy><max_retries>1</max_retries></recovery_policy>"
    return _datamodel(names, _group("g1", bootup=3, extra=f"<reboot_time>1</reboot_time>{retries}"))


def with_existing_volume(names: Names, *others: str) -> str:
    """One VM with a volume that is there already, recovered by redeployment."""
    volume = f"<name>theirs{names.suffix}</name><volid>0</volid><bus>virtio</bus>"
    group = _group("g1", extra=f"<volumes><volume>{volume}</volume></volumes>{_REDEPLOY}")
    return _datamodel(names, group + "".join(others))


def without_existing_volume(names: Names, *others: str) -> str:
    """Of `with_existing_volume` the volume is given back."""
    return _datamodel(names, _group("g1", extra=_REDEPLOY) + "".join(others))


def pair(names: Names) -> str:
    """A group of two VMs on the shared network."""
    return _datamodel(names, _group("g1", count=2))


def apart(names: Names) -> str:
    """Two VMs that must not be on the same host."""
    return _datamodel(names, _group("g1", count=2, extra="<placement><type>anti_affinity</type></placement>"))


def booting_from_volume(names: Names) -> str:
    """One VM that boots from a volume of its own, has a second one, and is recovered by redeployment."""
    return _datamodel(names, _group("g1", extra=_BOOT_VOLUME + _REDEPLOY))


def single_with_other_group(names: Names) -> str:
    """The group of `single` is gone, another one is there."""
    return single(names, group="g2")


def single_elsewhere(names: Names) -> str:
    """One VM, of a group that no other document here has."""
    return single(names, group="g9")


def wired(names: Names, *others: str) -> str:
    """One VM with a second interface on a network of the deployment."""
    group = _group("g1", network=f"inner{names.suffix}")
    return _datamodel(names, _networks(names, "inner") + group + "".join(others))


def addressed(names: Names, *others: str, group: str = "g1") -> str:
    """One VM whose interface has a MAC address that the document names."""
    address = f"<mac_address>02:00:00:00:{names.number // 256:02x}:{names.number % 256:02x}</mac_address>"
    return _datamodel(names, _group(group, pairs=address) + "".join(others))


def addressed_elsewhere(names: Names) -> str:
    """Of `addressed` the group is gone, and the VM of another one has the address."""
    return addressed(names, group="g2")


def rewired(names: Names, *others: str, hurried: bool = False) -> str:
    """Of `wired` the second interface is on another network, the first has allowed address pairs."""
    group = _group("g1", network=f"side{names.suffix}", pairs=_PAIRS, hurried=hurried)
    return _datamodel(names, _networks(names, "side") + group + "".join(others))


def stored(names: Names, *others: str, hurried: bool = False) -> str:
    """One VM with a volume that was made for it."""
    return _datamodel(names, _group("g1", extra=_volume("old"), hurried=hurried) + "".join(others))


def stored_elsewhere(names: Names, *others: str) -> str:
    """Of `stored` the volume is gone, another one is there."""
    return _datamodel(names, _group("g1", extra=_volume("new")) + "".join(others))


def booted(names: Names, *others: str, hurried: bool = False) -> str:
    """One VM that boots from a volume."""
    return _datamodel(names, _group("g1", extra=_volume("old", _BOOTS), hurried=hurried) + "".join(others))


def restored(names: Names, *others: str) -> str:
    """Of `booted` the VM boots from another volume."""
    return _datamodel(names, _group("g1", extra=_volume("new", _BOOTS)) + "".join(others))


def and_another(document: Callable[..., str]) -> Callable[[Names], str]:
    """The document with a second group."""
    return lambda names: document(names, _group("g2"))


def in_a_hurry(document: Callable[..., str]) -> Callable[[Names], str]:
    """The document with another KPI, and a second for the VM to tell that it is alive by it."""
    return lambda names: document(names, hurried=True)


def multi(names: Names) -> str:
    """Two groups of two VMs, the second waits for the first; two networks of the deployment; a volume each in g1."""
    groups = [
        _group("g1", count=2, network=f"inner{names.suffix}", extra=_VOLUME),
        _group("g2", count=2, network=f"side{names.suffix}"),
    ]
    return _datamodel(names, _STARTUP + _networks(names, "inner", "side") + "".join(groups))


def multi_with_other_groups(names: Names) -> str:
    """Of `multi` g2 and its network are gone; g3, without a KPI but with day-0 data, is there with a new network."""
    groups = [
        _group("g1", count=2, network=f"inner{names.suffix}", extra=_VOLUME),
        _group("g3", network=f"fresh{names.suffix}", alive=False, extra=_DAY_ZERO),
    ]
    return _datamodel(names, _networks(names, "inner", "fresh") + "".join(groups))


def gone(names: Names) -> str:
    """The deployment is to go."""
    inner = f'<deployment xmlns:nc="{NETCONF}" nc:operation="delete"><name>{names.deployment}</name></deployment>'
    return in_tenant(names.tenant, f"<deployments>{inner}</deployments>")


def _datamodel(names: Names, content: str) -> str:
    """`content` becomes the whole deployment."""
    deployment = (
        f'<deployment xmlns:nc="{NETCONF}" nc:operation="replace"><name>{names.deployment}</name>{content}</deployment>'
    )
    return in_tenant(names.tenant, f"<deployments>{deployment}</deployments>")


def in_tenant(name: str, content: str) -> str:
    """The tenant of that name, with this in it."""
    tenant = f"<tenant><name>{name}</name>{content}</tenant>"
    return f'<esc_datamodel xmlns="{ESC}"><tenants>{tenant}</tenants></esc_datamodel>'


_PAIRS = """<allowed_address_pairs><address><ip_address>10.99.0.0</ip_address><netmask>16</netmask></address>
</allowed_address_pairs>"""


def _group(
    name: str,
    *,
    count: int = 1,
    network: str | None = None,
    flavor: str = "SolTest-Cirros-Flavor",
    alive: bool = True,
    extra: str = "",
    bootup: int = 60,
    hurried: bool = False,
    pairs: str = "",
) -> str:
    bootup, kpi = (1, _HURRIED) if hurried else (bootup, _ALIVE)
    interfaces = [SHARED, *([network] if network else [])]
    return (
        f"<vm_group><name>{name}</name><image>SolTest-Cirros-Image</image><flavor>{flavor}</flavor>"
        f"<bootup_time>{bootup}</bootup_time><recovery_wait_time>0</recovery_wait_time>"
        f"<interfaces>{''.join(_interface(i, found, pairs) for i, found in enumerate(interfaces))}</interfaces>"
        f"{kpi if alive else ''}{extra}"
        f"<scaling><min_active>{count}</min_active><max_active>{count}</max_active></scaling></vm_group>"
    )


def _interface(nicid: int, network: str, pairs: str) -> str:
    """The first one has the `pairs`, or whatever leaves these are."""
    more = pairs if nicid == 0 else ""
    return f"<interface><nicid>{nicid}</nicid><network>{network}</network>{more}</interface>"


def _networks(names: Names, *stems: str) -> str:
    return f"<networks>{''.join(_network(names, stem) for stem in stems)}</networks>"


_ADDRESSES = {"inner": "192.168.7.0", "side": "192.168.8.0", "fresh": "192.168.9.0"}


def _network(names: Names, stem: str) -> str:
    its = subnet(f"{stem}-sub{names.suffix}", _ADDRESSES[stem])
    return f"<network><name>{stem}{names.suffix}</name>{its}</network>"


def subnet(name: str, address: str) -> str:
    """A subnet of 256 addresses."""
    return f"<subnet><name>{name}</name><address>{address}</address><netmask>255.255.255.0</netmask></subnet>"


def top(content: str) -> str:
    """A document with this in it."""
    return f'<esc_datamodel xmlns="{ESC}">{content}</esc_datamodel>'
