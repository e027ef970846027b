"""What is sent to make and take away tenants, images, flavors and networks beside any deployment."""

from __future__ import annotations

from tests.crash.documents import NETCONF, Names, in_tenant, subnet, top

DELETE = f'xmlns:nc="{NETCONF}" nc:operation="delete"'


def tenant(names: Names) -> str:
    return in_tenant(names.tenant, "")


def image(names: Names) -> str:
    """From the file that the house has for it."""
    formats = "<disk_format>raw</disk_format><container_format>bare</container_format>"
    return top(f"<images><image><name>image{names.suffix}</name><src>{names.image}</src>{formats}</image></images>")


def flavor(names: Names) -> str:
    sizes = "<vcpus>1</vcpus><memory_mb>64</memory_mb><root_disk_mb>1024</root_disk_mb>"
    properties = "<properties><property><name>hw:mem_page_size</name><value>large</value></property></properties>"
    return top(f"<flavors><flavor><name>flavor{names.suffix}</name>{sizes}{properties}</flavor></flavors>")


def shared_network(names: Names) -> str:
    """A network of all tenants with two subnets."""
    subnets = [subnet(f"first{names.suffix}", "192.168.20.0"), subnet(f"second{names.suffix}", "192.168.21.0")]
    return top(f"<networks><network><name>net{names.suffix}</name>{''.join(subnets)}</network></networks>")


def shared_network_of_another_subnet(names: Names) -> str:
    """The second subnet of `shared_network` is gone, a third is there."""
    gone = f"<subnet {DELETE}><name>second{names.suffix}</name></subnet>"
    subnets = gone + subnet(f"third{names.suffix}", "192.168.22.0")
    return top(f"<networks><network><name>net{names.suffix}</name>{subnets}</network></networks>")


def own_network(names: Names) -> str:
    """A network of the tenant."""
    return in_tenant(names.tenant, _own_network(names))


def own_network_gone(names: Names) -> str:
    return in_tenant(names.tenant, _own_network_gone(names))


def network_of_new_tenant(names: Names) -> str:
    """A network of a tenant that no other document here has."""
    return in_tenant(f"other{names.suffix}", _own_network(names))


def network_of_new_tenant_gone(names: Names) -> str:
    return in_tenant(f"other{names.suffix}", _own_network_gone(names))


def _own_network(names: Names) -> str:
    network = f"<network><name>own{names.suffix}</name>{subnet(f'own-sub{names.suffix}', '192.168.23.0')}</network>"
    return f"<networks>{network}</networks>"


def _own_network_gone(names: Names) -> str:
    return f"<networks><network {DELETE}><name>own{names.suffix}</name></network></networks>"


def tenant_gone(names: Names) -> str:
    return top(f"<tenants><tenant {DELETE}><name>{names.tenant}</name></tenant></tenants>")


def image_gone(names: Names) -> str:
    return top(f"<images><image {DELETE}><name>image{names.suffix}</name></image></images>")


def flavor_gone(names: Names) -> str:
    return top(f"<flavors><flavor {DELETE}><name>flavor{names.suffix}</name></flavor></flavors>")


def shared_network_gone(names: Names) -> str:
    return top(f"<networks><network {DELETE}><name>net{names.suffix}</name></network></networks>")


MAKING = (tenant, image, flavor, shared_network, network_of_new_tenant)
REMOVING = (
    *(shared_network_of_another_subnet, network_of_new_tenant_gone, shared_network_gone),
    *(image_gone, flavor_gone, tenant_gone),
)
