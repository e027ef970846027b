"""Day-0 configuration: templates become what the guest finds at its first boot (user guide, day zero configuration)."""

from __future__ import annotations

import asyncio
import base64
import re
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from openesc.inventory.records import Interface
from openesc.lifecycle.intent import DayZero, FileLocator, Group
from openesc.lifecycle.pools import variable_key
from openesc.vim.errors import VimBadRequest

USER_DATA = "--user-data"
"""The destination that means: the server's user data itself."""
SIZE_LIMIT = 256 * 1024
FETCH_TIMEOUT = 30.0
_TOKEN = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class FileServer:
    """Where file locators point (``esc_system_config/file_servers``); `login` is user and password."""

    base_url: str
    login: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where templates may come from: local `folders`, and file `servers` by id."""

    folders: Sequence[Path] = ()
    servers: Mapping[str, FileServer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a VM gets: raw `user_data`, and `files` for the config drive by destination."""

    user_data: bytes | None
    files: Mapping[str, bytes]


def tokens(interfaces: Sequence[Interface]) -> dict[str, str]:
    """ESC's built-in variables: ``NICID_<n>_IP_ADDRESS`` and its like, from the addresses the VM has."""
    values: dict[str, str] = {}
    for interface in interfaces:
        leaves = {
            "IP_ADDRESS": interface.ip_address,
            "MAC_ADDRESS": interface.mac_address,
            "NETMASK": interface.netmask,
            "GATEWAY": interface.gateway,
            "NETWORK": interface.network_id,
            "SUBNET": interface.subnet_id,
        }
        values.update({f"NICID_{interface.nicid}_{name}": value for name, value in leaves.items() if value})
    return values


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put `values` in place of ``$NAME`` and ``${NAME}``; what is not among them stays as it is."""
    return _TOKEN.sub(lambda found: values.get(found[1] or found[2], found[0]), template)


def variables_of(group: str, day_zero: DayZero, held: Mapping[str, str]) -> dict[str, str]:
    """The values of a VM: a single value serves all VMs, of several it is the one that it `held` from their pool.

    Raises: VimBadRequest when it has none.
    """
    chosen = {}
    for name, values in day_zero.variables.items():
        value = held.get(variable_key(group, day_zero.dst, name)) if len(values) > 1 else next(iter(values), None)
        if value is None and values:
            raise VimBadRequest(f"variable {name} of {day_zero.dst} has no value left for this VM")
        if value is not None:
            chosen[name] = value
    return chosen


async def render(group: Group, held: Mapping[str, str], interfaces: Sequence[Interface], sources: Sources) -> Rendered:
    """Fill in every template of a VM. Raises: VimBadRequest when a template cannot be had."""
    user_data: bytes | None = None
    files: dict[str, bytes] = {}
    for entry in group.day_zero:
        template = await asyncio.to_thread(_template, entry, sources)
        content = fill(template, {**tokens(interfaces), **variables_of(group.name, entry, held)}).encode()
        if entry.dst == USER_DATA:
            user_data = content
        else:
            files[entry.dst] = content
    return Rendered(user_data, files)


def _template(entry: DayZero, sources: Sources) -> str:
    if entry.file is not None:
        return fetch(entry.file, sources.folders)
    if entry.locator is not None:
        return _located(entry.locator, sources)
    return entry.data or ""


def _located(locator: FileLocator, sources: Sources) -> str:
    if locator.server is None:
        return fetch(locator.path, sources.folders)
    server = sources.servers.get(locator.server)
    if server is None:
        raise VimBadRequest(f"file locator {locator.name}: there is no file server {locator.server}")
    address = f"{server.base_url.rstrip('/')}/{locator.path.lstrip('/')}"
    return fetch(address, sources.folders, server.login)


def fetch(address: str, folders: Sequence[Path], login: tuple[str, str] | None = None) -> str:
    """The template at ``http(s)://`` or, below one of `folders`, at ``file://``. Raises: VimBadRequest."""
    parts = urlsplit(address)
    try:
        if parts.scheme in ("http", "https"):
            with urllib.request.urlopen(_request(address, login), timeout=FETCH_TIMEOUT) as answer:
                content: bytes = answer.read(SIZE_LIMIT + 1)
        else:
            content = _local(parts.path if parts.scheme == "file" else address, folders)
    except (OSError, ValueError) as error:
        raise VimBadRequest(f"day-0 file {address} cannot be read: {error}") from error
    if len(content) > SIZE_LIMIT:
        raise VimBadRequest(f"day-0 file {address} is larger than {SIZE_LIMIT} bytes")
    return content.decode(errors="replace")


def _request(address: str, login: tuple[str, str] | None) -> urllib.request.Request:
    request = urllib.request.Request(address)
    if login is not None:
        token = base64.b64encode(":".join(login).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _local(path: str, folders: Sequence[Path]) -> bytes:
    file = Path(unquote(path)).resolve()
    if not any(file.is_relative_to(folder.resolve()) for folder in folders):
        raise ValueError("it is not below a folder of the setting vim.file_folders")
    return file.read_bytes()
