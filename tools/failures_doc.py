"""Writes `docs/failures.md` from the table of failures: ``python tools/failures_doc.py > docs/failures.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from openesc.lifecycle.failures import TABLE, Failure

HEAD = """# What happens when a step fails

Generated from `src/openesc/lifecycle/failures.py` by `python tools/failures_doc.py > docs/failures.md`; a test
holds it.

A step fails when the cloud refuses it for good, or when a passing trouble (no answer, 5xx, expired credentials)
outlasts the patience of a step (`engine.cloud_patience_s`). Events are those with status FAILURE, in order; their
`status_message` is the cloud's own words. The configuration always stays as it was accepted: the client removes it,
or sends it again, and what is missing is tried again. What had been announced before stays announced.
"""


def render() -> str:
    """The whole page."""
    operations = dict.fromkeys(row.operation for row in TABLE)
    return "\n".join([HEAD, *(line for name in operations for line in _operation(name))])


def _operation(name: str) -> Iterator[str]:
    yield f"## {name}\n"
    yield "| what fails | events with FAILURE | service | VM | what stays |\n| --- | --- | --- | --- | --- |"
    yield from (_line(row) for row in TABLE if row.operation == name)
    yield ""


def _line(row: Failure) -> str:
    return f"| {row.step} | {', '.join(row.events)} | {row.state or '-'} | {row.vm_state or '-'} | {row.stays} |"


if __name__ == "__main__":
    sys.stdout.write(render())
