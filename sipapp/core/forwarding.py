"""A request that is tried at several targets: its branches and what becomes of them.

`Fork` decides, `Forwarding` carries out: it starts and cancels branches and sends what comes
back upstream.
"""

from __future__ import annotations

__all__ = ["Forwarding"]

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sipapp.core.branch import Branch
from sipapp.core.context import Done, ResponseContext
from sipapp.core.forking import Action, Cancel, Finish, Fork, Launch, Relay, Verdict
from sipapp.core.rewriting import breadth_of
from sipapp.core.target import Target
from sipapp.message.message import Response
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.wheel import IDLE

if TYPE_CHECKING:
    from sipapp.core.proxy import Proxy


class Forwarding(ResponseContext):
    """The response context of a search (RFC 3261 16.7); also the entry of its ring time.

    Args:
        targets: serial groups of parallel targets.
        ring: seconds each group may ring before the next is tried, None for no limit.
        recurse: further targets out of a 3xx, or None.
    """

    __slots__ = ("_branches", "_fork", "_ring", "due")

    def __init__(
        self,
        proxy: Proxy,
        tx: ServerTransaction,
        targets: Sequence[Sequence[Target]],
        done: Done,
        *,
        ring: float | None = None,
        record_route: bool = True,
        recurse: Callable[[Response], Sequence[Target]] | None = None,
    ) -> None:
        super().__init__(proxy, tx, done, record_route=record_route)
        self.due = IDLE
        self._fork: Fork[Target] = Fork(targets, invite=tx.invite, recurse=recurse)
        self._branches: dict[int, Branch] = {}
        self._ring = ring

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be sent any more."""
        return self._fork.stopped

    def begin(self) -> None:
        """Try the first group."""
        self._apply(self._fork.begin())

    def cancel(self) -> None:
        """Cancel what rings, start nothing new."""
        self._apply(self._fork.cancel())

    def response(self, number: int, response: Response) -> None:
        """A branch got a response."""
        self._apply(self._fork.response(number, response))

    def timed_out(self, number: int) -> None:
        """A branch ended without an answer."""
        self._apply(self._fork.timed_out(number))

    def lost(self, number: int, status: int = 503) -> None:
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
        launched: list[Branch] = []
        for action in actions:
            if type(action) is Relay:
                self._relay(action.response)
            elif type(action) is Launch:
                branch = Branch(self, action.branch, action.target)
                self._branches[action.branch] = branch
                launched.append(branch)
            elif type(action) is Cancel:
                self._branches[action.branch].cancel()
            elif type(action) is Finish:
                self._finish(action.verdict)
        if launched:
            self._begin_group(len(launched))
            for branch in launched:
                branch.start()

    def _begin_group(self, size: int) -> None:
        """Split Max-Breadth over the group (RFC 5393 5.3.3.1) and start its ring time."""
        self._share = max(1, breadth_of(self.tx.request, self.proxy.max_breadth) // size)
        if self._ring is not None:
            self.proxy.wheel.arm(self, self._ring)

    def _relay(self, response: Response) -> None:
        if not self.tx.finished or self._fork.accepted:
            self.tx.respond(response)
        if response.final:
            if self._ring is not None:
                self.proxy.wheel.disarm(self)
            self._report(None)

    def _finish(self, verdict: Verdict) -> None:
        if self._ring is not None:
            self.proxy.wheel.disarm(self)
        self._report(verdict)
