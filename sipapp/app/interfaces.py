"""Every plug point of sipapp. Authors of applications and stores read this file first.

Providers are found by entry points and checked with ``verifyObject`` when the server
starts; a config may also name ``module:attribute``. Nothing here may block: what takes time
is awaited, be it a Deferred, a coroutine, or a future or task of asyncio.
"""

from __future__ import annotations

__all__ = ["APPLICATIONS", "ICall", "ISIPApplication", "ISIPServer"]

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from zope.interface import Attribute, Interface

from sipapp.app.outcome import Outcome
from sipapp.core.location import Binding
from sipapp.core.target import Target
from sipapp.message.message import Request, Response
from sipapp.message.uri import SipUri, Uri
from sipapp.transport.flow import Flow
from sipapp.ua.account import Account

APPLICATIONS = "sipapp.applications"
"""Entry point group of applications: each names a factory that gives an `ISIPApplication`.

The server calls ``factory(sip, section)`` once at start: ``sip`` provides `ISIPServer`,
``section`` is the table ``[app.NAME]`` of the config, possibly empty. A factory refuses a
bad section by raising `sipapp.errors.ConfigError` with all of its problems.
"""


class ICall(Interface):
    """One request outside a dialog, and the verbs that decide what becomes of it.

    The role is chosen by the verb: `respond` makes the server a UAS or a redirect server,
    `proxy` a proxy. Each verb is awaited. When the caller gives up, the verb under way
    raises `sipapp.errors.CallEnded` inside the application; CANCEL, ACK and repetitions
    are the stack's business.

    An application may await other things than verbs. They are cancelled when the caller gives
    up, and ``limits.application`` seconds after the last verb, when the request is answered 500;
    then, too, `CallEnded` is raised at the ``await``.
    """

    request: Request = Attribute("The request as it came, without our own Route entries.")
    flow: Flow = Attribute("The flow it came over.")
    account: Account | None = Attribute("Who authenticated, or None with auth = none.")
    facts: Mapping[str, object] = Attribute("What earlier applications passed on.")
    answered: bool = Attribute("Whether a final answer went to the caller.")

    async def respond(
        status: int,
        reason: str | None = None,
        *,
        to: Sequence[str | tuple[str, float]] = (),
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        """Answer. A status under 200 may be sent several times, a final one once.

        Args:
            status: 101 to 699.
            reason: the phrase, the registered one when None.
            to: URIs of a 3xx, or (URI, q) pairs; written as Contact in the order of q.
            headers: further header fields.
        Raises:
            WrongState: a final answer was sent before.
        """

    async def send(response: Response) -> None:
        """Send a response built elsewhere, as the registrar does."""

    async def proxy(
        targets: Sequence[Target | Sequence[Target]] | None = None,
        *,
        ring: float | None = None,
        record_route: bool | None = None,
        recurse: bool | None = None,
    ) -> Outcome:
        """Forward, and wait for the end of the search.

        A 2xx and provisional answers go upstream at once. A failure is *not* sent: it is in
        the outcome, and is sent when the application ends without another verb.

        Args:
            targets: tried in order; a nested list is tried in parallel. A user of ours stands
                for the bindings of that user. None means: the Request-URI.
            ring: seconds each group may ring; None: no limit but Timer C.
            record_route: stay in the path of the dialog; None: as configured.
            recurse: try the contacts of a 3xx; None: as configured.
        Raises:
            CallEnded: the caller gave up; the 487 was sent.
        """

    async def divert(to: str | Uri, why: str, *, ring: float | None = None) -> Outcome:
        """Send the request to somebody else, and wait for the end of that search.

        It gets the new Request-URI, a Diversion (RFC 5806) and an entry of History-Info (RFC 7044),
        and goes through the applications again from the first, as a request for the new user. So
        the new user's own rules count. A failure is not sent, as with `proxy`.

        Args:
            to: whom to try instead.
            why: "unconditional", "busy", "no-answer", "unavailable", "time-of-day",
                "do-not-disturb", "deflection", "follow-me" or "away".
            ring: seconds the new target may ring, unless an application says otherwise.
        Returns: 482 if the request comes from ``to`` already, or was diverted
            ``proxy.max_diversions`` times, here or before.
        Raises:
            UsageError: ``to`` is no URI, or ``why`` none of these.
            CallEnded: as with `proxy`.
        """

    async def pass_on(**facts: object) -> Outcome:
        """Let the next application decide; returns when it is done.

        Args:
            facts: for the applications behind this one, and whoever they divert to.
        Returns: what came of it: a failure not yet sent, as with `proxy`, or what was answered.
        """

    def targets() -> list[list[Target]]:
        """Return where the bindings of the called user lead: equal q in parallel."""


class ISIPApplication(Interface):
    """An application: two coroutines, one per request outside a dialog.

    What they return does not matter, so that ``return await call.pass_on()`` can end them.
    """

    async def call(call: ICall) -> object:
        """Decide about an INVITE. Called once per call, possibly thousands of times at once."""

    async def request(call: ICall) -> object:
        """Decide about any other request: REGISTER, MESSAGE, SUBSCRIBE, unknown methods."""


class ISIPServer(Interface):
    """What the server offers to applications beyond the call at hand."""

    domains: Sequence[str] = Attribute("Host names the server is responsible for, lower case.")

    def is_ours(request: Request) -> bool:
        """Tell whether the Request-URI names one of our domains or addresses."""

    def aor_of(uri: SipUri) -> str:
        """Return the address-of-record of a URI; our addresses stand for our main domain."""

    def now() -> datetime:
        """Return the time of day, in UTC; in tests it is the virtual one."""

    def locate(user: SipUri) -> Sequence[Binding]:
        """Return the live bindings of a user of ours, best q first; never waits.

        Args:
            user: an address of record, or a Request-URI that names one of our addresses.
        """

    async def register(call: ICall) -> None:
        """Carry out a REGISTER and answer it, after the bindings are durable."""
