"""What a VIM connector needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VimSettings:
    """One VIM connector.

    Either `auth` holds the words of a clouds.yaml `auth` section: ``auth_url``, ``username``, ``password``,
    ``project_name``, ``user_domain_name``, ``project_domain_name`` (each name may be an id instead), or ``auth_url``,
    ``application_credential_id`` and ``application_credential_secret``; or `cloud` names an entry of clouds.yaml.
    With neither, the ``OS_*`` environment counts (cloud ``envvars``), else the only entry of clouds.yaml. Then what is
    None here is as that configuration says.
    """

    vim_id: str
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    cloud: str | None = None
    region: str | None = None
    interface: str | None = None
    """Whose endpoints of the catalogue: ``public`` (where nothing says otherwise), ``internal`` or ``admin``."""
    verify: bool = True
    cacert: str | None = None
    """A file with the CA certificates to trust instead of the system's."""
    http_timeout: float = 60.0
    """Seconds to connect, to wait for an answer, and for a whole call with its log-in (uploads excepted)."""
    poll_interval: float = 5.0
    """Seconds between two looks at what is waited for, once its first moments are over."""
    volume_interval: Callable[[], float] | None = None
    """The same for volumes, asked at each look, as it may change; None: as for everything else."""
    threads: int = 16
    """Calls to the cloud at the same time; more wait their turn."""
    probe_url: str | None = None
    """Where a simulated cloud answers pings for its guests (``http://HOST:PORT/sim/ping``); None: real ICMP."""
    image_folders: tuple[str, ...] = ()
    """Local folders images may be uploaded from by ``file://``; none by default."""
    all_projects: bool = True
    """Whether one list over all projects may replace many, where the credentials allow it."""
