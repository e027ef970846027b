"""The deployment that is measured: one VM, monitored by ICMPPing, in the tenant admin."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

ESC = "http://www.cisco.com/esc/esc"
NC = "urn:ietf:params:xml:ns:netconf:base:1.0"
TENANT = "admin"
SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "cirros-vnf.xml"
GROUP = "SolTest-Cirros-VM-Group"
_POLL = b"<poll_frequency>3</poll_frequency>"
_WAIT = b"<recovery_wait_time>0</recovery_wait_time>"
_NAME = b"<name>Cirros-VNF</name>"


@cache
def _sample() -> bytes:
    """The example of the documentation as the server stores it: in one line, actions without their quotes."""
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    root = etree.parse(SAMPLE, parser).getroot()
    for action in root.iter(f"{{{ESC}}}action"):
        action.text = (action.text or "").strip('"')
    return etree.tostring(root)


def name(number: int) -> str:
    """Of the deployment with this number."""
    return f"bench-{number:05d}"


def deployment(number: int, poll_seconds: int = 3, recovery_wait: int = 0) -> bytes:
    """The whole document of a deployment; another `recovery_wait` (seconds) is a change nothing in the cloud sees."""
    named = _sample().replace(_NAME, b"<name>%b</name>" % name(number).encode())
    polled = named.replace(_POLL, b"<poll_frequency>%d</poll_frequency>" % poll_seconds)
    return polled.replace(_WAIT, b"<recovery_wait_time>%d</recovery_wait_time>" % recovery_wait)


def patient(number: int) -> bytes:
    """A deployment that is pinged rarely and waited for long: it stays in flight."""
    document = deployment(number, poll_seconds=60)
    return document.replace(b"<bootup_time>60</bootup_time>", b"<bootup_time>3600</bootup_time>")


def of_vms(deployment_name: str, count: int) -> bytes:
    """A deployment with one group of `count` VMs, which may take ten minutes to boot."""
    document = _sample().replace(_NAME, b"<name>%b</name>" % deployment_name.encode())
    for bound in (b"min_active", b"max_active"):
        document = document.replace(b"<%b>1</%b>" % (bound, bound), b"<%b>%d</%b>" % (bound, count, bound))
    return document.replace(b"<bootup_time>60</bootup_time>", b"<bootup_time>600</bootup_time>")


def removal(deployment_name: str) -> bytes:
    """The document that undeploys."""
    gone = f'<deployment nc:operation="delete"><name>{deployment_name}</name></deployment>'
    tenants = f"<tenants><tenant><name>{TENANT}</name><deployments>{gone}</deployments></tenant></tenants>"
    return f'<esc_datamodel xmlns="{ESC}" xmlns:nc="{NC}">{tenants}</esc_datamodel>'.encode()


def tenant() -> bytes:
    """The tenant alone, as its unit holds it."""
    tenants = f"<tenants><tenant><name>{TENANT}</name></tenant></tenants>"
    return f'<esc_datamodel xmlns="{ESC}">{tenants}</esc_datamodel>'.encode()


def edit(document: bytes) -> str:
    """The edit-config operation that merges `document` into running."""
    return f"<edit-config><target><running/></target><config>{document.decode()}</config></edit-config>"


TINY = '<get-config><source><running/></source><filter type="subtree"/></get-config>'
"""A request that reads nothing: what transport, framing, parsing and dispatch cost."""
