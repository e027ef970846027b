"""Several VIMs: one that is down harms no other; nobody but an administrator sees their secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from lxml import etree
from tests import cloudsim_process
from tests.cloudsim_process import CloudsimProcess
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.main_job.test_main_connectors import at, connector
from tests.integration.rest.client import V0, Rest
from tests.reverse_proxy import DOWN, Authority, ReverseProxy, running

CONNECTORS = "/esc_system_config/vim_connectors"
PASSWORD = "pass word-1"
SECRETS = {"os_password": "needle-1-password", "os_application_credential_secret": "needle-2-secret"}


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    """It goes on trying for longer than any cloud here is away."""
    return {
        "OPENESC_ENGINE__CLOUD_PATIENCE_S": "90",
        "OPENESC_VIM__HTTP_TIMEOUT_S": "3",
        "OPENESC_REST__PORT": "0",
    }


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudsimProcess]:
    """Another cloud."""
    cloud = cloudsim_process.start(tmp_path_factory.mktemp("second"), latency_factor=0.05, boot_seconds=0.0)
    yield cloud
    cloud.kill()


@pytest.fixture
def proxy(second: CloudsimProcess, tmp_path: Path) -> Iterator[ReverseProxy]:
    with running({"cloud": second.url}, Authority.create(tmp_path)) as started:
        yield started


@pytest.mark.parametrize("down", DOWN)
def test_one_that_is_down_harms_no_other(
    admin: Session,
    subscriber: Subscriber,
    second: CloudsimProcess,
    proxy: ReverseProxy,
    down: Callable[[ReverseProxy], AbstractContextManager[None]],
) -> None:
    """On the other, deployments come and go; on the one that is down, operations go on when it is back."""
    far, near = f"far-{down.__name__}", f"near-{down.__name__}"
    admin.edit(connector(far, second.auth, auth_url=f"{proxy.url}/cloud/identity/v3", os_insecure="true"))
    admin.edit(at(far, f"{far}-old"))
    subscriber.until("SERVICE_ALIVE", depname=f"{far}-old", status="SUCCESS")
    with down(proxy):
        admin.edit(at(far, far))
        admin.edit(undeploy(f"{far}-old"))
        seen = len(subscriber.events)
        admin.edit(deployment(near, group()))
        subscriber.until("SERVICE_ALIVE", depname=near, status="SUCCESS")
        admin.edit(undeploy(near))
        subscriber.until("SERVICE_UNDEPLOYED", depname=near, status="SUCCESS")
        assert {event.depname for event in subscriber.events[seen:]} == {near}
    assert ends(subscriber, 2) == {(far, "SERVICE_ALIVE", "SUCCESS"), (f"{far}-old", "SERVICE_UNDEPLOYED", "SUCCESS")}


def ends(subscriber: Subscriber, number: int, seconds: float = 60.0) -> set[tuple[str | None, str, str | None]]:
    """The next so many ends of deployments and undeployments, in any order."""
    found: set[tuple[str | None, str, str | None]] = set()
    while len(found) < number:
        event = subscriber.next(seconds)
        assert event is not None, f"only {found}"
        if event.type in ("SERVICE_ALIVE", "SERVICE_UNDEPLOYED"):
            found.add((event.depname, event.type, event.status))
    return found


class TestSecrets:
    """Passwords and secrets of connectors."""

    @pytest.fixture
    def configured(self, admin: Session, second: CloudsimProcess) -> None:
        """A connector with two secrets."""
        others = {name: value for name, value in SECRETS.items() if name != "os_password"}
        admin.edit(connector("secretive", second.auth, password=SECRETS["os_password"], **others))

    @pytest.fixture
    def reader(self, house: House) -> Session:
        """Somebody who may only read."""
        done = house.openesc("user", "add", "reader", "--group", "read-only", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert done.returncode == 0 or "exists" in done.stderr, done.stderr
        return house.session("reader", PASSWORD)

    @pytest.mark.usefixtures("configured")
    def test_an_admin_sees_them(self, admin: Session) -> None:
        """ESC's direct clients read them."""
        assert all(secret in _text(admin.get(CONNECTORS)) for secret in SECRETS.values())

    @pytest.mark.usefixtures("configured")
    def test_nobody_else_does(self, house: House, reader: Session) -> None:
        """By whatever way, filter or question."""
        read = [reader.get(CONNECTORS), reader.get_config("/esc_system_config"), reader.get("/")]
        assert all("secretive" in texts(one, "id") for one in read)
        value = "//*[local-name()='value'][.='{}']"
        read += [reader.get(value.format(secret)) for secret in SECRETS.values()]
        shown = "".join(map(_text, read))
        shown += house.esc_nc_cli("--user", "reader", "--password", PASSWORD, "get", CONNECTORS).stdout
        rest = Rest(f"http://127.0.0.1:{house.server.endpoints['rest']['port']}")
        shown += rest.get(f"{V0}/vims").text + rest.get(f"{V0}/vims/secretive").text
        assert "os_password" in shown and "****" in shown
        assert not [secret for secret in SECRETS.values() if secret in shown]

    @pytest.mark.usefixtures("configured")
    def test_no_file_has_them(self, house: House) -> None:
        """Database, write-ahead log, logs and whatever else lies in the data directory; also after a restart."""
        house.leave()
        house.server.stop()
        house.server.start()
        files = [file for file in house.server.data_dir.rglob("*") if file.is_file()]
        assert {"openesc.db", "server.log"} <= {file.name for file in files}
        found = [
            (file, secret) for file in files for secret in SECRETS.values() if secret.encode() in file.read_bytes()
        ]
        assert not found


def _text(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode")
