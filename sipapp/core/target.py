"""Where a request may go: the target set of RFC 3261 16.5."""

from __future__ import annotations

__all__ = ["Reach", "Target"]

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


class Reach:
    """Tells where users of ours can be reached.

    RFC: 3261 16.5, 16.6: higher q first, equal q at once.

    A binding that names another user of ours leads nowhere: to follow it would pass by what the
    applications do for that user, and whoever may register could call around them so. An
    application may name users as targets: it decides.

    Args:
        lookup: the bindings of an address-of-record, best first.
        aor_of: the address-of-record of a URI that names a user of ours, else None.
        flow_to: revives the datagram flow of a phone behind a NAT.
    """

    __slots__ = ("_aor_of", "_flow_to", "_lookup")

    def __init__(
        self,
        lookup: Callable[[str], Sequence[Binding]],
        aor_of: Callable[[SipUri], str | None],
        flow_to: Callable[[Hop], Flow],
    ) -> None:
        self._lookup = lookup
        self._aor_of = aor_of
        self._flow_to = flow_to

    def of_user(self, aor: str) -> list[list[Target]]:
        """Return where a user can be reached: serial groups of parallel targets."""
        bindings = self._lookup(aor)
        if len(bindings) == 1:
            only = self._target(bindings[0])
            return [[only]] if only is not None else []
        groups: list[list[Target]] = []
        for _, members in groupby(bindings, key=_preference):
            group = [target for binding in members if (target := self._target(binding))]
            if group:
                groups.append(group)
        return groups

    def of_targets(self, groups: Sequence[Sequence[Target]]) -> list[list[Target]]:
        """Return an application's groups, the users of ours among them replaced by their bindings.

        Who is nowhere is left out. A user alone in a group rings in the order of the bindings.
        """
        return [reached for group in groups for reached in self._of_group(group)]

    def is_user(self, target: Target) -> bool:
        """Whether a target names a user of ours, rather than a place."""
        return self._user(target) is not None

    def _of_group(self, group: Sequence[Target]) -> list[list[Target]]:
        if len(group) == 1:
            return self._of_target(group[0])
        parallel = [target for one in group for each in self._of_target(one) for target in each]
        return [parallel] if parallel else []

    def _of_target(self, target: Target) -> list[list[Target]]:
        aor = self._user(target)
        return [[target]] if aor is None else self.of_user(aor)

    def _user(self, target: Target) -> str | None:
        uri = target.uri
        placed = target.flow is not None or target.path or target.next_hop is not None
        return None if placed or not isinstance(uri, SipUri) else self._aor_of(uri)

    def _target(self, binding: Binding) -> Target | None:
        target = _target(binding, self._flow_to)
        return None if target is None or self._user(target) is not None else target


@lru_cache(maxsize=4096)
def _contact(text: str) -> Uri:
    """Parse a contact; those who are called often are called again."""
    return parse_uri(text.encode("utf-8", "surrogateescape"))


def _preference(binding: Binding) -> int:
    return binding.preference


def _target(binding: Binding, flow_to: Callable[[Hop], Flow]) -> Target | None:
    try:
        uri = _contact(binding.contact)
    except MessageError:
        return None
    flow = binding.flow
    if isinstance(uri, SipUri):
        if uri.headers_text:
            uri = uri.without_headers()
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
