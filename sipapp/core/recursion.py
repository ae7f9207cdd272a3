"""Following a 3xx: which of its contacts are tried, and in what order (RFC 3261 16.7 step 4)."""

from __future__ import annotations

__all__ = ["MOST_TARGETS", "Recursion"]

from collections.abc import Callable, Sequence
from itertools import groupby

from sipapp.core.target import Target
from sipapp.errors import MessageError
from sipapp.message.fields import NameAddr
from sipapp.message.message import Request, Response
from sipapp.message.uri import SipUri, Uri

MOST_TARGETS = 10
"""Targets that redirections may add to one request: two new ones a time would double for ever."""


class Recursion:
    """Turns the contacts of 3xx responses into groups of targets, each URI once.

    Args:
        request: what is being forwarded; a ``sips:`` request follows ``sips:`` contacts only.
        groups: the targets that are tried anyway.
        reach: puts the bindings of users of ours in the place of these.
    """

    __slots__ = ("_followed", "_left", "_reach", "_schemes", "_tried")

    def __init__(
        self,
        request: Request,
        groups: Sequence[Sequence[Target]],
        reach: Callable[[list[list[Target]]], list[list[Target]]],
    ) -> None:
        self._reach = reach
        self._followed: list[Uri] = []
        self._tried = [target.uri for group in groups for target in group]
        self._left = MOST_TARGETS
        secure = isinstance(request.uri, SipUri) and request.uri.scheme == "sips"
        self._schemes = ("sips",) if secure else ("sip", "sips")

    def __call__(self, response: Response) -> list[list[Target]]:
        """Return the groups, higher q first; none when there is nothing new to follow."""
        try:
            found = [
                (_q(each), target) for each in _contacts(response) if (target := self._new(each))
            ]
        except MessageError:
            return []  # a broken 3xx is an answer like any other
        found.sort(key=_by_q)
        by_q = [[target for _, target in members] for _, members in groupby(found, key=_by_q)]
        fresh = ([each for each in group if self._is_fresh(each)] for group in self._reach(by_q))
        return [group for group in fresh if group]

    def _new(self, contact: NameAddr) -> Target | None:
        uri = contact.uri
        if not isinstance(uri, SipUri) or uri.scheme not in self._schemes or not self._left:
            return None
        uri = uri.without_headers()
        if any(uri.matches(other) for other in (*self._tried, *self._followed)):
            return None
        self._followed.append(uri)
        self._left -= 1
        return Target(uri)

    def _is_fresh(self, target: Target) -> bool:
        """Whether a target was not tried before; it is from now on."""
        uri = target.uri
        if isinstance(uri, SipUri) and any(uri.matches(other) for other in self._tried):
            return False
        self._tried.append(uri)
        return True


def _contacts(response: Response) -> list[NameAddr]:
    contacts = response.contacts
    return contacts if isinstance(contacts, list) else []


def _q(contact: NameAddr) -> float:
    """The preference of a contact, 1 without; what is no number counts as none at all."""
    text = contact.params.get("q")
    try:
        return 1.0 if text is None else min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _by_q(pair: tuple[float, Target]) -> float:
    return -pair[0]
