"""Steps of transitions of servers: nothing is left to do when the server is gone meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from openesc.cloudsim.compute.changes import host_is_up
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.jobs import Next, real, step
from openesc.cloudsim.core.records import Job, Server

ServerStep = Callable[[Cloud, Job, Server], Next]

DEAD_HOST = 0.5
"""Seconds between two looks whether the nova-compute answers again."""


def server_step(name: str, *, on_host: bool = False) -> Callable[[ServerStep], ServerStep]:
    """Register the decorated function as the step `name` of a server.

    Args:
        on_host: its host does it: the message to a dead one waits in the queue.
    """

    def register(function: ServerStep) -> ServerStep:
        @step(name)
        def run(cloud: Cloud, job: Job) -> Next:
            server = cloud.servers.get(job.subject)
            if server is None:
                return None
            if on_host and not host_is_up(cloud, server):
                return (job.step, real(DEAD_HOST))
            return function(cloud, job, server)

        return function

    return register
