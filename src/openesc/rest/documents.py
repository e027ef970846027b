"""Documents of ESC's data model, as requests bring them and as edits are made of them."""

from __future__ import annotations

from typing import Final

from lxml import etree

from openesc.errors import InvalidRequest
from openesc.northbound.model import ESC, local
from openesc.rest.call import Call
from openesc.rest.codec import BASE, adopted

OPERATION: Final = f"{{{BASE}}}operation"
_STATE: Final = frozenset({f"{{{ESC}}}opdata", f"{{{ESC}}}version"})
_DEPLOYMENTS: Final = "/".join(f"{{{ESC}}}{name}" for name in ("tenants", "tenant", "deployments", "deployment"))


def leaf(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    """A new child in ESC's namespace."""
    child = etree.SubElement(parent, f"{{{ESC}}}{name}")
    child.text = text
    return child


def model() -> tuple[etree._Element, etree._Element]:
    """An empty ``config`` with its ``esc_datamodel``."""
    config = etree.Element(f"{{{BASE}}}config", nsmap={None: ESC, "nc": BASE})  # type: ignore[dict-item]
    return config, leaf(config, "esc_datamodel")


def tenant_element(name: str) -> tuple[etree._Element, etree._Element]:
    """A ``config`` with just this tenant in it, and the tenant."""
    config, root = model()
    tenant = leaf(leaf(root, "tenants"), "tenant")
    leaf(tenant, "name", name)
    return config, tenant


def deployment_element(tenant: str, name: str, operation: str | None = None) -> tuple[etree._Element, etree._Element]:
    """A ``config`` with just this deployment in it, and the deployment."""
    config, parent = tenant_element(tenant)
    element = leaf(leaf(parent, "deployments"), "deployment")
    leaf(element, "name", name)
    if operation is not None:
        element.set(OPERATION, operation)
    return config, element


async def deployment_document(call: Call, tenant: str | None) -> tuple[etree._Element, etree._Element]:
    """The ``config`` a request brings, and the one deployment in it.

    The body is an ``esc_datamodel`` as edit-config takes it, or its ``deployment`` alone, for which the path gives the
    `tenant`. What is operational data in it is left out: what GET gave may be sent back.
    Raises: InvalidRequest, what `Call.element` raises.
    """
    root = adopted(await call.element(ESC), ESC, (BASE,))
    name = local(str(root.tag))
    if name == "deployment" and tenant is not None:
        config, parent = tenant_element(tenant)
        leaf(parent, "deployments").append(root)
    elif name == "esc_datamodel":
        config = etree.Element(f"{{{BASE}}}config", nsmap={None: ESC, "nc": BASE})  # type: ignore[dict-item]
        config.append(root)
    else:
        raise InvalidRequest(f"the body is {name}; this takes esc_datamodel" + (" or deployment" if tenant else ""))
    for state in [child for child in config[0] if child.tag in _STATE]:
        config[0].remove(state)
    return config, _only(config)


def _only(config: etree._Element) -> etree._Element:
    found = config[0].findall(_DEPLOYMENTS)
    if len(found) != 1:
        raise InvalidRequest(f"the document has {len(found)} deployments; this takes one", path="/esc_datamodel")
    return found[0]


def keys_of(deployment: etree._Element) -> tuple[str, str]:
    """Tenant and name of a deployment in a document; empty where they are missing."""
    tenant = next(deployment.iterancestors(f"{{{ESC}}}tenant"))
    return tuple((one.findtext(f"{{{ESC}}}name") or "").strip() for one in (tenant, deployment))  # type: ignore[return-value]
