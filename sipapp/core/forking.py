"""The response context of a forking proxy: what to do when something happens (RFC 3261 16.7).

Pure: a `Fork` knows no transaction, clock or socket. Every event returns the actions that
follow from it, in order, and the proxy carries them out. Targets are tried in groups: the
members of a group in parallel, the groups one after another (16.6: "mixed").

Three rules decide everything:

* a 2xx is relayed the moment it comes, and what still rings is cancelled;
* a 6xx cancels what still rings and starts nothing new, but is relayed only after all
  branches have ended, because a 2xx may still be on its way;
* everything else waits; the best of what came is chosen when nothing is left to try.
"""

from __future__ import annotations

__all__ = ["Action", "Cancel", "Finish", "Fork", "Launch", "Relay", "Verdict", "best_of"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sipapp.message.message import Response

T = TypeVar("T")


@dataclass(slots=True)
class Verdict:
    """How one branch ended: a final response, or a status we made up for it (408, 503)."""

    status: int
    response: Response | None = None


@dataclass(slots=True)
class Launch(Generic[T]):
    """Start a client transaction for ``target``; later events name it by ``branch``.

    Attributes:
        breadth: its share of Max-Breadth (RFC 5393 5.3.3.1).
    """

    branch: int
    target: T
    breadth: int = field(default=1, compare=False)


@dataclass(slots=True)
class Relay:
    """Send ``response`` upstream at once."""

    response: Response


@dataclass(slots=True)
class Cancel:
    """Cancel the client transaction of ``branch``."""

    branch: int


@dataclass(slots=True)
class Finish:
    """Nothing is left to try and nobody accepted: ``verdict`` is the best answer there was."""

    verdict: Verdict


Action = Launch[T] | Relay | Cancel | Finish

_PREFERRED_4XX = (401, 407, 415, 420, 484)


class Fork(Generic[T]):
    """The state of one request that is tried at several targets.

    Args:
        groups: serial groups of parallel targets, best first; empty groups are skipped.
        invite: whether the request is an INVITE (only then are branches cancelled and only
            then may more than one 2xx be relayed).
        recurse: gives further groups of targets out of a 3xx (RFC 3261 16.7 step 4), or None
            to treat a 3xx as an answer. It must never give a target that was tried before, and
            must come to an end.
        breadth: the Max-Breadth of the request: what all open branches may have together
            (RFC 5393 5.3). What does not fit into it waits for the next group.
    """

    __slots__ = (
        "_breadth", "_cancelled", "_groups", "_pending", "_recurse", "_results", "_settled",
        "_shares", "_stopped", "accepted", "invite", "launched",
    )  # fmt: skip

    def __init__(
        self,
        groups: Sequence[Sequence[T]],
        *,
        invite: bool,
        recurse: Callable[[Response], list[list[T]]] | None = None,
        breadth: int = 60,
    ) -> None:
        self._groups = [group for group in groups if group]
        self._pending: set[int] = set()
        self._recurse = recurse
        self._breadth = breadth
        self._shares: dict[int, int] = {}  # of branches without a final response, cancelled or not
        self._results: list[Verdict] = []
        self._settled = False  # a final answer is decided: Finish was given, or a 2xx relayed
        self._stopped = False  # cancelled or a 6xx came: nothing new is started
        self._cancelled = False  # the caller gave up
        self.accepted = False
        self.invite = invite
        self.launched = 0

    @property
    def pending(self) -> int:
        """How many branches have no final response yet."""
        return len(self._pending)

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be started: cancelled, accepted, or a 6xx came."""
        return self._stopped

    def begin(self) -> list[Action[T]]:
        """Start the first group; without any target the fork finishes with 480."""
        return self._next_group() or self._finish()

    def response(self, branch: int, response: Response) -> list[Action[T]]:
        """Take a response of ``branch`` whose topmost Via was already removed."""
        status = response.status
        if status >= 200:
            self._shares.pop(branch, None)
        else:
            relayed = status > 100 and branch in self._pending and not self._settled
            return [Relay(response)] if relayed else []
        if status < 300:
            return self._accept(branch, response)
        if branch not in self._pending:
            return []
        if status < 400 and self._recurse is not None and not self._stopped and not self._settled:
            groups = self._recurse(response)
            if groups:
                self._pending.discard(branch)
                self._groups[:0] = groups
                return self._next_group()
        return self._end(branch, Verdict(status, response))

    def timed_out(self, branch: int) -> list[Action[T]]:
        """The transaction of ``branch`` ended by timer B or F: acts as 408 (16.8, 16.7)."""
        self._shares.pop(branch, None)
        return self._end(branch, Verdict(408)) if branch in self._pending else []

    def lost(self, branch: int, status: int = 503) -> list[Action[T]]:
        """The transport of ``branch`` failed for every address it had: acts as 503 (16.9)."""
        self._shares.pop(branch, None)
        return self._end(branch, Verdict(status)) if branch in self._pending else []

    def timer_c(self, branch: int, *, provisional: bool) -> list[Action[T]]:
        """Timer C of ``branch`` fired (16.8): cancel it, or give it up if it never answered."""
        if branch not in self._pending:
            return []
        if provisional:
            return [Cancel(branch)]
        return self.timed_out(branch)

    def ring_over(self) -> list[Action[T]]:
        """The ring time of the group is over: cancel its branches and go on.

        Branches that were cancelled count as 408; a 2xx that overtakes the CANCEL still wins.
        """
        if self._settled or self._stopped:
            return []
        actions: list[Action[T]] = self._cancel_pending()
        for _ in range(len(self._pending)):
            self._results.append(Verdict(408))
        self._pending.clear()
        return actions + (self._next_group() or self._finish())

    def cancel(self) -> list[Action[T]]:
        """The caller gave up (16.10): cancel what rings, start nothing new."""
        if self._settled or self._stopped:
            return []
        self._stopped = self._cancelled = True
        return self._cancel_pending() or self._finish_if_done()

    def _accept(self, branch: int, response: Response) -> list[Action[T]]:
        self._pending.discard(branch)
        if self.accepted:
            return [Relay(response)] if self.invite else []
        if self._settled and not self.invite:
            return []
        self.accepted = self._settled = self._stopped = True
        relay: list[Action[T]] = [Relay(response)]
        return relay + self._cancel_pending() if self._pending else relay

    def _end(self, branch: int, verdict: Verdict) -> list[Action[T]]:
        self._pending.discard(branch)
        self._results.append(verdict)
        actions: list[Action[T]] = []
        if verdict.status >= 600 and not self._stopped:
            self._stopped = True
            actions = self._cancel_pending()
        return actions + self._finish_if_done()

    def _finish_if_done(self) -> list[Action[T]]:
        if self._pending or self._settled:
            return []
        if not self._stopped:
            launched = self._next_group()
            if launched:
                return launched
        return self._finish()

    def _next_group(self) -> list[Action[T]]:
        """Start what there is room for; one branch may always go, or the search would hang."""
        if not self._groups:
            return []
        group = self._groups.pop(0)
        room = max(1, self._breadth - sum(self._shares.values()))
        if len(group) > room:
            self._groups.insert(0, group[room:])
            group = group[:room]
        return self._launch(group, max(1, room // len(group)))

    def _launch(self, targets: Sequence[T], share: int) -> list[Action[T]]:
        actions: list[Action[T]] = []
        for target in targets:
            self._pending.add(self.launched)
            self._shares[self.launched] = share
            actions.append(Launch(self.launched, target, share))
            self.launched += 1
        return actions

    def _cancel_pending(self) -> list[Action[T]]:
        return [Cancel(branch) for branch in sorted(self._pending)] if self.invite else []

    def _finish(self) -> list[Action[T]]:
        self._settled = True
        return [Finish(best_of(self._results, cancelled=self._cancelled))]


def best_of(results: Sequence[Verdict], *, cancelled: bool = False) -> Verdict:
    """Choose the answer to send when nobody accepted (RFC 3261 16.7 steps 6 and 7).

    A 6xx wins, otherwise the lowest class, within 4xx the codes that let the caller repair
    the request. A cancelled request is answered 487 unless somebody sent a 6xx. The
    challenges of every 401 and 407 are put into a chosen 401 or 407. A 503 becomes 500,
    because it would speak for this proxy and not for the branch.

    Args:
        results: how the branches ended, in order of time; empty means there was no target.
        cancelled: whether the caller gave up: then it is 487, or the 6xx that overtook it.
    """
    if cancelled:
        ours = [verdict for verdict in results if verdict.status == 487 or verdict.status >= 600]
        return min(ours, key=_rank, default=Verdict(487))
    if not results:
        return Verdict(480)
    chosen = min(results, key=_rank)
    if chosen.status == 503:
        return Verdict(500)
    if chosen.status in (401, 407) and chosen.response is not None:
        return Verdict(chosen.status, _with_all_challenges(chosen.response, results))
    return chosen


def _rank(verdict: Verdict) -> tuple[int, int]:
    status = verdict.status
    if status >= 600:
        return (0, 0)
    preferred = _PREFERRED_4XX.index(status) if status in _PREFERRED_4XX else len(_PREFERRED_4XX)
    # What a peer said is worth more than what we made up, or caused by a CANCEL of ours.
    own = verdict.response is None or status == 487
    return (1 + status // 100, preferred * 2 + own if status < 500 else int(own))


def _with_all_challenges(chosen: Response, results: Sequence[Verdict]) -> Response:
    merged = chosen.copy()
    for verdict in results:
        other = verdict.response
        if other is None or other is chosen or verdict.status not in (401, 407):
            continue
        for name in ("WWW-Authenticate", "Proxy-Authenticate"):
            for value in other.headers.get_all(name):
                merged.add_header(name, value)
    return merged
