"""Who may do what by REST: logins, groups, tenants; and what a browser may be tricked into."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping

import pytest
from tests.integration.main_job.house import House, until
from tests.integration.main_job.payloads import deployment, group, network, of_tenant
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.rest.client import V0, V1, Answer, Rest, operation
from tests.integration.rest.conftest import SETTINGS

PASSWORD = "pass word-1"
USERS: Mapping[str, tuple[str, list[str] | None]] = {
    "boss": ("admin", None),
    "op": ("operator", None),
    "op-blue": ("operator", ["blue"]),
    "view": ("read-only", None),
    "view-blue": ("read-only", ["blue"]),
}


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {**SETTINGS, "OPENESC_REST__BODY_TIMEOUT_S": "1", "OPENESC_REST__HEADER_TIMEOUT_S": "1"}


@pytest.fixture(scope="module")
def populated(shared_house: House) -> House:
    """The users, and in each of two tenants a deployment, a network and a snapshot."""
    for name, (user_group, tenants) in USERS.items():
        shared_house.told("user.add", name=name, group=user_group, tenants=tenants, password=PASSWORD)
    session, watching = shared_house.session(), Subscriber(shared_house.session())
    with Rest.of(shared_house) as rest:
        for tenant in ("blue", "red"):
            session.edit(of_tenant(tenant, f"<networks>{network(f'{tenant}-net', '10.50.0.0')}</networks>"))
            path = f"{V0}/{tenant}/deployments/{tenant}-dep"
            assert rest.post(path, deployment(tenant, group(kpi=False), tenant=tenant)).status == 200
            watching.until("SERVICE_ALIVE", depname=tenant, status="SUCCESS")
            body = operation("snapshot_operation", "snapshot", name=f"{tenant}-snap")
            vm = vm_of(rest, tenant)
            path, callback = f"{V0}/{tenant}/deployments/snapshot-vm/{vm}", "http://127.0.0.1:1/nobody"
            assert rest.post(path, body, Callback=callback).status == 200
            watching.until("VM_BACKUP_COMPLETE", depname=tenant, status="SUCCESS")
            until(lambda: not open_operations(rest), "all operations have ended")
    shared_house.leave()
    return shared_house


def vm_of(rest: Rest, tenant: str) -> str:
    (vm,) = rest.get(f"{V1}/vms?tenant={tenant}").json["vms"]
    return str(vm["name"])


def open_operations(rest: Rest) -> list[object]:
    return [one for one in rest.get(f"{V1}/operations").json["operations"] if one["state"] in ("queued", "running")]


@pytest.fixture
def house(populated: House, house: House) -> House:
    return house


@pytest.fixture
def as_user(house: House) -> Iterator[dict[str, Rest]]:
    """A client for each user."""
    clients = {name: Rest.of(house, (name, PASSWORD)) for name in USERS}
    for client in clients.values():
        client.__enter__()
    yield clients
    for client in clients.values():
        client.__exit__()


class TestLogin:
    def test_wrong_credentials(self, house: House) -> None:
        for credentials in (("boss", "wrong"), ("nobody", PASSWORD), ("esc-nc-admin", "")):
            with Rest.of(house, credentials) as rest:
                answer = rest.get(f"{V0}/deployments")
                assert answer.error == (401, "user or password is wrong")
                assert answer.headers["WWW-Authenticate"].startswith('Basic realm="ESCManager"')

    @pytest.mark.parametrize("header", ["Bearer abc", "Basic ???", "Basic YQ==", "Basic"])
    def test_another_scheme(self, rest: Rest, header: str) -> None:
        assert rest.get(f"{V0}/deployments", Authorization=header).error[0] == 401

    def test_the_second_login_is_quick(self, as_user: dict[str, Rest]) -> None:
        assert as_user["boss"].get(f"{V0}/snapshots").status == 200
        began = time.process_time(), time.monotonic()
        for _ in range(20):
            assert as_user["boss"].get(f"{V0}/snapshots").status == 200
        assert time.monotonic() - began[1] < 5, "argon2 takes 50 ms and more of a core"

    def test_a_changed_password_counts_at_once(self, house: House) -> None:
        house.told("user.add", name="fickle", group="operator", tenants=None, password="old-1")
        with Rest.of(house, ("fickle", "old-1")) as old, Rest.of(house, ("fickle", "new-1")) as new:
            assert old.get(f"{V0}/snapshots").status == 200
            house.told("user.password", name="fickle", password="new-1")
            assert old.get(f"{V0}/snapshots").status == 401
            assert new.get(f"{V0}/snapshots").status == 200
            house.told("user.delete", name="fickle")
            assert new.get(f"{V0}/snapshots").status == 401


class TestGroups:
    def test_readers_change_nothing(self, as_user: dict[str, Rest], rest: Rest) -> None:
        vm = vm_of(rest, "blue")
        for name in ("view", "view-blue"):
            reader = as_user[name]
            answers = [
                reader.post(f"{V0}/blue/deployments/vm/{vm}", operation("vm_operation", "stop")),
                reader.post(f"{V0}/blue/deployments/service/blue-dep", operation("service_operation", "stop")),
                reader.put(f"{V0}/deployments/blue-dep", deployment("blue", group("x"), tenant="blue")),
                reader.delete(f"{V0}/deployments/blue-dep"),
                reader.delete(f"{V0}/snapshots/blue-snap"),
                reader.delete(f"{V0}/snapshots/blue-snap", Callback="http://no-such-host.invalid/"),
                reader.post(f"{V0}/snapshots/blue-snap/volumes", "<volume><name>mine</name></volume>"),
                reader.call("POST", f"{V0}/tenants/mine"),
            ]
            assert [answer.error[0] for answer in answers] == [403] * len(answers)
            assert f"user {name} (group read-only) may not use" in answers[0].error[1]
            for path in ("operations/x/cancel", "operations/x/retry", "callbacks/x/redeliver"):
                assert reader.post(f"{V1}/{path}").status == 403
        assert rest.get(f"{V0}/deployments/blue-dep").texts("state")[0] == "SERVICE_ACTIVE_STATE"

    def test_system_admin_tenant_id_is_for_admins(self, as_user: dict[str, Rest], rest: Rest) -> None:
        vm, body = vm_of(rest, "blue"), operation("vm_operation", "start")
        path = f"{V0}/SystemAdminTenantId/deployments/vm/{vm}"
        for name in ("op", "op-blue", "view"):
            assert as_user[name].post(path, body).error == (
                403,
                f"user {name} (group {USERS[name][0]}) may not use SystemAdminTenantId",
            )
        assert as_user["boss"].post(path, body).error == (409, f"VM [{vm}] is already started")

    def test_shared_things_and_vims_are_not_for_those_limited_to_tenants(self, as_user: dict[str, Rest]) -> None:
        user = as_user["op-blue"]
        answers = [
            user.json("POST", f"{V0}/flavors/f", {"flavor": {"vcpus": 1, "memory_mb": 64}}),
            user.json("POST", f"{V0}/vims/v", {"vim_connector": {"type": "OPENSTACK"}}),
            user.delete(f"{V0}/vims/default_openstack_vim"),
            user.json("POST", f"{V0}/tenants/red-2", {"tenant": {"name": "red-2"}}),
            user.json("POST", f"{V0}/SystemAdminTenantId/networks/n", {"network": {"name": "n"}}),
        ]
        assert [answer.status for answer in answers] == [403] * 5


class TestTenants:
    """op-blue sees blue and nothing of red, whatever it asks for."""

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            (f"{V0}/deployments", "internal_deployment_id"),
            (f"{V0}/tenants", "name"),
            (f"{V0}/snapshots", "name"),
        ],
    )
    def test_lists(self, as_user: dict[str, Rest], path: str, name: str) -> None:
        mine = as_user["op-blue"].get(path)
        assert mine.status == 200
        assert mine.texts(name)
        assert all(text.startswith("blue") for text in mine.texts(name))
        assert "red" not in mine.text
        assert "red" in as_user["op"].get(path).text

    @pytest.mark.parametrize(
        ("path", "key"),
        [("events?limit=1000", "events"), ("operations", "operations"), ("vms", "vms"), ("callbacks", "callbacks")],
    )
    def test_lists_beyond_esc(self, as_user: dict[str, Rest], path: str, key: str) -> None:
        mine = as_user["op-blue"].get(f"{V1}/{path}")
        assert {one["tenant"] for one in mine.json[key]} == {"blue"}
        if key != "vms":
            last = as_user["op-blue"].get(f"{V1}/{key}?limit=1").json[key]
            assert [one["tenant"] for one in last] == ["blue"], "what is hidden takes no room"
        assert "red" in {one["tenant"] for one in as_user["op"].get(f"{V1}/{path}").json[key]}

    def test_one_by_one(self, as_user: dict[str, Rest], rest: Rest) -> None:
        user, vm = as_user["op-blue"], vm_of(rest, "red")
        red_operation = rest.get(f"{V1}/operations?deployment_id=red-dep").json["operations"][0]["id"]
        red_callback = next(one for one in rest.get(f"{V1}/callbacks").json["callbacks"] if one["tenant"] == "red")
        (red_snapshot,) = rest.get(f"{V0}/snapshots?internalTenantId=red").texts("id")
        stop, update = operation("vm_operation", "stop"), deployment("red", group("x"), tenant="red")
        snapshot = operation("snapshot_operation", "snapshot", name="x")
        migrate = operation("vm_migrate_operation", "migrate", migrationType="live")
        hidden: list[Answer] = [
            user.get(f"{V0}/deployments/red-dep"),
            user.get(f"{V0}/blue/deployments/red-dep"),
            user.put(f"{V0}/deployments/red-dep", update),
            user.delete(f"{V0}/deployments/red-dep"),
            user.delete(f"{V0}/snapshots/red-snap"),
            user.get(f"{V0}/tenants/red"),
            user.post(f"{V0}/blue/deployments/vm/{vm}", stop),
            user.post(f"{V0}/blue/deployments/migrate-vm/{vm}", migrate),
            user.post(f"{V0}/blue/deployments/snapshot-vm/{vm}", snapshot),
            user.post(f"{V0}/blue/deployments/service/red-dep", operation("service_operation", "stop")),
            user.get(f"{V1}/operations/{red_operation}"),
            user.json("POST", f"{V0}/snapshots/{red_snapshot}/volumes", {"name": "mine"}),
            user.delete(f"{V0}/snapshots/{red_snapshot}"),
            user.post(f"{V1}/callbacks/{red_callback['id']}/redeliver"),
            user.post(f"{V1}/operations/{red_operation}/retry"),
            user.post(f"{V1}/operations/{red_operation}/cancel"),
        ]
        assert [answer.status for answer in hidden] == [404] * len(hidden)
        denied: list[Answer] = [
            user.get(f"{V0}/red/deployments"),
            user.get(f"{V0}/red/networks"),
            user.get(f"{V0}/red/networks/red-net"),
            user.get(f"{V0}/red/networks/red-net/subnets"),
            user.get(f"{V0}/red/volumes"),
            user.delete(f"{V0}/red/networks/red-net"),
            user.post(f"{V0}/red/networks/more", "<network/>"),
            user.post(f"{V0}/red/deployments/more", deployment("more", group(), tenant="red")),
            user.post(f"{V0}/deployments/more", deployment("more", group(), tenant="red")),
            user.delete(f"{V0}/tenants/blue-2/x"),
            user.post(f"{V0}/red/deployments/vm/{vm}", stop),
            user.post(f"{V0}/red/deployments/service/red-dep", operation("service_operation", "stop")),
        ]
        assert [answer.status for answer in denied] == [403] * 9 + [404] + [403] * 2
        assert rest.get(f"{V0}/deployments/red-dep").texts("state")[0] == "SERVICE_ACTIVE_STATE"
        assert rest.get(f"{V0}/snapshots?internalTenantId=red").texts("name") == ["red-snap"]

    def test_what_is_its_own_it_may_change(self, house: House, as_user: dict[str, Rest]) -> None:
        subscriber = Subscriber(house.session())
        body = operation("service_operation", "stop")
        assert as_user["op-blue"].post(f"{V0}/blue/deployments/service/blue-dep", body).status == 200
        subscriber.until("SERVICE_STOPPED", depname="blue")
        body = operation("service_operation", "start")
        assert as_user["op-blue"].post(f"{V0}/blue/deployments/service/blue-dep", body).status == 200
        subscriber.until("SERVICE_ALIVE", depname="blue")


class TestBrowsers:
    def test_another_name_for_this_machine_is_refused(self, rest: Rest) -> None:
        for host in (
            "evil.example",
            "evil.example:8080",
            "10.0.0.1",
            "",
            "localhost.evil.example",
            "a@localhost",
            "0.0.0.0",
            "[",
        ):
            answer = rest.get(f"{V0}/deployments", Host=host)
            assert answer.status in (400, 403), host
        for host in ("localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"):
            assert rest.get(f"{V0}/snapshots", Host=host).status == 200, host

    def test_other_sites_pages_are_refused(self, rest: Rest) -> None:
        for origin in ("http://evil.example", "null", "https://127.0.0.1", "http://localhost", "http://[", ""):
            answer = rest.call("POST", f"{V0}/tenants/trick", Origin=origin)
            assert answer.error[0] == 403, origin
            assert "Origin" in answer.error[1]
        assert rest.get(f"{V0}/snapshots", Origin=rest.url).status == 200
        assert rest.get(f"{V0}/tenants/trick").status == 404


class TestHttp:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "status"),
        [
            ("GET", "/ESCManager/v1/x", {}, 404),
            ("GET", "/ESCManager", {}, 404),
            ("PATCH", f"{V0}/deployments", {}, 405),
            ("DELETE", f"{V0}/blue/deployments/vm/x", {}, 405),
            ("GET", f"{V0}/deployments", {"Accept": "text/html"}, 406),
            ("GET", f"{V0}/deployments", {"Accept": "application/json;q=0"}, 406),
            ("POST", f"{V0}/blue/deployments/vm/x", {"Content-Type": "text/plain"}, 415),
            ("POST", f"{V0}/blue/deployments/vm/x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
            ("GET", f"{V0}/deployments", {"Client-Transaction-Id": "a b"}, 400),
            ("POST", f"{V0}/blue/deployments/vm/x", {"Accept": "image/png", "Content-Type": "application/xml"}, 406),
        ],
    )
    def test_statuses(self, rest: Rest, method: str, path: str, headers: dict[str, str], status: int) -> None:
        answer = rest.call(method, path, "<x/>" if method == "POST" else None, **headers)
        assert answer.error[0] == status
        if status == 405:
            assert answer.headers["Allow"]

    def test_accept(self, rest: Rest) -> None:
        for accept, media in {
            "": "application/xml",
            "*/*": "application/xml",
            "text/xml": "application/xml",
            "application/*": "application/xml",
            "application/json": "application/json",
            "application/xml;q=0.5, application/json": "application/json",
            "text/html, application/json;q=0.1": "application/json",
            "application/json;q=x, */*": "application/xml",
        }.items():
            assert rest.get(f"{V0}/snapshots", Accept=accept).headers["Content-Type"].split(";")[0] == media, accept

    def test_ids_are_echoed(self, rest: Rest) -> None:
        answer = rest.get(f"{V0}/snapshots", X_Request_Id="req-7", Client_Transaction_Id="t-7")
        assert answer.headers["X-Request-Id"] == "req-7"
        assert answer.headers["Client-Transaction-Id"] == answer.headers["ESC-Transaction-Id"] == "t-7"
        other = rest.get(f"{V0}/snapshots", X_Request_Id="no good")
        assert len(other.headers["X-Request-Id"]) == len(other.headers["ESC-Transaction-Id"]) == 36

    def test_trailing_slash_head_and_encoded_segments(self, rest: Rest) -> None:
        assert rest.get(f"{V0}/deployments/").status == 200
        head = rest.call("HEAD", f"{V0}/deployments")
        assert (head.status, head.content) == (200, b"")
        assert rest.delete(f"{V0}/snapshots/a%2Fb%20c").error == (404, "Snapshot image [a/b c] not found.")

    def test_a_body_that_does_not_come(self, rest: Rest) -> None:
        head = f"POST {V0}/blue/deployments/vm/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n"
        assert b" 408 " in raw(rest, f"{head}Content-Length: 10\r\n\r\n<x".encode())
        assert b" 413 " in raw(rest, f"{head}Content-Length: 99999999\r\n\r\n<x".encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        assert b" 413 " in raw(rest, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 17)

    def test_a_head_that_does_not_end(self, rest: Rest) -> None:
        assert raw(rest, b"GET / HTTP/1.1\r\nHost: localh") == b""
        assert b" 431 " in raw(rest, b"GET / HTTP/1.1\r\n" + b"X-Long: x\r\n" * 10_000)

    def test_what_is_no_http(self, rest: Rest) -> None:
        assert b" 400 " in raw(rest, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n\r\n")


def raw(rest: Rest, data: bytes) -> bytes:
    """What the server answers to these bytes before it closes or nothing comes for a while."""
    host, port = rest.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        received = b""
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                received += part
                if b"\r\n\r\n" in received:
                    break
        except OSError:  # it closed while we were sending
            pass
        return received
