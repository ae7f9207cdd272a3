"""`sipapp.ua.guesses`: ten wrong passwords a minute, and nobody locked out by a stranger."""

from __future__ import annotations

import pytest

from sipapp.ua.guesses import ALLOWED, Guesses, network_of


class Time:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def tries(guesses: Guesses, user: str, source: str, limit: int = 100) -> int:
    """How many wrong answers in a row are looked at."""
    for count in range(limit):
        if not guesses.allow(user, source):
            return count
        guesses.wrong(user, source)
    return limit


@pytest.fixture
def time() -> Time:
    """The clock of the subject."""
    return Time()


def test_ten_guesses_then_ten_a_minute(time: Time) -> None:
    """One user guessed at from one place: a burst of ten, then one every six seconds (A5)."""
    guesses = Guesses(now=time)
    looked_at = []
    for _ in range(4):
        looked_at.append(tries(guesses, "alice", "192.0.2.1"))
        time.seconds += 6.0
    time.seconds += 60.0
    looked_at.append(tries(guesses, "alice", "192.0.2.1"))
    assert looked_at == [ALLOWED, 1, 1, 1, ALLOWED]


def test_many_sources_share_the_bucket_of_a_user(time: Time) -> None:
    """A botnet gets no more guesses at one user than a single host (A5)."""
    guesses = Guesses(now=time)
    assert sum(tries(guesses, "alice", f"192.0.2.{host}") for host in range(50)) == ALLOWED


def test_many_users_share_the_bucket_of_a_source(time: Time) -> None:
    """One host that walks through user names gets ten answers looked at (A5)."""
    guesses = Guesses(now=time)
    assert sum(tries(guesses, f"user{number}", "192.0.2.1") for number in range(50)) == ALLOWED


def test_known_pair_is_not_locked_out_by_others(time: Time) -> None:
    """Guessing in her name elsewhere, or by a neighbour, does not stop Alice's refresh (A5)."""
    guesses = Guesses(now=time)
    guesses.right("alice", "192.0.2.1")
    tries(guesses, "alice", "198.51.100.7")
    tries(guesses, "bob", "192.0.2.1")
    assert not guesses.allow("alice", "198.51.100.7")
    assert not guesses.allow("bob", "192.0.2.1")
    assert guesses.allow("alice", "192.0.2.1")


def test_known_pair_has_ten_guesses_too(time: Time) -> None:
    """Whoever shares the address of a user can't guess freely; a right answer refills nothing."""
    guesses = Guesses(now=time)
    guesses.right("alice", "192.0.2.1")
    assert tries(guesses, "alice", "192.0.2.1") == ALLOWED
    guesses.right("alice", "192.0.2.1")
    assert not guesses.allow("alice", "192.0.2.1")


def test_tables_are_bounded(time: Time) -> None:
    """Random users from random sources fill no memory (E12)."""
    guesses = Guesses(now=time, capacity=100)
    for number in range(1000):
        guesses.right(f"user{number}", "192.0.2.1")
        guesses.wrong(f"other{number}", f"source{number}")
    assert len(guesses) == 300


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "20010db800000000"),
        ("2001:DB8:0:0:ffff::7", "20010db800000000"),
        ("2001:db8:0:1::1", "20010db800000001"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_network_is_one_subscriber_line(host: str, expected: str) -> None:
    """An IPv4 address is one line, and so is an IPv6 /64."""
    assert network_of(host) == expected
