"""Following a 3xx: which of its contacts are tried, and in what order (RFC 3261 16.7 step 4)."""

from __future__ import annotations

__all__ = ["MOST_TARGETS", "Recursion"]

from collections.abc import Callable, Sequence
from itertools import groupby

from sipapp.core.target import Target
from sipapp.errors import MessageError
from sipapp.message.fields import NameAddr
from sipapp.message.message import Request, Response
from sipapp.message.uri import SipUri

MOST_TARGETS = 10
"""Targets that redirections may add to one request: two new ones a time would double for ever."""


class Recursion:
    """Turns the contacts of 3xx responses into groups of targets, each URI once.

    Args:
        request: what is being forwarded; a ``sips:`` request follows ``sips:`` contacts only.
        groups: the targets that are tried anyway.
        is_user: tells targets that are users of ours. They are not followed, but left to the
            caller: who calls them anew meets what the applications do for them.
    """

    __slots__ = ("_is_user", "_left", "_schemes", "_tried")

    def __init__(
        self,
        request: Request,
        groups: Sequence[Sequence[Target]],
        is_user: Callable[[Target], bool],
    ) -> None:
        self._is_user = is_user
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
        return [[target for _, target in members] for _, members in groupby(found, key=_by_q)]

    def _new(self, contact: NameAddr) -> Target | None:
        uri = contact.uri
        if not isinstance(uri, SipUri) or uri.scheme not in self._schemes or not self._left:
            return None
        uri = uri.without_headers()
        target = Target(uri)
        if self._is_user(target) or any(uri.matches(other) for other in self._tried):
            return None
        self._tried.append(uri)
        self._left -= 1
        return target


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
