"""``python -m openesc.cloudsim``: run one cloud on one data directory until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import json
import os
import signal
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from openesc.cloudsim.application import application
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.http import Connection
from openesc.cloudsim.core.records import Login
from openesc.cloudsim.core.settings import Settings
from openesc.cloudsim.seed import HOSTS, PROJECT, seed

HOST = "127.0.0.1"
STATE_FILE = "cloudsim.json"


def parser() -> argparse.ArgumentParser:
    """The command line; every setting is an option."""
    options = argparse.ArgumentParser(prog="python -m openesc.cloudsim", description=__doc__)
    options.add_argument("--data-dir", type=Path, required=True, help="where the cloud keeps its state")
    options.add_argument("--port", type=int, default=0, help="0: the port of the last start if it is free, else any")
    options.add_argument("--username", help="the first user's name (first start only; admin unless given)")
    options.add_argument("--password", help="the first user's password (first start only; random unless given)")
    options.add_argument("--host", action="append", help="a compute host to have (Host-22 and Host-24 unless given)")
    for field in fields(Settings):
        flag = "--" + field.name.replace("_", "-")
        if field.type == "bool":
            options.add_argument(flag, action=argparse.BooleanOptionalAction, default=None)
        else:
            options.add_argument(flag, type=float if field.type == "float" else int, default=None)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 after SIGTERM or when the cloud runs already."""
    options = parser().parse_args(arguments)
    options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (options.data_dir / "cloudsim.lock").open("a+") as lock:
        if not _locked(lock):
            return _report_running(options.data_dir)
        asyncio.run(serve(options))
    return 0


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _report_running(data_dir: Path) -> int:
    deadline = time.monotonic() + 5
    while not (data_dir / STATE_FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    state = json.loads((data_dir / STATE_FILE).read_text())
    sys.stderr.write(f"cloudsim is already running on {data_dir} (pid {state['pid']})\n")
    sys.stdout.write(json.dumps(state) + "\n")
    return 0


async def serve(options: argparse.Namespace) -> None:
    """Open the cloud, listen, write the state file, wait for SIGTERM or SIGINT."""
    (options.data_dir / STATE_FILE).unlink(missing_ok=True)
    settings = Settings()
    chosen = {f.name: getattr(options, f.name) for f in fields(Settings)}
    settings.change({name: value for name, value in chosen.items() if value is not None})
    cloud = Cloud(options.data_dir, settings)
    login = seed(cloud, options.username, options.password, options.host or HOSTS)
    gc.freeze()  # the loaded cloud is no garbage; a full collection would stop the world for nothing
    app, connections = application(cloud), set[Connection]()
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    server = await _listen(options.port, login.port, lambda: Connection(app.handle, connections))
    _remember(cloud, login, server.sockets[0].getsockname()[1])
    _announce(options.data_dir, login)
    await done.wait()
    (options.data_dir / STATE_FILE).unlink(missing_ok=True)
    server.close()
    for connection in list(connections):
        connection.close()
    app.close()


async def _listen(wanted: int, last: int, protocol: Any) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if wanted == 0 and last:
        try:
            return await loop.create_server(protocol, HOST, last, backlog=1024)
        except OSError:
            pass
    return await loop.create_server(protocol, HOST, wanted, backlog=1024)


def _remember(cloud: Cloud, login: Login, port: int) -> None:
    login.port = port
    cloud.logins.put(login)
    cloud.store.commit()


def _announce(data_dir: Path, login: Login) -> None:
    state = {
        "pid": os.getpid(), "auth_url": f"http://{HOST}:{login.port}/identity/v3", "username": login.username,
        "password": login.password, "project_name": PROJECT, "user_domain_name": "Default",
        "project_domain_name": "Default",
    }  # fmt: skip
    partial = data_dir / f"{STATE_FILE}.partial"
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(state, stream)
    partial.replace(data_dir / STATE_FILE)
    sys.stdout.write(json.dumps(state) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
