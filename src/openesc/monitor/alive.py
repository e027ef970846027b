"""VM_ALIVE: the first sign of life of a VM, by the KPI that tells it (user guide, KPIs and rules)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from openesc.monitor.collectors import CollectorRegistry, Target
from openesc.monitor.kpi import Threshold
from openesc.store import now_ms

log = structlog.get_logger()

SUCCESS_OR_FAILURE = frozenset({"icmpping"})
"""Collectors of the metric type MONITOR_SUCCESS_FAILURE (user guide, monitoring)."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What to ask and how often. `poll_seconds` from poll_frequency and polling_unit."""

    collector: str
    target: Target
    threshold: Threshold
    poll_seconds: float


class AliveMonitor:
    """Polls a VM until its KPI is true. Healing, rules and scaling build on the same collectors."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._collectors = collectors

    async def first_alive(self, watch: Watch, until: int) -> bool:
        """Poll at once, then every `poll_seconds`, until the threshold holds (True) or `until` (UTC ms) has passed."""
        collector = self._collectors.get(watch.collector)
        is_true: Callable[[float], bool] = bool if _tells_success(watch.collector) else watch.threshold.holds
        while True:
            try:
                if is_true(await collector.collect(watch.target)):
                    return True
            except OSError as error:
                log.warning(
                    "collector failed", collector=watch.collector, address=watch.target.ip_address, reason=str(error)
                )
            left = (until - now_ms()) / 1000
            if left <= 0:
                return False
            await asyncio.sleep(min(watch.poll_seconds, left))


def _tells_success(collector: str) -> bool:
    """Some collectors answer yes or no; their threshold is not looked at (samples ask ICMPPing for a value above 1)."""
    return collector.casefold() in SUCCESS_OR_FAILURE
