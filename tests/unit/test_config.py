"""Settings: their sources, their strength, and what is said about a wrong one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from openesc.cli.config_text import reference_markdown, sample_toml
from openesc.config import ConfigError, Settings
from openesc.config_sources import ALIASES, OTHER_VARIABLES, flag_name, variable_name

ROOT = Path(__file__).parents[2]


def load(text: str, tmp_path: Path, env: dict[str, str] | None = None, **flags: object) -> Settings:
    file = tmp_path / "openesc.toml"
    file.write_text(text)
    return Settings.load(file, env or {}, {name.replace("__", "."): value for name, value in flags.items()})


def problems(text: str, tmp_path: Path, env: dict[str, str] | None = None, **flags: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, tmp_path, env, **flags)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_without_sources_everything_is_a_default() -> None:
    settings = Settings.load(None, {}, {})
    assert (settings.netconf.host, settings.netconf.port, settings.rest.port) == ("127.0.0.1", 2022, None)
    assert settings.origins == {}
    assert str(settings.origin("netconf.port")) == "default"


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    text = "[netconf]\nport = 1\nmax_depth = 30\nhost = '::1'\n"
    env = {"OPENESC_NETCONF__PORT": "2", "OPENESC_NETCONF__MAX_DEPTH": "31"}
    settings = load(text, tmp_path, env, netconf__port=3, netconf__max_sessions=None)
    assert (settings.netconf.port, settings.netconf.max_depth, settings.netconf.host) == (3, 31, "::1")
    assert str(settings.origin("netconf.port")) == "flag (--netconf-port)"
    assert str(settings.origin("netconf.max_depth")) == "env (OPENESC_NETCONF__MAX_DEPTH)"
    assert str(settings.origin("netconf.host")) == f"file ({tmp_path}/openesc.toml:4)"
    assert str(settings.origin("netconf.max_sessions")) == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[netconf]\n\nprot = 1\n", "openesc.toml:3: no setting netconf.prot; did you mean netconf.port?"),
        ("[netcnof]\nport = 1\n", "openesc.toml:2: no section [netcnof] for port; did you mean netconf?"),
        ("netconf.prot = 1\n", "openesc.toml:1: no setting netconf.prot; did you mean netconf.port?"),
        ("port = 1\n", "openesc.toml:1: port stands in no section; did you mean rest.port?"),
        (
            "[netconf]\nport = 70000\n",
            "openesc.toml:2: netconf.port = 70000: input should be less than or equal to 65535",
        ),
        ("[vim]\nkind = 'vmware'\n", "openesc.toml:2: vim.kind = 'vmware': input should be 'cloudsim' or 'openstack'"),
        ("[netconf]\nport =\n", "openesc.toml: not TOML: Invalid value (at line 2, column 7)"),
    ],
)
def test_a_wrong_file_is_told_with_file_line_and_the_nearest_name(tmp_path: Path, text: str, said: str) -> None:
    assert problems(text, tmp_path) == [said]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OPENESC_NETCONF__PROT", "1", "OPENESC_NETCONF__PROT: no such setting; did you mean OPENESC_NETCONF__PORT?"),
        ("OPENESC_NETCONF_PORT", "1", "OPENESC_NETCONF_PORT: no such setting; did you mean OPENESC_NETCONF__PORT?"),
        ("OPENESC_DATADIR", "/x", "OPENESC_DATADIR: no such setting; did you mean OPENESC_DATA_DIR?"),
        ("OPENESC_123", "1", "OPENESC_123: no such setting; `openesc config sample` lists what there is"),
    ],
)
def test_an_unknown_variable_is_an_error_too(tmp_path: Path, variable: str, value: str, said: str) -> None:
    assert problems("", tmp_path, {variable: value}) == [said]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        "[log]\nlevle = 'x'\n", tmp_path, {"OPENESC_NETCONF__PORT": "many", "OPENESC_FOO": ""}, vim__kind="x"
    )
    assert [line.split(":")[0] for line in found] == ["openesc.toml", "OPENESC_FOO", "OPENESC_NETCONF__PORT", "--vim"]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: cannot be read: No such file"):
        Settings.load(tmp_path / "no.toml", {}, {})


def test_an_empty_variable_unsets_what_may_be_unset(tmp_path: Path) -> None:
    settings = load("[rest]\nport = 8080\n", tmp_path, {"OPENESC_REST__PORT": ""})
    assert settings.rest.port is None


def test_the_short_variable_names_the_data_directory_and_the_long_one_wins() -> None:
    env = {"OPENESC_DATA_DIR": "/short"}
    assert Settings.load(None, env, {}).data_dir == Path("/short")
    assert Settings.load(None, env | {"OPENESC_STORE__DATA_DIR": "/long"}, {}).data_dir == Path("/long")


def test_a_list_is_written_in_the_environment_as_in_path(tmp_path: Path) -> None:
    assert load("[vim]\nfile_folders = ['/a']\n", tmp_path).vim.file_folders == (Path("/a"),)
    env = {"OPENESC_VIM__FILE_FOLDERS": "/b:/c:"}
    assert load("", tmp_path, env).vim.file_folders == (Path("/b"), Path("/c"))
    env = {"OPENESC_CALLBACKS__ALLOWED_NETWORKS": "10.0.0.0/8,fd00::/8"}
    assert load("", tmp_path, env).callbacks.allowed_networks == ("10.0.0.0/8", "fd00::/8")


def test_the_default_data_directory_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert Settings.load(None, {}, {}).data_dir == Path("/somewhere/openesc")


def test_other_peoples_variables_and_our_commands_own_are_left_alone() -> None:
    env = {"PATH": "/bin", "OPENESC_PASSWORD": "x", "OPENESC_FAILPOINT": "deploy/a:before"}
    assert Settings.load(None, env, {}).origins == {}


def test_settings_cannot_be_changed() -> None:
    settings = Settings.load(None, {}, {})
    with pytest.raises(ValidationError, match="frozen"):
        settings.netconf.port = 1


def test_the_sample_file_with_every_line_uncommented_loads(tmp_path: Path) -> None:
    lines = sample_toml().splitlines()
    settings_lines = [line.removeprefix("# ") if re.match(r"# \w+ = ", line) else line for line in lines]
    document = tomllib.loads("\n".join(line.replace("  (unset)", "") for line in settings_lines))
    assert [f"{section}.{key}" for section, keys in document.items() for key in keys] == Settings.names()
    assert Settings.load(None, {}, {}).names()
    assert load(sample_toml(), tmp_path).origins == {}


def test_the_reference_page_is_up_to_date_and_lists_every_setting_and_variable() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == reference_markdown(), "run: openesc config reference > docs/configuration.md"
    assert all(variable_name(key) in page for key in Settings.names())
    assert all(f"`{variable}`" in page for variable in (*ALIASES, *OTHER_VARIABLES))


def test_flags_are_named_as_the_command_line_has_them() -> None:
    assert flag_name("netconf.port") == "--netconf-port"
    assert flag_name("store.data_dir") == "--data-dir"


def test_no_setting_is_there_for_nothing() -> None:
    sources = (file for file in (ROOT / "src" / "openesc").rglob("*.py") if not file.name.startswith("config"))
    code = "\n".join(file.read_text() for file in sources)
    unread = [key for key in Settings.names() if not re.search(rf"\.{key.split('.')[1]}\b", code)]
    assert unread == []
