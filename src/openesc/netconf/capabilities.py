"""What the server says of itself in `<hello>` (RFC 6241 section 8) and in its monitoring data."""

from __future__ import annotations

from urllib.parse import quote

from openesc.netconf import names
from openesc.netconf.core import Core
from openesc.yang.schema import ModuleInfo

_OWN = (
    names.BASE_1_0,
    names.BASE_1_1,
    f"{names.CAPABILITY}writable-running:1.0",
    f"{names.CAPABILITY}rollback-on-error:1.0",
    f"{names.CAPABILITY}xpath:1.0",
    f"{names.CAPABILITY}notification:1.0",
    f"{names.CAPABILITY}interleave:1.0",
)
_LIBRARY_1_0 = "2016-04-09"  # RFC 7895, whose modules-state is served as well
_LIBRARY = "ietf-yang-library"


def capabilities(core: Core) -> list[str]:
    """Every capability URI, each once, the modules last."""
    modules = core.schema.modules.values()
    listed = [
        *_OWN,
        *_library(core),
        *core.backend.capabilities(),
        *(module_uri(module) for module in modules),
    ]
    return list(dict.fromkeys(listed))


def offers(core: Core, capability: str) -> bool:
    """Whether `urn:ietf:params:netconf:capability:{capability}` is among them, such as `validate:1.1`."""
    return f"{names.CAPABILITY}{capability}" in capabilities(core)


def module_uri(module: ModuleInfo) -> str:
    """A module as RFC 6020 section 5.6.4 lists it."""
    parameters = [f"module={module.name}"]
    if module.revision:
        parameters.append(f"revision={module.revision}")
    if module.features:
        parameters.append(f"features={','.join(module.features)}")
    return f"{module.namespace}?{'&'.join(parameters)}"


def _library(core: Core) -> list[str]:
    """RFC 8525 section 2 and RFC 7895 section 2.1.3 (whose module-set-id is the same text)."""
    module = core.schema.modules.get(_LIBRARY)
    if module is None:
        return []
    content = quote(core.schema.content_id, safe="")
    return [
        f"{names.CAPABILITY}yang-library:1.1?revision={module.revision}&content-id={content}",
        f"{names.CAPABILITY}yang-library:1.0?revision={_LIBRARY_1_0}&module-set-id={content}",
    ]
