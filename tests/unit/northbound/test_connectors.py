"""What the properties of a VIM connector mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from openesc.northbound.connectors import Connector, connectors, faults

ESC = "http://www.cisco.com/esc/esc"


def document(properties: Mapping[str, str], user: Mapping[str, str] | None = None) -> bytes:
    """A system unit with the connector ``c``; `user` are the properties of its login ``joe``."""
    joe = "" if user is None else f"<users><user><id>joe</id><credentials>{_list(user)}</credentials></user></users>"
    return (
        f'<esc_system_config xmlns="{ESC}"><vim_connectors><vim_connector><id>c</id><type>OPENSTACK</type>'
        f"{_list(properties)}{joe}</vim_connector></vim_connectors></esc_system_config>"
    ).encode()


def _list(properties: Mapping[str, str]) -> str:
    each = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in properties.items())
    return f"<properties>{''.join(each)}</properties>"


def one(properties: Mapping[str, str], user: Mapping[str, str] | None = None) -> Connector:
    return connectors(document(properties, user))["c"]


def wrong(name: str, value: str) -> list[tuple[str, str, str]]:
    return list(faults(document({name: value})))


def test_a_login_of_its_own() -> None:
    found = one({"os_auth_url": "http://cloud/v3", "os_tenant_name": "p"}, {"os_password": "x"})
    assert found.auth == {"auth_url": "http://cloud/v3", "project_name": "p", "username": "joe", "password": "x"}
    assert (found.region, found.interface, found.cacert, found.insecure) == (None, None, None, False)


def test_the_users_properties_win() -> None:
    found = one({"os_password": "old", "os_username": "jim"}, {"os_password": "new", "os_user_domain_id": "d"})
    assert found.auth == {"username": "jim", "password": "new", "user_domain_id": "d"}


def test_the_way_to_the_cloud() -> None:
    found = one(
        {"os_region_name": "Two", "os_endpoint_type": "internalURL", "os_cacert": "/etc/ca.pem", "os_insecure": "True"}
    )
    assert found == Connector({}, "Two", "internal", "/etc/ca.pem", True)


def test_certificates_in_the_document() -> None:
    """The blanks of the document's layout are no part of them."""
    given = "\n      -----BEGIN CERTIFICATE-----\n      abc\n      -----END CERTIFICATE-----\n    "
    assert one({"os_cacert": given}).cacert == "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(one({"os_password": "secret"}))


def test_what_is_unknown_is_left_alone() -> None:
    assert one({"os_colour": "red", "os_identity_api_version": "3"}).auth == {}
    assert not wrong("os_colour", "red")


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("os_auth_url", "cloud:5000/v3", "no http:// or https:// address"),
        ("os_interface", "outside", "none of public, internal, admin"),
        ("os_insecure", "perhaps", "neither true nor false"),
        ("os_identity_api_version", "2.0", "Keystone's version is 3"),
        ("os_cacert", "/no/such/file", "no file on this server"),
    ],
)
def test_values_that_could_never_work(name: str, value: str, words: str) -> None:
    ((vim_id, named, said),) = wrong(name, value)
    assert (vim_id, named) == ("c", name)
    assert value in said and words in said


@pytest.mark.parametrize("version", ["3", "v3", "3.14"])
def test_version_3(version: str) -> None:
    assert not wrong("os_identity_api_version", version)


def test_a_file_of_certificates(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    assert not wrong("os_cacert", str(tmp_path / "ca.pem"))
