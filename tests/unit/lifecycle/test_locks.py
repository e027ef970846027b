"""Hierarchical locks: never two that conflict, first come first served, nobody waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openesc.lifecycle.locks import EXCLUSIVE, SHARED, Claim, LockTable, name_key

claims = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([SHARED, EXCLUSIVE])), min_size=1, max_size=4)


def conflict(one: list[Claim], other: list[Claim]) -> bool:
    return any(key == key2 and EXCLUSIVE in (mode, mode2) for key, mode in one for key2, mode2 in other)


class House:
    """Runs owners as the engine does: those that release may start, and newcomers."""

    def __init__(self) -> None:
        self.table = LockTable()
        self.claims: dict[str, list[Claim]] = {}
        self.order: list[str] = []
        self.running: set[str] = set()

    def come(self, owner: str, wanted: list[Claim]) -> None:
        self.claims[owner] = wanted
        self.order.append(owner)
        self.table.enqueue(owner, wanted)
        self._start([owner])

    def end(self, owner: str) -> None:
        self.running.remove(owner)
        self.order.remove(owner)
        del self.claims[owner]
        self._start(list(self.table.release(owner)))

    def _start(self, candidates: list[str]) -> None:
        self.running |= {owner for owner in candidates if self.table.admits(owner)}

    def check(self) -> None:
        for index, owner in enumerate(self.order):
            older = [other for other in self.order[:index] if conflict(self.claims[owner], self.claims[other])]
            assert (owner in self.running) == (not older), f"{owner} runs exactly when nobody older conflicts"
            assert set(self.table.waiting_for(owner)) == set(older)


@given(st.data())
def test_exactly_those_run_whom_nobody_older_hinders(data: st.DataObject) -> None:
    house = House()
    for number in range(data.draw(st.integers(1, 25))):
        leaver = data.draw(st.sampled_from(["", *sorted(house.running)]))
        if leaver:
            house.end(leaver)
        else:
            house.come(f"o{number}", data.draw(claims))
        house.check()


@given(st.lists(claims, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_everybody_has_a_turn(wanted: list[list[Claim]], random: object) -> None:
    house = House()
    for number, one in enumerate(wanted):
        house.come(f"o{number}", one)
    ended = 0
    while house.order:
        assert house.running, f"somebody runs as long as {house.order} are there"
        house.end(random.choice(sorted(house.running)))  # type: ignore[attr-defined]
        ended += 1
    assert ended == len(wanted)
    assert house.table._keys == {}


def test_a_newcomer_does_not_pass_who_waits() -> None:
    """Shared ones that keep coming must not starve an exclusive one."""
    house = House()
    house.come("reader", [("k", SHARED)])
    house.come("writer", [("k", EXCLUSIVE)])
    house.come("late", [("k", SHARED)])
    assert house.running == {"reader"}
    house.end("reader")
    assert house.running == {"writer"}
    house.end("writer")
    assert house.running == {"late"}


def test_a_vm_under_a_shared_deployment() -> None:
    house = House()
    dep = name_key("t", "d")
    house.come("heal 1", [(dep, SHARED), ("vm/1", EXCLUSIVE)])
    house.come("snapshot 2", [(dep, SHARED), ("vm/2", EXCLUSIVE)])
    house.come("heal 1 again", [(dep, SHARED), ("vm/1", EXCLUSIVE)])
    assert house.running == {"heal 1", "snapshot 2"}
    house.come("undeploy", [(dep, EXCLUSIVE)])
    for owner in ("heal 1", "snapshot 2", "heal 1 again"):
        assert "undeploy" not in house.running
        house.end(owner)
    assert house.running == {"undeploy"}
