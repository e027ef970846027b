"""ESC's own rules for a document, beyond its YANG."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from openesc.datastore.running import Change
from openesc.errors import EscError, InvalidRequest, OperationRefused
from openesc.inventory import store as inventory
from openesc.lifecycle import intent
from openesc.lifecycle.paths import deployment_path
from openesc.lifecycle.pools import pool_faults
from openesc.monitor.collectors import CollectorRegistry
from openesc.northbound.connectors import connectors, faults
from openesc.northbound.dependencies import unmet_services

CIRCULAR = "Circular group dependency !"
SYSTEM = "system"


class Checks:
    """Looks at what an edit leaves of each unit.

    `vims` are the connectors there are, `default_vim` among them, with their regions where they are known.
    """

    def __init__(
        self, collectors: CollectorRegistry, vims: Callable[[], Mapping[str, str | None]], default_vim: str
    ) -> None:
        self._collectors = collectors
        self._vims = vims
        self._default_vim = default_vim

    def errors(self, changes: Sequence[Change], connection: Connection) -> list[EscError]:
        """What is wrong with the new documents of an edit's units; an empty list when nothing is."""
        system = next((change for change in changes if change.id.kind.name == SYSTEM), None)
        vims = self._vims() if system is None else self._vims_after(system)
        found = [] if system is None else list(_connectors_in_use(system, vims, connection))
        for change in changes:
            check = _CHECKS.get(change.id.kind.name)
            if check is not None and change.after is not None:
                found += check(self, change, vims)
        return [*found, *unmet_services(changes, connection)]

    def _vims_after(self, system: Change) -> dict[str, str | None]:
        """The connectors there are once this change of the system's unit is made."""
        before = _configured(system.before)
        kept = {vim_id: region for vim_id, region in self._vims().items() if vim_id not in before}
        return {self._default_vim: None, **kept, **_configured(system.after)}

    def _deployment(self, change: Change, vims: Mapping[str, str | None]) -> Iterator[EscError]:
        assert change.after is not None
        wanted = intent.parse(change.after)
        path = deployment_path(wanted.tenant, wanted.name)
        yield from self._locator(wanted, f"{path}/locator", vims)
        loop = find_cycle(wanted.startup)
        if loop:
            yield InvalidRequest(f"{CIRCULAR} {' -> '.join(loop)}", path=f"{path}/policies/startup")
        yield from _one_rule_each(wanted, path)
        for group in wanted.groups:
            yield from self._group(wanted, group, f"{path}/vm_group[name='{group.name}']")

    def _locator(self, wanted: intent.Deployment, path: str, vims: Mapping[str, str | None]) -> Iterator[EscError]:
        vim_id = wanted.vim_id or self._default_vim
        if vim_id not in vims:
            yield InvalidRequest(f"there is no VIM connector {vim_id}; there are: {', '.join(sorted(vims))}", path=path)
            return
        region = vims[vim_id]
        if None not in (wanted.vim_region, region) and wanted.vim_region != region:
            yield InvalidRequest(
                f"VIM connector {vim_id} is of region {region}: for {wanted.vim_region} name a connector whose "
                "os_region_name it is",
                path=f"{path}/vim_region",
            )

    def _group(self, wanted: intent.Deployment, group: intent.Group, path: str) -> Iterator[EscError]:
        if group.min_active > group.max_active:
            yield OperationRefused(
                f"scaling/min_active {group.min_active} of vm_group {group.name} is above scaling/max_active "
                f"{group.max_active}",
                path=f"{path}/scaling/min_active",
                app_tag="must-violation",
            )
        for where, fault in pool_faults(group, wanted.networks):
            yield InvalidRequest(fault, path=f"{path}/{where}")
        kpi = group.alive_kpi
        known = {name.casefold() for name in self._collectors.names}
        if kpi is not None and kpi.collector.casefold() not in known:
            names = ", ".join(self._collectors.names)
            yield InvalidRequest(
                f"no collector measures {kpi.collector}, which {kpi.event_name} needs; there are: {names}",
                path=f"{path}/kpi_data/kpi[event_name='{kpi.event_name}']/metric_collector/type",
            )

    def _system(self, change: Change, _vims: Mapping[str, str | None]) -> Iterator[EscError]:
        assert change.after is not None
        for vim_id, name, wrong in faults(change.after):
            yield InvalidRequest(f"{name} of VIM connector {vim_id}: {wrong}", path=_connector_path(vim_id))

    def _volume(self, change: Change, _vims: Mapping[str, str | None]) -> Iterator[EscError]:
        name = change.id.keys[-1]
        yield OperationRefused(f"volumes of a tenant are not made by this server: declare {name} in its vm_group")


_CHECKS: Mapping[str, Callable[[Checks, Change, Mapping[str, str | None]], Iterator[EscError]]] = {
    "deployment": Checks._deployment,
    SYSTEM: Checks._system,
    "tenant-volume": Checks._volume,
}


def _one_rule_each(wanted: intent.Deployment, path: str) -> Iterator[EscError]:
    """Nova takes a server into one server group at most."""
    for group in wanted.groups:
        rules = [rule.name for rule in wanted.rules if group.name in rule.groups]
        if len(rules) > 1:
            yield InvalidRequest(
                f"vm_group {group.name} stands in {len(rules)} affinity rules ({', '.join(rules)}): one is possible",
                path=f"{path}/vm_group[name='{group.name}']",
            )


def _configured(document: bytes | None) -> dict[str, str | None]:
    """The connectors of a system unit and their regions."""
    return {} if document is None else {vim_id: one.region for vim_id, one in connectors(document).items()}


def _connectors_in_use(system: Change, vims: Collection[str], connection: Connection) -> Iterator[EscError]:
    """A connector with something deployed through it stays: nobody else could take that away again."""
    removed = _configured(system.before).keys() - set(vims)
    rows = inventory.all_deployments(connection) if removed else []
    for vim_id in sorted(removed):
        users = [f"{row.tenant}/{row.name}" for row in rows if row.vim_id == vim_id]
        if users:
            yield OperationRefused(
                f"VIM connector {vim_id} is used by {', '.join(users[:5])}: undeploy first",
                path=_connector_path(vim_id),
            )


def _connector_path(vim_id: str) -> str:
    return f"/esc_system_config/vim_connectors/vim_connector[id='{vim_id}']"


def find_cycle(order: Mapping[str, frozenset[str]]) -> list[str]:
    """The groups of a cycle in `order` (group -> those it waits for), the first one again at the end; [] for none."""
    done: set[str] = set()

    def visit(group: str, trail: list[str]) -> list[str]:
        if group in trail:
            return [*trail[trail.index(group) :], group]
        if group in done:
            return []
        for needed in sorted(order.get(group, ())):
            loop = visit(needed, [*trail, group])
            if loop:
                return loop
        done.add(group)
        return []

    return next((loop for group in sorted(order) if (loop := visit(group, []))), [])
