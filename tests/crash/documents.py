"""The deployments that are crashed: one VM, and two groups of two VMs with networks and a volume of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

ESC = "http://www.cisco.com/esc/esc"
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


_STARTUP = """<policies><startup><target_vm_group_ref>g2</target_vm_group_ref>
<depends_on><vm_group_ref>g1</vm_group_ref></depends_on></startup></policies>"""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one test's tenant and deployment: the same server and cloud serve many tests."""

    number: int

    @property
    def suffix(self) -> str:
        return f"-n{self.number:03d}"

    @property
    def tenant(self) -> str:
        return f"tenant{self.suffix}"

    @property
    def deployment(self) -> str:
        return f"dep{self.suffix}"


def single(names: Names, group: str = "g1") -> str:
    """One VM on the shared network."""
    return _datamodel(names, _group(group))


def single_with_other_group(names: Names) -> str:
    """The group of `single` is gone, another one is there."""
    return single(names, "g2")


def single_elsewhere(names: Names) -> str:
    """One VM, of a group that no other document here has."""
    return single(names, "g9")


def wired(names: Names, *others: str) -> str:
    """One VM with a second interface on a network of the deployment."""
    group = _group("g1", network=f"inner{names.suffix}")
    return _datamodel(names, _networks(names, "inner") + group + "".join(others))


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
    alive: bool = True,
    extra: str = "",
    hurried: bool = False,
    pairs: str = "",
) -> str:
    interfaces = [SHARED, *([network] if network else [])]
    return (
        f"<vm_group><name>{name}</name><image>SolTest-Cirros-Image</image><flavor>SolTest-Cirros-Flavor</flavor>"
        f"<bootup_time>{1 if hurried else 60}</bootup_time><recovery_wait_time>0</recovery_wait_time>"
        f"<interfaces>{''.join(_interface(i, found, pairs) for i, found in enumerate(interfaces))}</interfaces>"
        f"{(_HURRIED if hurried else _ALIVE) if alive else ''}{extra}"
        f"<scaling><min_active>{count}</min_active><max_active>{count}</max_active></scaling></vm_group>"
    )


def _interface(nicid: int, network: str, pairs: str) -> str:
    """The first one has the `pairs`."""
    more = pairs if nicid == 0 else ""
    return f"<interface><nicid>{nicid}</nicid><network>{network}</network>{more}</interface>"


def _networks(names: Names, *stems: str) -> str:
    return f"<networks>{''.join(_network(names, stem) for stem in stems)}</networks>"


_ADDRESSES = {"inner": "192.168.7.0", "side": "192.168.8.0", "fresh": "192.168.9.0"}


def _network(names: Names, stem: str) -> str:
    subnet = (
        f"<name>{stem}-sub{names.suffix}</name><address>{_ADDRESSES[stem]}</address><netmask>255.255.255.0</netmask>"
    )
    return f"<network><name>{stem}{names.suffix}</name><subnet>{subnet}</subnet></network>"


def things(names: Names, source: str) -> Iterable[str]:
    """Edits that make a tenant with a network, an image, a flavor and a shared network beside any deployment."""
    name = f"thing{names.suffix}"
    formats = "<disk_format>qcow2</disk_format><container_format>bare</container_format>"
    image = f"<name>{name}</name><src>{source}</src>{formats}"
    flavor = f"<name>{name}</name><vcpus>1</vcpus><memory_mb>64</memory_mb><root_disk_mb>1024</root_disk_mb>"
    networks = f"<networks>{_thing_network(name)}</networks>"
    return [
        in_tenant(name, ""),
        _top(f"<images><image>{image}</image></images>"),
        _top(f"<flavors><flavor>{flavor}</flavor></flavors>"),
        _top(networks),
        in_tenant(f"{name}-other", networks.replace("192.168.20", "192.168.21")),
    ]


def _thing_network(name: str) -> str:
    address = "<address>192.168.20.0</address><netmask>255.255.255.0</netmask>"
    return f"<network><name>{name}</name><subnet><name>{name}-sub</name>{address}</subnet></network>"


def things_gone(names: Names) -> Iterable[str]:
    """Edits that take them away again, first the shared network's subnet alone."""
    name = f"thing{names.suffix}"
    delete = f'xmlns:nc="{NETCONF}" nc:operation="delete"'
    subnet = f"<subnet {delete}><name>{name}-sub</name></subnet>"
    network = f"<networks><network {delete}><name>{name}</name></network></networks>"
    return [
        _top(f"<networks><network><name>{name}</name>{subnet}</network></networks>"),
        in_tenant(f"{name}-other", network),
        *(
            _top(f"<{kind}s><{kind} {delete}><name>{name}</name></{kind}></{kind}s>")
            for kind in ("network", "image", "flavor", "tenant")
        ),
    ]


def _top(content: str) -> str:
    return f'<esc_datamodel xmlns="{ESC}">{content}</esc_datamodel>'
