"""get-schema: the module files as they are (RFC 6022 section 3.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lxml.etree import _Element

from openesc.netconf import errors, names
from openesc.netconf.errors import RpcError
from openesc.netconf.messages import text_of
from openesc.netconf.parameters import parameters
from openesc.yang import ModuleInfo, Schema
from openesc.yang.schema import SubmoduleInfo

if TYPE_CHECKING:
    from openesc.netconf.session import Session


class SchemaFile(NamedTuple):
    """A module or submodule that can be had by get-schema."""

    identifier: str
    version: str
    namespace: str
    path: Path


def schema_files(schema: Schema) -> Iterator[SchemaFile]:
    """Every module and submodule; a submodule has its module's namespace (RFC 6022 section 2.1.3)."""
    seen: set[Path] = set()
    for module in schema.modules.values():
        parts: tuple[ModuleInfo | SubmoduleInfo, ...] = (module, *module.submodules)
        for part in parts:
            if part.path not in seen:
                seen.add(part.path)
                yield SchemaFile(part.name, part.revision or "", module.namespace, part.path)


async def get_schema(session: Session, operation: _Element) -> bytes | None:
    """The text of one module. Raises RpcError invalid-value when none or data-not-unique when several match."""
    given = parameters(operation, ("identifier", "version", "format"), names.MONITORING)
    if "identifier" not in given:
        raise errors.missing_element("identifier", "get-schema needs the identifier of a module")
    _check_format(given.get("format"))
    identifier = text_of(given["identifier"])
    version = text_of(given["version"]) if "version" in given else None
    found = _one(session.core.schema, identifier, version)
    text = await asyncio.to_thread(found.path.read_text, encoding="utf-8")
    return f'<data xmlns="{names.MONITORING}">{errors.text(text)}</data>'.encode()


def _check_format(element: _Element | None) -> None:
    if element is None:
        return
    value = text_of(element)
    if value.rpartition(":")[2] != "yang":
        raise RpcError("invalid-value", f"modules are served in the format yang only, not {value}")


def _one(schema: Schema, identifier: str, version: str | None) -> SchemaFile:
    named = [file for file in schema_files(schema) if file.identifier == identifier]
    found = [file for file in named if version is None or file.version == version]
    if not named:
        raise RpcError("invalid-value", f"there is no module {identifier}")
    if not found:
        versions = ", ".join(file.version or "(none)" for file in named)
        raise RpcError("invalid-value", f"{identifier} is served in version {versions}, not {version}")
    if len(found) > 1:
        raise RpcError(
            "operation-failed",
            f"{identifier} is served in several versions; name one",
            error_app_tag="data-not-unique",
        )
    return found[0]
