"""The vimmanager's properties: file, run time, restart, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from openesc.config import ConfigError
from openesc.vimmanager import FILE, KEYS, VimManager, read

GOLDEN = Path(__file__).parents[1] / "golden" / "src"
CREATE = "vim.asyncpoller.snapshot.create"
POLL, TIMEOUT = f"{CREATE}.poll.secs", f"{CREATE}.timeout.mins"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path


def write(data_dir: Path, text: str) -> None:
    (data_dir / FILE).write_text(text, encoding="latin-1")


def problems(data_dir: Path, text: str) -> list[str]:
    write(data_dir, text)
    with pytest.raises(ConfigError) as caught:
        read(data_dir)
    return [problem.replace(f"{data_dir}/", "") for problem in caught.value.problems]


def test_without_a_file_all_six_have_the_user_guides_defaults(data_dir: Path) -> None:
    manager = VimManager(data_dir)
    assert [manager.polling(of) for of in ("snapshot.create", "snapshot.delete", "volume.create")] == [(15, 1200)] * 3
    assert {str(value.origin) for value in manager.values.values()} == {"default"}


def test_the_user_guides_files_are_taken(data_dir: Path) -> None:
    text = (GOLDEN / "application.properties").read_text()
    text += "".join((GOLDEN / "application_volume.properties").read_text().splitlines(keepends=True)[1:])
    write(data_dir, text)
    manager = VimManager(data_dir)
    assert manager.polling("snapshot.create") == (5, 600)
    assert manager.polling("snapshot.delete") == (10, 3600)
    assert manager.polling("volume.create") == (5, 600)
    assert str(manager.values[TIMEOUT].origin) == f"file ({data_dir}/{FILE}:2)"


def test_the_last_of_two_lines_counts_and_blanks_around_a_value_do_not(data_dir: Path) -> None:
    write(data_dir, f"# mine \xe9\n{POLL} : 3\n{POLL}  4  \n")
    assert read(data_dir)[POLL].text == "4"


@pytest.mark.parametrize("text", ["1", "0.1", "86400", "0.000000001"])
def test_good_values(data_dir: Path, text: str) -> None:
    write(data_dir, f"{POLL}={text}")
    assert VimManager(data_dir).polling("snapshot.create")[0] == float(text)


@pytest.mark.parametrize("text", ["", "0", "0.0", "-1", "+1", "x", "1e3", "inf", "nan", "1,5", "86401", "1 2", "1_0"])
def test_bad_values_are_told_with_file_line_and_key(data_dir: Path, text: str) -> None:
    wanted = "should be a number of seconds more than 0, at most 86400"
    assert problems(data_dir, f"\n{POLL}={text}") == [f"{FILE}:2: {POLL} = {text}: {wanted}"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vim.asyncpoller.snapshot.create.poll.sec=5", f"did you mean {POLL}?"),
        ("vim.asyncpoller.snapshot.create.mins=5", f"did you mean {TIMEOUT}?"),  # as the user guide misprints it
        ("server.port=5", "`escadm vimmanager show` lists what there is"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_one(data_dir: Path, line: str, said: str) -> None:
    key, value = line.split("=")
    assert problems(data_dir, f"\n\n{line}\n") == [f"{FILE}:3: {key} = {value}: there is no such key; {said}"]


def test_all_problems_are_told_at_once(data_dir: Path) -> None:
    assert len(problems(data_dir, f"a=1\n{POLL}=0\n{POLL}=5\nccp.pollRetries=many\n")) == 3


def test_what_cannot_be_read_is_told(data_dir: Path) -> None:
    assert problems(data_dir, f"{POLL}=\\u12\n") == [f"{FILE}:1: \\u wants four hexadecimal digits"]
    (data_dir / FILE).unlink()
    (data_dir / FILE).mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(data_dir)


def test_what_is_set_holds_until_restart(data_dir: Path) -> None:
    manager, seen = VimManager(data_dir), list[tuple[float, float]]()
    manager.on_change(lambda: seen.append(manager.polling("snapshot.create")))
    manager.set({POLL: "200", TIMEOUT: " 1 "})
    assert str(manager.values[POLL].origin) == "set (until restart)"
    assert manager.values[TIMEOUT].text == "1"
    write(data_dir, f"{POLL}=7\n")
    manager.restart()
    assert seen == [(15, 1200), (200, 60), (7, 1200)]


def test_of_several_values_with_a_wrong_one_none_is_set(data_dir: Path) -> None:
    manager = VimManager(data_dir)
    with pytest.raises(ConfigError) as caught:
        manager.set({POLL: "3", TIMEOUT: "never", "vim.asyncpoller.snapshot.create.mins": "5"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        f"{TIMEOUT}=never",
        "vim.asyncpoller.snapshot.create.mins=5",
    ]
    assert manager.polling("snapshot.create") == (15, 1200)


def test_a_wrong_file_at_restart_leaves_all_as_it_was(data_dir: Path) -> None:
    write(data_dir, f"{POLL}=7\n")
    manager = VimManager(data_dir)
    manager.set({TIMEOUT: "1"})
    before = dict(manager.values)
    write(data_dir, f"{POLL}=8\n{TIMEOUT}=never\n")
    with pytest.raises(ConfigError):
        manager.restart()
    assert manager.values == before


def test_they_are_shown_in_the_user_guides_order() -> None:
    assert list(KEYS) == sorted(KEYS, key=str.lower)
    assert sum(key.startswith("vim.asyncpoller.") for key in KEYS) == 6
