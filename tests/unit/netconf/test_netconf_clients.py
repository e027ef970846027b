"""Clients that people use: ncclient, netconf-console2."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele
from tests.unit.netconf.house import House, until

JUKEBOX = (
    '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><jukebox xmlns="urn:example:jukebox">'
    "<artist><name>{}</name><rating>{}</rating></artist></jukebox></config>"
)


async def with_ncclient(house: House, work: Callable[[Any], None]) -> None:
    """Run `work` with a connected manager, in a thread."""

    def run() -> None:
        with manager.connect(
            host="127.0.0.1", port=house.server.port, username="ann", password="ann-pw",
            hostkey_verify=False, allow_agent=False, look_for_keys=False, timeout=10,
        ) as connected:  # fmt: skip
            work(connected)

    await asyncio.to_thread(run)
    await until(lambda: not house.server.sessions)


async def test_ncclient_reads_edits_locks_and_is_told_errors(house: House) -> None:
    def work(m: Any) -> None:
        assert ":writable-running" in m.server_capabilities
        with m.locked("running"):
            assert m.edit_config(target="running", config=JUKEBOX.format("ann", 5)).ok
        with pytest.raises(RPCError) as caught:
            m.edit_config(target="running", config=JUKEBOX.format("ann", 9))
        assert caught.value.tag == "invalid-value"
        assert "jb:rating" in caught.value.path
        assert m.dispatch(to_ele('<play xmlns="urn:example:jukebox"><song>la</song></play>')).ok
        tree = '<jukebox xmlns="urn:example:jukebox"><artist><name>ann</name></artist></jukebox>'
        assert "<rating>5</rating>" in m.get_config("running", filter=("subtree", tree)).data_xml
        assert "la" in m.get(filter=("xpath", "/jukebox/player")).data_xml
        assert "module example-jukebox" in m.get_schema("example-jukebox").data

    await with_ncclient(house, work)


async def test_ncclient_receives_notifications(house: House) -> None:
    def work(m: Any) -> None:
        m.create_subscription()
        m.dispatch(to_ele('<play xmlns="urn:example:jukebox"><song>la</song></play>'))
        assert "song-started" in m.take_notification(timeout=5).notification_xml

    await with_ncclient(house, work)


async def test_netconf_console2_says_hello_and_gets(house: House) -> None:
    console = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("netconf-console2")),
        "--host", "127.0.0.1", "--port", str(house.server.port), "-u", "ann", "-p", "ann-pw", "--get",
        "-x", "/netconf/streams",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await console.communicate()
    assert b"<name>NETCONF</name>" in out, err
