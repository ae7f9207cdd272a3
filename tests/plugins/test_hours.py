"""The hours of rules."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from sipapp.errors import ConfigError
from sipapp_apps.hours import Day, Hours, zone

FRIDAY = datetime(2027, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "since", "until", "now", "covered"),
    [
        (set(), "00:00", "23:59", "12:00", True),
        (set(), "09:00", "17:00", "08:59", False),
        (set(), "09:00", "17:00", "09:00", True),
        (set(), "09:00", "17:00", "17:00", False),
        (set(), "18:00", "08:00", "19:00", True),
        (set(), "18:00", "08:00", "07:59", True),
        (set(), "18:00", "08:00", "08:00", False),
        (set(), "00:00", "00:00", "12:00", True),
        ({"sat"}, "00:00", "00:00", "12:00", False),
        ({"fri"}, "09:00", "17:00", "10:00", True),
        ({"sat"}, "09:00", "17:00", "10:00", False),
        ({"fri"}, "18:00", "08:00", "19:00", True),
        ({"fri"}, "18:00", "08:00", "07:00", False),
        ({"thu"}, "18:00", "08:00", "07:00", True),
    ],
)
def test_hours_and_days(days: set[Day], since: str, until: str, now: str, covered: bool) -> None:
    """A night belongs to the day that it begins on."""
    since_, until_ = time.fromisoformat(since), time.fromisoformat(until)
    hours = Hours(days=frozenset(days), since=since_, until=until_)
    moment = datetime.combine(FRIDAY, time.fromisoformat(now))
    assert hours.cover(moment) is covered


def test_without_a_word_it_is_always() -> None:
    """The first and the last moment of a day."""
    assert Hours().cover(FRIDAY)
    assert Hours().cover(datetime.combine(FRIDAY, time(23, 59, 59)))


def test_a_time_zone_must_exist() -> None:
    """On this machine."""
    with pytest.raises(ConfigError) as caught:
        zone("Mars/Olympus", "app.x.timezone")
    assert [str(problem) for problem in caught.value.problems] == [
        "app.x.timezone: 'Mars/Olympus' is no time zone of this machine;"
        ' write it as "Europe/Paris"'
    ]
