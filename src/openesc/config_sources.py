"""Where settings come from, and what to say when something in them is wrong."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

PREFIX = "OPENESC_"
ALIASES = {"OPENESC_DATA_DIR": "store.data_dir"}
"""Short variables and the settings they set."""
OTHER_VARIABLES = {
    "OPENESC_CONFIG": "the settings file, where no --config names one",
    "OPENESC_PASSWORD": "the NETCONF console's password, or its private key's passphrase",
    "OPENESC_DEBUG": "set: commands show tracebacks",
    "OPENESC_FAILPOINT": "crash tests: where the process dies",
    "OPENESC_FAILPOINT_ONCE": "crash tests: a file that firing makes, and that keeps it from firing again",
    "OPENESC_FAILPOINT_FILE": "crash tests: a file of failpoints, one a line, each for one death",
}
"""Variables that are no settings, and what they mean."""


class ConfigError(Exception):
    """The settings cannot be used. `problems` has one line each, the culprit first."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class _ValidationError(Protocol):
    def errors(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting came from: default, file, env or flag, and the file:line, variable or flag itself."""

    kind: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} ({self.where})" if self.where else self.kind


DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Known:
    """A setting as the sources need to know it."""

    key: str
    nullable: bool = False
    separator: str | None = None
    """Parts a list in the environment; None: it is no list."""


@dataclass
class Found:
    """What the sources hold, the strongest winning."""

    values: dict[str, tuple[Any, Origin]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, key: str, value: Any, origin: Origin) -> None:
        self.values[key] = (value, origin)

    def tree(self) -> dict[str, dict[str, Any]]:
        """The values as sections of keys."""
        tree: dict[str, dict[str, Any]] = {}
        for key, (value, _) in self.values.items():
            section, name = key.split(".")
            tree.setdefault(section, {})[name] = value
        return tree

    def origins(self) -> dict[str, Origin]:
        return {key: origin for key, (_, origin) in self.values.items()}

    def explain(self, error: _ValidationError) -> Iterator[str]:
        """The validator's findings, each with the place its value came from."""
        for finding in error.errors():
            key = ".".join(str(part) for part in finding["loc"][:2])
            value, origin = self.values[key]
            message = str(finding["msg"])
            yield f"{origin.where}: {key} = {value!r}: {message[:1].lower()}{message[1:]}"


def gather(
    known: Mapping[str, Known], config_file: Path | None, env: Mapping[str, str], flags: Mapping[str, Any]
) -> Found:
    """Read file, environment and flags over each other, in growing strength."""
    found = Found()
    if config_file is not None:
        _read_file(found, known, config_file)
    _read_environment(found, known, env)
    for key, value in flags.items():
        if value is not None:
            found.add(key, value, Origin("flag", flag_name(key)))
    return found


def flag_name(key: str) -> str:
    """The flag that sets `key`: ``netconf.port`` is --netconf-port, ``store.data_dir`` is --data-dir."""
    short = {"store.data_dir": "--data-dir", "vim.kind": "--vim", "vim.cloud": "--vim"}
    return short.get(key) or "--" + key.replace(".", "-").replace("_", "-")


def variable_name(key: str) -> str:
    """The environment variable that sets `key`."""
    return PREFIX + key.upper().replace(".", "__")


def _read_file(found: Found, known: Mapping[str, Known], path: Path) -> None:
    text = _file_text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from None
    lines = _key_lines(text)
    for key, value in _flatten(document):
        where = f"{path}:{lines.get(key, lines.get(key.split('.')[0], 1))}"
        if key in known:
            found.add(key, value, Origin("file", where))
        else:
            found.problems.append(f"{where}: {_unknown(key, known)}")


def _file_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not UTF-8 text"]) from None


def _flatten(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, content in document.items():
        if not isinstance(content, dict):
            yield section, content
            continue
        for key, value in content.items():
            yield f"{section}.{key}", value


_HEADER = re.compile(r"\s*\[\s*([\w.\-]+)\s*\]")
_KEY = re.compile(r"\s*\"?([\w.\-]+)\"?\s*=")


def _key_lines(text: str) -> dict[str, int]:
    """The line each section and key is written at, for messages only."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = f"{header[1]}."
            lines.setdefault(header[1], number)
        elif key := _KEY.match(line):
            lines.setdefault(section + key[1], number)
    return lines


def _read_environment(found: Found, known: Mapping[str, Known], env: Mapping[str, str]) -> None:
    by_variable = {variable_name(key): key for key in known} | ALIASES
    # sorted puts OPENESC_DATA_DIR before OPENESC_STORE__DATA_DIR, so the long form wins
    for variable in sorted(name for name in env if name.startswith(PREFIX)):
        if variable in by_variable:
            _add_variable(found, known, by_variable[variable], variable, env[variable])
        elif variable not in OTHER_VARIABLES:
            found.problems.append(f"{variable}: no such setting{_near_variable(variable, by_variable)}")


def _add_variable(found: Found, known: Mapping[str, Known], key: str, variable: str, value: str) -> None:
    found.add(key, _from_text(known[key], value), Origin("env", variable))


def _from_text(known: Known, value: str) -> Any:
    """A variable's value: empty unsets what may be unset."""
    if known.separator is not None:
        return [part for part in value.split(known.separator) if part]
    return None if value == "" and known.nullable else value


def _unknown(key: str, known: Iterable[str]) -> str:
    names = list(known)
    section, _, name = key.partition(".")
    if not name:
        return f"{key} stands in no section{near(key, names)}"
    if not any(one.startswith(f"{section}.") for one in names):
        sections = {one.split(".")[0] for one in names}
        return f"no section [{section}] for {name}{near(section, sections)}"
    return f"no setting {key}{near(key, names)}"


def _near_variable(variable: str, settings: Iterable[str]) -> str:
    # the prefix they all share would make everything look near
    bare = [name.removeprefix(PREFIX) for name in (*settings, *OTHER_VARIABLES)]
    return near(variable.removeprefix(PREFIX).upper(), bare).replace("did you mean ", f"did you mean {PREFIX}")


def near(name: str, candidates: Iterable[str], otherwise: str = "`openesc config sample` lists what there is") -> str:
    """The end of a message on an unknown name: the candidate that was meant, or where to find what there is."""
    nearest = difflib.get_close_matches(name, sorted(candidates), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else f"; {otherwise}"
