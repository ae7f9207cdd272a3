"""The letters of RFC 3261 table 4 and what they are made of."""

from __future__ import annotations

import pytest

from sipapp.errors import UsageError
from sipapp.transaction.timers import Timers


def letters(timers: Timers) -> dict[str, float]:
    """Every derived value."""
    return {name: getattr(timers, f"timer_{name}") for name in "bdfhijklmn"}


def test_default_values() -> None:
    """RFC 3261 table 4, RFC 6026 8.11, RFC 6665 4.1.2.4."""
    timers = Timers()
    assert (timers.t1, timers.t2, timers.t4) == (0.5, 4.0, 5.0)
    assert (timers.timer_c, timers.trying_after, timers.e_reaches_t2) == (180.0, 0.2, 3.5)
    assert letters(timers) == {
        "b": 32.0,
        "d": 32.0,
        "f": 32.0,
        "h": 32.0,
        "i": 5.0,
        "j": 32.0,
        "k": 5.0,
        "l": 32.0,
        "m": 32.0,
        "n": 32.0,
    }


def test_a_small_t1_scales_all_but_d() -> None:
    """RFC 3261 17.1.1.2: the server's T1 is unknown, so D keeps its 32 s."""
    timers = Timers(t1=0.125, t2=1.0, t4=1.25)
    assert letters(timers) == {
        "b": 8.0,
        "d": 32.0,
        "f": 8.0,
        "h": 8.0,
        "i": 1.25,
        "j": 8.0,
        "k": 1.25,
        "l": 8.0,
        "m": 8.0,
        "n": 8.0,
    }


def test_a_large_t1_scales_d_as_well() -> None:
    """32 s is the least, not the value."""
    assert Timers(t1=1.0).timer_d == 64.0


@pytest.mark.parametrize(
    ("t1", "t2", "expected"), [(0.5, 4.0, 3.5), (0.5, 0.5, 0.0), (0.5, 3.0, 3.5), (1.0, 4.0, 3.0)]
)
def test_when_timer_e_is_set_to_t2(t1: float, t2: float, expected: float) -> None:
    """RFC 4320 4.1: the sum of the intervals before the first of T2."""
    assert Timers(t1=t1, t2=t2).e_reaches_t2 == expected


@pytest.mark.parametrize(
    "timers", [{"t1": 0.0}, {"t4": -1.0}, {"timer_c": 0.0}, {"trying_after": 0.0}, {"t2": 0.4}]
)
def test_values_that_make_no_sense_are_refused(timers: dict[str, float]) -> None:
    """Each is a mistake in a configuration."""
    with pytest.raises(UsageError):
        Timers(**timers)
