"""Writes `docs/states.md` from the table of transitions: ``python tools/states_doc.py > docs/states.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from openesc.inventory import states
from openesc.inventory.transitions import SERVICE, VM, Transition

HEAD = """# States of services and VMs

Generated from `src/openesc/inventory/transitions.py` by `python tools/states_doc.py > docs/states.md`; a test holds it.
The names are those of ESC's operational data (`state_machine` of a deployment). Every change goes through one door
(`openesc.inventory.door`) in the transaction of the event that tells it; a transition that is not listed is refused.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_machine("Services", SERVICE), *_machine("VMs", VM), *_unreached()])


def _machine(title: str, lines: Iterable[Transition]) -> Iterator[str]:
    table = list(lines)
    yield f"## {title}\n"
    yield "```mermaid\nstateDiagram-v2"
    yield f"    [*] --> {table[0].source}"
    yield from dict.fromkeys(f"    {line.source} --> {line.target or '[*]'}: {line.trigger}" for line in table)
    yield "```\n"
    yield "| from | on | to | why |\n| --- | --- | --- | --- |"
    yield from (f"| {line.source} | {line.trigger} | {line.target or '(gone)'} | {line.why} |" for line in table)
    yield ""


def _unreached() -> Iterator[str]:
    """States of ESC's vocabulary that no operation leads to yet."""
    reached = {name for line in (*SERVICE, *VM) for name in (line.target, SERVICE[0].source, VM[0].source)}
    every = [value for name, value in vars(states).items() if name.startswith(("SERVICE_", "VM_")) and str(value)]
    missing = [name for name in every if isinstance(name, str) and name not in reached]
    yield "## Names without a way to them\n"
    yield "ESC's vocabulary for operations that this version does not serve: " + ", ".join(missing) + ".\n"


if __name__ == "__main__":
    sys.stdout.write(render())
