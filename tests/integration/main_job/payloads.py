"""Documents a client sends, in pieces."""

from __future__ import annotations

from collections.abc import Sequence

ESC = "http://www.cisco.com/esc/esc"
NC = "urn:ietf:params:xml:ns:netconf:base:1.0"

KPI = """<kpi_data><kpi><event_name>VM_ALIVE</event_name><metric_value>1</metric_value><metric_cond>GT</metric_cond>
<metric_type>UINT32</metric_type><metric_collector><type>ICMPPing</type><nicid>0</nicid><poll_frequency>1</poll_frequency>
<polling_unit>seconds</polling_unit><continuous_alarm>false</continuous_alarm></metric_collector></kpi></kpi_data>
<rules><admin_rules><rule><event_name>VM_ALIVE</event_name><action>ALWAYS log</action>
<action>TRUE servicebooted.sh</action></rule></admin_rules></rules>"""


def model(content: str) -> str:
    """``esc_datamodel`` around `content`; the prefix ``nc`` is bound for ``nc:operation``."""
    return f'<esc_datamodel xmlns="{ESC}" xmlns:nc="{NC}">{content}</esc_datamodel>'


def group(
    name: str = "g1",
    *,
    count: int = 1,
    networks: Sequence[str] = ("SolTest-Network",),
    image: str = "SolTest-Cirros-Image",
    flavor: str = "SolTest-Cirros-Flavor",
    bootup: int = 60,
    kpi: bool = True,
    extra: str = "",
) -> str:
    """A vm_group of `count` VMs with one interface for each of `networks`."""
    interfaces = "".join(
        f"<interface><nicid>{nicid}</nicid><network>{network}</network></interface>"
        for nicid, network in enumerate(networks)
    )
    return (
        f"<vm_group><name>{name}</name><image>{image}</image><flavor>{flavor}</flavor>"
        f"<bootup_time>{bootup}</bootup_time><recovery_wait_time>0</recovery_wait_time>"
        f"<interfaces>{interfaces}</interfaces>{KPI if kpi else ''}"
        f"<scaling><min_active>{count}</min_active><max_active>{count}</max_active></scaling>{extra}</vm_group>"
    )


def network(name: str, address: str) -> str:
    """A network with one subnet of 256 addresses, named after it."""
    return (
        f"<network><name>{name}</name><subnet><name>{name}-subnet</name><address>{address}</address>"
        "<netmask>255.255.255.0</netmask></subnet></network>"
    )


def deployment(name: str, *groups: str, before: str = "", tenant: str = "admin", operation: str = "") -> str:
    """A document with one deployment; `before` (policies, networks, locator) stands ahead of the groups."""
    attribute = f' nc:operation="{operation}"' if operation else ""
    return of_tenant(
        tenant,
        f"<deployments><deployment{attribute}><name>{name}</name>{before}{''.join(groups)}</deployment></deployments>",
    )


def undeploy(name: str, tenant: str = "admin") -> str:
    """The document that takes a deployment away."""
    return deployment(name, tenant=tenant, operation="delete")


def of_tenant(tenant: str, content: str = "") -> str:
    """A document with something of one tenant."""
    return model(f"<tenants><tenant><name>{tenant}</name>{content}</tenant></tenants>")


def removed_group(deployment_name: str, group_name: str, *others: str, tenant: str = "admin") -> str:
    """A document that removes one vm_group and merges `others`."""
    gone = f'<vm_group nc:operation="delete"><name>{group_name}</name></vm_group>'
    return deployment(deployment_name, gone, *others, tenant=tenant)
