"""Where a request may go: the target set of RFC 3261 16.5."""

from __future__ import annotations

__all__ = ["Target", "target_groups"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from sipapp.core.location import Binding, Received
from sipapp.errors import MessageError
from sipapp.message.uri import SipUri, Uri, parse_uri
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop


@dataclass(slots=True)
class Target:
    """One element of a target set.

    Attributes:
        uri: becomes the Request-URI, without URI headers.
        path: Route values to put in front, nearest first (RFC 3327), each with its brackets.
        flow: the flow to use whatever the URI says (a registered phone behind a NAT), or
            None to find the next hop by RFC 3263.
        next_hop: what to locate instead of the URI when no Route says otherwise: a configured
            outbound proxy.
    """

    uri: Uri
    path: tuple[bytes, ...] = ()
    flow: Flow | None = None
    next_hop: Uri | None = None

    @property
    def raw_uri(self) -> bytes:
        """The URI as it goes into the request line."""
        return str(self.uri).encode("utf-8", "surrogateescape")


def target_groups(
    bindings: Sequence[Binding],
    flow_to: Callable[[Hop], Flow],
    excluded: Callable[[SipUri], bool],
) -> list[list[Target]]:
    """Turn bindings into serial groups of parallel targets.

    RFC: 3261 16.6: higher q first, equal q at once.

    Args:
        bindings: as a store gives them, best first.
        flow_to: revives the datagram flow of a phone behind a NAT.
        excluded: tells contacts that would lead back to where we are.
    """
    if len(bindings) == 1:
        only = _target(bindings[0], flow_to, excluded)
        return [[only]] if only is not None else []
    groups: list[list[Target]] = []
    for _, members in groupby(bindings, key=_preference):
        group = [target for binding in members if (target := _target(binding, flow_to, excluded))]
        if group:
            groups.append(group)
    return groups


@lru_cache(maxsize=4096)
def _contact(text: str) -> Uri:
    """Parse a contact; those who are called often are called again."""
    return parse_uri(text.encode("utf-8", "surrogateescape"))


def _preference(binding: Binding) -> int:
    return binding.preference


def _target(
    binding: Binding, flow_to: Callable[[Hop], Flow], excluded: Callable[[SipUri], bool]
) -> Target | None:
    try:
        uri = _contact(binding.contact)
    except MessageError:
        return None
    flow = binding.flow
    if isinstance(uri, SipUri):
        if uri.headers_text:
            uri = uri.without_headers()
        if flow is None and excluded(uri):
            return None
    elif not binding.path:
        return None  # tel: and others lead nowhere by themselves
    if flow is None and binding.received:
        flow = _revived(binding.received, flow_to)
    if not binding.path:
        return Target(uri, (), flow)
    path = tuple(value.encode("utf-8", "surrogateescape") for value in binding.path)
    return Target(uri, path, flow)


def _revived(received: str, flow_to: Callable[[Hop], Flow]) -> Flow | None:
    """The flow of a phone that registered over datagrams; a connection does not come back."""
    try:
        kept = Received.parse(received)
    except ValueError:
        return None
    return flow_to(Hop(kept.transport, *kept.remote)) if kept.transport == "UDP" else None
