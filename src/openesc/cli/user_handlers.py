"""The control commands on users, for the wiring to hand to the control server.

================  =================================================  ==========================================
command           arguments                                          result
================  =================================================  ==========================================
``user.add``      name, group, tenants (list or null), password      the account, as in ``user.list``
``user.password`` name, password                                     null
``user.key``      name, key (an OpenSSH public key line)             {"fingerprint"}
``user.list``     none                                               [{"name", "group", "tenants" (list; null: all),
                                                                     "password" (has one), "keys" (how many),
                                                                     "created_at"}]
``user.delete``   name; its sessions end                             null
================  =================================================  ==========================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from openesc.cli.control import Arguments, Handler
from openesc.northbound.users import Users


async def _nobody(_name: str) -> None:
    """Without a server nobody is logged in."""


def user_handlers(users: Users, log_out: Callable[[str], Awaitable[None]] = _nobody) -> Mapping[str, Handler]:
    """The handlers of the commands above, by name. `log_out` ends what a deleted user has open."""

    async def add(arguments: Arguments) -> Any:
        name = arguments["name"]
        await users.add(name, arguments["group"], arguments.get("tenants"), arguments.get("password"))
        return next(account.as_dict() for account in await users.list() if account.name == name)

    async def password(arguments: Arguments) -> Any:
        await users.set_password(arguments["name"], arguments["password"])

    async def key(arguments: Arguments) -> Any:
        return {"fingerprint": await users.add_key(arguments["name"], arguments["key"])}

    async def listed(_arguments: Arguments) -> Any:
        return [account.as_dict() for account in await users.list()]

    async def delete(arguments: Arguments) -> Any:
        await users.delete(arguments["name"])
        await log_out(arguments["name"])

    return {
        "user.add": add,
        "user.password": password,
        "user.key": key,
        "user.list": listed,
        "user.delete": delete,
    }
