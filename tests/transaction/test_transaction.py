"""Timelines: what leaves a machine that hears nothing, and when. Then: how a transaction dies."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from sipapp.transaction.client import ClientTransaction
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.timers import Timers
from sipapp.transaction.transaction import Transaction
from tests.transaction.stage import Stage, as_request, request_text

LONG = 200.0


def at(line: str, *times: float) -> list[tuple[float, str]]:
    """A timeline on which one line is sent at each time."""
    return [(time, line) for time in times]


INVITE = "INVITE sip:bob@example.com SIP/2.0"
OPTIONS = "OPTIONS sip:bob@example.com SIP/2.0"
ACK = "ACK sip:bob@example.com SIP/2.0"
BUSY = "SIP/2.0 486 Busy Here"
TRYING = "SIP/2.0 100 Trying"
OK = "SIP/2.0 200 OK"


def ended(stage: Stage) -> bool:
    """Whether nothing is left, neither transactions nor delayed calls."""
    counts = (stage.layer.client_count, stage.layer.server_count)
    return counts == (0, 0) and stage.clock.getDelayedCalls() == []


def test_timers_a_and_b(udp: Stage) -> None:
    """RFC 3261 17.1.1.2: A doubles without a cap, seven requests in all, then B."""
    udp.send()
    udp.run(31.99)
    assert "timed out" not in udp.events
    udp.run(0.01)
    assert udp.flow.timeline == at(INVITE, 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
    assert udp.events[-1] == "timed out"
    assert ended(udp)


def test_timer_b_alone_on_a_reliable_flow(tcp: Stage) -> None:
    """RFC 3261 17.1.1.2: no timer A."""
    tcp.send()
    tcp.run(31.99)
    assert tcp.events == ["> INVITE"]
    tcp.run(0.01)
    assert tcp.events == ["> INVITE", "timed out"]
    assert ended(tcp)


def test_a_provisional_response_stops_a_and_b(stage: Stage) -> None:
    """RFC 3261 17.1.1.2; how long it may ring is timer C, which the proxy core runs."""
    tx = stage.send()
    stage.answer(tx, 180)
    stage.run(LONG)
    assert stage.events == ["> INVITE", "up 180"]
    assert stage.clock.getDelayedCalls() == []


def test_timer_d_answers_repeated_failures(udp: Stage) -> None:
    """RFC 3261 17.1.1.2: each gets the ACK again and is not passed up, for 32 s. [E09]"""
    tx = udp.send()
    udp.answer(tx, 486)
    udp.run(4)
    udp.answer(tx, 486)
    udp.run(27.9)
    udp.answer(tx, 486)
    udp.run(0.1)
    assert ended(udp)
    udp.answer(tx, 486)
    assert udp.flow.timeline == [*at(INVITE, 0), *at(ACK, 0, 4, 31.9)]
    assert udp.events[-1] == "stray 486"


def test_timer_d_is_zero_on_a_reliable_flow(tcp: Stage) -> None:
    """RFC 3261 17.1.1.2: the ACK is sent all the same."""
    tx = tcp.send()
    tcp.answer(tx, 486)
    tcp.run(0)
    assert tcp.events == ["> INVITE", "> ACK", "up 486"]
    assert ended(tcp)


def test_timer_m_passes_every_2xx_up(stage: Stage) -> None:
    """RFC 6026 7.2: repeated ones and those of other branches alike, for 64*T1. [E06][E09]"""
    tx = stage.send()
    for tag in ("b1", "b1", "b2"):
        stage.answer(tx, 200, tag)
    stage.answer(tx, 486)
    stage.answer(tx, 180)
    stage.run(31.99)
    stage.answer(tx, 200)
    stage.run(0.01)
    assert ended(stage)
    stage.answer(tx, 200)
    assert stage.events == ["> INVITE", *["up 200"] * 4, "stray 200"]


def test_timers_e_and_f(udp: Stage) -> None:
    """RFC 3261 17.1.2.2: E doubles up to T2; F ends it."""
    udp.send(request_text("OPTIONS"))
    udp.run(LONG)
    times = (0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
    assert udp.flow.timeline == at(OPTIONS, *times)
    assert udp.events[-1] == "timed out"
    assert ended(udp)


def test_timer_e_takes_t2_after_a_provisional_response(udp: Stage) -> None:
    """RFC 3261 17.1.2.2: it goes on, to make the final response reliable, and so does F."""
    tx = udp.send(request_text("OPTIONS"))
    udp.run(0.1)
    udp.answer(tx, 100)
    udp.run(LONG)
    assert udp.flow.timeline == at(OPTIONS, 0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5)
    assert udp.events[-1] == "timed out"
    assert ended(udp)


def test_timer_f_alone_on_a_reliable_flow(tcp: Stage) -> None:
    """RFC 3261 17.1.2.2: no timer E."""
    tcp.send(request_text("OPTIONS"))
    tcp.run(LONG)
    assert tcp.events == ["> OPTIONS", "timed out"]
    assert ended(tcp)


def test_timer_k_absorbs_repeated_responses(udp: Stage) -> None:
    """RFC 3261 17.1.2.2: only the first final response goes up."""
    tx = udp.send(request_text("OPTIONS"))
    udp.answer(tx, 200)
    udp.answer(tx, 200)
    udp.run(4.9)
    udp.answer(tx, 486)
    udp.run(0.1)
    assert ended(udp)
    udp.answer(tx, 200)
    assert udp.events == ["> OPTIONS", "up 200", "stray 200"]


def test_timers_g_and_h(udp: Stage) -> None:
    """RFC 3261 17.2.1: G doubles up to T2; H ends it without an ACK."""
    tx = udp.open()
    udp.watch(tx)
    udp.respond(tx, 486)
    udp.run(LONG)
    times = (0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
    assert udp.flow.timeline == at(BUSY, *times)
    assert udp.events[-1] == "ended"
    assert ended(udp)


def test_timer_h_alone_on_a_reliable_flow(tcp: Stage) -> None:
    """RFC 3261 17.2.1: no timer G."""
    tcp.respond(tcp.open(), 486)
    tcp.run(31.99)
    assert tcp.layer.server_count == 1
    tcp.run(0.01)
    assert tcp.flow.timeline == at(BUSY, 0)
    assert ended(tcp)


def test_an_ack_stops_g_and_timer_i_absorbs_more(udp: Stage) -> None:
    """RFC 3261 17.2.1: further ACKs for T4 reach nobody. [M05]"""
    udp.respond(udp.open(), 486)
    udp.run(1.0)
    for _ in range(3):
        udp.come(request_text("ACK", to_tag="b1"))
    udp.run(4.99)
    assert udp.layer.server_count == 1
    udp.run(0.01)
    assert udp.flow.timeline == at(BUSY, 0, 0.5)
    assert udp.events == ["request INVITE", "> 486", "> 486"]
    assert ended(udp)


def test_timer_i_is_zero_on_a_reliable_flow(tcp: Stage) -> None:
    """RFC 3261 17.2.1."""
    tcp.respond(tcp.open(), 486)
    tcp.come(request_text("ACK", to_tag="b1"))
    tcp.run(0)
    assert ended(tcp)


def test_timer_l_absorbs_repeated_invites(stage: Stage) -> None:
    """RFC 6026 7.1: it sends no 2xx by itself, passes the user's repetitions on. [E13]"""
    tx = stage.open()
    stage.respond(tx, 200)
    stage.run(0.5)
    stage.come(request_text())
    stage.respond(tx, 200)
    stage.run(31.49)
    assert stage.layer.server_count == 1
    stage.run(0.01)
    assert stage.flow.timeline == at(OK, 0, 0.5)
    assert ended(stage)


def test_the_transaction_sends_100_by_itself(stage: Stage) -> None:
    """RFC 3261 17.2.1: when the user is silent for 200 ms; a repeated INVITE gets it again."""
    stage.open()
    stage.run(0.1)
    stage.come(request_text())
    stage.run(LONG)
    stage.come(request_text())
    assert stage.flow.timeline == at(TRYING, 0.2, 200.1)
    assert stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize("status", [100, 180, 200, 486])
def test_no_100_after_the_user_has_responded(stage: Stage, status: int) -> None:
    """RFC 3261 17.2.1: from within the upcall, or a moment later."""
    stage.on_request = lambda tx: stage.respond(tx, status)
    stage.open()
    stage.on_request = lambda tx: None
    late = stage.open(request_text(via="SIP/2.0/UDP client.example.com;branch=z9hG4bKtwo"))
    stage.run(0.15)
    stage.respond(late, status)
    stage.run(0.2)
    assert [event for event in stage.events if event == "> 100"] == ["> 100"] * 2 * (status == 100)


def test_a_100_without_to_tag(stage: Stage) -> None:
    """RFC 3261 8.2.6.2: the only response that may go without one. [E11]"""
    stage.open()
    stage.run(0.2)
    assert b"To: Bob <sip:bob@example.com>\r\n" in stage.flow.sent[0]


def test_timer_j_answers_repeated_requests(udp: Stage) -> None:
    """RFC 3261 17.2.2: for 64*T1."""
    udp.respond(udp.open(request_text("OPTIONS")), 200)
    udp.run(31.9)
    udp.come(request_text("OPTIONS"))
    udp.run(0.1)
    assert udp.flow.timeline == at(OK, 0, 31.9)
    assert udp.events == ["request OPTIONS", "> 200", "> 200"]
    assert ended(udp)


def test_timer_j_is_zero_on_a_reliable_flow(tcp: Stage) -> None:
    """RFC 3261 17.2.2."""
    tcp.respond(tcp.open(request_text("OPTIONS")), 200)
    tcp.run(0)
    assert ended(tcp)


def test_a_silent_user_gets_a_100_when_e_reaches_t2(stage: Stage) -> None:
    """RFC 4320 4.1, and 4.2: after the client's timer F nothing more is sent."""
    tx = stage.open(request_text("OPTIONS"))
    stage.watch(tx)
    stage.run(3.4)
    stage.come(request_text("OPTIONS"))
    stage.run(0.2)
    stage.come(request_text("OPTIONS"))
    stage.run(28.39)
    assert stage.layer.server_count == 1
    stage.run(0.01)
    assert ended(stage)
    stage.respond(tx, 200)
    assert stage.flow.timeline == at(TRYING, 3.5, 3.6)
    assert stage.events[-1] == "ended"


def test_a_late_final_response_after_a_100_of_the_user(tcp: Stage) -> None:
    """RFC 4320 4.2: the 64*T1 count from the request, not from the 100."""
    tx = tcp.open(request_text("OPTIONS"))
    tcp.run(2)
    tcp.respond(tx, 100)
    tcp.run(29.99)
    assert tcp.layer.server_count == 1
    tcp.run(0.01)
    assert ended(tcp)


def test_a_100_from_within_the_upcall(tcp: Stage) -> None:
    """RFC 4320 4.1 allows it on reliable flows; the end stays where it was."""
    tcp.on_request = lambda tx: tcp.respond(tx, 100)
    tcp.open(request_text("OPTIONS"))
    tcp.run(31.99)
    assert tcp.layer.server_count == 1
    tcp.run(0.01)
    assert ended(tcp)


def test_barred_responses_to_other_requests(udp: Stage) -> None:
    """RFC 4320 4: no provisional but 100, no early 100 over UDP, never 408."""
    tx = udp.open(request_text("OPTIONS"))
    for status in (100, 180, 183, 408):
        udp.respond(tx, status)
    assert udp.taken() == ["request OPTIONS"]
    udp.run(3.5)
    for status in (180, 408, 100):
        udp.respond(tx, status)
    udp.respond(tx, 200)
    assert udp.events == ["> 100", "> 100", "> 200"]


def test_timers_of_one_instance() -> None:
    """RFC 3261 17.1.1.1: T1 may differ; nothing is global."""
    stage = Stage("UDP", Timers(t1=0.25, t2=1.0))
    stage.send()
    stage.run(LONG)
    assert stage.flow.timeline == at(INVITE, 0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75)
    stage.close()


def test_a_flow_that_breaks(tcp: Stage) -> None:
    """RFC 3261 17.1.4: told in a later turn, and every transaction on it hears of it."""
    tcp.send()
    tcp.send(request_text("OPTIONS"))
    tcp.break_flow()
    assert tcp.events == ["> INVITE", "> OPTIONS", "failed", "failed"]
    assert tcp.flow.watchers == 0
    assert ended(tcp)


def test_a_flow_that_breaks_while_it_rings(tcp: Stage) -> None:
    """RFC 3261 figure 5 has no such arrow: the response may come over another connection."""
    tx = tcp.send()
    tcp.answer(tx, 180)
    tcp.break_flow()
    tcp.answer(tx, 200)
    assert tcp.events == ["> INVITE", "up 180", "up 200"]


def test_a_datagram_flow_is_not_watched(udp: Stage) -> None:
    """An ICMP error may be forged, and the next retransmission may arrive."""
    udp.send()
    udp.break_flow()
    assert udp.events == ["> INVITE"]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_datagram_flow_that_never_was(udp: Stage, method: str) -> None:
    """RFC 3261 17.1.4: to a broadcast address, for example; nobody waits 32 s for that."""
    udp.flow.closed = True
    udp.send(request_text(method))
    udp.break_flow()
    assert udp.events == [f"> {method}", "failed"]
    assert udp.flow.watchers == 0
    assert ended(udp)


def test_a_server_stays_when_its_response_cannot_be_sent(tcp: Stage) -> None:
    """RFC 6026 7.1: so that repeated INVITEs are absorbed."""
    tcp.respond(tcp.open(), 486)
    tcp.break_flow()
    tcp.come(request_text())
    assert tcp.events == ["request INVITE", "> 486", "> 486"]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("status", [200, 486])
def test_a_final_response_lets_the_request_go(stage: Stage, method: str, status: int) -> None:
    """What lingers for 64*T1 keeps little; the user may look at it until it is told."""
    client = stage.send(request_text(method))
    seen: list[str] = []
    stage.on_response = lambda tx, response: seen.append(tx.request.method)
    stage.answer(client, status)
    server = stage.open(request_text(method))
    stage.respond(server, status)
    assert seen == [method]
    assert not hasattr(client, "request")
    assert not hasattr(server, "request")


class Context:
    """A user as they are: it holds its transaction, and is held by it."""

    def __init__(self) -> None:
        self.client: ClientTransaction | None = None
        self.server: ServerTransaction | None = None

    def hold(self, tx: ServerTransaction) -> None:
        """Be bound to a server transaction like a proxy."""
        self.server = tx
        tx.cancelled = lambda cancel: self.done()
        tx.ended = self.done

    def done(self) -> None:
        """Be told of the end."""

    def response(self, tx: ClientTransaction, response: object) -> None:
        """Be told of a response."""

    def timed_out(self, tx: ClientTransaction) -> None:
        """Be told of a timeout."""

    def failed(self, tx: ClientTransaction, error: object) -> None:
        """Be told of a failure."""


@pytest.fixture
def others() -> Iterator[list[Transaction]]:
    """Reference counts have to do; what other tests left in memory is not ours."""
    gc.collect()
    gc.disable()
    yield alive()
    gc.enable()


def alive() -> list[Transaction]:
    """Every transaction in memory, reachable or not."""
    return [thing for thing in gc.get_objects() if isinstance(thing, Transaction)]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("status", [0, 200, 486])
def test_an_ended_client_transaction_leaves_no_garbage(
    stage: Stage, others: list[Transaction], method: str, status: int
) -> None:
    """It is freed by reference count, and its user with it, whatever holds what."""
    context = Context()
    request = as_request(request_text(method))
    context.client = stage.layer.send(request, stage.flow, context)
    freed = weakref.ref(context)
    if status:
        stage.answer(request, status)
    stage.run(LONG)
    del context
    assert (freed(), [tx for tx in alive() if tx not in others]) == (None, [])


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("status", [200, 486])
def test_an_ended_server_transaction_leaves_no_garbage(
    stage: Stage, others: list[Transaction], method: str, status: int
) -> None:
    """As above; the hooks that the user set are let go."""
    context = Context()
    context.hold(stage.open(request_text(method)))
    freed = weakref.ref(context)
    stage.respond(stage.opened.pop(), status)
    stage.run(LONG)
    del context
    assert (freed(), [tx for tx in alive() if tx not in others]) == (None, [])
