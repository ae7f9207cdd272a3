"""The call object: one request and the verbs that decide about it."""

from __future__ import annotations

__all__ = ["Call"]

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from sipapp.app.interfaces import ICall
from sipapp.app.outcome import Outcome
from sipapp.app.running import Running
from sipapp.app.stack import Stack
from sipapp.core.context import ResponseContext
from sipapp.core.diversion import REASONS, divert, is_circular
from sipapp.core.forking import Verdict
from sipapp.core.recursion import Recursion
from sipapp.core.redirect import destination, redirection
from sipapp.core.target import Target
from sipapp.errors import CallEnded, UsageError, WrongState
from sipapp.message.message import Request, Response, response_to
from sipapp.message.uri import SipUri, Uri
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.wheel import IDLE
from sipapp.transport.flow import Flow
from sipapp.ua.account import Account

_NO_FACTS: Mapping[str, object] = MappingProxyType({})
_ACCEPTED = Outcome(200)

RunNext: TypeAlias = "Callable[[Call], Coroutine[Any, Any, Outcome]]"


@implementer(ICall)
class Call:
    """Provides `ICall` over one server transaction.

    Args:
        stack: what its verbs work with.
        run_next: has the next application decide.
        tx: the transaction.
        account: who authenticated.

    An application that waits, and has neither answered nor forwarded the request, is on the clock:
    a call is its own entry in the timer wheel.

    Attributes:
        application: the name of the one that decides at the moment.
        invite: whether the request is an INVITE.
        position: which application of the chain is next.
        running: the coroutine of the applications; set by who starts it.
        due: its place on the wheel.
    """

    log = Logger()
    running: Running

    __slots__ = (
        "_diverted", "_ended", "_final", "_forwarding", "_outcome", "_ring", "_run_next", "_stack",
        "_tx", "account", "application", "due", "facts", "flow", "invite", "position", "request",
        "running",
    )  # fmt: skip

    def __init__(
        self, stack: Stack, run_next: RunNext, tx: ServerTransaction, account: Account | None
    ) -> None:
        self.request: Request = tx.request
        self.flow: Flow = tx.flow
        self.account = account
        self.facts: Mapping[str, object] = _NO_FACTS
        self.invite = tx.invite
        self.position = 0
        self.application = ""
        self.due = IDLE
        self._stack = stack
        self._run_next = run_next
        self._tx = tx
        self._forwarding: ResponseContext | None = None
        self._outcome: Verdict | None = None
        self._ended = False
        self._diverted = False
        self._final = 200
        self._ring: float | None = None

    @property
    def answered(self) -> bool:
        """Whether a final answer went to the caller."""
        return self._tx.finished

    @property
    def decided(self) -> bool:
        """Whether an answer went to the caller, or a failure is kept to be sent."""
        return self._tx.finished or self._outcome is not None

    async def respond(
        self,
        status: int,
        reason: str | None = None,
        *,
        to: Sequence[str | tuple[str, float]] = (),
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        """See `ICall.respond`."""
        if not 100 < status < 700:
            raise UsageError(f"{status} is no status from 101 to 699")
        extra = [*redirection(to), *headers]
        tag = self._tx.to_tag
        await self.send(response_to(self.request, status, reason, to_tag=tag, extra=extra))

    async def send(self, response: Response) -> None:
        """See `ICall.send`."""
        self._check_open()
        self._stop_clock()
        if self.running.waiting:  # somebody else than the application's coroutine has sent it
            self.waits()
        self._tx.respond(response)
        if response.final:
            self._outcome = None
            self._final = response.status
            if self._forwarding is not None:  # the application did not wait for the search
                self._forwarding.cancel()

    @property
    def outcome(self) -> Outcome:
        """How it has ended so far: the failure that is kept, or the final answer that went out."""
        if self._outcome is None:
            return _ACCEPTED if self._final == 200 else Outcome(self._final)
        return _told(self._outcome)

    @property
    def repeated(self) -> bool:
        """Whether this very request was carried out before, and let go by `dismiss`."""
        return self._tx.repeated

    def dismiss(self, response: Response) -> None:
        """Answer a request whose repetitions can be answered anew, and keep nothing of it."""
        self._check_open()
        self._outcome, self._final = None, response.status
        self._tx.dismiss(response, carried_out=response.status < 300)

    async def proxy(
        self,
        targets: Sequence[Target | Sequence[Target]] | None = None,
        *,
        ring: float | None = None,
        record_route: bool | None = None,
        recurse: bool | None = None,
    ) -> Outcome:
        """See `ICall.proxy`."""
        self._check_open()
        if targets is None:
            groups = self.targets()
        else:
            groups = self._stack.ours.reach.of_targets([_group(each) for each in targets])
        if not groups and targets is None:
            self._outcome = Verdict(self._stack.ours.absent_status(self.request))
            return Outcome(self._outcome.status)
        self._stop_clock()
        settings = self._stack.settings
        ended: Deferred[Verdict | None] = Deferred()
        self._forwarding = self._stack.proxy.forward(
            self._tx,
            groups,
            ended.callback,
            ring=self._ring if ring is None else ring,
            record_route=settings.record_route if record_route is None else record_route,
            recurse=self._recursion(groups) if _chosen(recurse, settings.recurse) else None,
        )
        verdict = await ended
        self._forwarding = None
        if self.running.waiting:  # for something else than this search
            self.waits()
        if verdict is None:
            self._outcome, self._final = None, 200
            return _ACCEPTED
        self._outcome = verdict
        if self._ended:
            self.finish()
            raise CallEnded("the caller gave up")
        return _told(verdict)

    async def divert(self, to: str | Uri, why: str, *, ring: float | None = None) -> Outcome:
        """See `ICall.divert`."""
        self._check_open()
        uri = destination(to) if isinstance(to, str) else to
        if isinstance(uri, SipUri):
            uri = uri.without_headers()  # RFC 3261 19.1.1 table 1
        if why not in REASONS:
            raise UsageError(f"{why!r} is no reason to divert; these are: {', '.join(REASONS)}")
        if is_circular(self.request, uri, self._stack.settings.max_diversions):
            self.log.warn(
                "application {application} diverted {call_id} to {to} again: 482",
                application=self.application,
                call_id=self.request.call_id,
                to=str(uri),
            )
            self._outcome = Verdict(482)
            return Outcome(482)
        cause = 302 if self._outcome is None else self._outcome.status
        divert(self.request, uri, why, cause, again=self._diverted)
        self._diverted, self._outcome = True, None
        before = self.position, self._ring
        self.position, self._ring = 0, ring
        outcome = await self._run_next(self)
        self.position, self._ring = before
        return outcome

    def pass_on(self, **facts: object) -> Coroutine[Any, Any, Outcome]:
        """See `ICall.pass_on`."""
        return self._with_facts(facts) if facts else self._run_next(self)

    async def _with_facts(self, facts: Mapping[str, object]) -> Outcome:
        before, self.facts = self.facts, {**self.facts, **facts}
        outcome = await self._run_next(self)
        self.facts = before
        return outcome

    def targets(self) -> list[list[Target]]:
        """See `ICall.targets`."""
        return self._stack.ours.targets_of(self.request)

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL, and the transaction layer answered it."""
        self._ended = True
        if self._forwarding is not None:
            self._forwarding.cancel()
        else:
            self._outcome = Verdict(487)
            self.finish()
            self.running.interrupt(CallEnded("the caller gave up"))

    def waits(self) -> None:
        """The application has begun to wait: for a search, which has clocks of its own, or not."""
        if self._forwarding is None and not self.due:
            self._stack.wheel.arm(self, self._stack.patience)

    def on_timer(self, now: float) -> None:
        """The application has had its time: end what is open, and raise `CallEnded` in it."""
        self.log.error(
            "application {application} let {method} {call_id} wait for {seconds:g} s: given up",
            application=self.application,
            method=self.request.method,
            call_id=self.request.call_id,
            seconds=self._stack.patience,
        )
        self._ended = True
        self.finish()
        self.running.interrupt(CallEnded("the application took too long"))

    def finish(self, *, otherwise: int = 500) -> None:
        """Send the final answer that is due, if none went out; end a search that nobody awaits.

        Args:
            otherwise: the status when no verb left a verdict.
        """
        tx = self._tx
        self._stop_clock()
        forwarding, self._forwarding = self._forwarding, None
        if forwarding is not None:
            self.log.error(
                "application {application} left the search of {method} {call_id} behind: cancelled",
                application=self.application,
                method=self.request.method,
                call_id=self.request.call_id,
            )
            forwarding.cancel()
        if not tx.finished:
            self._outcome = self._outcome or Verdict(otherwise)
            self._stack.proxy.answer(tx, self._outcome)
        tx.cancelled = None

    def unserved(self) -> None:
        """No application took it: there is nobody, or no such method of the server."""
        itself = self._stack.ours.is_self(self.request)
        status = self._stack.ours.absent_status(self.request) if itself else 404
        self._outcome = Verdict(status)

    def _recursion(self, groups: Sequence[Sequence[Target]]) -> Recursion | None:
        """Redirections of others' users are not ours to follow (RFC 3261 16.5)."""
        if not self._stack.ours.is_ours(self.request):
            return None
        return Recursion(self.request, groups, self._stack.ours.reach.is_user)

    def _stop_clock(self) -> None:
        if self.due:
            self._stack.wheel.disarm(self)

    def _check_open(self) -> None:
        if self._ended:
            raise CallEnded("the call is over")
        if self._tx.finished:
            raise WrongState("a final answer was sent already")


def _told(verdict: Verdict) -> Outcome:
    return Outcome(verdict.status, verdict.response)


def _chosen(asked: bool | None, configured: bool) -> bool:
    return configured if asked is None else asked


def _group(item: Target | Sequence[Target]) -> list[Target]:
    """Return an application's targets without URI headers (RFC 3261 19.1.1 table 1)."""
    group = [item] if isinstance(item, Target) else item
    return [
        replace(target, uri=target.uri.without_headers())
        if isinstance(target.uri, SipUri) and target.uri.headers_text
        else target
        for target in group
    ]
