"""`python -m benchmarks [edit] [deploy] [start] [operations] [callbacks] [rest] [openstack]`: measure and print tables.
Loopback only, bounded in time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import callbacks, deploy, edit, openstack, operations, rest, start
from benchmarks.house import Site
from benchmarks.measure import ms, reference_seconds
from benchmarks.report import Table, Tables

LIMIT_SECONDS = 360
LONG_SECONDS = 2400


def _edit(site: Site, options: argparse.Namespace) -> Awaitable[Table]:
    return edit.run(site, options.deployments, options.rounds)


def _deploy(site: Site, options: argparse.Namespace) -> Awaitable[Table]:
    return deploy.run(site, options.new)


def _start(site: Site, options: argparse.Namespace) -> Awaitable[Table]:
    return start.run(site, options.vms, options.operations)


def _operations(site: Site, options: argparse.Namespace) -> Awaitable[Table]:
    return operations.run(site, options.operated)


def _callbacks(site: Site, options: argparse.Namespace) -> Awaitable[Table]:
    return callbacks.run(site, options.receiving, options.events)


def _rest(site: Site, options: argparse.Namespace) -> Awaitable[Table]:
    return rest.run(site, options.rest_deployments)


def _openstack(site: Site, options: argparse.Namespace) -> Awaitable[Tables]:
    return openstack.run(site, options.servers, options.compared, options.in_flight, seconds=options.waiting_seconds)


BENCHMARKS: dict[str, Callable[[Site, argparse.Namespace], Awaitable[Table | Tables]]] = {
    "edit": _edit,
    "deploy": _deploy,
    "start": _start,
    "operations": _operations,
    "callbacks": _callbacks,
    "rest": _rest,
    "openstack": _openstack,
}

ALONE = ("openstack",)
"""Those that want more than loopback and more time, and run when they are named."""


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "benchmark", nargs="*", help=f"which: {', '.join(BENCHMARKS)}; none: all but {', '.join(ALONE)}"
    )
    parser.add_argument(
        "--deployments", type=_sizes, default=[10, 1000, 10000], help="edit: deployments that are there"
    )
    parser.add_argument("--rounds", type=int, default=edit.ROUNDS, help=f"edit: rounds of {edit.EDITS} edits a size")
    parser.add_argument("--new", type=_sizes, default=[50, 200], help="deploy: deployments that are made")
    parser.add_argument("--vms", type=int, default=10000, help="start: VMs that are there")
    parser.add_argument("--operations", type=int, default=1000, help="start: operations in flight")
    parser.add_argument("--operated", type=int, default=30, help="operations: VMs that are operated on")
    parser.add_argument("--receiving", type=int, default=100, help="callbacks: deployments that have receivers")
    parser.add_argument("--events", type=int, default=20, help="callbacks: events of each of them")
    parser.add_argument("--rest-deployments", type=int, default=10000, help="rest: deployments that are there")
    parser.add_argument("--servers", type=int, default=20, help="openstack: VMs of one deployment")
    parser.add_argument("--compared", type=int, default=3, help="openstack: rounds beside the bare script")
    parser.add_argument("--in-flight", type=_sizes, default=[1, 20, 100], help="openstack: operations that wait")
    parser.add_argument("--waiting-seconds", type=float, default=60, help="openstack: how long is counted at each size")
    parser.add_argument("--dir", type=Path, help="folder for data directories, on the disk that is to be measured")
    parser.add_argument(
        "--limit",
        type=float,
        help=f"seconds after which a benchmark is given up, {LIMIT_SECONDS} for all; openstack: {LONG_SECONDS}",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.benchmark) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}")
    return options


def _sizes(text: str) -> list[int]:
    """``10,1000``"""
    return [int(part) for part in text.split(",") if part]


def _limit(options: argparse.Namespace) -> float:
    given: float | None = options.limit
    return given or (LONG_SECONDS if set(options.benchmark) & set(ALONE) else LIMIT_SECONDS)


async def _run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="openesc-bench-", dir=options.dir) as folder:
        site = Site(Path(folder))
        site.warm()
        async with asyncio.timeout(_limit(options)):
            for name in options.benchmark or [one for one in BENCHMARKS if one not in ALONE]:
                print(await BENCHMARKS[name](site, options), flush=True)


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    options = _options(sys.argv[1:])
    began = time.monotonic()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, {_crowd()} before\n"
    )
    try:
        asyncio.run(_run(options))
    except TimeoutError:
        print(f"given up after {options.limit:g} s; --limit allows more, smaller sizes need less", file=sys.stderr)
        return 1
    except RuntimeError as error:
        print(f"a benchmark ended early: {error}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - began:.0f} s in all; {_crowd()} after")
    return 0


def _crowd() -> str:
    """How much the machine has to do beside us."""
    return f"load {os.getloadavg()[0]:.1f} and {ms(reference_seconds())} ms of CPU for the reference loop"


if __name__ == "__main__":
    sys.exit(main())
