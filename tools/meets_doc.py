"""Writes `docs/what-meets-what.md` from the table: ``python tools/meets_doc.py > docs/what-meets-what.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from openesc.lifecycle.meets import COLUMNS, MEANING, QUEUE, RUN, TABLE

HEAD = """# What meets what

Generated from `src/openesc/lifecycle/meets.py` by `python tools/meets_doc.py > docs/what-meets-what.md`; a test
holds it.
Which operation may run in which state: of the VM for an operation on one VM, of the service for the others.

* **run**: it is accepted and runs.
* **queue**: it is accepted and waits for what is under way; when its turn comes, its cell is looked up again, and an
  operation that is rejected then ends with its FAILURE event and these words.
* anything else: it is rejected with an `rpc-error` of this text, after `VM [generated name]` or
  `Service group [deployment]`. Nothing is changed.

Undeploy interrupts whatever runs or waits for its deployment; nothing else interrupts an operation. Where a deploy or
an update is under way and the cell says run, the operation waits for its end. The text of another flavor names the VM.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_columns(), *_table()]) + "\n"


def _columns() -> Iterator[str]:
    yield "| state | means |\n| --- | --- |"
    yield from (f"| {column} | {MEANING[column]} |" for column in COLUMNS)
    yield ""


def _table() -> Iterator[str]:
    """Texts are numbered below the table: they are too long for its cells."""
    notes = list(dict.fromkeys(text for cells in TABLE.values() for text in cells.values() if text not in (RUN, QUEUE)))
    yield f"| operation | {' | '.join(COLUMNS)} |"
    yield "| --- " * (len(COLUMNS) + 1) + "|"
    for row, cells in TABLE.items():
        shown = [_cell(cells[column], notes) for column in COLUMNS]
        yield f"| {row} | {' | '.join(shown)} |"
    yield ""
    yield from (f"{number}. … {text}" for number, text in enumerate(notes, 1))


def _cell(text: str, notes: list[str]) -> str:
    return f"**{text}**" if text in (RUN, QUEUE) else f"reject ({notes.index(text) + 1})"


if __name__ == "__main__":
    sys.stdout.write(render())
