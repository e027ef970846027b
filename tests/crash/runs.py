"""One run of a scenario: prepared, asked for, perhaps crashed, and looked at when all is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.outcome import Outcome, assert_same, made_twice, outcome
from tests.crash.scenarios import Scenario

Meanwhile = Callable[[], Awaitable[None]]


class Runs:
    """Runs scenarios in one house, and keeps what they come to when nothing happens to them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._undisturbed: dict[str, Outcome] = {}
        self.done: list[Names] = []
        """The deployments of the undisturbed runs."""

    async def undisturbed(self, scenario: Scenario) -> Outcome:
        """What a run without any trouble comes to."""
        if scenario.name not in self._undisturbed:
            names = await self.prepare(scenario)
            self.done.append(names)
            self._undisturbed[scenario.name] = await self.finish(scenario, names, datetime.now(UTC))
        return self._undisturbed[scenario.name]

    async def crashed(self, scenario: Scenario, *failpoints: str) -> Names:
        """Run it through all these crashes; it must come to what an undisturbed one comes to."""

        async def crash() -> None:
            await self.house.crash_through()

        return await self.disturbed(scenario, crash, failpoints)

    async def disturbed(self, scenario: Scenario, meanwhile: Meanwhile, failpoints: tuple[str, ...] = ()) -> Names:
        """Run it while `meanwhile` happens: it comes to what an undisturbed one comes to, and makes nothing twice."""
        expected = await self.undisturbed(scenario)
        names = await self.prepare(scenario)
        asked = self.house.last_request()
        self.house.arm(*failpoints)
        found = await self.finish(scenario, names, datetime.now(UTC), meanwhile)
        assert self.house.armed() == []
        assert_same(found, expected)
        assert made_twice(self.house, names, asked) == []
        return names

    async def prepare(self, scenario: Scenario) -> Names:
        """A new deployment, brought to where the scenario begins."""
        await self.house.ensure_running()
        self.house.swaps(scenario.swaps)
        names = self.house.names()
        for document in scenario.before:
            await self.house.edit(document(names))
            assert (await self.house.ended(names))["state"] == "succeeded"
        return names

    async def finish(
        self, scenario: Scenario, names: Names, since: datetime, meanwhile: Meanwhile | None = None
    ) -> Outcome:
        """Ask for the operation and look at what came of it."""
        for rule in scenario.refused:
            self.house.cloud("POST", "/sim/faults", _of(rule, names))
        await self.house.edit(scenario.document(names))
        if meanwhile is not None:
            await meanwhile()
        ended = await self.house.ended(names)
        assert (ended["kind"], ended["state"]) == (scenario.flow, scenario.state), ended
        return await outcome(self.house, names, since)


def _of(rule: Any, names: Names) -> dict[str, Any]:
    """The rule for this deployment's objects alone."""
    return {**rule, "match": {**rule["match"], "name": f"*{names.suffix}*"}}
