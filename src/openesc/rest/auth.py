"""Who calls: basic authentication (RFC 7617) against the users that NETCONF knows too."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from openesc.netconf import User
from openesc.northbound.users import Users
from openesc.rest.errors import Unauthenticated

LOCAL: Final = User("local", "admin")
"""Who calls by plain HTTP on this machine without credentials, where the settings let him: ESC's samples do."""
CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="ESCManager", charset="UTF-8"'}
WAITING: Final = 32
"""So many passwords are verified or wait for it at once: a flood of wrong ones must not keep NETCONF's users out, nor
those whose password is remembered.
"""


class Authenticator:
    """Finds the user of a request. Right passwords are remembered by `Users`, so that argon2 is not paid per call."""

    def __init__(self, users: Users, local: User | None) -> None:
        self._users = users
        self._local = local

    async def user_of(self, header: str | None) -> User:
        """The user of an ``Authorization`` header. Raises: Unauthenticated, ResourceDenied."""
        if header is None:
            if self._local is None:
                raise Unauthenticated("this needs basic authentication")
            return self._local
        name, password = _credentials(header)
        user = await self._users.check_password(name, password, WAITING)
        if user is None:
            raise Unauthenticated("user or password is wrong")
        return user


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, token = header.partition(" ")
    try:
        text = base64.b64decode(token.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, colon, password = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise Unauthenticated("Authorization: basic authentication is understood")
    return name, password
