"""`sipapp.ua.nonce`: challenges without memory, answers that count only once."""

from __future__ import annotations

import random

import pytest

from sipapp.errors import UsageError
from sipapp.ua.nonce import NONCE_LENGTH, SINGLE_USE, Freshness, Nonces

SECRET = bytes(range(32))
REALM, SOURCE = "example.com", "192.0.2.1"
START = 1_800_000_000.0


class World:
    """A wall clock that tests set, and random octets that repeat."""

    def __init__(self) -> None:
        self.time = START
        self.random = random.Random(7616)

    def now(self) -> float:
        """Seconds since 1970."""
        return self.time

    def nonces(self, *, node: int = 0, capacity: int = 65_536, secret: bytes = SECRET) -> Nonces:
        """A subject of its own, with an empty table."""
        return Nonces(
            secret,
            now=self.now,
            random_bytes=self.random.randbytes,
            node=node,
            capacity=capacity,
        )


@pytest.fixture
def world() -> World:
    """Surroundings at `START`."""
    return World()


def use(nonces: Nonces, nonce: str, count: int, source: str = SOURCE) -> Freshness:
    """Examine and, as after a right answer, spend."""
    found = nonces.examine(nonce, count, REALM, source)
    if found is Freshness.FRESH:
        nonces.spend(nonce, count)
    return found


def test_nonce_is_fixed_by_its_inputs(world: World) -> None:
    """Time, node, source, salt and signature make up all of it (RFC 7616 3.3)."""
    assert world.nonces(node=3).issue(REALM, SOURCE) == "AQNrSdIAAJ263TjimstF6C-7GnMgsp_N6Lt9mSnw"


def test_issuing_remembers_nothing(world: World) -> None:
    """A flood of requests without credentials leaves no state (E1)."""
    nonces = world.nonces()
    issued = {nonces.issue(REALM, SOURCE) for _ in range(10_000)}
    assert (len(issued), {len(nonce) for nonce in issued}, len(nonces)) == (10_000, {40}, 0)


def test_counts_must_grow(world: World) -> None:
    """A count that is not higher than the last is a replay; gaps are fine (RFC 7616 3.4, A3)."""
    nonces = world.nonces()
    nonce = nonces.issue(REALM, SOURCE)
    found = [use(nonces, nonce, count) for count in (1, 1, 2, 9, 5, 9, 10, 0)]
    fresh, stale = Freshness.FRESH, Freshness.STALE
    assert found == [fresh, stale, fresh, fresh, stale, stale, fresh, stale]


def test_zero_is_no_count(world: World) -> None:
    """Counting starts at one."""
    nonces = world.nonces()
    assert use(nonces, nonces.issue(REALM, SOURCE), 0) is Freshness.STALE


def test_answer_without_count_uses_the_nonce_up(world: World) -> None:
    """Phones of RFC 2069 get one request per nonce, and then "stale" (RFC 8760 2.6 item 8)."""
    nonces = world.nonces()
    nonce = nonces.issue(REALM, SOURCE)
    found = [use(nonces, nonce, count) for count in (SINGLE_USE, SINGLE_USE, 1, 0xFFFFFFFF)]
    assert found == [Freshness.FRESH, *[Freshness.STALE] * 3]


def test_examining_changes_nothing(world: World) -> None:
    """A wrong answer with the highest count does not take the nonce from its owner."""
    nonces = world.nonces()
    nonce = nonces.issue(REALM, SOURCE)
    assert nonces.examine(nonce, 0xFFFFFFFF, REALM, SOURCE) is Freshness.FRESH
    assert use(nonces, nonce, 1) is Freshness.FRESH


@pytest.mark.parametrize(
    ("passed", "expected"),
    [(0, "fresh"), (300, "fresh"), (300.01, "stale"), (1e9, "stale"), (-4, "fresh"), (-6, "stale")],
)
def test_nonce_lives_for_its_lifetime(world: World, passed: float, expected: str) -> None:
    """Our own, but too old, or from the future of a clock that was set back: stale, not forged."""
    nonces = world.nonces()
    nonce = nonces.issue(REALM, SOURCE)
    world.time += passed
    assert use(nonces, nonce, 1) == expected


def test_nonce_of_another_source_is_stale(world: World) -> None:
    """What was heard on one line can't be used from another; who has moved asks again (A4)."""
    nonces = world.nonces()
    assert use(nonces, nonces.issue(REALM, SOURCE), 1, "192.0.2.2") is Freshness.STALE


def test_nonce_of_another_node_is_stale(world: World) -> None:
    """Another worker can't know which counts were used here (A4)."""
    nonce = world.nonces(node=1).issue(REALM, SOURCE)
    assert use(world.nonces(node=2), nonce, 1) is Freshness.STALE


def test_nonce_of_another_realm_is_forged(world: World) -> None:
    """A nonce is good in the realm of its challenge only (A4)."""
    nonces = world.nonces()
    nonce = nonces.issue("example.org", SOURCE)
    assert nonces.examine(nonce, 1, REALM, SOURCE) is Freshness.FORGED


def test_nonce_of_another_secret_is_forged(world: World) -> None:
    """Only who knows the secret can mint one (A4)."""
    nonce = world.nonces(secret=SECRET[::-1]).issue(REALM, SOURCE)
    assert use(world.nonces(), nonce, 1) is Freshness.FORGED


def test_restart_refuses_what_was_used_before(world: World) -> None:
    """The table of a new process is empty, so it believes only what it issued itself (A3)."""
    before = world.nonces()
    nonce = before.issue(REALM, SOURCE)
    assert use(before, nonce, 1) is Freshness.FRESH
    world.time += 1.0
    after = world.nonces()
    assert [use(after, nonce, 1), use(after, nonce, 2)] == [Freshness.STALE] * 2
    assert use(after, after.issue(REALM, SOURCE), 1) is Freshness.FRESH


def test_full_table_forgets_no_replay(world: World) -> None:
    """What was pushed out is refused as stale, with all that is older and not in the table."""
    nonces = world.nonces(capacity=2)
    issued = []
    for _ in range(4):
        issued.append(nonces.issue(REALM, SOURCE))
        world.time += 1.0
    unused, *used = issued
    assert [use(nonces, nonce, 1) for nonce in used] == [Freshness.FRESH] * 3
    assert len(nonces) == 2
    found = {name: use(nonces, nonce, 1) for name, nonce in zip("abcd", issued, strict=True)}
    assert found == dict.fromkeys("abcd", Freshness.STALE)
    assert [use(nonces, nonce, 2) for nonce in issued[2:]] == [Freshness.FRESH] * 2
    assert use(nonces, unused, 1) is Freshness.STALE


def test_table_shrinks_when_nonces_expire(world: World) -> None:
    """After a peak the lines of dead nonces go, two for each new one."""
    nonces = world.nonces()
    for _ in range(100):
        use(nonces, nonces.issue(REALM, SOURCE), 1)
    world.time += 301.0
    for _ in range(60):
        use(nonces, nonces.issue(REALM, SOURCE), 1)
    assert len(nonces) == 60


@pytest.mark.parametrize(
    "text",
    ["", "x", "=" * 40, "A" * 40, "A" * 39, "A" * 41, "é" * 40, "\udcff" * 40, "n" * 40_000],
)
def test_any_text_may_be_examined(world: World, text: str) -> None:
    """A peer can send anything as a nonce; it is forged, never an exception."""
    assert use(world.nonces(), text, 1) is Freshness.FORGED


def test_other_spellings_are_forged(world: World) -> None:
    """Padding, blanks or the other base64 alphabet make it another text: no second identity."""
    nonces = world.nonces()
    nonce = next(n for n in iter(lambda: nonces.issue(REALM, SOURCE), "") if "_" in n and "-" in n)
    spellings = [nonce.replace("_", "/"), nonce.replace("-", "+"), f"{nonce} ", f"{nonce}="]
    assert {use(nonces, text, 1) for text in spellings} == {Freshness.FORGED}


def test_flipped_bits_are_forged(world: World) -> None:
    """10,000 seeded bit flips: none is taken for ours, not even for a stale one (A4, A13)."""
    nonces = world.nonces()
    rng = random.Random(2617)
    found = set()
    for _ in range(10_000):
        octets = bytearray(nonces.issue(REALM, SOURCE).encode())
        octets[rng.randrange(NONCE_LENGTH)] ^= 1 << rng.randrange(8)
        found.add(use(nonces, octets.decode("latin-1"), 1))
    assert found == {Freshness.FORGED}


@pytest.mark.parametrize(("size", "node"), [(31, 0), (65, 0), (32, -1), (32, 256)])
def test_secret_and_node_are_checked(world: World, size: int, node: int) -> None:
    """A guessable secret would let anybody mint nonces."""
    with pytest.raises(UsageError):
        world.nonces(node=node, secret=b"x" * size)
