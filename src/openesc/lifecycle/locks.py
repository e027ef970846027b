"""Hierarchical locks with a queue per key: who may run, in the order of acceptance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

EXCLUSIVE = "exclusive"
SHARED = "shared"

Claim = tuple[str, str]
"""A lock key and the mode it is wanted in."""


def name_key(tenant: str, deployment: str) -> str:
    """The lock of everything that goes by this name: a deployment made again waits for the one that is going."""
    return f"deployment/{tenant}/{deployment}"


@dataclass(slots=True)
class _Key:
    """Who holds or waits for one key, oldest first."""

    modes: dict[str, str] = field(default_factory=dict)
    exclusives: dict[str, None] = field(default_factory=dict)

    def admits(self, owner: str, places: Mapping[str, int]) -> bool:
        """Nobody older conflicts with `owner`."""
        if self.modes[owner] == EXCLUSIVE:
            return next(iter(self.modes)) == owner
        return not self.exclusives or places[owner] < places[next(iter(self.exclusives))]

    def remove(self, owner: str) -> list[str]:
        """Take `owner` out. Returns those whom it kept waiting here, oldest first."""
        mode = self.modes.pop(owner)
        self.exclusives.pop(owner, None)
        if mode == EXCLUSIVE:
            return self._front()
        first = next(iter(self.exclusives), None)  # others that share never waited for it
        return [first] if first is not None and next(iter(self.modes)) == first else []

    def _front(self) -> list[str]:
        found: list[str] = []
        for owner, mode in self.modes.items():
            if mode == EXCLUSIVE:
                return found or [owner]
            found.append(owner)
        return found


class LockTable:
    """Owners claim all their keys at once and hold their places in every queue until they release.

    An owner may run when no older owner claims one of its keys in a conflicting mode: first come, first served, no
    deadlock.
    """

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}
        self._claims: dict[str, Mapping[str, str]] = {}
        self._places: dict[str, int] = {}
        self._next = 0

    def enqueue(self, owner: str, claims: Sequence[Claim]) -> None:
        """Take the places at the end of every queue. A key claimed in both modes is claimed exclusively."""
        wanted = {name: SHARED for name, _ in claims} | {name: mode for name, mode in claims if mode == EXCLUSIVE}
        self._claims[owner] = wanted
        self._places[owner] = self._next
        self._next += 1
        for name, mode in wanted.items():
            key = self._keys.setdefault(name, _Key())
            key.modes[owner] = mode
            if mode == EXCLUSIVE:
                key.exclusives[owner] = None

    def admits(self, owner: str) -> bool:
        """Whether `owner` may run now."""
        return all(self._keys[name].admits(owner, self._places) for name in self._claims[owner])

    def release(self, owner: str) -> Iterable[str]:
        """Give all places back. Returns those that may be admitted now (ask `admits`), oldest first for each key."""
        candidates: dict[str, None] = {}
        for name in self._claims.pop(owner):
            key = self._keys[name]
            candidates.update(dict.fromkeys(key.remove(owner)))
            if not key.modes:
                del self._keys[name]
        del self._places[owner]
        return candidates

    def waiting_for(self, owner: str) -> list[str]:
        """The older owners that conflict with `owner`, for people."""
        found: dict[str, None] = {}
        for name, mode in self._claims.get(owner, {}).items():
            for other, other_mode in self._keys[name].modes.items():
                if other == owner:
                    break
                if EXCLUSIVE in (mode, other_mode):
                    found[other] = None
        return list(found)
