"""What a REGISTER and a binding cost: ``python -m benchmarks.registrar``.

Prints microseconds of ``register()`` for the refresh of one binding (parsed before, not written
after), octets of memory a binding (tracemalloc; PSS where the system tells it), and REGISTERs a
second on SQLite, from parsing to octets, for some numbers of phones that wait for their answers.
"""

from __future__ import annotations

import gc
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sipapp.core.location import LocationStore
from sipapp.core.registrar import Registrar
from sipapp.message.message import Request, Response
from sipapp.message.parser import parse_message
from sipapp.message.uri import SipUri
from sipapp.store.database import Database
from sipapp.store.memory import MemoryLocationStore
from sipapp.store.sqlite import SqliteLocationStore
from sipapp.transport.flow import Flow
from sipapp.transport.later import Later

USERS = 20_000
SECONDS = 3.0

REGISTER = (
    "REGISTER sip:127.0.0.3:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-{cseq};rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:user{user}@127.0.0.3>;tag=t{cseq}\r\n"
    "To: <sip:user{user}@127.0.0.3>\r\n"
    "Call-ID: {user}-12345@127.0.0.1\r\n"
    "CSeq: {cseq} REGISTER\r\n"
    "Contact: <sip:user{user}@127.0.0.3:5070>\r\n"
    "Expires: 3600\r\n"
    "Content-Length: 0\r\n\r\n"
)


def request(user: int, cseq: int) -> Request:
    """One REGISTER as it is parsed from the wire."""
    message = parse_message(REGISTER.format(user=user, cseq=cseq).encode())
    assert isinstance(message, Request)
    return message


def registrar_on(store: LocationStore, clock: Clock) -> tuple[Registrar, Flow]:
    """A registrar for 127.0.0.3, and the flow of all phones."""
    store.start()
    registrar = Registrar(
        store,
        SipUri.aor,
        clock=clock,
        utc=time.time,
        random=lambda: 0.5,
        tag_of=lambda _: "314159265358",
    )
    flow = Flow("UDP", ("127.0.0.3", 5060), ("127.0.0.3", 5070), "127.0.0.3:5060", Later(clock))
    return registrar, flow


def proportional_set() -> int | None:
    """Octets of memory of this process, shared pages by their share; None where unknown."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def fill(registrar: Registrar, flow: Flow, clock: Clock) -> None:
    """Register every user once, a millisecond apart."""
    for user in range(USERS):
        clock.advance(0.001)
        Deferred.fromCoroutine(registrar.register(request(user, 1000 + user), flow))


def memory() -> None:
    """Print what a binding takes in a store in memory."""
    clock = Clock()
    registrar, flow = registrar_on(MemoryLocationStore(clock), clock)
    gc.collect()
    before = proportional_set()
    fill(registrar, flow, clock)
    gc.collect()
    after = proportional_set()
    if before is not None and after is not None:
        print(f"PSS of a binding               {(after - before) / USERS:6.0f} octets")
    clock = Clock()
    registrar, flow = registrar_on(MemoryLocationStore(clock), clock)
    tracemalloc.start()
    fill(registrar, flow, clock)
    gc.collect()
    print(
        f"allocated for a binding        {tracemalloc.get_traced_memory()[0] / USERS:6.0f} octets"
    )
    tracemalloc.stop()


def refresh() -> None:
    """Print the time of a refresh in memory: the best of several runs."""
    clock = Clock()
    registrar, flow = registrar_on(MemoryLocationStore(clock), clock)
    best = float("inf")
    for run in range(10):
        requests = [request(user, 1 + run) for user in range(1000)]
        started = time.perf_counter()
        for one in requests:
            Deferred.fromCoroutine(registrar.register(one, flow))
        best = min(best, (time.perf_counter() - started) / len(requests))
    print(f"refresh of one binding         {best * 1e6:6.1f} us")


def sqlite(phones: int) -> None:
    """Print how many REGISTERs a second are answered when each phone waits for its 200."""
    inbox: SimpleQueue[Callable[[], object]] = SimpleQueue()
    answered = 0
    with tempfile.TemporaryDirectory() as folder:
        database = Database(
            Path(folder) / "bench.db",
            call_from_thread=lambda call, *arguments: inbox.put(partial(call, *arguments)),
        )
        database.start()
        clock = Clock()
        store = SqliteLocationStore(database, clock=clock, utc=time.time)
        registrar, flow = registrar_on(store, clock)

        def ask(phone: int, cseq: int) -> None:
            done = Deferred.fromCoroutine(registrar.register(request(phone, cseq), flow))
            done.addCallback(again, phone, cseq)

        def again(response: Response, phone: int, cseq: int) -> None:
            nonlocal answered
            response.to_bytes()
            answered += response.status == 200
            if not ended:
                inbox.put(partial(ask, phone, cseq + 1))

        ended = False
        for phone in range(phones):
            ask(phone, 1)
        started = time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            inbox.get()()
        print(f"SQLite, {phones:4} phones            {answered / SECONDS:6.0f} REGISTER/s")
        ended = True
        for stop in (store.stop, database.stop):
            stopped = stop()
            while not stopped.called:
                inbox.get()()


if __name__ == "__main__":
    memory()  # first: what others leave behind would be filled, not added to
    refresh()
    for count in (1, 20, 200):
        sqlite(count)
