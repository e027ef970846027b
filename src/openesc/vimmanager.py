"""The configuration of ESC's vimmanager: the properties of ``application.properties`` in the data directory.

One truth for what they say: a value set at run time over the file's over the default (user guide, VM snapshot polling
parameters and polling configuration parameters).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from openesc.config_sources import DEFAULT, ConfigError, Origin, near
from openesc.properties import Malformed, Property, parse

FILE = "application.properties"
DAY, YEAR = 86400, 525600
"""A day in seconds, a year in minutes: more than any operation needs, and still a time that can be waited for."""
AT_RUN_TIME = Origin("set", "until restart")

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Key:
    """A property: its default, what it means, and which values are good."""

    name: str
    default: str
    meaning: str
    check: Check
    wanted: str


@dataclass(frozen=True, slots=True)
class Value:
    """A property's value as it was written, and where it comes from."""

    text: str
    origin: Origin


def _number(text: str, limit: int) -> bool:
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) is not None and 0 < float(text) <= limit


def _poller(of: str, between: str, longest: str) -> tuple[Key, Key]:
    prefix = f"vim.asyncpoller.{of}"
    seconds = f"a number of seconds more than 0, at most {DAY}"
    minutes = f"a number of minutes more than 0, at most {YEAR}"
    return (
        Key(f"{prefix}.poll.secs", "15", f"seconds between two looks at {between}", lambda t: _number(t, DAY), seconds),
        Key(f"{prefix}.timeout.mins", "20", f"minutes {longest}", lambda t: _number(t, YEAR), minutes),
    )


def _without_effect(name: str, default: str, *, count: bool = True) -> Key:
    """A property of a cloud that is not served here: shown and kept, as the user guide prints it."""
    check = (lambda text: re.fullmatch("[0-9]{1,9}", text) is not None) if count else bool
    wanted = "a whole number" if count else "a text"
    return Key(name, default, "without effect: of a cloud that is not served here", check, wanted)


OVFTOOL = "--acceptAllEulas --disableVerification --noSSLVerify --allowExtraConfig"
KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        _without_effect("ccp.pollRetries", "200"),
        _without_effect("ccp.pollRetryDelaySecs", "15"),
        *_poller("snapshot.create", "a snapshot being made", "a snapshot may take to be made"),
        *_poller("snapshot.delete", "a snapshot being deleted", "a snapshot may take to vanish"),
        *_poller("volume.create", "volumes, at most: a new one is looked at sooner", "a volume may take to be made"),
        _without_effect("vmware.ovftool.params", OVFTOOL, count=False),
        _without_effect("vmware.powerOnRetry", "8"),
    )
}
"""Every property there is, in the order in which they are shown."""


class VimManager:
    """The properties in force. Not for use by several threads."""

    def __init__(self, data_dir: Path) -> None:
        """Raises: ConfigError as `read`."""
        self._data_dir = data_dir
        self._values: Mapping[str, Value] = read(data_dir)
        self._listeners: list[Callable[[], None]] = []

    @property
    def values(self) -> Mapping[str, Value]:
        """What is in force, in the order of `KEYS`."""
        return self._values

    def polling(self, of: str) -> tuple[float, float]:
        """How often to look and for how long, in seconds; `of` is snapshot.create, snapshot.delete or volume.create."""
        prefix = f"vim.asyncpoller.{of}"
        interval, minutes = (float(self._values[f"{prefix}.{key}"].text) for key in ("poll.secs", "timeout.mins"))
        return interval, minutes * 60

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called now and whenever values have changed."""
        self._listeners.append(listener)
        listener()

    def set(self, values: Mapping[str, str]) -> None:
        """Put values in force until `restart`: all of them or, where one is wrong, none. Raises: ConfigError."""
        problems = [f"{key}={text}: {found}" for key, text in values.items() if (found := _problem(key, text))]
        if problems:
            raise ConfigError(problems)
        self._take({**self._values, **{key: Value(text.strip(), AT_RUN_TIME) for key, text in values.items()}})

    def restart(self) -> None:
        """Read the file again and forget what was set. Raises: ConfigError, and then all stays as it was."""
        self._take(read(self._data_dir))

    def _take(self, values: Mapping[str, Value]) -> None:
        self._values = values
        for listener in self._listeners:
            listener()


def read(data_dir: Path) -> dict[str, Value]:
    """Every property as the file of this data directory gives it; without a file, the defaults.

    Raises: ConfigError with every problem found, each naming file, line and key.
    """
    path = data_dir / FILE
    given = _properties(path)
    problems = [
        f"{path}:{one.line}: {one.key} = {one.value}: {found}"
        for one in given
        if (found := _problem(one.key, one.value))
    ]
    if problems:
        raise ConfigError(problems)
    from_file = {one.key: Value(one.value.strip(), Origin("file", f"{path}:{one.line}")) for one in given}
    return {name: from_file.get(name, Value(key.default, DEFAULT)) for name, key in KEYS.items()}


def _properties(path: Path) -> Iterable[Property]:
    try:
        # Java reads these files so; every byte is a character
        return parse(path.read_text(encoding="latin-1"))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except Malformed as error:
        raise ConfigError([f"{path}:{error.line}: {error}"]) from None


def _problem(name: str, text: str) -> str | None:
    """What is wrong with this value of this key."""
    key = KEYS.get(name)
    if key is None:
        return f"there is no such key{near(name, KEYS, '`escadm vimmanager show` lists what there is')}"
    return None if key.check(text.strip()) else f"should be {key.wanted}"
