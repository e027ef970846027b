"""The console against a real server: what it sends, what it prints, how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest
from lxml import etree
from tests.integration.cli.peer import ESC, Done, Peer, environment, openesc

from openesc.netconf import RpcError

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
OK = """\
<?xml version="1.0" encoding="UTF-8"?>
<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
  <ok/>
</rpc-reply>
"""
EVENT = f'<escEvent xmlns="{ESC}"><status>SUCCESS</status><event><type>VM_ALIVE</type></event></escEvent>'.encode()
TENANT = f'<esc_datamodel xmlns="{ESC}"><tenants><tenant><name>t</name></tenant></tenants></esc_datamodel>'


def console(peer: Peer, *arguments: object, **changes: str) -> Done:
    return openesc("netconf-console", "--data-dir", peer.data_dir, *arguments, **changes)


def test_an_edit_prints_the_reply_as_confd_does(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "tenant.xml"
    file.write_text(TENANT)
    done = console(peer, f"--edit-config={file}")
    assert (done.returncode, done.stdout, done.stderr) == (0, OK, "")
    assert peer.recorder.edits[0].findtext(f".//{{{ESC}}}name") == "t"


@pytest.mark.parametrize(
    "content",
    [
        TENANT,
        f'<?xml version="1.0" encoding="UTF-8"?>\n{TENANT}',
        f"\ufeff<?xml version='1.0'?>{TENANT}",
        f"<config>{TENANT}</config>",
        f'<config xmlns="{BASE}">{TENANT}</config>',
        f"<nc:config>{TENANT}</nc:config>",
        TENANT.replace("<tenant>", '<tenant nc:operation="merge">'),
        f"<edit-config><target><running/></target><config>{TENANT}</config></edit-config>",
        f'<rpc xmlns="{BASE}"><edit-config><target><running/></target><config>{TENANT}</config></edit-config></rpc>',
        f"<!-- a note -->{TENANT}<!-- and another -->",
    ],
    ids=[
        "bare",
        "declared",
        "bom",
        "config",
        "qualified config",
        "nc config",
        "nc",
        "edit-config",
        "rpc",
        "comments",
    ],
)
def test_a_file_may_be_written_in_any_of_these_ways(peer: Peer, tmp_path: Path, content: str) -> None:
    file = tmp_path / "tenant.xml"
    file.write_text(content)
    done = console(peer, "--edit-config", file)
    assert (done.returncode, done.stdout) == (0, OK), done.stderr
    assert peer.recorder.edits[0].findtext(f".//{{{ESC}}}name") == "t"


def test_a_file_in_another_encoding_is_read_as_it_says(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "tenant.xml"
    file.write_bytes(f'<?xml version="1.0" encoding="ISO-8859-1"?>{TENANT}'.replace(">t<", ">é<").encode("latin-1"))
    assert console(peer, "--edit-config", file).returncode == 0
    assert peer.recorder.edits[0].findtext(f".//{{{ESC}}}name") == "é"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is empty"),
        ("  \n", "is empty"),
        ("<!-- nothing -->", "has no element"),
        ("<a>\n<b></a>", "is not well-formed XML: line 2, column 8"),
        ("<a xmlns=http://x/>", "is not well-formed XML: line 1, column 10"),
        ("<a>", "is not well-formed XML: line 1"),
        ('<!-- a --><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "has a DOCTYPE"),
        ("<a>\udcff</a>", "is not text in utf-8"),
    ],
)
def test_an_unusable_file_gets_one_clear_line_and_nothing_is_sent(
    peer: Peer, tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "tenant.xml"
    if content is not None:
        file.write_text(content, errors="surrogateescape")
    done = console(peer, "--edit-config", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"{file} {said}" in done.stderr
    assert peer.recorder.edits == []


def test_an_rpc_error_is_printed_whole_and_exits_1(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "tenant.xml"
    file.write_text(TENANT)
    peer.recorder.refusal = RpcError("invalid-value", 'no & "quotes" <here>', error_type="application")
    done = console(peer, "--edit-config", file)
    reply = etree.fromstring(done.stdout.encode())
    assert done.returncode == 1
    assert reply.findtext(f".//{{{BASE}}}error-message") == 'no & "quotes" <here>'
    assert done.stderr == ""


def test_get_sends_the_xpath_as_it_is_and_prints_the_servers_bytes_indented(peer: Peer) -> None:
    peer.recorder.data = f'<esc_datamodel xmlns="{ESC}"><a> x </a><b/><c>\u00e9 &lt;</c></esc_datamodel>'.encode()
    xpath = '/esc_datamodel/tenants/tenant[name="O\'Neil & <co>"]'
    done = console(peer, "--get", "-x", xpath)
    asked = peer.recorder.filters[0]
    assert asked is not None
    assert (asked.kind, asked.select) == ("xpath", xpath)
    assert done.stdout == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">\n'
        f'  <data>\n    <esc_datamodel xmlns="{ESC}">\n      <a> x </a>\n      <b/>\n      <c>é &lt;</c>\n'
        "    </esc_datamodel>\n  </data>\n</rpc-reply>\n"
    )


def test_no_match_is_an_empty_data_element(peer: Peer) -> None:
    done = console(peer, "--get-config", "--xpath", "nothing")
    assert "\n  <data/>\n" in done.stdout
    assert done.returncode == 0


def test_a_big_reply_comes_whole(peer: Peer) -> None:
    big = "x" * 12_000_000  # above libxml2's default limit for one text
    peer.recorder.data = f'<esc_datamodel xmlns="{ESC}"><a>{big}</a></esc_datamodel>'.encode()
    done = console(peer, "--get-config")
    assert big in done.stdout
    assert done.returncode == 0


def test_hello_prints_the_servers_hello(peer: Peer) -> None:
    hello = etree.fromstring(console(peer, "--hello").stdout.encode())
    assert hello.tag == f"{{{BASE}}}hello"
    assert "urn:ietf:params:netconf:base:1.1" in [text.text for text in hello.iter(f"{{{BASE}}}capability")]


def test_events_are_printed_as_they_come_until_the_stop_time(peer: Peer) -> None:
    peer.recorder.events = [("2021-09-14T12:18:39.836+00:00", EVENT)]
    start, stop = "2021-09-14T00:00:00Z", "2021-09-15T00:00:00Z"
    done = console(peer, "--create-subscription=escEvent", "--start-time", start, "--stop-time", stop)
    documents = done.stdout.split('<?xml version="1.0" encoding="UTF-8"?>\n')[1:]
    kinds = [etree.fromstring(document.encode())[-1].tag.rpartition("}")[2] for document in documents]
    assert kinds == ["ok", "escEvent", "replayComplete", "notificationComplete"]
    assert documents[1].startswith(
        '<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">\n'
        "  <eventTime>2021-09-14T12:18:39.836+00:00</eventTime>\n"
        f'  <escEvent xmlns="{ESC}">\n    <status>SUCCESS</status>\n'
    )
    assert done.returncode == 0


def test_a_subscription_ends_quietly_by_ctrl_c(peer: Peer) -> None:
    peer.recorder.events = [("2021-09-14T12:18:39.836+00:00", EVENT)]
    command = [sys.executable, "-m", "openesc.cli", "netconf-console", "--create-subscription=escEvent"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(OPENESC_DATA_DIR=str(peer.data_dir)),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        try:
            while "</notification>" not in child.stdout.readline():
                pass
            child.send_signal(signal.SIGINT)
            assert child.wait(10) == 130
            assert child.stderr.read() == ""
        finally:
            child.kill()


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ssh-rsa", "openssh"),
        ("ssh-rsa", "pkcs1-pem"),
        ("ecdsa-sha2-nistp256", "openssh"),
        ("ecdsa-sha2-nistp384", "pkcs1-pem"),
        ("ecdsa-sha2-nistp521", "pkcs8-pem"),
        ("ssh-ed25519", "openssh"),
        ("ssh-ed25519", "pkcs8-pem"),
    ],
)
def test_every_kind_of_key_logs_in(peer: Peer, tmp_path: Path, kind: str, form: str) -> None:
    key, file, name = asyncssh.generate_private_key(kind), tmp_path / "id", f"{kind}-{form}"
    key.write_private_key(file, form)
    peer.loop.run(peer.users.add(name, "operator"))
    peer.loop.run(peer.users.add_key(name, key.export_public_key().decode()))
    done = console(peer, "--user", name, "--privKeyFile", file, "--privKeyType=rsa", "--get", "--echo=stderr")
    assert done.returncode == 0, done.stderr
    assert peer.recorder.users == [name]
    assert f"--privKeyType={kind.split('-')[0 if kind.startswith('ecdsa') else 1]}" in done.stderr


def test_a_key_with_a_passphrase_asks_for_it_and_takes_it(peer: Peer, tmp_path: Path) -> None:
    key, file = asyncssh.generate_private_key("ssh-ed25519"), tmp_path / "id"
    key.write_private_key(file, passphrase="open sesame")
    peer.loop.run(peer.users.add_key("esc-nc-admin", key.export_public_key().decode()))
    refused = console(peer, "--privKeyFile", file, "--get")
    assert (refused.returncode, peer.recorder.users) == (2, [])
    assert f"{file} needs a passphrase" in refused.stderr
    assert console(peer, "--privKeyFile", file, "--get", OPENESC_PASSWORD="open sesame").returncode == 0


def test_a_file_that_is_no_key_is_named(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "id"
    assert f"{file} cannot be read: No such file" in console(peer, "--privKeyFile", file, "--get").stderr
    file.write_text("not a key")
    assert f"{file} is no private key that can be used" in console(peer, "--privKeyFile", file, "--get").stderr


def test_a_password_comes_by_the_environment_and_is_never_shown(peer: Peer) -> None:
    peer.loop.run(peer.users.add("paul", "operator", None, "s3cret word"))
    done = console(peer, "--user=paul", "--get", "--echo=stderr", OPENESC_PASSWORD="s3cret word")
    assert done.returncode == 0, done.stderr
    assert "--password=****" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout


def test_a_wrong_password_exits_5_and_says_who_was_refused(peer: Peer) -> None:
    done = console(peer, "--user=nobody", "--get", OPENESC_PASSWORD="guess")
    assert (done.returncode, done.stdout) == (5, "")
    assert f"127.0.0.1:{peer.server.port} does not let nobody in" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_host_key_than_the_data_directorys_is_refused(peer: Peer) -> None:
    file = peer.data_dir / "keys" / "ssh_host_ed25519_key.pub"
    mine = file.read_text()
    try:
        file.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
        done = console(peer, "--get")
    finally:
        file.write_text(mine)
    assert done.returncode == 5
    assert peer.recorder.filters == []


def test_no_server_exits_5_and_says_what_to_do(tmp_path: Path) -> None:
    done = openesc("netconf-console", "--data-dir", tmp_path, "--get")
    assert done.returncode == 5
    assert f"no server runs on {tmp_path}" in done.stderr and "make run" in done.stderr


def test_a_port_where_nobody_listens_exits_5(tmp_path: Path) -> None:
    done = openesc("netconf-console", "--data-dir", tmp_path, "--port", 1, "--get", OPENESC_PASSWORD="x")
    assert done.returncode == 5
    assert "127.0.0.1:1 cannot be reached" in done.stderr
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize(
    "arguments", [[], ["--get", "--hello"], ["--get", "--get-config"], ["--get", "--db=x", "--hello"]]
)
def test_exactly_one_request_is_expected(peer: Peer, arguments: list[str]) -> None:
    done = console(peer, *arguments)
    assert done.returncode == 2
    assert "one request is expected" in done.stderr


def test_an_action_is_sent_from_a_file(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "action.xml"
    file.write_text(f'<vmAction xmlns="{ESC}"><actionType>STOP</actionType><vmName> vm </vmName></vmAction>')
    done = console(peer, f"--rpc={file}")
    assert (done.returncode, done.stdout) == (0, OK)
    assert peer.recorder.actions[0].findtext(f"{{{ESC}}}vmName") == " vm "
