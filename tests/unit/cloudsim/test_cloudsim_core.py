"""Tables and their file, addresses, routes, settings, jobs."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesc.cloudsim.application import router
from openesc.cloudsim.core import jobs
from openesc.cloudsim.core.addresses import AddressBook
from openesc.cloudsim.core.cloud import Cloud, iso, parse_time
from openesc.cloudsim.core.records import Job, Keypair, Port, Project, Subnet
from openesc.cloudsim.core.settings import Settings
from openesc.cloudsim.core.store import Store, Table
from openesc.cloudsim.network.subnets import default_pools, parse_cidr


def test_a_table_comes_back_from_its_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.sqlite3")
    table = Table(store, "project", Project, name=lambda p: p.name)
    for name in ("a", "b", "c"):
        table.put(Project(f"id-{name}", name))
    store.commit()
    changed = table.get("id-b")
    assert changed is not None
    changed.name = "renamed"
    table.put(changed)
    table.drop("id-a")
    store.close()
    again = Table(Store(tmp_path / "t.sqlite3"), "project", Project, name=lambda p: p.name)
    assert [row.name for row in again] == ["renamed", "c"]
    assert again.first("name", "b") is None
    assert again.by("name", "renamed")[0].id == "id-b"


def test_changes_are_found_by_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.sqlite3")
    table = Table(store, "port", Port)
    for number in range(5):
        table.put(Port(f"p{number}", "", "x", "n", "", 0.0, float(number)))
    first = table.get("p0")
    assert first is not None
    first.updated = 9.0
    table.put(first)
    assert [port.id for port in table.changed_since(3.0)] == ["p0", "p4", "p3"]
    store.close()


@given(st.lists(st.booleans(), max_size=60))
def test_addresses_are_never_given_twice(steps: list[bool]) -> None:
    cidr = "10.1.0.0/28"
    subnet = Subnet("s", "", "x", "n", cidr, 4, 0.0, 0.0, pools=default_pools(parse_cidr(cidr), "10.1.0.1"))
    book, held = AddressBook([]), list[Port]()
    for number, take in enumerate(steps):
        address = book.next_free(subnet) if take else None
        if take and address is None:
            assert len(held) == 13
        elif address is not None:
            port = Port(f"p{number}", "", "x", "n", "", 0.0, 0.0, [{"subnet_id": "s", "ip_address": address}])
            book.take_all(port)
            held.append(port)
        elif held:
            book.release_all(held.pop(0))
        given_out = [port.fixed_ips[0]["ip_address"] for port in held]
        assert len(set(given_out)) == len(given_out) == book.used("s")
        assert all(ipaddress.ip_address(a) in ipaddress.ip_network(cidr) for a in given_out)


def test_a_literal_segment_wins_over_a_parameter() -> None:
    found = router().find("GET", "/compute/v2.1/servers/detail")
    assert found is not None
    assert found[0].operation == "server.list"
    shown = router().find("GET", "/compute/v2.1/servers/xyz")
    assert shown is not None
    assert (shown[0].operation, shown[1]) == ("server.show", {"id": "xyz"})
    assert router().find("PATCH", "/compute/v2.1/servers/xyz") is None


def test_no_route_is_registered_twice() -> None:
    keys = [(route.method, route.template) for route in router().routes]
    assert len(keys) == len(set(keys))


def test_settings_are_checked() -> None:
    settings = Settings()
    settings.change({"boot_seconds": 3, "auto_confirm": True})
    assert (settings.boot_seconds, settings.auto_confirm) == (3.0, True)
    for wrong in ({"bootseconds": 1}, {"boot_seconds": "x"}, {"auto_confirm": 1}, {"page_limit": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            settings.change(wrong)


def test_steps_run_in_order_and_survive(tmp_path: Path) -> None:
    done: list[str] = []

    @jobs.step("test.first")
    def first(cloud: Cloud, job: Job) -> jobs.Next:
        done.append(f"first {job.args['n']}")
        return ("test.second", 0.0 if job.args["n"] == 1 else 1000.0)

    @jobs.step("test.second")
    def second(cloud: Cloud, job: Job) -> jobs.Next:
        done.append(f"second {job.args['n']}")
        return None

    cloud = Cloud(tmp_path, Settings(latency_factor=1.0))
    cloud.jobs.start("test.first", "a", n=1)
    cloud.jobs.start("test.first", "b", n=2)
    cloud.jobs.run_due()
    assert done == ["first 1", "first 2", "second 1"]
    cloud.store.close()
    again = Cloud(tmp_path, Settings())
    waiting = list(again.job_rows)
    assert [(job.step, job.subject) for job in waiting] == [("test.second", "b")]
    again.jobs.hurry(waiting[0])
    again.jobs.run_due()
    assert done[-1] == "second 2"
    assert len(again.job_rows) == 0
    again.store.close()


def test_a_step_that_breaks_stops_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @jobs.step("test.broken")
    def broken(cloud: Cloud, job: Job) -> jobs.Next:
        raise RuntimeError("bug")

    cloud = Cloud(tmp_path, Settings())
    cloud.jobs.start("test.broken", "a")
    cloud.jobs.run_due()
    assert len(cloud.job_rows) == 0
    assert "step test.broken of a broke" in capsys.readouterr().err
    cloud.store.close()


def test_wiping_forgets_everything(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, Settings(page_limit=7))
    cloud.keypairs.put(Keypair("u:k", "k", "u", "", "", 0.0))
    cloud.settings.change({"page_limit": 9})
    cloud.wipe()
    assert (len(cloud.keypairs), cloud.settings.page_limit) == (0, 7)
    cloud.store.close()


@pytest.mark.parametrize(
    "text", ["2026-11-23T16:28:31Z", "2026-11-23T16:28:31", "2026-11-23T16:28:31+00:00", "2026-11-23T17:28:31+01:00"]
)
def test_times(text: str) -> None:
    assert iso(parse_time(text)) == "2026-11-23T16:28:31Z"
