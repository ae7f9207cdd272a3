"""The registrar: carries out REGISTER requests on a location store.

RFC: 3261 10.3 step by step, 3327 (Path), 3608 (Service-Route). Who may register what was decided
before (steps 3 and 4); the rules that need no store are in ``registration.py``.
"""

from __future__ import annotations

__all__ = ["Registrar"]

from collections.abc import Callable, Sequence
from email.utils import formatdate
from sys import intern

from twisted.internet.interfaces import IReactorTime

from sipapp.core.location import Binding, Bindings, Change, LocationStore, Received
from sipapp.core.refusal import Refusal
from sipapp.core.registration import (
    RegistrarLimits,
    Wish,
    read_path,
    read_wishes,
    remove_all,
    update,
)
from sipapp.errors import MessageError, SipError, StoreError
from sipapp.message.fields import split_via
from sipapp.message.grammar import quote
from sipapp.message.message import Request, Response, response_to
from sipapp.message.uri import SipUri, Uri
from sipapp.transport.flow import Flow

SUPPORTED = frozenset({"path"})
"""Option tags that a REGISTER may require (step 2)."""

RETRY_AFTER = (5, 30)
"""Seconds from which a phone is told to come back when the store fails, drawn for each anew: the
phones of a whole town shall not come back in the same second (hostile.md F4)."""

USER_AGENT_SIZE = 80


class Registrar:
    """Answers REGISTER requests for domains that are served alike.

    Args:
        store: running.
        aor_of: gives the canonical address-of-record of a URI (step 5), or None when its host is
            none of the domains. It is also asked about the Request-URI (step 1).
        clock: the monotonic clock of the store.
        utc: seconds since 1970, for Date.
        random: gives numbers from 0 up to but not including 1.
        tag_of: gives the To tag for a request, one that nobody can guess (RFC 3261 19.3) and the
            same for its repetitions (8.2.7).
        limits: what is granted.
        service_route: values of Service-Route, each with its brackets, for all phones (RFC 3608).
    """

    def __init__(
        self,
        store: LocationStore,
        aor_of: Callable[[SipUri], str | None],
        *,
        clock: IReactorTime,
        utc: Callable[[], float],
        random: Callable[[], float],
        tag_of: Callable[[Request], str],
        limits: RegistrarLimits | None = None,
        service_route: Sequence[str] = (),
    ) -> None:
        self.limits = limits or RegistrarLimits()
        self._store = store
        self._aor_of = aor_of
        self._clock = clock
        self._utc = utc
        self._random = random
        self._tag_of = tag_of
        self._service_route = [("Service-Route", route.encode()) for route in service_route]
        self._date_second = -1
        self._date = b""

    async def register(self, request: Request, flow: Flow, *, repeated: bool = False) -> Response:
        """Carry out a REGISTER, all of it or nothing.

        A refusal by the store is a response as well: 503 with Retry-After, 403 at the limit of
        bindings.

        Args:
            request: whose sender may change the bindings of its To (steps 3 and 4).
            flow: what it came over.
            repeated: it was carried out before: only say how things stand.
        Returns: when the change is durable; with a store in memory that is at once.
        """
        try:
            return await self._register(request, flow, repeated)
        except (MessageError, Refusal, StoreError) as error:
            return self._refused(request, error)

    async def _register(self, request: Request, flow: Flow, repeated: bool) -> Response:
        aor = self._aor(request)
        wishes = read_wishes(request, self.limits)
        if not wishes or repeated:  # step 6: a query
            return self._accepted(self._store.lookup(aor), request, ())
        path = read_path(request, self.limits)
        change = self._change(request, wishes, path, flow)
        return self._accepted(await self._store.update(aor, change), request, path)

    def _aor(self, request: Request) -> str:
        """Go through steps 1, 2 and 5, which end in the address-of-record."""
        self._ours(request.uri, "Request-URI", 416)
        unknown = [tag for tag in request.option_tags("Require") if tag not in SUPPORTED]
        if unknown:
            raise Refusal(420, extra=(("Unsupported", ", ".join(unknown).encode()),))
        return self._ours(request.to.uri, "To", 400)

    def _ours(self, uri: Uri, field: str, otherwise: int) -> str:
        if not isinstance(uri, SipUri):
            raise MessageError(field, "is no SIP URI", otherwise)
        aor = self._aor_of(uri)
        if aor is None:
            raise Refusal(404)
        return aor

    def _change(
        self, request: Request, wishes: list[Wish] | str, path: tuple[str, ...], flow: Flow
    ) -> Change:
        call_id, cseq = request.call_id, request.cseq.number
        if isinstance(wishes, str):
            return lambda known: remove_all(known, call_id, cseq)
        pairs = [(wish, self._binding(request, wish, path, flow)) for wish in wishes]
        return lambda known: update(known, pairs, call_id, cseq)

    def _binding(self, request: Request, wish: Wish, path: tuple[str, ...], flow: Flow) -> Binding:
        direct = not path and _first_hop(request)
        return Binding(
            contact=wish.text,
            call_id=request.call_id,
            cseq=request.cseq.number,
            expires_at=self._clock.seconds() + wish.seconds,
            q=wish.q,
            params=wish.params,
            path=path,
            instance=wish.instance,
            reg_id=wish.reg_id,
            user_agent=_user_agent(request),
            received=_received(wish.uri, request, flow) if direct else "",
            flow=flow if direct and flow.reliable else None,
        )

    def _accepted(self, bindings: Bindings, request: Request, path: tuple[str, ...]) -> Response:
        """Answer with all bindings there are now (step 8)."""
        now = self._clock.seconds()
        extra = [("Contact", _contact(binding, now)) for binding in bindings]
        if path:
            extra += [("Path", value.encode("utf-8", "surrogateescape")) for value in path]
            extra.append(("Supported", b"path"))
        extra += self._service_route
        extra.append(("Date", self._now()))
        return self._response(request, 200, None, extra)

    def _refused(self, request: Request, error: SipError) -> Response:
        status = error.status_hint
        if isinstance(error, Refusal):
            return self._response(request, status, error.reason, error.extra)
        if isinstance(error, MessageError):
            return self._response(request, status, f"Bad {error.field}" if status == 400 else None)
        earliest, latest = RETRY_AFTER
        seconds = earliest + int((latest - earliest + 1) * self._random())
        retry = (("Retry-After", b"%d" % seconds),) if status == 503 else ()
        return self._response(request, status, None, retry)

    def _response(
        self,
        request: Request,
        status: int,
        reason: str | None,
        extra: Sequence[tuple[str, bytes]] = (),
    ) -> Response:
        token = self._tag_of(request)
        response = response_to(request, status, reason, to_tag=token, extra=extra)
        if "Record-Route" in response.headers:  # RFC 3261 10.3: never in an answer to REGISTER
            response.remove_header("Record-Route")
        return response

    def _now(self) -> bytes:
        """Give the Date of this second (RFC 3261 20.17)."""
        second = int(self._utc())
        if second != self._date_second:
            self._date_second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date


def _contact(binding: Binding, now: float) -> bytes:
    """Spell a binding as a Contact value with the seconds that are left."""
    text = f"<{binding.contact}>"
    if binding.q is not None:
        text += f";q={binding.q / 1000:g}"
    if binding.instance:
        text += f";+sip.instance={quote(binding.instance)}"
    if binding.reg_id:
        text += f";reg-id={binding.reg_id}"
    left = max(1, round(binding.expires_at - now))
    return f"{text}{binding.params};expires={left}".encode("utf-8", "surrogateescape")


def _first_hop(request: Request) -> bool:
    """Tell whether the request came from the phone itself and not through a proxy."""
    headers = request.headers
    value = headers.get("Via") or b""
    return headers.names.count("Via") == 1 and (b"," not in value or not split_via(value)[1])


def _received(uri: Uri, request: Request, flow: Flow) -> str:
    """Give the flow as text when the contact leads nowhere without it (NAT, WebSocket).

    A phone behind a NAT shows it: its Via names another address than its packets come from, and
    its contact is what that Via says. A contact elsewhere, or one that names a host, is taken at
    its word: somebody registers for another device, or has a name in DNS. RFC 7118 5.1 has
    browsers invent a name, since nobody can call them back.
    """
    if not isinstance(uri, SipUri):
        return ""
    via = request.top_via
    translated = uri.host == via.host != flow.remote[0] and _numeric(uri.host)
    if translated or flow.transport in ("WS", "WSS"):
        return str(Received(flow.transport, flow.sent_by, flow.remote))
    return ""


def _numeric(host: str) -> bool:
    return ":" in host or host[-1:].isdigit()


def _user_agent(request: Request) -> str:
    value = request.headers.get("User-Agent")
    if value is None:
        return ""
    return intern(value.decode("utf-8", "replace")[:USER_AGENT_SIZE])
