"""The disk fills up under a running operation: edits are refused with the reason, the work goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.crash.documents import in_tenant
from tests.crash.house import House
from tests.crash.outcome import assert_same, made_twice, outcome
from tests.crash.runs import Runs
from tests.crash.scenarios import DEPLOY_ONE
from tests.integration.rest.client import V0, Answer, Rest

MEGABYTES = 24
MANY = 400
"""Edits: more than fit into what the write-ahead log has reserved already."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own. Skips where we may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: a full disk. It takes the right to mount a tmpfs (root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A server whose disk is small; the cloud has another one."""
    with small_disk(tmp_path / "disk") as disk:
        house = House.on(disk)
        (tmp_path / "cloud").mkdir()
        (house.server.data_dir / "cloudsim").symlink_to(tmp_path / "cloud")
        await house.restart()
        yield house
        house.close()


def fill(file: Path) -> None:
    """Take every byte there is."""
    with file.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


async def refused(house: House) -> bytes:
    """Edit until the store takes no more; the reply that says so."""
    async with house.session() as client:
        for number in range(MANY):
            config = f"<config>{in_tenant(f'filling-{number}', '')}</config>"
            reply = await client.rpc(f"<edit-config><target><running/></target>{config}</edit-config>")
            if b"<ok/>" not in reply:
                return reply
    raise AssertionError(f"{MANY} edits fitted on a full disk")


def refused_by_rest(house: House) -> Answer:
    """The same by REST; reads go on."""
    address = house.server.endpoints["rest"]
    with Rest(f"http://{address['host']}:{address['port']}") as rest:
        for number in range(MANY):
            answer = rest.post(f"{V0}/tenants/rest-filling-{number}", "<tenant/>")
            if answer.status != 200:
                assert rest.get(f"{V0}/deployments").status == 200
                return answer
    raise AssertionError(f"{MANY} requests fitted on a full disk")


async def test_a_full_disk_refuses_edits_and_delays_operations(house: House) -> None:
    runs = Runs(house)
    expected = await runs.undisturbed(DEPLOY_ONE)
    names, since = await runs.prepare(DEPLOY_ONE), datetime.now(UTC)
    filler = house.server.data_dir / "filler"
    house.fault({"type": "delay", "seconds": 2}, operation="project.create", name=names.tenant)
    await house.ask_for(DEPLOY_ONE.request, names)
    await house.intended(names, f"tenant/{names.tenant}")
    with house.stopped_cloud():
        fill(filler)
        assert b"resource-denied" in await refused(house)
        answer = await asyncio.to_thread(refused_by_rest, house)
        assert answer.error[0] == 503, answer.text
        assert (await house.opdata(names)).find(".//{*}data") is not None
    await house.requested(names, "project.create")
    await asyncio.sleep(1)  # what the cloud did cannot be written down, again and again
    assert (await house.operations(names))[-1]["state"] == "running"
    filler.unlink()
    await house.ended(names)
    assert_same(await outcome(house, names, since), expected)
    assert made_twice(house, names) == []
    await house.edit(in_tenant("room-again", ""))
