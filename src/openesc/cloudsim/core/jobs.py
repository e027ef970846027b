"""What goes on after an answer: steps of transitions, each at its time, kept in the durable file.

A step is a named function that does one change and says which step follows after how many seconds. Steps without a
wait run in the same turn as the request that began them, so with `latency_factor` 0 a transition costs one write.
"""

from __future__ import annotations

import heapq
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from openesc.cloudsim.core.records import Job

if TYPE_CHECKING:
    from openesc.cloudsim.core.cloud import Cloud

Next = tuple[str, float] | None
"""The following step and the wait before it, in seconds times the latency factor; `real` waits know no factor."""

Step = Callable[["Cloud", Job], Next]

STEPS: dict[str, Step] = {}


def step(name: str) -> Callable[[Step], Step]:
    """Register the decorated function as the step `name`."""

    def register(function: Step) -> Step:
        STEPS[name] = function
        return function

    return register


def real(seconds: float) -> float:
    """A wait that the latency factor does not change: negative inside, so that factor 0 cannot make it a busy loop."""
    return -max(seconds, 0.05)


class Jobs:
    """The queue of steps. `schedule` and `run_due` are called by the server; `wake_at` says when to call again."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._heap: list[tuple[float, int, str]] = []
        self._count = 0
        for job in cloud.job_rows:
            self._push(job)

    def start(
        self, first: str, subject: str, wait: float = 0.0, plan: dict[str, Any] | None = None, **args: Any
    ) -> Job:
        """Begin with step `first` after `wait` seconds (times the latency factor)."""
        self._count += 1
        identifier = f"{self._cloud.now():.6f}-{self._count}"
        job = Job(identifier, first, subject, self._due(wait), args, plan)
        self._save(job)
        return job

    def after(self, first: str, subject: str, seconds: float, **args: Any) -> Job:
        """As `start`, with a wait in real seconds that no factor changes."""
        return self.start(first, subject, -max(seconds, 0.0), None, **args)

    def cancel(self, subject: str) -> None:
        """Drop all jobs of a subject."""
        for job in self._cloud.job_rows.by("subject", subject):
            self._cloud.job_rows.drop(job.id)

    def hurry(self, job: Job) -> None:
        """Do a job's next step now."""
        job.due = self._cloud.now()
        self._save(job)

    def advance(self, subject: str) -> bool:
        """Let the next step of a subject be due now, whatever its wait; whether there is one."""
        waiting = [job for job in self._cloud.job_rows.by("subject", subject) if job.frozen is None]
        if waiting:
            self.hurry(min(waiting, key=lambda job: job.due))
        return bool(waiting)

    def thaw(self, rule_id: str) -> None:
        """Let jobs go on that a fault rule held still."""
        for job in self._cloud.job_rows:
            if job.frozen == rule_id:
                job.frozen, job.due, job.plan = None, self._cloud.now(), None
                self._save(job)

    def run_due(self) -> None:
        """Do every step whose time has come."""
        while self._heap and self._heap[0][0] <= self._cloud.now():
            due, _, identifier = heapq.heappop(self._heap)
            job = self._cloud.job_rows.get(identifier)
            if job is not None and job.due == due and job.frozen is None:
                self._run(job)

    def wake_at(self) -> float | None:
        """When the next step is due."""
        return self._heap[0][0] if self._heap else None

    def _run(self, job: Job) -> None:
        if self._freeze(job):
            self._save(job)
            return
        try:
            following = STEPS[job.step](self._cloud, job)
        except Exception:  # noqa: BLE001 - one broken transition must not stop the cloud
            sys.stderr.write(f"cloudsim: step {job.step} of {job.subject} broke\n")
            traceback.print_exc(file=sys.stderr)
            following = None
        if job.id not in self._cloud.job_rows:
            return
        if following is None:
            self._cloud.job_rows.drop(job.id)
            return
        job.step, wait = following
        job.due = self._due(wait)
        self._save(job)

    def _freeze(self, job: Job) -> bool:
        # A freeze holds the step it names, or the first, once.
        plan = job.plan
        if plan is None or plan["type"] != "freeze" or plan.get("step", job.step) != job.step:
            return False
        job.plan = None
        if plan.get("seconds") is None:
            job.frozen = str(plan["rule"])
        else:
            job.due = self._cloud.now() + float(plan["seconds"])
        return True

    def _due(self, wait: float) -> float:
        return self._cloud.now() + (-wait if wait < 0 else wait * self._cloud.settings.latency_factor)

    def _save(self, job: Job) -> None:
        self._cloud.job_rows.put(job)
        self._push(job)

    def _push(self, job: Job) -> None:
        if job.frozen is None:
            self._count += 1
            heapq.heappush(self._heap, (job.due, self._count, job.id))
