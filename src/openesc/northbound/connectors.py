"""VIM connectors as ``esc_system_config`` has them: what their properties mean, and which values are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

from openesc.lifecycle.xmlread import each, first, required, text

AUTH_WORDS: Mapping[str, str] = {
    "os_auth_url": "auth_url",
    "os_username": "username",
    "os_user_id": "user_id",
    "os_password": "password",
    "os_user_domain_name": "user_domain_name",
    "os_user_domain_id": "user_domain_id",
    "os_project_name": "project_name",
    "os_tenant_name": "project_name",
    "os_project_id": "project_id",
    "os_tenant_id": "project_id",
    "os_project_domain_name": "project_domain_name",
    "os_project_domain_id": "project_domain_id",
    "os_application_credential_id": "application_credential_id",
    "os_application_credential_name": "application_credential_name",
    "os_application_credential_secret": "application_credential_secret",
}
"""Properties, and the words of a clouds.yaml ``auth`` section."""

ACCESS_WORDS: Mapping[str, str] = {
    "os_region_name": "region",
    "os_interface": "interface",
    "os_endpoint_type": "interface",
    "os_cacert": "cacert",
    "os_insecure": "insecure",
}
"""Properties, and the fields of a `Connector`."""

PEM = "-----BEGIN CERTIFICATE-----"
INTERFACES = ("public", "internal", "admin")
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector's credentials, in the words of clouds.yaml, and the way to its cloud."""

    auth: Mapping[str, str] = field(repr=False)
    region: str | None = None
    interface: str | None = None
    cacert: str | None = None
    """A file of CA certificates on the server, or the certificates themselves (PEM)."""
    insecure: bool = False
    """The cloud's certificate is not looked at."""


def connectors(document: bytes) -> dict[str, Connector]:
    """Every connector of the system unit by its id.

    The login is the id of the connector's first user; its password may stand with the user or with the connector.
    """
    root = etree.fromstring(document)
    return {required(entry, "id"): _connector(entry) for entry in each(root, "vim_connectors/vim_connector")}


def _connector(entry: etree._Element) -> Connector:
    given = _given(entry)
    auth = {AUTH_WORDS[name]: value for name, value in given.items() if name in AUTH_WORDS}
    user = first(entry, "users/user")
    if user is not None:
        auth.setdefault("username", required(user, "id"))
    access = {ACCESS_WORDS[name]: value for name, value in given.items() if name in ACCESS_WORDS and value}
    return Connector(
        auth,
        access.get("region"),
        _interface(access.get("interface")),
        _certificates(access.get("cacert")),
        BOOLEANS.get(access.get("insecure", "").lower(), False),
    )


def _given(entry: etree._Element) -> dict[str, str]:
    """The connector's properties, and over them those of its first user."""
    given = _properties(entry, "properties/property")
    user = first(entry, "users/user")
    return given if user is None else given | _properties(user, "credentials/properties/property")


def _properties(element: etree._Element, path: str) -> dict[str, str]:
    return {required(entry, "name"): (text(entry, "value") or "").strip() for entry in each(element, path)}


def _interface(given: str | None) -> str | None:
    """``publicURL``, as old clients say it, is ``public``."""
    return given.removesuffix("URL") if given else None


def _certificates(given: str | None) -> str | None:
    """Certificates without the blanks that a document's layout puts before their lines."""
    if given is None or PEM not in given:
        return given
    return "".join(f"{line.strip()}\n" for line in given.splitlines() if line.strip())


def faults(document: bytes) -> Iterator[tuple[str, str, str]]:
    """Values that could never work: the connector's id, the property's name, and what is wrong."""
    for entry in each(etree.fromstring(document), "vim_connectors/vim_connector"):
        for name, value in _given(entry).items():
            judge = _JUDGES.get(name)
            wrong = judge(value) if judge is not None and value else None
            if wrong:
                yield required(entry, "id"), name, wrong


def _not_a_url(value: str) -> str | None:
    parts = urlsplit(value)
    good = parts.scheme in ("http", "https") and parts.netloc
    return None if good else f"{value} is no http:// or https:// address"


def _not_an_interface(value: str) -> str | None:
    return None if _interface(value) in INTERFACES else f"{value} is none of {', '.join(INTERFACES)}"


def _not_a_boolean(value: str) -> str | None:
    return None if value.lower() in BOOLEANS else f"{value} is neither true nor false"


def _not_version_3(value: str) -> str | None:
    good = value.lower().removeprefix("v").split(".")[0] == "3"
    return None if good else f"{value} is not served: Keystone's version is 3"


def _no_certificates(value: str) -> str | None:
    if PEM in value or Path(value).is_file():
        return None
    return f"{value} is no file on this server; give one, or the certificates themselves (PEM)"


_JUDGES: Mapping[str, Callable[[str], str | None]] = {
    "os_auth_url": _not_a_url,
    "os_interface": _not_an_interface,
    "os_endpoint_type": _not_an_interface,
    "os_insecure": _not_a_boolean,
    "os_identity_api_version": _not_version_3,
    "os_cacert": _no_certificates,
}
