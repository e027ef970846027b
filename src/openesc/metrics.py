"""What the process counts, for Prometheus. Rooms count by calling a function here; REST serves `render()` at /metrics.

It is one module of the process, as prometheus-client has it, and imports nothing of ours: counting makes no room depend
on another. `openesc.yang` and `openesc.netconf`, which are usable alone, do not know it: what they know is read by
those who use them. What is a state and not an event (backlogs, sessions) is read when somebody asks (`watch`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)

_OPERATIONS = Counter(
    "openesc_operations", "Operations that ended, by kind and result.", ["kind", "result"], registry=registry
)
_OPERATION_SECONDS = Histogram(
    "openesc_operation_seconds",
    "Seconds from the acceptance of an operation to its end.",
    ["kind"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
    registry=registry,
)
_VIM_CALLS = Counter(
    "openesc_vim_calls",
    "HTTP requests to the VIM, by service and status code (none: no answer).",
    ["service", "code"],
    registry=registry,
)
_VIM_SECONDS = Histogram(
    "openesc_vim_call_seconds", "Seconds an HTTP request to the VIM took.", ["service"], registry=registry
)
_EDIT_UNITS = Histogram(
    "openesc_edit_units",
    "Units of the configuration that an edit changed.",
    buckets=(0, 1, 2, 5, 10, 50, 100, 1000),
    registry=registry,
)
_EDIT_CONSTRAINTS = Histogram(
    "openesc_edit_constraints",
    "Constraints of the model (must, when, leafref, unique) that were checked for an edit, each on each instance.",
    buckets=(0, 10, 50, 100, 500, 1000, 5000, 10000, 100000),
    registry=registry,
)
_CALLBACKS = Counter(
    "openesc_callback_tries",
    "Tries of REST callbacks, by outcome (delivered, failed, dead).",
    ["outcome"],
    registry=registry,
)


def operation_ended(kind: str, result: str, seconds: float) -> None:
    """An operation ended, `seconds` after it was accepted."""
    _OPERATIONS.labels(kind, result).inc()
    _OPERATION_SECONDS.labels(kind).observe(seconds)


def vim_called(service: str, code: int | None, seconds: float) -> None:
    """An HTTP request to the VIM was answered; `code` None: it was not."""
    _VIM_CALLS.labels(service, str(code) if code is not None else "none").inc()
    _VIM_SECONDS.labels(service).observe(seconds)


def edit_staged(units: int, constraints: int) -> None:
    """An edit was applied and found valid."""
    _EDIT_UNITS.observe(units)
    _EDIT_CONSTRAINTS.observe(constraints)


def callback_tried(outcome: str) -> None:
    """A callback was posted once."""
    _CALLBACKS.labels(outcome).inc()


Reading = Mapping[tuple[str, ...], float]
"""Values by the values of their labels."""


class _Watched:
    """Gauges that are read when somebody asks. A new reader of a name takes the place of the old one."""

    def __init__(self) -> None:
        self._readers: dict[str, tuple[str, tuple[str, ...], Callable[[], Reading]]] = {}

    def watch(self, name: str, text: str, labels: tuple[str, ...], read: Callable[[], Reading]) -> None:
        self._readers[name] = (text, labels, read)

    def collect(self) -> Iterator[Metric]:
        for name, (text, labels, read) in list(self._readers.items()):
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, value in read().items():
                family.add_metric(values, value)
            yield family


_watched = _Watched()
registry.register(_watched)


def watch(name: str, text: str, read: Callable[[], Reading | float], labels: tuple[str, ...] = ()) -> None:
    """Show a gauge `name`, read at each `render` and on its thread; without `labels` `read` returns one number."""

    def reading() -> Reading:
        found = read()
        return found if isinstance(found, Mapping) else {(): found}

    _watched.watch(name, text, labels, reading)


def render() -> bytes:
    """Everything in Prometheus' text format (`CONTENT_TYPE`). Reads the store: not to be called on an event loop."""
    return generate_latest(registry)
