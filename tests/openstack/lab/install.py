"""Brings the packages: Debian's for database, queue and tools, PyPI's for OpenStack, pinned by `constraints`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.openstack.lab.process import LabFailure, tail
from tests.openstack.lab.services import base_environment
from tests.openstack.lab.settings import HERE, Settings

DEBIAN = ("rabbitmq-server", "mariadb-server", "memcached", "qemu-utils", "iproute2")

CONSTRAINTS = HERE / "constraints" / "2026.1.txt"
"""The release's upper constraints (openstack/requirements, stable/2026.1)."""

PYPI = (
    *("nova>=33,<34", "keystone>=29,<30", "glance>=32,<33", "cinder>=28,<29", "neutron>=28,<29"),
    *("openstack-placement>=15,<16", "pymysql", "pymemcache", "python-memcached", "fixtures", "testtools"),
)
"""The services, their database driver, and what Nova's fake hypervisor imports."""

DRIVERS = HERE / "drivers"

SUDO = """#!/bin/sh
# rootwrap and privsep call sudo: the lab is root already
while [ "$1" = -E ] || [ "$1" = -n ]; do shift; done
exec "$@"
"""

POLICY = Path("/usr/sbin/policy-rc.d")
"""Where Debian's packages ask whether they may start their services."""


def command(settings: Settings, what: str, words: Sequence[str], **environment: str) -> None:
    """Run to its end, with its output in ``log/WHAT.log``. Raises: LabFailure with the end of that."""
    log = settings.under("log", f"{what}.log")
    with log.open("ab") as output:
        told = {**base_environment(settings), **environment}
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=told, check=False)
        except OSError as error:
            raise LabFailure(f"{what}: {words[0]} cannot be run: {error}") from error
    if done.returncode:
        raise LabFailure(f"{what} failed with {done.returncode}; the end of {log}:\n{tail(log)}")


def install(settings: Settings) -> bool:
    """Whatever is missing, and nothing when nothing is. Whether the drivers are new. Raises: LabFailure."""
    for folder in ("log", "run", "bin", "etc"):
        settings.under(folder).mkdir(parents=True, exist_ok=True)
    _debian(settings)
    _pypi(settings)
    fresh = _drivers(settings)
    sudo = settings.under("bin", "sudo")
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    return fresh


def _debian(settings: Settings) -> None:
    missing = [name for name in DEBIAN if not _is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabFailure(f"the lab needs the Debian packages {' '.join(missing)}, and root to install them")
    words = ("apt-get", "install", "-y", "--no-install-recommends", *missing)
    guard = not POLICY.exists()
    if guard:  # no packaged service may start by itself
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        command(settings, "apt-update", ("apt-get", "update"))
        command(settings, "apt", words, DEBIAN_FRONTEND="noninteractive")
    finally:
        if guard:
            POLICY.unlink()


def _is_installed(package: str) -> bool:
    asked = ("dpkg-query", "-W", "-f", "${Status}", package)
    try:
        return subprocess.run(asked, capture_output=True, check=False).stdout == b"install ok installed"
    except OSError:
        return False


def _pypi(settings: Settings) -> None:
    stamp = settings.venv / ".installed"
    wanted = _digest({CONSTRAINTS.name: CONSTRAINTS.read_bytes(), "packages": " ".join(PYPI).encode()})
    if stamp.exists() and stamp.read_text() == wanted:
        return
    pip = (settings.program("python"), "-m", "pip", "--disable-pip-version-check", "install")
    command(settings, "venv", (sys.executable, "-m", "venv", "--clear", str(settings.venv)))
    command(settings, "pip", (*pip, "-U", "pip", "wheel", "setuptools<81"))
    command(settings, "pip", (*pip, "-c", str(CONSTRAINTS), *PYPI))
    command(settings, "pip", (*pip, "pyuwsgi"))
    _hasten(settings)
    stamp.write_text(wanted)


def _hasten(settings: Settings) -> None:
    """oslo.messaging of this release sleeps half a second for the answer to each call: make that a setting."""
    (file,) = settings.venv.glob("lib/python3*/site-packages/oslo_messaging/_drivers/amqpdriver.py")
    poll = 'float(__import__("os").environ.get("OPENSTACK_LAB_RPC_POLL", "0.5"))'
    file.write_text(file.read_text().replace("time.sleep(0.5)", f"time.sleep({poll})"))


def _drivers(settings: Settings) -> bool:
    stamp, build = settings.venv / ".drivers", settings.under("build")
    sources = [DRIVERS / "pyproject.toml", *sorted(DRIVERS.glob("openesc_lab/*.py"))]
    wanted = _digest({file.name: file.read_bytes() for file in sources})
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    shutil.rmtree(build, ignore_errors=True)
    shutil.copytree(DRIVERS, build)
    pip = (settings.program("python"), "-m", "pip", "--disable-pip-version-check", "install")
    command(settings, "pip", (*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", str(build)))
    shutil.rmtree(build)
    stamp.write_text(wanted)
    return True


def _digest(parts: Mapping[str, bytes]) -> str:
    together = hashlib.sha256()
    for name, content in parts.items():
        together.update(name.encode() + b"\0" + content + b"\0")
    return together.hexdigest()
