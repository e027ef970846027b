"""The settings as text: a sample file and the reference, both made from the models so that they cannot lag behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from openesc.config import Section, Settings
from openesc.config_sources import ALIASES, OTHER_VARIABLES, variable_name
from openesc.vimmanager import KEYS

DATA_DIR = "$XDG_DATA_HOME/openesc (~/.local/share/openesc)"
INTRODUCTION = """# Settings

Settings come from four sources, each stronger than the one before it: the default, one TOML file (`--config FILE` or
`$OPENESC_CONFIG`), the environment (`OPENESC_SECTION__KEY`), and flags (`openesc serve --help`). A key that does not
exist is an error in file and environment alike, with the nearest one suggested. `openesc config show --origin` prints
what is in force and where it comes from, `openesc config check` only says whether it is good, `openesc config sample`
prints a file to start from. Times are in seconds (`_s`) unless the name says otherwise. The environment
writes a list of folders as `PATH` does, with colons, and any other list with commas. Nothing is read again while the
server runs. How often and how long the cloud is asked for snapshots and volumes is said in
[a file of its own](#applicationproperties).

This page is the output of `openesc config reference`.
"""


PROPERTIES = """## `application.properties`

ESC's vimmanager keeps how often and how long the cloud is asked in `/opt/cisco/esc/vimmanager/application.properties`.
Here that file lies in the data directory, in the same form (Java properties), and is the only place for these values.
A key that does not exist and a value that is not good are errors that name file, line and key: the server does not
start with them.

`escadm vimmanager show` prints what is in force. `escadm vimmanager set --config KEY=VALUE [KEY=VALUE]...` puts values
in force until the next restart: operations under way take them at once. `escadm vimmanager restart` reads the file
again and forgets what was set; a file with an error changes nothing. Without a running server `show` prints what the
file gives. `openesc config show --origin` lists these values too. `openesc vimmanager` does the same as
`escadm vimmanager`.
"""


def sample_toml() -> str:
    """A settings file with every setting commented out at its default."""
    parts = ["# Settings of openesc. Every line that is commented out shows a default."]
    for name, section in Settings.sections().items():
        parts += ["", *_comment(section.__doc__), f"[{name}]"]
        for key, field in section.model_fields.items():
            parts += [*_comment(field.description), f"# {key} = {_toml(field)}"]
    return "\n".join(parts) + "\n"


def reference_markdown() -> str:
    """The reference as a page: a table a section."""
    parts = [INTRODUCTION, "## Variables that are no settings of their own", "", *_variables(), ""]
    for name, section in Settings.sections().items():
        parts += [f"## `[{name}]`", "", section.__doc__ or "", "", *_rows(name, section), ""]
    return "\n".join([*parts, PROPERTIES, *_properties()]) + "\n"


def _properties() -> Iterator[str]:
    yield "| key | default | meaning |"
    yield "| --- | --- | --- |"
    for key in KEYS.values():
        yield f"| `{key.name}` | `{key.default}` | {key.meaning} ({key.wanted}) |"


def _rows(name: str, section: type[Section]) -> Iterator[str]:
    yield "| setting | default | variable | meaning |"
    yield "| --- | --- | --- | --- |"
    for key, field in section.model_fields.items():
        meaning = f"{field.description}{_bounds(field)}"
        yield f"| `{key}` | {_default(field)} | `{variable_name(f'{name}.{key}')}` | {meaning} |"


def _variables() -> Iterator[str]:
    yield "| variable | meaning |"
    yield "| --- | --- |"
    for variable, key in ALIASES.items():
        yield f"| `{variable}` | short for `{variable_name(key)}` |"
    for variable, meaning in OTHER_VARIABLES.items():
        yield f"| `{variable}` | {meaning} |"


def _comment(text: str | None) -> list[str]:
    return [f"# {line.strip()}" for line in (text or "").splitlines() if line.strip()]


def _default(field: FieldInfo) -> str:
    value = _plain(field)
    return "unset" if value is None else f"`{_literal(value)}`"


def _toml(field: FieldInfo) -> str:
    value = _plain(field)
    return '""  (unset)' if value is None else _literal(value)


def _literal(value: Any) -> str:
    return json.dumps(value)  # TOML's strings, numbers and booleans are JSON's


def _plain(field: FieldInfo) -> Any:
    if field.default_factory is not None:
        return DATA_DIR
    return str(field.default) if isinstance(field.default, Path) else field.default


_WORDS = {Ge: ("at least", "ge"), Gt: ("more than", "gt"), Le: ("at most", "le"), Lt: ("less than", "lt")}


def _bounds(field: FieldInfo) -> str:
    words = []
    for bound in field.metadata:
        if isinstance(bound, MinLen):
            words.append("not empty")
        elif type(bound) in _WORDS:
            word, attribute = _WORDS[type(bound)]
            words.append(f"{word} {getattr(bound, attribute)}")
    return f" ({', '.join(words)})" if words else ""
