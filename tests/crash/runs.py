"""One run of a scenario: prepared, asked for, perhaps crashed, and looked at when all is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.outcome import Outcome, asked, assert_same, outcome
from tests.crash.scenario import Scenario

Meanwhile = Callable[[], Awaitable[None]]


class Runs:
    """Runs scenarios in one house, and keeps what they come to when nothing happens to them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._undisturbed: dict[str, Outcome] = {}
        self.done: dict[str, Names] = {}
        """The names of the undisturbed runs, by scenario."""

    async def undisturbed(self, scenario: Scenario) -> Outcome:
        """What a run without any trouble comes to."""
        if scenario.name not in self._undisturbed:
            names = await self.prepare(scenario)
            self.done[scenario.name] = names
            self._undisturbed[scenario.name] = await self.finish(scenario, names, datetime.now(UTC))
        return self._undisturbed[scenario.name]

    async def crashed(self, scenario: Scenario, *failpoints: str) -> None:
        """Run it through all these crashes; it must come to what an undisturbed one comes to."""

        async def crash() -> None:
            await self.house.crash_through()

        await self.disturbed(scenario, crash, failpoints)

    async def disturbed(self, scenario: Scenario, meanwhile: Meanwhile, failpoints: tuple[str, ...] = ()) -> None:
        """Run it while `meanwhile` happens: it must come to what an undisturbed one comes to, and have asked the cloud
        for the same, as often.
        """
        expected = await self.undisturbed(scenario)
        names = await self.prepare(scenario)
        self.house.arm(*failpoints)
        found = await self.finish(scenario, names, datetime.now(UTC), meanwhile)
        assert self.house.armed() == []
        assert_same(found, expected)
        assert asked(self.house, names) == asked(self.house, self.done[scenario.name])

    async def prepare(self, scenario: Scenario) -> Names:
        """New names, brought to where the scenario begins."""
        await self.house.ensure_running()
        names = self.house.names()
        for request in scenario.before:
            await self.house.ask_for(request, names)
            assert (await self.house.ended(names))["state"] == "succeeded"
        return names

    async def finish(
        self, scenario: Scenario, names: Names, since: datetime, meanwhile: Meanwhile | None = None
    ) -> Outcome:
        """Ask for the operation and look at what came of it."""
        for rule in scenario.refused:
            self.house.cloud("POST", "/sim/faults", _of(rule, names))
        with self.house.cloud_settings(**scenario.cloud):
            await self.house.ask_for(scenario.request, names)
            if meanwhile is not None:
                await meanwhile()
            await self.house.ended(names, sweeps=scenario.flow == "sweep")
        states = [row["state"] for row in await self.house.listed(names) if row["kind"] == scenario.flow]
        assert states and states[-1] == scenario.state, states
        return await outcome(self.house, names, since)


def _of(rule: Any, names: Names) -> dict[str, Any]:
    """The rule for this deployment's objects alone."""
    name = rule["match"].get("name", "*{suffix}*").format(suffix=names.suffix)
    return {**rule, "match": {**rule["match"], "name": name}}
