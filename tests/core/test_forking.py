"""The response context: every rule of RFC 3261 16.7 as a list of actions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sipapp.core.forking import Cancel, Finish, Fork, Launch, Relay, Verdict, best_of
from sipapp.message.headers import Headers
from sipapp.message.message import Response


def answer(status: int, *challenges: tuple[str, bytes]) -> Response:
    """A response of a branch; equality is identity, so each test keeps its own."""
    headers = Headers([], [])
    for name, value in challenges:
        headers.add(name, value)
    return Response(status, "", headers)


def launches(*targets: str, first: int = 0) -> list[object]:
    """The actions that start these targets."""
    return [Launch(first + number, target) for number, target in enumerate(targets)]


def begun(groups: Sequence[Sequence[str]], *, invite: bool = True) -> Fork[str]:
    """A fork whose first group was started."""
    fork: Fork[str] = Fork(groups, invite=invite)
    fork.begin()
    return fork


class StartTests:
    """What is tried, and when."""

    def test_members_of_a_group_start_together(self) -> None:
        """RFC 3261 16.6: parallel search. [R04]"""
        fork: Fork[str] = Fork([["a", "b"], ["c"]], invite=True)
        assert fork.begin() == launches("a", "b")

    def test_without_a_target_the_answer_is_480(self) -> None:
        """RFC 3261 16.5: an empty target set is 480."""
        fork: Fork[str] = Fork([], invite=True)
        assert fork.begin() == [Finish(Verdict(480))]

    def test_the_next_group_starts_when_the_first_has_failed(self) -> None:
        """RFC 3261 16.6: serial search by q. [R04][F3c]"""
        fork = begun([["a"], [], ["b"]])
        busy = answer(486)
        assert fork.response(0, busy) == launches("b", first=1)
        assert fork.response(1, answer(480)) == [Finish(Verdict(486, busy))]

    def test_a_group_waits_for_its_slowest_member(self) -> None:
        """RFC 3261 16.7 step 5: no final answer while a branch is open."""
        fork = begun([["a", "b"]])
        busy = answer(486)
        assert fork.response(0, busy) == []
        assert fork.timed_out(1) == [Finish(Verdict(486, busy))]


class ProvisionalTests:
    """1xx."""

    def test_100_is_not_relayed(self) -> None:
        """RFC 3261 16.7 step 5: 100 is hop by hop. [C03]"""
        assert begun([["a"]]).response(0, answer(100)) == []

    def test_180_is_relayed_at_once(self) -> None:
        """RFC 3261 16.7 step 5: 101-199 go upstream immediately."""
        ringing = answer(180)
        assert begun([["a"]]).response(0, ringing) == [Relay(ringing)]

    def test_nothing_is_relayed_after_the_final_answer(self) -> None:
        """RFC 3261 16.7 step 5: no provisional response after a final one."""
        fork = begun([["a", "b"]])
        fork.response(0, answer(200))
        assert fork.response(1, answer(180)) == []


class AcceptedTests:
    """2xx."""

    def test_2xx_is_relayed_and_the_others_are_cancelled(self) -> None:
        """RFC 3261 16.7 steps 5 and 10. [F3b][M05]"""
        fork = begun([["a", "b", "c"]])
        accepted = answer(200)
        assert fork.response(1, accepted) == [Relay(accepted), Cancel(0), Cancel(2)]

    def test_every_2xx_of_an_invite_is_relayed(self) -> None:
        """RFC 3261 16.7 step 5: a second 2xx makes a second dialog. [E09]"""
        fork = begun([["a", "b"]])
        fork.response(0, answer(200))
        second = answer(200)
        assert fork.response(1, second) == [Relay(second)]

    def test_only_the_first_2xx_of_another_method_is_relayed(self) -> None:
        """RFC 3261 16.7 step 5: a non-INVITE transaction has one final response."""
        fork = begun([["a", "b"]], invite=False)
        fork.response(0, answer(200))
        assert fork.response(1, answer(200)) == []

    def test_failures_after_a_2xx_are_swallowed(self) -> None:
        """The 487s of the losers go nowhere. [F3b]"""
        fork = begun([["a", "b"]])
        fork.response(0, answer(200))
        assert fork.response(1, answer(487)) == []


class GlobalFailureTests:
    """6xx."""

    def test_6xx_cancels_and_waits(self) -> None:
        """RFC 3261 16.7 step 5: a 6xx stops the search but may be overtaken by a 2xx. [C01]"""
        fork = begun([["a", "b"], ["c"]])
        decline = answer(603)
        assert fork.response(0, decline) == [Cancel(1)]
        assert fork.response(1, answer(487)) == [Finish(Verdict(603, decline))]

    def test_a_2xx_overtakes_the_6xx(self) -> None:
        """RFC 3261 16.7 step 5: 2xx is always forwarded."""
        fork = begun([["a", "b"]])
        fork.response(0, answer(600))
        accepted = answer(200)
        assert fork.response(1, accepted) == [Relay(accepted)]


class CancelTests:
    """The caller gives up."""

    def test_pending_branches_are_cancelled_and_487_is_the_answer(self) -> None:
        """RFC 3261 16.10: CANCEL stops every pending branch, INVITE ends 487. [M05]"""
        fork = begun([["a", "b"], ["c"]])
        assert fork.cancel() == [Cancel(0), Cancel(1)]
        assert fork.response(0, answer(486)) == []
        terminated = answer(487)
        assert fork.response(1, terminated) == [Finish(Verdict(487, terminated))]

    def test_487_is_made_up_when_no_branch_said_it(self) -> None:
        """RFC 3261 9.2: the cancelled INVITE is answered 487."""
        fork = begun([["a"]])
        fork.cancel()
        assert fork.timed_out(0) == [Finish(Verdict(487))]

    def test_a_second_cancel_does_nothing(self) -> None:
        """One CANCEL a branch."""
        fork = begun([["a"]])
        fork.cancel()
        assert fork.cancel() == []

    def test_cancel_after_the_answer_does_nothing(self) -> None:
        """RFC 3261 9.2: CANCEL has no effect on an answered request."""
        fork = begun([["a"]])
        fork.response(0, answer(200))
        assert fork.cancel() == []


class BreadthTests:
    """Max-Breadth (RFC 5393 5.3.3)."""

    @staticmethod
    def shares(actions: Sequence[object]) -> list[tuple[str, int]]:
        """Targets that are started, each with its share."""
        return [(each.target, each.breadth) for each in actions if isinstance(each, Launch)]

    def test_a_group_shares_what_there_is(self) -> None:
        """The shares add up to no more than the request came with."""
        fork: Fork[str] = Fork([["a", "b", "c"]], invite=True, breadth=8)
        assert self.shares(fork.begin()) == [("a", 2), ("b", 2), ("c", 2)]

    def test_what_does_not_fit_waits(self) -> None:
        """RFC 5393 5.3.3: serial where it cannot be parallel."""
        fork: Fork[str] = Fork([["a", "b", "c"]], invite=True, breadth=2)
        assert self.shares(fork.begin()) == [("a", 1), ("b", 1)]
        assert fork.response(0, answer(486)) == []
        assert self.shares(fork.response(1, answer(486))) == [("c", 2)]

    def test_redirections_get_what_is_free(self) -> None:
        """The share of the branch that was redirected, and not those of the others."""
        fork: Fork[str] = Fork(
            [["a", "b"]], invite=True, recurse=lambda _: [["x", "y", "z"]], breadth=4
        )
        fork.begin()
        assert self.shares(fork.response(0, answer(302))) == [("x", 1), ("y", 1)]

    def test_what_was_cancelled_keeps_its_share_until_it_has_ended(self) -> None:
        """It may still fork further on."""
        fork: Fork[str] = Fork([["a", "b"], ["c", "d"]], invite=True, breadth=4)
        fork.begin()
        assert self.shares(fork.ring_over()) == [("c", 1)]


class TimeTests:
    """Timer C and ring time."""

    def test_timer_c_cancels_a_branch_that_rings(self) -> None:
        """RFC 3261 16.8: CANCEL if a provisional came. [F3c]"""
        assert begun([["a"]]).timer_c(0, provisional=True) == [Cancel(0)]

    def test_timer_c_gives_up_a_silent_branch(self) -> None:
        """RFC 3261 16.8: otherwise behave as if 408 had come."""
        assert begun([["a"]]).timer_c(0, provisional=False) == [Finish(Verdict(408))]

    def test_timer_c_of_an_ended_branch_does_nothing(self) -> None:
        """Only pending branches have a Timer C."""
        fork = begun([["a", "b"]])
        fork.response(0, answer(486))
        assert fork.timer_c(0, provisional=True) == []

    def test_ring_time_moves_on_without_waiting_for_the_487(self) -> None:
        """Serial search: nobody answered, the next group rings. [F3c]"""
        fork = begun([["a", "b"], ["c"]])
        assert fork.ring_over() == [Cancel(0), Cancel(1), *launches("c", first=2)]
        assert fork.response(0, answer(487)) == []

    def test_a_2xx_that_overtakes_the_cancel_wins(self) -> None:
        """RFC 3261 16.7 step 5."""
        fork = begun([["a"], ["b"]])
        fork.ring_over()
        accepted = answer(200)
        assert fork.response(0, accepted) == [Relay(accepted), Cancel(1)]

    def test_the_last_ring_time_ends_in_408(self) -> None:
        """Nobody answered at all."""
        assert begun([["a"]]).ring_over() == [Cancel(0), Finish(Verdict(408))]

    def test_ring_time_after_the_end_does_nothing(self) -> None:
        """The timer may lose the race against an answer."""
        fork = begun([["a"]])
        fork.response(0, answer(200))
        assert fork.ring_over() == []


class RecursionTests:
    """3xx."""

    def test_a_3xx_gives_new_branches_in_the_same_group(self) -> None:
        """RFC 3261 16.7 step 4. [R01]"""
        fork: Fork[str] = Fork([["a"]], invite=True, recurse=lambda _: [["x", "y"], ["z"]])
        fork.begin()
        assert fork.response(0, answer(302)) == launches("x", "y", first=1)
        fork.response(1, answer(486))
        assert fork.response(2, answer(486)) == launches("z", first=3)

    def test_redirections_keep_to_the_breadth(self) -> None:
        """RFC 5393 5.3.3: what rings already counts."""
        fork: Fork[str] = Fork([["a", "b"]], invite=True, recurse=lambda _: [["x", "y"]], breadth=2)
        fork.begin()
        assert fork.response(0, answer(302)) == launches("x", first=2)
        fork.response(1, answer(486))
        assert fork.response(2, answer(486)) == launches("y", first=3)

    def test_a_3xx_without_new_targets_is_an_answer(self) -> None:
        """Nothing left to try: the caller gets the 3xx."""
        fork: Fork[str] = Fork([["a"]], invite=True, recurse=lambda _: [])
        fork.begin()
        moved = answer(301)
        assert fork.response(0, moved) == [Finish(Verdict(301, moved))]

    def test_nothing_is_tried_after_cancel(self) -> None:
        """A 302 that crosses the CANCEL starts nothing."""
        fork: Fork[str] = Fork([["a"]], invite=True, recurse=lambda _: [["x"]])
        fork.begin()
        fork.cancel()
        assert fork.response(0, answer(302)) == [Finish(Verdict(487))]


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ([404, 302, 500], 302),
        ([486, 401, 415, 407], 401),
        ([486, 407], 407),
        ([404, 420, 415], 415),
        ([404, 484, 420], 420),
        ([404, 484], 484),
        ([500, 404], 404),
        ([302, 603, 404], 603),
        ([503], 500),
        ([503, 404], 404),
        ([486, 480], 486),
    ],
)
def test_best_response(statuses: list[int], best: int) -> None:
    """RFC 3261 16.7 step 6: 6xx, else the lowest class, else what repairs; 503 becomes 500."""
    assert best_of([Verdict(status, answer(status)) for status in statuses]).status == best


def test_what_a_peer_said_beats_what_we_made_up() -> None:
    """A real 404 tells more than our 408."""
    missing = answer(404)
    assert best_of([Verdict(408), Verdict(404, missing)]) == Verdict(404, missing)


def test_challenges_of_all_branches_are_merged() -> None:
    """RFC 3261 16.7 step 7: one 401 carries every challenge."""
    first = answer(407, ("Proxy-Authenticate", b'Digest realm="a"'))
    second = answer(401, ("WWW-Authenticate", b'Digest realm="b"'))
    third = answer(407, ("Proxy-Authenticate", b'Digest realm="c"'))
    merged = best_of([Verdict(407, first), Verdict(401, second), Verdict(407, third)]).response
    assert merged is not None
    assert merged.headers.lines == [
        b'WWW-Authenticate: Digest realm="b"',
        b'Proxy-Authenticate: Digest realm="a"',
        b'Proxy-Authenticate: Digest realm="c"',
    ]
