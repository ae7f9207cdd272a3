"""Cancelling an INVITE that we sent: every order in which things can happen (RFC 3261 9.1)."""

from __future__ import annotations

from itertools import permutations

import pytest

from sipapp.errors import WrongState
from sipapp.message.message import Response
from sipapp.transaction.client import ClientTransaction
from tests.transaction.stage import Stage, as_request, request_text

STEPS = ("CANCEL", "180", "200", "486")


def play(stage: Stage, steps: tuple[str, ...]) -> list[str]:
    """Let the steps happen to an INVITE in this order and return what was seen."""
    tx = stage.send()
    for step in steps:
        if step == "CANCEL":
            tx.cancel()
        else:
            stage.answer(tx, int(step))
    return stage.taken()


def expected(steps: tuple[str, ...]) -> list[str]:
    """What RFC 3261 9.1 and 17.1.1.2 and RFC 6026 7.2 say, in words of their own.

    The first final response decides: after a 2xx further 2xx go up and all else is dropped, after a
    failure everything is dropped. Until then provisional responses go up. A CANCEL goes out
    as soon as both are there, the wish and a provisional response, if no final one has come.
    """
    seen, wished, provisional, final = ["> INVITE"], False, False, ""
    for step in steps:
        if step == "CANCEL":
            wished = True
            seen += ["> CANCEL"] * (provisional and not final)
        elif not final:
            seen += ["> CANCEL"] * (step == "180" and wished)
            seen += ["> ACK"] * (step == "486")
            seen.append(f"up {step}")
            provisional = True
            final = step if step != "180" else ""
        elif final == step:
            seen.append("up 200" if step == "200" else "> ACK")
    return seen


ORDERS = [order for count in range(1, 5) for order in permutations(STEPS, count)]


@pytest.mark.parametrize("steps", ORDERS, ids="-".join)
def test_every_interleaving(stage: Stage, steps: tuple[str, ...]) -> None:
    """CANCEL, 180, 200 and 486 in any order, some of them missing. [M05][E09]"""
    assert play(stage, steps) == expected(steps)


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        (("CANCEL", "180", "486"), "> INVITE, > CANCEL, up 180, > ACK, up 486"),
        (("180", "CANCEL", "486"), "> INVITE, up 180, > CANCEL, > ACK, up 486"),
        (("180", "CANCEL", "200"), "> INVITE, up 180, > CANCEL, up 200"),
        (("CANCEL", "200"), "> INVITE, up 200"),
        (("180", "200", "CANCEL"), "> INVITE, up 180, up 200"),
        (("486", "CANCEL", "180"), "> INVITE, > ACK, up 486"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_the_most_frequent_ones_written_out(
    stage: Stage, steps: tuple[str, ...], seen: str
) -> None:
    """So that the rule above is itself tested. [M05]"""
    assert ", ".join(play(stage, steps)) == seen


@pytest.mark.parametrize("status", [180, 200, 486])
def test_cancel_from_within_the_response(stage: Stage, status: int) -> None:
    """The user may call back at once."""

    def cancel(tx: ClientTransaction, response: Response) -> None:
        tx.cancel()

    stage.on_response = cancel
    stage.answer(stage.send(), status)
    assert stage.events[-1] == ("> CANCEL" if status == 180 else f"up {status}")


def test_cancel_goes_out_once(stage: Stage) -> None:
    """However often it is asked for."""
    tx = stage.send()
    stage.answer(tx, 180)
    tx.cancel()
    tx.cancel()
    stage.answer(tx, 183)
    assert stage.events == ["> INVITE", "up 180", "> CANCEL", "up 183"]


def test_cancel_is_a_transaction_of_its_own(udp: Stage) -> None:
    """RFC 3261 9.1: repeated until answered; its answer is no news; then the 487 ends all."""
    tx = udp.send()
    udp.answer(tx, 180)
    tx.cancel()
    udp.run(2)
    udp.answer(as_request(request_text("CANCEL")), 200)
    udp.run(10)
    udp.answer(tx, 487)
    assert udp.events == [
        "> INVITE",
        "up 180",
        *["> CANCEL"] * 3,
        "> ACK",
        "up 487",
    ]
    invite, cancel = udp.requests[tx.key], as_request(udp.flow.sent[1])
    assert (cancel.raw_uri, str(cancel.top_via), cancel.cseq.number) == (
        invite.raw_uri,
        str(invite.top_via),
        invite.cseq.number,
    )


def test_no_final_response_after_cancel(stage: Stage) -> None:
    """RFC 3261 9.1: after 64*T1 the transaction counts as cancelled."""
    tx = stage.send()
    stage.answer(tx, 180)
    stage.run(100)
    tx.cancel()
    stage.answer(as_request(request_text("CANCEL")), 200)
    stage.run(31.99)
    assert "timed out" not in stage.events
    stage.run(0.01)
    assert stage.events == ["> INVITE", "up 180", "> CANCEL", "timed out"]
    assert stage.layer.client_count == 0


def test_no_response_at_all_to_an_invite_that_was_cancelled(stage: Stage) -> None:
    """Timer B ends it; nobody was there to be cancelled."""
    stage.send().cancel()
    stage.run(32)
    assert [event for event in stage.events if event != "> INVITE"] == ["timed out"]


def test_only_an_invite_can_be_cancelled(stage: Stage) -> None:
    """RFC 3261 9.1: other requests are answered at once anyway."""
    with pytest.raises(WrongState):
        stage.send(request_text("OPTIONS")).cancel()
