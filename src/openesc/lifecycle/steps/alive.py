"""Waiting for a VM's sign of life by the KPI that tells it."""

from __future__ import annotations

from openesc.inventory.records import Interface
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.monitor.alive import Watch
from openesc.monitor.collectors import Target
from openesc.monitor.kpi import Threshold

NO_LIMIT = 10 * 365 * 86400
"""Seconds: a bootup_time of -1 waits for ever."""


async def wait_alive(
    work: Work, group: intent.Group, name: str, server_id: str, interfaces: list[Interface], path: str
) -> None:
    """Watch the group's alive KPI (it must have one) until it is true. Raises: StepFailed after bootup_time."""
    kpi = group.alive_kpi
    assert kpi is not None
    address = next((nic.ip_address for nic in interfaces if nic.nicid == kpi.nicid), "")
    until = await work.op.deadline(path, group.bootup_time if group.bootup_time >= 0 else NO_LIMIT)
    target = Target(work.deployment.vim_id, server_id, address, properties=kpi.properties)
    threshold = Threshold(kpi.metric_cond, kpi.metric_type, kpi.metric_value)
    watch = Watch(kpi.collector, target, threshold, kpi.poll_seconds)
    if not await work.op.wait(work.services.monitor.first_alive(watch, until)):
        raise StepFailed(f"VM [{name}] did not become alive within {group.bootup_time} seconds")
