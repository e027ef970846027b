"""esc_nc_cli, run by sh as people run it, against a real server: what is sent, what is printed, how it ends."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from lxml import etree
from tests.integration.cli.peer import ESC, ROOT, Done, Peer, environment

from openesc.netconf import RpcError

SCRIPT = ROOT / "esc_nc_cli"
VM = "test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008"
NASTY = "a & <b> 'c' \"d\" $(touch x) `id` \\n %s"
OK = '<?xml version="1.0" encoding="UTF-8"?>\n<rpc-reply xmlns="{}" message-id="1">\n  <ok/>\n</rpc-reply>\n'.format(
    "urn:ietf:params:xml:ns:netconf:base:1.0"
)


def cli(peer: Peer, *arguments: object, **changes: str) -> Done:
    settings = environment(OPENESC_DATA_DIR=str(peer.data_dir)) | changes
    command = ["sh", str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=settings, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def children(element: etree._Element) -> list[tuple[str, str | None]]:
    return [(etree.QName(child).localname, child.text) for child in element]


@pytest.mark.parametrize(
    ("arguments", "name", "content"),
    [
        *(
            (["vm-action", action, VM], "vmAction", [("actionType", action), ("vmName", VM)])
            for action in ("START", "REBOOT", "ENABLE_MONITOR", "CONFIRM_RESIZE")
        ),
        (["vm-action", "STOP", NASTY], "vmAction", [("actionType", "STOP"), ("vmName", NASTY)]),
        (["migrate-vm-action", VM, "live"], "vmMigrate", [("vmName", VM), ("migrationType", "live")]),
        (
            ["migrate-vm-action", VM, "live", "Host-22"],
            "vmMigrate",
            [("vmName", VM), ("migrationType", "live"), ("host", "Host-22")],
        ),
        (
            ["migrate-vm-action", VM, "live", "true"],
            "vmMigrate",
            [("vmName", VM), ("migrationType", "live"), ("blockMigration", "true")],
        ),
        (
            ["migrate-vm-action", VM, "live", "false", "Host-22"],
            "vmMigrate",
            [("vmName", VM), ("migrationType", "live"), ("blockMigration", "false"), ("host", "Host-22")],
        ),
        (["migrate-vm-action", VM, "cold"], "vmMigrate", [("vmName", VM), ("migrationType", "cold")]),
        (
            ["vm-backup-action", VM, "my-snapshot-name", "SNAPSHOT"],
            "vmBackupAction",
            [("vmName", VM), ("backupName", "my-snapshot-name"), ("actionType", "SNAPSHOT")],
        ),
        (
            ["vm-backup-action", VM, "b"],
            "vmBackupAction",
            [("vmName", VM), ("backupName", "b"), ("actionType", "SNAPSHOT")],
        ),
        (["snapshot-action", "delete", "s-1"], "snapshotAction", [("actionType", "DELETE"), ("snapshot", "s-1")]),
        (["snapshot-action", "s-1"], "snapshotAction", [("actionType", "DELETE"), ("snapshot", "s-1")]),
        (["recovery-vm-action", "DO", VM], "recoveryVmAction", [("actionType", "DO"), ("vmName", VM)]),
        (
            ["svc-action", "REBOOT", "admin", "Cirros-VNF"],
            "serviceAction",
            [("actionType", "REBOOT"), ("tenantName", "admin"), ("depName", "Cirros-VNF")],
        ),
    ],
)
def test_a_verb_sends_its_action(
    peer: Peer, tmp_path: Path, arguments: list[str], name: str, content: list[tuple[str, str]]
) -> None:
    done = cli(peer, *arguments, TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, OK), done.stderr
    [action] = peer.recorder.actions
    assert action.tag == f"{{{ESC}}}{name}"
    assert children(action) == content
    assert list(tmp_path.iterdir()) == []  # the scratch file is gone


def test_the_title_and_the_command_go_to_stderr_as_esc_prints_them(peer: Peer, tmp_path: Path) -> None:
    done = cli(peer, "vm-backup-action", VM, "my-snapshot-name", "SNAPSHOT", TMPDIR=str(tmp_path))
    title, command = done.stderr.splitlines()
    key = peer.data_dir / "keys" / "esc-nc-admin"
    assert title == "VM Backup Action"
    assert command.startswith(
        f"openesc netconf-console --port={peer.server.port} --host=127.0.0.1 --user=esc-nc-admin "
        f"--privKeyFile={key} --privKeyType=ed25519 --rpc={tmp_path}/tmp_esc_nc_cli."
    )


def test_classic_prints_all_of_it_on_stdout(peer: Peer) -> None:
    done = cli(peer, "--classic", "vm-action", "STOP", VM)
    assert done.stderr == ""
    assert done.stdout.startswith("VM Action\nopenesc netconf-console --port=")
    assert done.stdout.endswith(OK)


def test_edit_config_sends_the_file_and_create_tenant_makes_one(peer: Peer) -> None:
    assert cli(peer, "edit-config", ROOT / "examples" / "cirros-vnf.xml").stdout == OK
    assert cli(peer, "create-tenant", NASTY).stdout == OK
    deployment, tenant = peer.recorder.edits
    assert deployment.findtext(f".//{{{ESC}}}deployment/{{{ESC}}}name") == "Cirros-VNF"
    assert tenant.findtext(f"{{{ESC}}}esc_datamodel/{{{ESC}}}tenants/{{{ESC}}}tenant/{{{ESC}}}name") == NASTY


@pytest.mark.parametrize("verb", ["get", "get-config"])
def test_get_passes_the_xpath_on(peer: Peer, verb: str) -> None:
    xpath = '/esc_datamodel/tenants/tenant[name="a\'b&<c>"]'
    peer.recorder.data = f'<esc_datamodel xmlns="{ESC}"><a/></esc_datamodel>'.encode()
    done = cli(peer, verb, xpath)
    [asked] = peer.recorder.filters
    assert asked is not None and asked.select == xpath
    assert etree.fromstring(done.stdout.encode()).find(f".//{{{ESC}}}a") is not None
    command = shlex.split(done.stderr.splitlines()[1])
    assert command[-2:] == [f"--{verb}", f"--xpath={xpath}"], "the command line can be used as it is shown"
    assert cli(peer, verb).stderr.endswith(f" --{verb}\n")
    assert peer.recorder.filters[1] is None


def test_a_refusal_exits_1_with_the_reply_on_stdout(peer: Peer) -> None:
    peer.recorder.refusal = RpcError("operation-failed", "no such VM", error_type="application")
    done = cli(peer, "vm-action", "START", VM)
    assert done.returncode == 1
    assert "<error-message" in done.stdout and "no such VM" in done.stdout


NOTE = "<note>before &amp; after é</note>"


@pytest.mark.parametrize(
    "content",
    [
        NOTE.encode(),
        f"<?xml version='1.0'?>\n{NOTE}\n".encode(),
        f"\ufeff<?xml version='1.0'\n encoding='UTF-8'?>{NOTE}".encode(),
        f"<?xml version='1.0' encoding='ISO-8859-1'?>{NOTE}".encode("latin-1"),
        f"<?xml version='1.0' encoding='UTF-16'?>{NOTE}".encode("utf-16"),
        f"<!DOCTYPE note SYSTEM 'note.dtd'><!-- a note -->{NOTE}<!-- and its end -->".encode(),
    ],
    ids=["bare", "declared", "BOM", "Latin-1", "UTF-16", "DOCTYPE"],
)
def test_the_document_of_a_backup_goes_along_as_elements(peer: Peer, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a note.xml"
    file.write_bytes(content)
    done = cli(peer, "vm-backup-action", VM, "b", "EXPORT", file)
    assert (done.returncode, done.stdout) == (0, OK), done.stderr
    assert shlex.split(done.stderr.splitlines()[1])[-1] == f"--xml={file}"
    [action] = peer.recorder.actions
    assert [name for name, _ in children(action)] == ["vmName", "backupName", "actionType", "xml"]
    [note] = action[-1]
    assert (etree.QName(note).localname, etree.QName(note).namespace or "") == ("note", "")
    assert note.text == "before & after é"


def test_the_namespaces_of_a_backups_document_stay(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "note.xml"
    for content, tags in (
        ('<n xmlns="urn:n"><m/></n>', ["{urn:n}n", "{urn:n}m"]),
        ('<p:n xmlns:p="urn:n"><m/></p:n>', ["{urn:n}n", "m"]),
    ):
        file.write_text(content)
        assert cli(peer, "vm-backup-action", VM, "b", "EXPORT", file).returncode == 0
        assert [node.tag for node in peer.recorder.actions[-1][-1].iter()][1:] == tags


@pytest.mark.parametrize(
    "content",
    [
        *(None, "", "<a>", "no xml", "<a/><b/>"),
        '<!DOCTYPE a [<!ENTITY e "text">]><a>&e;</a>',
        "<?xml version='1.0' encoding='none'?><a/>",
    ],
    ids=["missing", "empty", "not closed", "text", "two roots", "entity", "encoding"],
)
def test_an_unusable_document_of_a_backup_is_refused_before_anything_is_sent(
    peer: Peer, tmp_path: Path, content: str | None
) -> None:
    before = peer.server.core.statistics.in_sessions
    file = tmp_path / "note.xml"
    if content is not None:
        file.write_text(content)
    done = cli(peer, "vm-backup-action", VM, "b", "EXPORT", file)
    assert (done.returncode, done.stdout, peer.recorder.actions) == (2, "", [])
    assert peer.server.core.statistics.in_sessions == before
    assert str(file) in done.stderr.splitlines()[-1]


def test_the_password_is_never_shown_nor_in_a_childs_arguments(peer: Peer, tmp_path: Path) -> None:
    peer.loop.run(peer.users.add("petra", "operator", None, 'o\'pen & "s3same"'))
    spy = tmp_path / "openesc"  # stands where openesc stands, keeps its arguments, and becomes it
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/arguments\nexec {ROOT}/.venv/bin/openesc "$@"\n')
    spy.chmod(0o755)
    done = cli(peer, "--user", "petra", "--password", 'o\'pen & "s3same"', "get-config", OPENESC=str(spy))
    assert done.returncode == 0, done.stderr
    assert "--password=****" in done.stderr
    assert "s3same" not in (tmp_path / "arguments").read_text() + done.stderr + done.stdout


def test_host_port_user_and_key_can_be_named(peer: Peer, tmp_path: Path) -> None:
    key = peer.data_dir / "keys" / "esc-nc-admin"
    options = [f"--host={'127.0.0.1'}", "--port", peer.server.port, "--user=esc-nc-admin", "--privKeyFile", key]
    done = cli(peer, *options, "get", OPENESC_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_without_any_option_it_finds_var_beside_it(peer: Peer, tmp_path: Path) -> None:
    here = tmp_path / "with blank"
    here.mkdir()
    (here / "esc_nc_cli").write_bytes(SCRIPT.read_bytes())
    (here / "var").symlink_to(peer.data_dir)
    link = tmp_path / "link"
    link.symlink_to(here / "esc_nc_cli")
    settings = environment() | {"OPENESC": f"{ROOT}/.venv/bin/openesc"}
    done = subprocess.run(["sh", str(link), "get"], capture_output=True, text=True, env=settings, timeout=60)
    assert done.returncode == 0, done.stderr
    assert peer.recorder.users == ["esc-nc-admin"]


def test_no_server_exits_5(peer: Peer, tmp_path: Path) -> None:
    done = cli(peer, "get", OPENESC_DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (5, "")
    assert f"no server runs on {tmp_path}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vm-action", "STOP"], "VM Action : vm-action <action> <generated vm name>\n"),
        (["vm-action", "DESTROY", VM], "vm-action: DESTROY is none of STOP|START"),
        (["migrate-vm-action", VM, "warm"], "                    migration-type : = live|cold\n"),
        (["migrate-vm-action", VM, "live", "Host-22", "x"], "Host-22 is neither true nor false"),
        (["snapshot-action", "create", "x"], "create is none of delete"),
        (["edit-config"], "Edit Config : edit-config <xmlfile>\n"),
        (["edit-config", "/no/such/file"], "/no/such/file: there is no such readable file\n"),
        (["dance"], "there is no command dance"),
        (["--colour", "get"], "there is no option --colour"),
        (["--user"], "--user needs a value"),
        ([], "usage: esc_nc_cli"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_right(peer: Peer, arguments: list[str], said: str) -> None:
    done = cli(peer, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_help_lists_every_verb_in_escs_layout(peer: Peer) -> None:
    done = cli(peer, "help")
    assert done.returncode == 0
    assert "VM Action : vm-action <action> <generated vm name>\n                    action:=STOP|START" in done.stdout
    assert "VM Backup Action : vm-backup-action vm-name backup-name [<action-type>] [<xmlfile>]\n" in done.stdout
