"""Compiled schemas on disk: the second start reads one file instead of compiling."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from openesc.yang.schema import Schema

#: Raise it with every change of what is stored: the classes of schema.py, types.py, expressions.py.
FORMAT = 1


def load(
    search: Sequence[Path],
    modules: Sequence[str],
    cache_dir: Path | None,
    features: Mapping[str, Sequence[str]] | None,
) -> Schema:
    """See Schema.load."""
    if cache_dir is None:
        return _compile(search, modules, features)
    file = cache_dir / f"schema-{_key(search, modules, features)}.pickle"
    cached = _read(file)
    if cached is not None:
        return cached
    schema = _compile(search, modules, features)
    _write(file, schema)
    return schema


def _compile(search: Sequence[Path], modules: Sequence[str], features: Mapping[str, Sequence[str]] | None) -> Schema:
    from openesc.yang.compile import compile_schema  # imports pyang, which a cache hit does not need

    return compile_schema(search, modules, features)


def _key(search: Sequence[Path], modules: Sequence[str], features: Mapping[str, Sequence[str]] | None) -> str:
    chosen = {name: sorted(names) for name, names in sorted((features or {}).items())}
    digest = hashlib.sha256(repr((FORMAT, list(modules), chosen)).encode() + _compiler())
    for directory in search:
        for file in sorted(directory.rglob("*.yang")):
            digest.update(f"\0{file.resolve()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _compiler() -> bytes:
    """What tells one version of pyang from another, without importing it: its file with __version__."""
    spec = find_spec("pyang")
    return b"" if spec is None or spec.origin is None else Path(spec.origin).read_bytes()


def _read(file: Path) -> Schema | None:
    try:
        with file.open("rb") as stream:
            schema = pickle.load(stream)
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError):
        return None  # absent, cut short or of another version: compile again
    return schema if isinstance(schema, Schema) else None


def _write(file: Path, schema: Schema) -> None:
    """Put the file in place in one step, so that another starting process never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(handle, "wb") as stream:
        pickle.dump(schema, stream, protocol=pickle.HIGHEST_PROTOCOL)
    Path(name).replace(file)
