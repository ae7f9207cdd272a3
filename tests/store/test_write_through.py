"""Slow media: lines, limits and budgets of the stores that write through. [R06]"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from sipapp.app.testing.conformance import ALICE, BOB, first, made, only
from sipapp.core.location import Bindings, StoreLimits
from sipapp.errors import StoreError
from sipapp.store.pigeon import Loft, PigeonLocationStore, Weather
from sipapp.store.write_through import LINE_LIMIT


def slow_store(flight: float, limits: StoreLimits) -> tuple[Clock, Loft, PigeonLocationStore]:
    """A started store whose pigeons all arrive, after ``flight`` seconds."""
    clock, loft = Clock(), Loft()
    weather = Weather(fastest=flight, slowest=flight, loss=0, patience=1000.0)
    store = PigeonLocationStore(
        loft, clock=clock, random=lambda: 0.5, weather=weather, limits=limits
    )
    store.start()
    clock.advance(2 * flight)
    return clock, loft, store


def outcomes(*updates: Deferred[Bindings]) -> list[object]:
    """A list that gets the contacts or the error of each update, in the order they come."""
    found: list[object] = []
    for update in updates:
        update.addCallbacks(
            lambda bindings: found.append([binding.contact for binding in bindings]),
            lambda reason: found.append((type(reason.value), str(reason.value))),
        )
    return found


def test_the_whole_queue_is_bounded() -> None:
    """hostile.md F4: one update too many is refused at once; the others are carried out."""
    clock, _, store = slow_store(1.0, StoreLimits(updates=2))
    updates = [store.update(f"sip:{n}@h", only(made("sip:a@h"))) for n in range(3)]
    found = outcomes(*updates)
    assert found == [(StoreError, "too many updates wait already")]
    assert store.waiting == 2
    clock.advance(1)
    clock.advance(1)
    assert found[1:] == [["sip:a@h"], ["sip:a@h"]]
    assert store.waiting == 0


def test_one_user_cannot_fill_the_queue() -> None:
    """hostile.md E12: the line of one address-of-record is short, others still get in."""
    _, _, store = slow_store(1.0, StoreLimits())
    found = outcomes(*(store.update(ALICE, only(made("sip:a@h"))) for _ in range(LINE_LIMIT + 1)))
    assert found == [(StoreError, "too many updates wait already")]
    assert outcomes(store.update(BOB, only(made("sip:a@h")))) == []


def test_a_long_line_of_refusals_is_worked_off() -> None:
    """A line of updates that all fail at once needs no stack as deep as it is long."""
    clock, _, store = slow_store(1.0, StoreLimits(bindings=1))
    updates = [store.update(ALICE, first(made("sip:a@h"))) for _ in range(LINE_LIMIT)]
    found = outcomes(*updates)
    clock.advance(1)
    clock.advance(1)
    assert [type(outcome) for outcome in found] == [list] + [tuple] * (LINE_LIMIT - 1)


def test_late_success_is_seen_late() -> None:
    """After the budget the caller has its error; what was written then is true all the same."""
    clock, loft, store = slow_store(10.0, StoreLimits(budget=5.0))
    found = outcomes(store.update(ALICE, only(made("sip:a@h"))))
    clock.pump([1.0] * 6)
    assert found == [(StoreError, "no answer within 5 s")]
    assert (store.lookup(ALICE), store.stale) == ((), True)
    clock.pump([1.0] * 15)
    assert [binding.contact for binding in store.lookup(ALICE)] == ["sip:a@h"]
    assert [binding.contact for binding in loft.letters[ALICE].bindings] == ["sip:a@h"]
    assert store.stale is False


def test_an_update_nobody_waits_for_is_not_begun() -> None:
    """Its budget was spent in line: the phone was told that nothing changed, and nothing does."""
    clock, _, store = slow_store(10.0, StoreLimits(budget=5.0))
    found = outcomes(
        store.update(ALICE, only(made("sip:a@h"))), store.update(ALICE, only(made("sip:b@h")))
    )
    clock.pump([1.0] * 60)
    assert found == [(StoreError, "no answer within 5 s")] * 2
    assert [binding.contact for binding in store.lookup(ALICE)] == ["sip:a@h"]


def test_no_update_is_taken_by_a_stopped_store() -> None:
    """A StoreError, as for any other reason not to write."""
    _, _, store = slow_store(1.0, StoreLimits())
    store.stop()
    assert outcomes(store.update(ALICE, only())) == [(StoreError, "the store does not run")]


def test_what_cannot_be_deleted_does_no_harm() -> None:
    """A binding that ended while the medium was away is over, there and here, after a restart."""
    clock, loft, store = slow_store(1.0, StoreLimits())
    update = store.update(ALICE, only(made("sip:a@h", expires_at=clock.seconds() + 60)))
    clock.pump([1.0] * 2)
    assert update.called
    store.weather.loss = 1.0
    clock.pump([1.0] * 1100)
    assert (store.lookup(ALICE), store.count, store.stale) == ((), 0, True)
    assert len(loft.letters[ALICE].bindings) == 1
    store.stop()
    assert clock.getDelayedCalls() == []
    other = PigeonLocationStore(loft, clock=clock, random=lambda: 0.5)
    other.start()
    clock.advance(10)
    assert other.lookup(ALICE) == ()


def test_a_medium_that_fails_is_logged_once_and_once_more_when_it_is_back() -> None:
    """The operator of a full disk learns of it, and not from each of a thousand phones."""
    clock, _, store = slow_store(1.0, StoreLimits(budget=3.0))
    with capturedLogs() as events:
        store.weather.loss = 1.0
        outcomes(*(store.update(f"sip:{n}@h", only(made("sip:a@h"))) for n in range(3)))
        clock.pump([1.0] * 6)
        store.weather.loss = 0.0
        outcomes(store.update(ALICE, only(made("sip:a@h"))))
        clock.pump([1.0] * 3)
    assert [(event["log_level"].name, formatEvent(event)) for event in events] == [
        ("error", "registrations cannot be kept: no answer within 3 s"),
        ("warn", "registrations are kept again"),
    ]
