"""Thresholds and rows of polls."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesc.monitor.kpi import Alarm, Streak, Threshold, advance, as_metric


@pytest.mark.parametrize(
    "condition, metric_type, value, measured, holds",
    [
        ("GT", "UINT32", "0", 1, True),
        ("GT", "UINT32", "1", 1, False),
        ("GE", "UINT32", "1", 1, True),
        ("EQ", "INT8", "-1", -1, True),
        ("LT", "FLOAT", "20.5", 20.4, True),
        ("LE", "DOUBLE", "20.5", 20.5, True),
        ("LE", "DOUBLE", "20.5", 20.6, False),
        ("EQ", "STRING", "up", "up", True),
        ("EQ", "STRING", "1", 1, True),
        ("GT", "UINT32", "9", 10, True),  # as numbers, not as text
    ],
)
def test_threshold(condition: str, metric_type: str, value: str, measured: float | str, holds: bool) -> None:
    assert Threshold(condition, metric_type, value).holds(measured) is holds


@pytest.mark.parametrize(
    "condition, metric_type, value, culprit",
    [
        ("NE", "UINT32", "1", "metric_cond 'NE'"),
        ("GT", "UINT64", "1", "metric_type 'UINT64'"),
        ("GT", "UINT8", "256", "'256' is no UINT8"),
        ("GT", "UINT8", "-1", "'-1' is no UINT8"),
        ("GT", "INT8", "1.5", "'1.5' is no INT8"),
        ("GT", "FLOAT", "many", "many"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused_by_name(
    condition: str, metric_type: str, value: str, culprit: str
) -> None:
    with pytest.raises(ValueError, match=culprit):
        Threshold(condition, metric_type, value)


@pytest.mark.parametrize("metric_type, low, high", [("INT16", -32768, 32767), ("UINT16", 0, 65535)])
def test_ranges_are_inclusive(metric_type: str, low: int, high: int) -> None:
    assert (as_metric(low, metric_type), as_metric(high, metric_type)) == (low, high)
    for outside in (low - 1, high + 1):
        with pytest.raises(ValueError, match=str(outside)):
            as_metric(outside, metric_type)


def raised(polls: list[bool], alarm: Alarm) -> list[bool | None]:
    """The event each poll raises."""
    streak, events = Streak(), []
    for poll in polls:
        streak, event = advance(streak, poll, alarm)
        events.append(event)
    return events


def test_an_event_is_raised_once() -> None:
    assert raised([True, True, False, False, True], Alarm()) == [True, None, False, None, True]


def test_it_takes_as_many_polls_in_a_row() -> None:
    alarm = Alarm(occurrences_true=2, occurrences_false=3)
    assert raised([True, False, True, True, False, False, False], alarm) == [
        *[None] * 3,
        True,
        None,
        None,
        False,
    ]


def test_a_short_lapse_raises_nothing_and_repeats_nothing() -> None:
    alarm = Alarm(occurrences_true=1, occurrences_false=3)
    assert raised([True, False, False, True, True], alarm) == [True, None, None, None, None]


def test_continuous_repeats_each_full_row() -> None:
    alarm = Alarm(occurrences_true=2, continuous=True)
    assert raised([True] * 5, alarm) == [None, True, None, True, None]


@given(st.lists(st.booleans(), max_size=50), st.integers(1, 5), st.integers(1, 5))
def test_events_alternate_and_follow_full_rows(polls: list[bool], when_true: int, when_false: int) -> None:
    alarm = Alarm(when_true, when_false)
    events = raised(polls, alarm)
    told = [event for event in events if event is not None]
    assert all(one is not other for one, other in itertools.pairwise(told))
    for at, event in enumerate(events):
        if event is not None:
            row = polls[at - alarm.needed(event) + 1 : at + 1]
            assert row == [event] * alarm.needed(event)
