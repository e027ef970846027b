"""What one peer does must not be felt by another, nor bring the server down."""

from __future__ import annotations

import asyncio
import logging
import resource
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import asyncssh
import pytest
from tests.rawclient import RawClient
from tests.unit.netconf.house import USER_KEY, House, OpenHouse, until

from openesc.netconf import User
from openesc.netconf.channel import SshChannel

PLAY = '<play xmlns="urn:example:jukebox"><song>%s</song></play>'
SUBSCRIBE = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'


async def works(house: House) -> bool:
    """Whether a new client is served."""
    async with await house.client(user="bob") as other:
        return b"<ok/>" in await other.rpc(PLAY % "still")


async def test_a_peer_that_says_nothing_keeps_nobody_out(house: House) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    assert await works(house)
    writer.close()
    await writer.wait_closed()
    del reader


async def test_a_peer_that_never_logs_in_is_let_go(open_house: OpenHouse) -> None:
    house = await open_house(login_time=0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    await writer.wait_closed()
    await until(lambda: not house.server.connections)


async def test_too_many_peers_before_login_are_refused(open_house: OpenHouse) -> None:
    house = await open_house(connections_before_login=2)
    silent = [await asyncio.open_connection("127.0.0.1", house.server.port) for _ in range(2)]
    await until(lambda: len(house.server.connections) == 2)
    with pytest.raises((asyncssh.Error, OSError)):
        await house.login()
    for _, writer in silent:
        writer.close()
        await writer.wait_closed()
    await until(lambda: not house.server.connections)
    assert await works(house)


async def test_a_login_without_session_is_let_go(open_house: OpenHouse) -> None:
    house = await open_house(hello_time=0.2)
    client = await house.login()
    async with asyncio.timeout(5):
        await client.connection.wait_closed()


async def test_a_channel_without_subsystem_is_let_go(open_house: OpenHouse) -> None:
    house = await open_house(hello_time=0.2, close_time=0.2)
    client = await house.login()
    with pytest.raises(asyncssh.Error):
        await client.connection.open_session(subsystem="sftp")
    async with asyncio.timeout(5):
        await client.connection.wait_closed()
    assert house.server.channels == 0


async def test_a_client_that_leaves_before_hello_leaves_nothing(house: House) -> None:
    client = await house.login()
    await client.open()
    client.connection.abort()
    await until(lambda: not house.server.connections and not house.server.sessions)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    await asyncio.sleep(0.1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 0.05
    assert await works(house)


async def test_a_giant_chunk_header_ends_only_its_session(house: House) -> None:
    async with await house.client() as client:
        await client.send_bytes(b"\n#4000000000\n" + b"x" * 1000)
        assert b"too-big" in await client.receive()
        assert await client.ended()
    assert await works(house)


async def test_entities_are_not_expanded(house: House) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE rpc [<!ENTITY e0 "boom">{levels}]><rpc>&e9;</rpc>'
    async with await house.client() as client:
        await client.send(bomb.encode())
        assert b"malformed-message" in await client.receive()
        await client.send(b'<!DOCTYPE rpc SYSTEM "file:///etc/passwd"><rpc/>')
        assert b"DOCTYPE" in await client.receive()


async def test_wrong_passwords_are_refused_and_counted(open_house: OpenHouse) -> None:
    house = await open_house(login_attempts=3)
    with pytest.raises(asyncssh.PermissionDenied):
        await RawClient.login("127.0.0.1", house.server.port, "ann", password="wrong")
    with pytest.raises(asyncssh.PermissionDenied):
        await RawClient.login("127.0.0.1", house.server.port, "nobody", password="x")

    class Guesser(asyncssh.SSHClient):
        tries = 0

        def password_auth_requested(self) -> str:
            self.tries += 1
            return f"guess {self.tries}"

    guesser = Guesser()
    with pytest.raises(asyncssh.DisconnectError, match="too many login attempts"):
        await asyncssh.connect(
            "127.0.0.1", house.server.port, username="ann", known_hosts=None, config=None, agent_path=None,
            client_keys=None, preferred_auth="password", client_factory=lambda: guesser,
        )  # fmt: skip
    assert guesser.tries <= 4


async def test_a_failing_authenticator_lets_nobody_in_and_is_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.doorkeeper.passwords = Broken()
    with pytest.raises(asyncssh.PermissionDenied):
        await house.login()
    assert "the database is away" in caplog.text


class Broken(dict[str, tuple[str, User]]):
    """A table of users that cannot be read."""

    def get(self, *_: object) -> NoReturn:
        raise ConnectionError("the database is away")


async def test_sessions_opened_in_one_burst_do_not_pass_the_limit(open_house: OpenHouse) -> None:
    house = await open_house(sessions=3, close_time=0.5)
    client = await house.login()
    opened = await asyncio.gather(
        *(client.connection.open_session(subsystem="netconf", encoding=None) for _ in range(10)),
        return_exceptions=True,
    )
    assert len(house.server.sessions) <= 3
    assert sum(not isinstance(result, BaseException) for result in opened) <= 3
    await client.close()
    await until(lambda: house.server.channels == 0)


async def test_a_key_opens_the_door_of_its_owner_only(house: House) -> None:
    async with await RawClient.connect("127.0.0.1", house.server.port, "ann", key=USER_KEY) as client:
        assert b"<ok/>" in await client.rpc(PLAY % "la")
    with pytest.raises(asyncssh.PermissionDenied):
        await RawClient.login("127.0.0.1", house.server.port, "bob", key=USER_KEY)
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        await RawClient.login("127.0.0.1", house.server.port, "ann", key=stranger)


async def test_anything_but_netconf_is_refused(house: House) -> None:
    async with await house.login() as client:
        for command in ("id", None):
            done = await client.connection.run(command, request_pty=False)
            assert (done.exit_status, done.stdout) == (1, "")
            assert "This is a NETCONF server" in str(done.stderr)
        with pytest.raises(asyncssh.ChannelOpenError):
            await client.connection.start_sftp_client()
        with pytest.raises(asyncssh.ChannelOpenError):
            await client.connection.open_connection("127.0.0.1", 22)
        with pytest.raises(asyncssh.ChannelListenError):
            await client.connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 22)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs OpenSSH's client")
async def test_somebody_who_wants_a_shell_is_told_what_this_is(house: House, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(USER_KEY.export_private_key())
    key.chmod(0o600)
    options = (
        "-F/dev/null",
        "-oStrictHostKeyChecking=no",
        f"-oUserKnownHostsFile={tmp_path}/known",
        "-oBatchMode=yes",
    )
    ssh = await asyncio.create_subprocess_exec(
        "ssh", *options, "-i", str(key), "-p", str(house.server.port), "ann@127.0.0.1", "id",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await ssh.communicate()
    assert ssh.returncode != 0
    assert not out
    assert b"This is a NETCONF server" in err


@pytest.mark.parametrize("limit", ["sessions", "sessions_per_user"])
async def test_session_limits_refuse_the_channel_and_recover(open_house: OpenHouse, limit: str) -> None:
    house = await open_house(**{limit: 2}, close_time=0.5)
    first, second = await house.client(), await house.client()
    with pytest.raises(asyncssh.ChannelOpenError, match="2 sessions already"):
        await house.client()
    await first.close()
    await until(lambda: house.server.channels == 1)
    third = await house.client()
    assert b"<ok/>" in await third.rpc(PLAY % "la")
    await second.close()
    await third.close()


async def test_several_sessions_share_a_connection(house: House) -> None:
    async with await house.client() as first:
        second = RawClient(first.connection)
        await second.open()
        await second.greet()
        assert b"<ok/>" in await second.rpc("<close-session/>")
        assert await second.ended()
        assert b"<ok/>" in await first.rpc(PLAY % "la")


@pytest.mark.parametrize("how", ["tcp", "window"])
async def test_a_subscriber_that_stops_reading_is_cut_off(
    open_house: OpenHouse, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    house = await open_house(stall_time=0.3, close_time=0.3)
    song = "x" * 100_000
    async with await house.login() as slow, await house.client() as quick:
        await slow.open(window=2**31 if how == "tcp" else 2**21)
        await slow.greet()
        assert b"<ok/>" in await slow.rpc(SUBSCRIBE)
        assert b"<ok/>" in await quick.rpc(SUBSCRIBE)
        if how == "tcp":
            stop_reading(slow)
        with caplog.at_level(logging.INFO, "openesc.netconf"):
            for number in range(120):
                await quick.rpc(PLAY % f"{number} {song}")
                await quick.receive()
            assert unsent(house) < 1_000_000
            await until(lambda: len(house.server.sessions) == 1)
        assert "cut off: took nothing for 0.3 s" in caplog.text
    assert await works(house)


def unsent(house: House) -> int:
    """Bytes that wait in the server for its peers."""
    transports = [peer.connection._transport for peer in house.server.connections if peer.connection]
    return sum(t.get_write_buffer_size() for t in transports if isinstance(t, asyncio.Transport))


@pytest.mark.parametrize("window", [2**15, 2**31])
async def test_a_slow_reader_that_goes_on_in_time_gets_everything(house: House, window: int) -> None:
    async with await house.login() as slow:
        await slow.open(window=window)
        await slow.greet()
        for number in range(10):
            assert b"<ok/>" in await slow.rpc(PLAY % (str(number) + "x" * 1_000_000))
        transport = stop_reading(slow)
        asking = asyncio.create_task(slow.rpc('<history xmlns="urn:example:jukebox"/>'))
        await until(lambda: any(not channel.writable.is_set() for channel in channels(house)))
        transport.resume_reading()
        assert len(await asking) > 10_000_000
        assert b"<ok/>" in await slow.rpc(PLAY % "still there")


def channels(house: House) -> list[SshChannel]:
    """The channels of the server."""
    return [channel for peer in house.server.connections for channel in peer.channels]


async def test_a_reader_that_does_not_take_its_reply_is_cut_off(open_house: OpenHouse) -> None:
    house = await open_house(stall_time=0.3, close_time=0.3)
    async with await house.client() as slow, await house.client() as quick:
        for number in range(10):
            await quick.rpc(PLAY % (str(number) + "x" * 2_000_000))
        stop_reading(slow)
        await slow.send(
            b'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">'
            b'<history xmlns="urn:example:jukebox"/></rpc>'
        )
        await until(lambda: len(house.server.sessions) == 1)
    assert await works(house)


def stop_reading(client: RawClient) -> asyncio.Transport:
    """Leave everything that comes in the socket."""
    transport = client.connection._transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    return transport
