"""The control commands on the vimmanager's properties.

======================  =========  ==================================================
command                 arguments  result
======================  =========  ==================================================
``vimmanager.show``     none       every property in force: its value and its origin
``vimmanager.set``      values     the same, afterwards
``vimmanager.restart``  none       the same, afterwards
======================  =========  ==================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from openesc.cli.control import Arguments, Handler
from openesc.cli.problems import UsageProblem
from openesc.config_sources import ConfigError
from openesc.vimmanager import Value, VimManager

Shown = dict[str, dict[str, str]]
log = structlog.get_logger()


def vimmanager_handlers(vimmanager: VimManager) -> Mapping[str, Handler]:
    """The handlers of the commands above, by name."""

    async def show(_arguments: Arguments) -> Any:
        return shown(vimmanager.values)

    async def put(arguments: Arguments) -> Any:
        values = {str(key): str(value) for key, value in arguments["values"].items()}
        try:
            vimmanager.set(values)
        except ConfigError as error:
            raise refusal("nothing was set", error) from None
        log.info("vimmanager configuration set", **values)
        return shown(vimmanager.values)

    async def restart(_arguments: Arguments) -> Any:
        try:
            vimmanager.restart()
        except ConfigError as error:
            raise refusal("the vimmanager was not restarted: what was in force stays", error) from None
        log.info("vimmanager restarted")
        return shown(vimmanager.values)

    return {"vimmanager.show": show, "vimmanager.set": put, "vimmanager.restart": restart}


def shown(values: Mapping[str, Value]) -> Shown:
    """Properties as the control socket carries them."""
    return {key: {"value": value.text, "origin": str(value.origin)} for key, value in values.items()}


def refusal(what: str, error: ConfigError) -> UsageProblem:
    """What to tell who asked for it."""
    return UsageProblem(what, "\n  ".join(error.problems))
