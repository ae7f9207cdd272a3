"""A request that is tried at several targets: its branches and what becomes of them.

`Fork` decides, `Forwarding` carries out: it starts and cancels branches and sends what comes
back upstream.
"""

from __future__ import annotations

__all__ = ["Forwarding"]

from collections.abc import Callable, Sequence

from sipapp.core.branch import Branch, relay_2xx
from sipapp.core.context import Done
from sipapp.core.forking import Action, Cancel, Finish, Fork, Launch, Relay, Verdict
from sipapp.core.outgoing import Outgoing
from sipapp.core.rewriting import loop_mark
from sipapp.core.target import Target
from sipapp.message.message import Request, Response
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.wheel import IDLE
from sipapp.transport.flow import Flow


class _Forked(Branch):
    """One of several branches: what becomes of it is the search's to say.

    Args:
        search: whose branch it is.
        number: what the search calls it.
        target: where it goes.
        breadth: its share of Max-Breadth.
    """

    __slots__ = ("_breadth", "_number", "_search")

    def __init__(self, search: Forwarding, number: int, target: Target, breadth: int) -> None:
        super().__init__(search.outgoing, search.tx, target)
        self._search = search
        self._number = number
        self._breadth = breadth

    @property
    def stopped(self) -> bool:
        return self._search.stopped

    def copy_for(self, target: Target, flow: Flow) -> Request:
        return self._search.copy_for(target, flow, self._breadth)

    def answered(self, response: Response) -> None:
        self._search.response(self._number, response)

    def unanswered(self) -> None:
        self._search.timed_out(self._number)

    def lost(self, status: int) -> None:
        self._search.lost(self._number, status)

    def on_timer(self, now: float) -> None:
        self._search.timer_c(self._number, provisional=self._provisional)

    def _release(self) -> None:
        super()._release()
        self._search.leave(self._number)


class Forwarding:
    """The response context of a search (RFC 3261 16.7); also the entry of its ring time.

    Args:
        outgoing: what it forwards with.
        tx: the server transaction.
        targets: serial groups of parallel targets.
        done: told once how it ended; a failure is not sent upstream, that is the caller's.
        breadth: branches that it may have at once (RFC 5393).
        record_route: whether to stay on the path of the dialog.
        ring: seconds each group may ring before the next is tried, None for no limit.
        recurse: further targets out of a 3xx, or None.
    """

    __slots__ = (
        "_branches", "_done", "_fork", "_loop_mark", "_record_route", "_relayed", "_ring", "due",
        "outgoing", "tx",
    )  # fmt: skip

    def __init__(
        self,
        outgoing: Outgoing,
        tx: ServerTransaction,
        targets: Sequence[Sequence[Target]],
        done: Done,
        breadth: int,
        *,
        ring: float | None = None,
        record_route: bool = False,
        recurse: Callable[[Response], list[list[Target]]] | None = None,
    ) -> None:
        self.due = IDLE
        self.outgoing = outgoing
        self.tx = tx
        self._done: Done | None = done
        self._record_route = record_route
        self._loop_mark = loop_mark(tx.request, outgoing.signer)
        self._fork: Fork[Target] = Fork(targets, invite=tx.invite, recurse=recurse, breadth=breadth)
        self._branches: dict[int, _Forked] = {}
        self._ring = ring
        self._relayed = False

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be sent any more."""
        return self._fork.stopped

    def start(self) -> None:
        """Try the first group."""
        self._apply(self._fork.begin())

    def cancel(self) -> None:
        """Cancel what rings, start nothing new."""
        self._apply(self._fork.cancel())

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL; the transaction layer has answered it."""
        self.cancel()

    def copy_for(self, target: Target, flow: Flow, breadth: int) -> Request:
        """Build the request for one target over one flow."""
        outgoing, tx = self.outgoing, self.tx
        branch = f"{self._loop_mark}.{outgoing.new_token()}"
        return outgoing.copy_for(
            tx.request, tx.flow, target, flow, branch, breadth, self._record_route
        )

    def response(self, number: int, response: Response) -> None:
        """A branch got a response."""
        self._apply(self._fork.response(number, response))

    def timed_out(self, number: int) -> None:
        """A branch ended without an answer."""
        self._apply(self._fork.timed_out(number))

    def lost(self, number: int, status: int) -> None:
        """A branch could not be sent anywhere, or no more."""
        self._apply(self._fork.lost(number, status))

    def timer_c(self, number: int, *, provisional: bool) -> None:
        """Timer C of a branch fired."""
        self._apply(self._fork.timer_c(number, provisional=provisional))

    def leave(self, number: int) -> None:
        """A branch has ended and is cancelled no more."""
        self._branches.pop(number, None)

    def on_timer(self, now: float) -> None:
        """The ring time of the current group is over."""
        self._apply(self._fork.ring_over())

    def _apply(self, actions: list[Action[Target]]) -> None:
        """Carry out what the fork decided."""
        launched: list[_Forked] = []
        for action in actions:
            if type(action) is Relay:
                self._relay(action.response)
            elif type(action) is Launch:
                branch = _Forked(self, action.branch, action.target, action.breadth)
                self._branches[action.branch] = branch
                launched.append(branch)
            elif type(action) is Cancel:
                self._branches[action.branch].cancel()
            elif type(action) is Finish:
                self._finish(action.verdict)
        if launched:
            if self._ring is not None:
                self.outgoing.wheel.arm(self, self._ring)
            for branch in launched:
                branch.start()

    def _relay(self, response: Response) -> None:
        if response.final:
            relay_2xx(self.tx, response, accepted=self._relayed)
            self._relayed = True
            if self._ring is not None:
                self.outgoing.wheel.disarm(self)
            self._report(None)
        elif not self.tx.finished:
            self.tx.respond(response)

    def _finish(self, verdict: Verdict) -> None:
        if self._ring is not None:
            self.outgoing.wheel.disarm(self)
        self._report(verdict)

    def _report(self, verdict: Verdict | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(verdict)
