"""One target, no search: most calls, and every request inside a dialog.

The rules are those of `Fork` for a single branch, without its lists: a third of the cost of
forwarding a message.
"""

from __future__ import annotations

__all__ = ["Straight"]

from typing import TYPE_CHECKING

from sipapp.core.branch import Branch
from sipapp.core.context import Done, ResponseContext
from sipapp.core.forking import Verdict, best_of
from sipapp.core.target import Target
from sipapp.message.message import Response
from sipapp.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sipapp.core.proxy import Proxy


class Straight(ResponseContext):
    """The response context of a request with one target.

    Args:
        target: where it goes.
    """

    __slots__ = ("_accepted", "_branch", "_cancelled", "_ended")

    def __init__(
        self,
        proxy: Proxy,
        tx: ServerTransaction,
        target: Target,
        done: Done,
        *,
        record_route: bool = True,
        in_dialog: bool = False,
    ) -> None:
        super().__init__(proxy, tx, done, record_route=record_route, in_dialog=in_dialog)
        self._branch: Branch | None = Branch(self, 0, target)
        self._cancelled = False
        self._accepted = False
        self._ended = False

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be sent any more."""
        return self._ended or self._cancelled

    def begin(self) -> None:
        """Send."""
        if self._branch is not None:
            self._branch.start()

    def cancel(self) -> None:
        """Cancel the branch, once."""
        if not self.stopped and self._branch is not None:
            self._cancelled = True
            self._branch.cancel()

    def response(self, number: int, response: Response) -> None:
        """Relay what is provisional or accepts; report what does not."""
        status = response.status
        if status >= 300:
            self._fail(Verdict(status, response))
        elif status < 200:
            if not self._ended:
                self.tx.respond(response)
        elif not self._accepted or self.invite:  # every 2xx of an INVITE makes a dialog
            if self._accepted or not self.tx.finished:
                self._accepted = self._ended = True
                self.tx.respond(response)
            self._report(None)

    def timed_out(self, number: int) -> None:
        """Report 408."""
        self._fail(Verdict(408))

    def lost(self, number: int, status: int = 503) -> None:
        """Report ``status``."""
        self._fail(Verdict(status))

    def timer_c(self, number: int, *, provisional: bool) -> None:
        """Cancel a branch that rings, give up a silent one."""
        if provisional and self._branch is not None:
            self._branch.cancel()
        else:
            self._fail(Verdict(408))

    def leave(self, number: int) -> None:
        """Let the branch go."""
        self._branch = None

    def _fail(self, verdict: Verdict) -> None:
        if not self._ended:
            self._ended = True
            self._report(best_of([verdict], cancelled=self._cancelled))
