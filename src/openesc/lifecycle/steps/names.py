"""Deterministic names and tags: they find in the cloud what a lost answer made."""

from __future__ import annotations

import re
import uuid

TAG_LIMIT = 60
PREFIX_LIMIT = 200
"""Of a ``vim_vm_name``: what is named after the VM stays below the 255 characters of Nova and Neutron."""


def vm_name(deployment: str, group: str, ordinal: int, prefix: str | None = None) -> str:
    """ESC's generated VM name: ``<deployment>_<group>_<index>_<uuid>``, the first two cut to 16 and 6 characters.

    A group's ``vim_vm_name`` takes the place of the first two.
    """
    stem = _plain(prefix)[:PREFIX_LIMIT] if prefix else f"{_plain(deployment)[:16]}_{_plain(group)[:6]}"
    return f"{stem}_{ordinal}_{uuid.uuid4()}"


def deployment_tag(deployment_id: str) -> str:
    """On every network, subnet and port of a deployment."""
    return f"openesc:{deployment_id}"


def vm_tag(vm_id: str) -> str:
    """On every port of a VM, and its description."""
    return f"openesc:vm:{vm_id}"


def port_name(vm: str, nicid: int) -> str:
    return f"{vm}_nic{nicid}"


def volume_name(vm: str, volume: str) -> str:
    return f"{vm}_{volume}"


def operation_mark(operation_id: str) -> str:
    """On what an operation makes under a name that is not openesc's alone."""
    return f"openesc:{operation_id}"


def server_group_name(rule: str, deployment_id: str) -> str:
    return f"{rule}_{deployment_id}"


def network_name(name: str, deployment_id: str) -> str:
    """An ephemeral network's name is made unique with the deployment's id."""
    return f"{name}_{deployment_id}"


def _plain(text: str) -> str:
    """Without what makes names awkward in shells and guests: blanks and slashes."""
    return re.sub(r"[\s/]+", "-", text)
