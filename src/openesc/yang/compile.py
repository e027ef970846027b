"""From YANG files to a Schema: pyang parses, resolves and checks; we keep only what the engine needs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyang import error
from pyang.context import Context
from pyang.repository import FileRepository

from openesc.yang.compile_constraints import ConstraintCompiler
from openesc.yang.compile_nodes import NodeCompiler
from openesc.yang.compile_types import identity_table
from openesc.yang.errors import SchemaError
from openesc.yang.schema import ModuleInfo, Schema, SubmoduleInfo

#: A pyang statement: pyang is untyped.
Statement = Any


def compile_schema(
    search: Sequence[Path],
    names: Sequence[str],
    features: Mapping[str, Sequence[str]] | None = None,
) -> Schema:
    """Compile the modules `names` with what they import. Raises SchemaError with all errors."""
    context = _parse(search, names, features)
    modules = [module for module in context.modules.values() if module.keyword == "module"]
    modules.sort(key=lambda module: str(module.arg))
    prefixes = _unique_prefixes(modules)
    identities = identity_table(modules)
    nodes = NodeCompiler(prefixes, identities)
    implemented = [module for module in modules if module.arg in set(names)]
    root, rpcs, notifications = nodes.compile(implemented)
    constraints = ConstraintCompiler(nodes, root, rpcs, notifications).compile()
    return Schema(
        modules={m.arg: _module_info(m, context, implemented) for m in modules},
        root=root,
        rpcs=rpcs,
        notifications=notifications,
        prefixes=prefixes,
        identities=identities,
        constraints=constraints,
        content_id=_content_id(context),
    )


def _parse(search: Sequence[Path], names: Sequence[str], features: Mapping[str, Sequence[str]] | None) -> Context:
    repository = FileRepository(os.pathsep.join(map(str, search)), use_env=False)
    context = Context(repository)
    for module, supported in (features or {}).items():
        context.features[module] = list(supported)
    for name in names:
        context.search_module(error.Position("modules"), name, primary_module=True)
    context.validate()
    faults = [
        f"{position}: {error.err_to_str(tag, args)}"
        for position, tag, args in context.errors
        if error.is_error(error.err_level(tag))
    ]
    if faults:
        raise SchemaError(sorted(set(faults)))
    for module in context.modules.values():
        module.prune()  # takes away what depends on features that are not supported
    return context


def _unique_prefixes(modules: Sequence[Statement]) -> dict[str, str]:
    """A prefix for every namespace: the module's own, with a number behind it if it is taken."""
    found: dict[str, str] = {}
    for module in modules:
        wanted = candidate = str(module.i_prefix)
        number = 1
        while candidate in found.values():
            number += 1
            candidate = f"{wanted}{number}"
        found.setdefault(str(module.search_one("namespace").arg), candidate)
    return found


def _module_info(module: Statement, context: Context, implemented: Sequence[Statement]) -> ModuleInfo:
    supported = context.features.get(module.arg)
    features = [name for name in module.i_features if supported is None or name in supported]
    submodules = (context.get_module(include.arg) for include in module.search("include"))
    return ModuleInfo(
        name=module.arg,
        revision=_revision(module),
        namespace=module.search_one("namespace").arg,
        prefix=module.i_prefix,
        submodules=tuple(
            SubmoduleInfo(sub.arg, _revision(sub), Path(sub.pos.ref)) for sub in submodules if sub is not None
        ),
        features=tuple(sorted(features)),
        path=Path(module.pos.ref),
        conformance="implement" if module in implemented else "import",
    )


def _revision(module: Statement) -> str | None:
    revisions = [str(revision.arg) for revision in module.search("revision")]
    return max(revisions, default=None)


def _content_id(context: Context) -> str:
    """A hash over the text of all modules in use: changes when any of them does."""
    digest = hashlib.sha256()
    for (name, revision), module in sorted(context.modules.items(), key=lambda item: str(item[0])):
        digest.update(f"{name}@{revision}\0".encode())
        digest.update(Path(module.pos.ref).read_bytes())
    return digest.hexdigest()
