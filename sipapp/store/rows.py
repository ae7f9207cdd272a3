"""A binding as a row of the SQLite table ``binding``, and back."""

from __future__ import annotations

__all__ = ["Row", "from_row", "from_text", "to_row", "to_text"]

import json
from sys import intern
from typing import Any

from sipapp.core.location import Binding, Received
from sipapp.errors import MessageError
from sipapp.message.uri import parse_uri

Row = tuple[Any, ...]
"""The columns in the order of ``schema.py``. Reading trusts none of them."""

_LARGEST = 2**32 - 1


def to_text(text: str) -> str:
    r"""Make ``text`` storable: octets that are no UTF-8, controls and NUL become ``\xHH``.

    SQLite would end the text at a NUL, and cannot encode octets that were no UTF-8. Wire text is
    printable ASCII nearly always, and then it is stored as it is, for people to read.
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return text.encode("unicode_escape").decode("ascii")


def from_text(text: str) -> str:
    """Undo :func:`to_text`.

    Raises:
        ValueError: it is not the work of ``to_text``.
    """
    if not isinstance(text, str):
        raise ValueError("not a text")
    return text.encode("ascii").decode("unicode_escape") if "\\" in text else text


def to_row(aor: str, position: int, binding: Binding, now: float, utc: float) -> Row:
    """Give the columns of a binding.

    Args:
        aor: as ``to_text`` gave it.
        position: of the binding in its list.
        now: monotonic time.
        utc: wall clock time of the same moment.
    """
    left = binding.expires_at - now
    return (
        aor,
        position,
        to_text(binding.contact),
        to_text(binding.params),
        binding.q,
        utc + left,
        left,
        to_text(binding.call_id),
        binding.cseq,
        json.dumps(binding.path) if binding.path else "[]",
        to_text(binding.instance),
        binding.reg_id,
        to_text(binding.user_agent),
        to_text(binding.received),
    )


def from_row(row: Row, now: float, utc: float) -> Binding:
    """Read the columns of a binding, trusting nothing (hostile.md F6).

    Args:
        row: all columns.
        now: monotonic time.
        utc: wall clock time of the same moment.
    Raises:
        ValueError: some column does not hold what it should.
    """
    _, _, contact, params, q, expires, lifetime, call_id, cseq, path, *rest = row
    instance, reg_id, user_agent, flow = rest
    received = from_text(flow)
    if received:
        Received.parse(received)
    # The step guard: a wall clock that went back must not lengthen what was granted.
    left = min(_seconds(expires) - utc, _seconds(lifetime))
    return Binding(
        contact=_contact(from_text(contact)),
        call_id=from_text(call_id),
        cseq=_number(cseq, _LARGEST),
        expires_at=now + left,
        q=None if q is None else _number(q, 1000),
        params=intern(from_text(params)),
        path=_path(path),
        instance=from_text(instance),
        reg_id=_number(reg_id, _LARGEST),
        user_agent=intern(from_text(user_agent)),
        received=received,
    )


def _contact(text: str) -> str:
    try:
        parse_uri(text.encode("utf-8", "surrogateescape"))
    except MessageError as error:
        raise ValueError("not a contact") from error
    return text


def _number(value: object, largest: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= largest:
        raise ValueError("not a number in range")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, float) or not abs(value) < 1e12:
        raise ValueError("not a time")
    return value


def _path(text: object) -> tuple[str, ...]:
    try:
        values = json.loads(text) if isinstance(text, str) else None
    except RecursionError as error:
        raise ValueError("not a path") from error
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("not a path")
    return tuple(map(intern, values))
