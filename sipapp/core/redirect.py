"""What a redirect server puts into its answer (RFC 3261 8.3)."""

from __future__ import annotations

__all__ = ["destination", "redirection"]

from collections.abc import Sequence

from sipapp.errors import MessageError, UsageError
from sipapp.message.uri import Uri, parse_uri


def redirection(to: Sequence[str | tuple[str, float]]) -> list[tuple[str, bytes]]:
    """Return the Contact fields of a 3xx, the preferred one first.

    RFC: 3261 8.3, 20.10, 25.1 (qvalue: at most three decimals).

    Args:
        to: URIs, or (URI, q) with q from 0 to 1; without q a URI counts as 1.
    Raises:
        UsageError: q is out of range, or a URI is broken.
    """
    pairs = [(item, None) if isinstance(item, str) else item for item in to]
    fields: list[tuple[str, bytes]] = []
    for uri, q in sorted(pairs, key=_descending):
        text = str(destination(uri))
        value = f"<{text}>" if q is None else f"<{text}>;q={q:.3g}"
        fields.append(("Contact", value.encode("utf-8", "surrogateescape")))
    return fields


def _descending(pair: tuple[str, float | None]) -> float:
    q = 1.0 if pair[1] is None else pair[1]
    if not 0 <= q <= 1:
        raise UsageError(f"q is {q}, not from 0 to 1")
    return -q


def destination(uri: str) -> Uri:
    """Read a URI of an application; a broken one is its mistake, not that of a peer.

    Raises:
        UsageError: it is no URI.
    """
    try:
        return parse_uri(uri.encode("utf-8", "surrogateescape"))
    except MessageError as error:
        raise UsageError(f"{uri!r} is no URI: {error.reason}") from error
