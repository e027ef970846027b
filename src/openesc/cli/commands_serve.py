"""`openesc serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from openesc.cli.common import ConfigFile, DataDir, load_settings

NetconfPort = Annotated[int | None, typer.Option("--netconf-port", help="NETCONF's TCP port; 0 picks a free one.")]
RestPort = Annotated[int | None, typer.Option("--rest-port", help="REST's TCP port; 0 picks a free one.")]
Vim = Annotated[
    str | None,
    typer.Option("--vim", help="cloudsim, the embedded simulator, or a cloud's name in clouds.yaml."),
]


def serve(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    netconf_port: NetconfPort = None,
    rest_port: RestPort = None,
    vim: Vim = None,
) -> None:
    """Run the server in the foreground until SIGTERM or Ctrl-C."""
    settings = load_settings(config, data_dir, netconf__port=netconf_port, rest__port=rest_port, **_vim_flags(vim))
    from openesc.cli import logs
    from openesc.cli.serve import run

    logs.configure(settings.log.level, settings.log.format)
    raise typer.Exit(run(settings))


def _vim_flags(vim: str | None) -> dict[str, str | None]:
    if vim in (None, "cloudsim"):
        return {"vim__kind": vim}
    return {"vim__kind": "openstack", "vim__cloud": None if vim == "openstack" else vim}
