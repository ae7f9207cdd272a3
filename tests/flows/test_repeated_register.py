"""A REGISTER whose answer was lost: the same answer again, and nothing is kept for it."""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab
from sipapp.message.message import Response


def test_a_repetition_is_answered_alike_and_changes_nothing() -> None:
    """RFC 3261 17.2.2, 8.2.7: it is told from a new request by its branch. [R05]"""
    with Lab() as lab:
        bob = lab.phone("bob")
        register = bob.register()
        lab.advance()
        assert lab.server.transactions.server_count == 0
        first = bob.take_response(200)
        bob.send(register)
        lab.advance()
        second = bob.take_response(200)
        assert second.to_bytes() == first.to_bytes()


def test_the_same_cseq_on_another_branch_is_out_of_order() -> None:
    """RFC 3261 10.3 step 7: not higher than the CSeq of the binding."""
    with Lab() as lab:
        bob = lab.phone("bob")
        register = bob.register()
        lab.advance()
        bob.take_response(200)
        other = register.copy()
        other.set_header("Via", (register.headers.get("Via") or b"") + b"x")
        bob.send(other)
        lab.advance()
        assert bob.take_response(500).reason == "CSeq Out Of Order"


def test_a_refusal_is_judged_again() -> None:
    """Nothing was changed by it, so its repetition gets it again."""
    with Lab() as lab:
        bob = lab.phone("bob")
        register = bob.register(expires=1)
        lab.advance()
        bob.send(register)
        lab.advance()
        assert bob.heard == ["423", "423"]


@pytest.mark.parametrize("seconds", [31, 100])
def test_a_repetition_after_timer_j(seconds: int) -> None:
    """RFC 3261 17.2.2: for 64*T1 it is a repetition, much later a request that is too old."""
    with Lab() as lab:
        bob = lab.phone("bob")
        register = bob.register()
        lab.advance(seconds)
        bob.take_response(200)
        bob.send(register)
        lab.advance()
        (again,) = bob.inbox
        assert isinstance(again, Response)
        assert again.status == (200 if seconds < 32 else 500)
