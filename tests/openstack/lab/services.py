"""The table of what runs, in the order in which it is started; each line says how, and when it is ready."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.openstack.lab.settings import ADDRESS, Settings

Environment = Mapping[str, str]


def _nothing(settings: Settings) -> Environment:
    return {}


def _always(settings: Settings) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """A process of the lab.

    Args:
        name: what it is called in the lab's commands, pid files and logs.
        command: its command line.
        environment: what it gets beside `base_environment`.
        ready: whether it does its work; those without an address of their own are judged by `health`.
        patience: seconds it gets to end by itself.
    """

    name: str
    command: Callable[[Settings], list[str]]
    environment: Callable[[Settings], Environment] = _nothing
    ready: Callable[[Settings], bool] = _always
    patience: float = 20.0


def base_environment(settings: Settings) -> dict[str, str]:
    """What every process and command of the lab gets: its programs first, no proxies, no deprecation notices."""
    path = f"{settings.under('bin')}:{settings.venv / 'bin'}:{os.environ['PATH']}"
    quiet = {"PYTHONWARNINGS": "ignore", "NO_PROXY": "*", "no_proxy": "*"}
    return {**os.environ, **quiet, "PATH": path, "OPENSTACK_LAB_RPC_POLL": str(settings.rpc_poll)}


def listens(service: str) -> Callable[[Settings], bool]:
    """Whether a port takes connections."""

    def ready(settings: Settings) -> bool:
        try:
            with socket.create_connection((ADDRESS, settings.port(service)), timeout=2):
                return True
        except OSError:
            return False

    return ready


def answers(service: str) -> Callable[[Settings], bool]:
    """Whether an API answers at all; that it wants a token is an answer."""

    def ready(settings: Settings) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(settings.url(service, "/"), timeout=20) as answer:
                return bool(answer.status < 400)
        except urllib.error.HTTPError as error:
            return error.code in (300, 401)
        except OSError:
            return False

    return ready


def _rabbitmq_environment(settings: Settings) -> Environment:
    home, port = settings.under("rabbitmq"), settings.port
    return {
        "HOME": str(home),
        "RABBITMQ_NODENAME": "lab@localhost",
        "RABBITMQ_DIST_PORT": str(port("rabbitmq-nodes")),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(settings.under("log", "rabbitmq")),
        "RABBITMQ_CONFIG_FILE": str(settings.etc / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(settings.etc / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(settings.etc / "rabbitmq-plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
        "ERL_EPMD_ADDRESS": ADDRESS,
        "ERL_EPMD_PORT": str(port("epmd")),
    }


def _mariadb(settings: Settings) -> list[str]:
    data = settings.under("mariadb")
    small_and_forgetful = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin"]
    return [
        *("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={data / 'socket'}"),
        *(f"--pid-file={data / 'pid'}", f"--bind-address={ADDRESS}", f"--port={settings.port('mariadb')}"),
        *("--max-connections=1000", "--innodb-buffer-pool-size=256M", "--performance-schema=OFF"),
        *("--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", *small_and_forgetful),
    ]


ACCESS_LOG = 'access %(method) %(uri) %(status) "%(uagent)"'
"""A line of an API's log for each request, in uWSGI's words: who asked for what."""


def _api(service: str, module: str, processes: int, threads: int, *arguments: str) -> Callable[[Settings], list[str]]:
    """An API under uWSGI. Uploads come in chunks, so it reads those, up to 16 MiB each."""

    def command(settings: Settings) -> list[str]:
        given = " ".join(arguments).format(etc=settings.etc)
        return [
            *(settings.program("uwsgi"), "--http-socket", f"{ADDRESS}:{settings.port(service)}"),
            *("--module", f"{module}:application", "--venv", str(settings.venv), "--master", "--die-on-term"),
            *("--lazy-apps", "--need-app", "--enable-threads", "--exit-on-reload", "--worker-reload-mercy", "10"),
            *("--processes", str(processes), "--threads", str(threads), "--buffer-size", "65535"),
            *("--http-chunked-input", "--chunked-input-limit", str(16 << 20), "--socket-timeout", "120"),
            *("--add-header", "Connection: close", "--procname-prefix", f"lab-{service} "),
            *("--log-format", ACCESS_LOG),
            *(("--pyargv", given) if given else ()),
        ]

    return command


def _files(variable: str, folder: str, *names: str) -> Callable[[Settings], Environment]:
    """How a WSGI module is told its configuration files."""

    def environment(settings: Settings) -> Environment:
        told = {f"OS_{variable}_CONFIG_DIR": str(settings.etc / folder)}
        return told | ({f"OS_{variable}_CONFIG_FILES": ";".join(names)} if names else {})

    return environment


def _daemon(program: str, *files: str) -> Callable[[Settings], list[str]]:
    def command(settings: Settings) -> list[str]:
        told = [word for file in files for word in ("--config-file", str(settings.etc / file))]
        return [settings.program(program), *told]

    return command


def compute(host: str) -> Service:
    """The nova-compute of a host. It must not be given a database."""

    def command(settings: Settings) -> list[str]:
        files = ("nova/nova.conf", f"nova/{host}.conf")
        told = [word for file in files for word in ("--config-file", str(settings.etc / file))]
        return [settings.program("python"), "-m", "openesc_lab.compute", *told]

    def environment(settings: Settings) -> Environment:
        return {"LAB_SHARED_STORAGE": str(settings.shared_storage), "LAB_GUESTS": settings.guests}

    return Service(f"nova-compute.{host}", command, environment)


BASE = (
    Service(
        "epmd",
        lambda settings: ["epmd", "-address", ADDRESS, "-port", str(settings.port("epmd"))],
        ready=listens("epmd"),
    ),
    Service("mariadb", _mariadb, ready=listens("mariadb"), patience=60),
    Service(
        "memcached",
        lambda settings: ["memcached", "-u", "root", "-l", ADDRESS, "-p", str(settings.port("memcached")), "-U", "0"],
        ready=listens("memcached"),
    ),
    Service(
        "rabbitmq",
        lambda settings: ["/usr/lib/rabbitmq/bin/rabbitmq-server"],
        _rabbitmq_environment,
        listens("rabbitmq"),
        patience=60,
    ),
)
"""What the services stand on."""

KEYSTONE = Service(
    "keystone",
    _api("keystone", "keystone.wsgi.api", 2, 2, "--config-file {etc}/keystone/keystone.conf"),
    ready=answers("keystone"),
)

SERVICES = (
    Service(
        "placement",
        _api("placement", "placement.wsgi.api", 1, 4),
        _files("PLACEMENT", "placement"),
        answers("placement"),
    ),
    Service("glance", _api("glance", "glance.wsgi.api", 1, 8), _files("GLANCE", "glance"), answers("glance")),
    Service(
        "neutron",
        _api("neutron", "neutron.wsgi.api", 2, 8),
        _files("NEUTRON", "neutron", "neutron.conf", "ml2_conf.ini"),
        answers("neutron"),
    ),
    Service(
        "cinder",
        _api("cinder", "cinder.wsgi.api", 1, 8, "--config-file {etc}/cinder/cinder.conf"),
        ready=answers("cinder"),
    ),
    Service("cinder-scheduler", _daemon("cinder-scheduler", "cinder/cinder.conf")),
    Service("cinder-volume", _daemon("cinder-volume", "cinder/cinder.conf")),
    Service(
        "nova",
        _api("nova", "nova.wsgi.osapi_compute", 2, 8),
        # the first file is read as the paste file
        _files("NOVA", "nova", "api-paste.ini", "nova.conf", "nova-db.conf"),
        answers("nova"),
    ),
    Service("nova-conductor", _daemon("nova-conductor", "nova/nova.conf", "nova/nova-db.conf")),
    Service("nova-scheduler", _daemon("nova-scheduler", "nova/nova.conf", "nova/nova-db.conf")),
)
"""OpenStack, without Keystone, which comes first, and the compute services, which are settings."""


def users_of_drivers(settings: Settings) -> list[str]:
    """The services that have a driver of the lab below them."""
    return ["neutron", "cinder-volume", *(compute(host).name for host in settings.host_names)]


def all_services(settings: Settings) -> list[Service]:
    """Everything, in the order in which it is started."""
    return [*BASE, KEYSTONE, *SERVICES, *map(compute, settings.host_names)]
