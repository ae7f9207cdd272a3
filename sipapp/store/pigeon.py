"""Bindings kept at the other end of a flight of carrier pigeons: a medium as bad as a medium gets.

The talk names carrier pigeons among the ways to reach a location service. Here they take seconds,
get lost and overtake each other, in virtual time. A server that works on this store waits for no
database anywhere, and gives up on all of them in time. Not for production, except with pigeons.

Each letter carries the whole list of one address-of-record and a number. It is sent again until a
pigeon has brought the confirmation back, or the budget is spent. The far loft keeps the highest
number, so neither a repeated nor an overtaken letter does harm.
"""

from __future__ import annotations

__all__ = ["Loft", "PigeonLocationStore", "Weather"]

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sipapp.core.location import Bindings, StoreLimits
from sipapp.errors import StoreError
from sipapp.store.write_through import WriteThrough


@dataclass(slots=True)
class Weather:
    """What happens to pigeons; may change while they fly.

    Attributes:
        fastest: seconds of the shortest flight, one way.
        slowest: seconds of the longest flight; in between any flight may overtake another.
        loss: share of pigeons that never arrive, 0 to 1.
        patience: seconds after which a letter is sent again.
    """

    fastest: float = 0.2
    slowest: float = 2.0
    loss: float = 0.1
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class _Letter:
    number: int
    aor: str
    bindings: Bindings


@dataclass(slots=True)
class Loft:
    """The far end; outlives the stores that write to it, as a database does.

    Attributes:
        letters: the newest letter for every address-of-record.
    """

    letters: dict[str, _Letter] = field(default_factory=dict)

    def receive(self, letter: _Letter) -> None:
        """Keep a letter, unless a newer one is here."""
        known = self.letters.get(letter.aor)
        if known is None or letter.number > known.number:
            self.letters[letter.aor] = letter


class PigeonLocationStore(WriteThrough):
    """A :class:`sipapp.core.location.LocationStore` that writes by carrier pigeon.

    Args:
        loft: the far end.
        clock: monotonic; the pigeons fly on it.
        random: gives numbers from 0 up to but not including 1.
        weather: what happens to the pigeons.
        limits: how large and how slow it may become.
    """

    def __init__(
        self,
        loft: Loft,
        *,
        clock: IReactorTime,
        random: Callable[[], float],
        weather: Weather | None = None,
        limits: StoreLimits | None = None,
    ) -> None:
        super().__init__(clock, limits)
        self.weather = weather or Weather()
        self._loft = loft
        self._random = random
        newest = max((letter.number for letter in loft.letters.values()), default=0)
        self._numbers = count(newest + 1)
        self._unconfirmed: dict[int, Deferred[None]] = {}
        self._air: dict[int, IDelayedCall] = {}
        self._flights = count()

    def start(self) -> Deferred[None]:
        """Have the letters of the loft brought here, which takes one flight there and back."""
        arrived: Deferred[None] = Deferred()
        self._later(2 * self.weather.slowest, lambda: arrived.callback(None))
        return arrived.addCallback(self._load)

    def stop(self) -> Deferred[None]:
        """Wait for the letters under way, which the budget bounds, and call the pigeons home."""
        return super().stop().addCallback(self._call_home)

    def _load(self, _: None) -> Deferred[None]:
        now = self._clock.seconds()
        for letter in self._loft.letters.values():
            live = tuple(
                replace(binding, flow=None)
                for binding in letter.bindings
                if binding.expires_at > now
            )
            if live:
                self._put(letter.aor, live)
        return super().start()

    def _call_home(self, _: None) -> None:
        for call in self._air.values():
            call.cancel()
        self._air.clear()

    def _write(self, aor: str, bindings: Bindings) -> Deferred[None]:
        letter = _Letter(next(self._numbers), aor, bindings)
        done = self._unconfirmed[letter.number] = Deferred()
        self._send(letter, self._clock.seconds() + self.limits.budget)
        return done

    def _send(self, letter: _Letter, give_up_at: float) -> None:
        """Send a letter, again and again until it is confirmed or ``give_up_at`` has come."""
        if letter.number not in self._unconfirmed:
            return
        if self._clock.seconds() >= give_up_at:
            self._unconfirmed.pop(letter.number).errback(StoreError("no pigeon came back"))
            return
        self._fly(lambda: self._arrived(letter))
        self._later(self.weather.patience, lambda: self._send(letter, give_up_at))

    def _arrived(self, letter: _Letter) -> None:
        self._loft.receive(letter)
        self._fly(lambda: self._confirmed(letter.number))

    def _confirmed(self, number: int) -> None:
        done = self._unconfirmed.pop(number, None)
        if done is not None:
            done.callback(None)

    def _fly(self, landing: Callable[[], None]) -> None:
        weather = self.weather
        if self._random() >= weather.loss:
            span = weather.slowest - weather.fastest
            self._later(weather.fastest + span * self._random(), landing)

    def _later(self, delay: float, call: Callable[[], None]) -> None:
        flight = next(self._flights)

        def land() -> None:
            del self._air[flight]
            call()

        self._air[flight] = self._clock.callLater(delay, land)
