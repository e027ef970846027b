"""The log: structlog to stderr, for people or for collectors. Never on stdout, which belongs to data."""

from __future__ import annotations

import logging
import os
import sys
from typing import Literal

import structlog
from structlog.typing import Processor


def configure(level: str = "info", form: Literal["console", "json"] = "console") -> None:
    """Set up structlog, and the standard library's logging behind the same renderer."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_final(form)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _quieten()


def colours() -> bool:
    """Whether stderr may be coloured: a terminal, not dumb, and nobody set NO_COLOR."""
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _final(form: str) -> list[Processor]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "json":
        return [remove, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback  # rich tracebacks would print the values of variables
    return [remove, structlog.dev.ConsoleRenderer(colors=colours(), exception_formatter=plain)]


def _quieten() -> None:
    """Libraries that tell every packet at info."""
    for name in (
        "asyncssh",
        "keystoneauth",
        "openstack",
        "urllib3",
        "httpx",
        "stevedore",
        "alembic",
        "paramiko",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
