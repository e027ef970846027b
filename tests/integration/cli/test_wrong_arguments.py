"""Every command of esc_nc_cli with every kind of wrong argument: refused before anything is sent, even a connection."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.cli.peer import ROOT, Peer, environment

VM = "test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008"
START = "2022-04-11T05:45:47Z"
DEPLOY = str(ROOT / "examples" / "cirros-vnf.xml")


@dataclass(frozen=True)
class Command:
    """A verb with as many good arguments as it takes; the last `optional` of them may be left out.

    `words`: for the place of an argument what must not stand there.
    """

    verb: str
    good: list[str]
    optional: int = 0
    words: Mapping[int, list[str]] = field(default_factory=dict)


ACTIONS = ["stop", "PAUSE", "STOP|START", "STOP "]
COMMANDS = [
    Command("edit-config", [DEPLOY], words={0: ["/no/such/file", str(ROOT)]}),
    Command("get", ["esc_datamodel/opdata"], 1),
    Command("get-config", ["esc_datamodel"], 1),
    Command("create-tenant", ["t1"]),
    Command("svc-action", ["STOP", "admin", "Cirros-VNF"], words={0: [*ACTIONS, "CONFIRM_RESIZE"]}),
    Command("vm-action", ["STOP", VM], words={0: ACTIONS}),
    Command("recovery-vm-action", ["DO", VM], words={0: ["do", "TRY"]}),
    Command("migrate-vm-action", [VM, "live", "true", "Host-22"], 2, {1: ["LIVE", "warm"], 2: ["Host-22", "TRUE"]}),
    Command("vm-backup-action", [VM, "b", "SNAPSHOT", DEPLOY], 2, {2: ["snapshot", "COPY"], 3: ["/no/such/file"]}),
    Command("snapshot-action", ["delete", "s1"], 1, {0: ["create", "DELETE"]}),
    Command(
        "create-subscription", ["escEvent", "2022-04-11T05:45:47Z"], 2, {0: ["ESC"], 1: ["yesterday", "2022-04-11"]}
    ),
    Command("help", []),
]
OTHERS = [
    ["migrate-vm-action", VM, "cold", "true"],
    ["migrate-vm-action", VM, "cold", "false"],
    ["migrate-vm-action", VM, "cold", "true", "Host-22"],
    ["snapshot-action", "delete"],
    ["create-subscription", "escEvent", "2022-04-11T05:45:47"],
    ["create-subscription", "escEvent", "2022-04-11T05:45:47+1"],
    ["--port", "many", "get"],
    ["--privKeyFile", "/no/such/key", "get"],
    ["--user", "nobody", "get"],
    ["--colour", "get"],
    ["--user"],
    ["Impaction", "CONFIRM_RESIZE", VM],
    [],
]


def wrong(command: Command) -> Iterator[list[str]]:
    """The command with one argument too few and one too many, with an empty one, and with each wrong word."""
    good = command.good
    for length in range(len(good) - command.optional):
        yield [command.verb, *good[:length]]
    yield [command.verb, *good, "x"]
    for place in range(len(good)):
        for word in ("", " \t", *command.words.get(place, ())):
            yield [command.verb, *good[:place], word, *good[place + 1 :]]


def refused(peer: Peer, words: list[str]) -> str:
    """Run it; it must end with 2, have no output, and not come near the server. What it says."""
    statistics = peer.server.core.statistics
    before = statistics.in_sessions
    done = subprocess.run(
        ["sh", str(ROOT / "esc_nc_cli"), *words],
        capture_output=True,
        text=True,
        env=environment(OPENESC_DATA_DIR=str(peer.data_dir)),
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, ""), done
    recorder = peer.recorder
    assert [recorder.actions, recorder.edits, recorder.filters, recorder.starts] == [[], [], [], []]
    assert statistics.in_sessions == before
    return done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.verb)
def test_every_kind_of_wrong_argument_is_refused_before_anything_is_sent(peer: Peer, command: Command) -> None:
    for words in wrong(command):
        said = refused(peer, words)
        assert said.startswith("esc_nc_cli: "), said


@pytest.mark.parametrize("words", OTHERS, ids=" ".join)
def test_what_does_not_fit_together_is_refused_before_anything_is_sent(peer: Peer, words: list[str]) -> None:
    assert refused(peer, words)


@pytest.mark.parametrize("content", ["", "<a>", "no xml"])
def test_a_configuration_that_is_no_xml_is_refused_before_anything_is_sent(
    peer: Peer, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "config.xml"
    file.write_text(content)
    assert str(file) in refused(peer, ["edit-config", str(file)])


def test_a_refusal_shows_the_usage_of_that_command_alone(peer: Peer) -> None:
    said = refused(peer, ["get", "a", "b"])
    assert said == "esc_nc_cli: get: wrong number of arguments\nGet : get [<xpath>]\n"
    said = refused(peer, ["migrate-vm-action", VM, "cold", "true"])
    assert said == (
        "esc_nc_cli: migrate-vm-action: block-migration is for live migration only\n"
        "Migrate VM Action : migrate-vm-action <vm-name> <migration-type> [block-migration] [host]\n"
        "                    migration-type : = live|cold\n"
        "                    block-migration : = true|false (live migration only)\n"
    )


def test_the_commands_are_those_of_the_usage(peer: Peer) -> None:
    usage = subprocess.run(["sh", str(ROOT / "esc_nc_cli"), "help"], capture_output=True, text=True).stdout
    listed = [line.split(" : ")[1].split()[0] for line in usage.splitlines() if " : " in line and line[0] != " "]
    assert listed == [command.verb for command in COMMANDS]
