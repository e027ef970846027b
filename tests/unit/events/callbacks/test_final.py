"""The final result of every operation there is."""

from __future__ import annotations

from openesc.events import types as e
from openesc.events.callbacks.final import FINAL, closes
from openesc.events.escevent import EscEvent
from openesc.lifecycle.flows.registry import TABLE as FLOWS


def told(event_type: str, status: str = "SUCCESS") -> EscEvent:
    return EscEvent(event_type, status, 200, "")


def test_every_kind_of_operation_that_somebody_can_ask_for_has_a_row() -> None:
    """A sweep nobody asks for."""
    assert set(FINAL) == set(FLOWS) - {"sweep"}


def test_rows_speak_of_events_there_are() -> None:
    assert {event for row in FINAL.values() for event in row.successes | row.failures} <= set(e.TEXTS)


def test_on_the_way_and_at_the_end() -> None:
    assert closes("vm-action", told(e.VM_ALIVE))
    assert not closes("vm-action", told(e.VM_STARTED))
    assert closes("vm-action", told(e.VM_STARTED, "FAILURE"))
    assert not closes("recover", told(e.VM_RECOVERY_REBOOT, "FAILURE"))
    assert not closes("no-such-kind", told(e.SERVICE_ALIVE))
