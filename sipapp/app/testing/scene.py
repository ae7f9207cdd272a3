"""The story of a test in one line a message, with the names of those who speak."""

from __future__ import annotations

__all__ = ["Scene"]

import re

from sipapp.app.testing.ladder import Ladder, Packet

_CSEQ = re.compile(rb"^CSeq:\s*\d+\s+(\S+)", re.IGNORECASE | re.MULTILINE)


class Scene:
    """Retells what crossed a network since it was asked last.

    A line is ``alice -> server INVITE``, an answer ``server -> alice 200 INVITE``. Connections
    put ``TCP`` in front, what the network lost has ``lost`` behind. The ends of a connection
    are told as ``SYN``, ``FIN`` and ``RST``.

    Args:
        ladder: the packets.

    Attributes:
        names: host address to name; an address without one is told as it is.
    """

    def __init__(self, ladder: Ladder) -> None:
        self.names: dict[str, str] = {}
        self._ladder = ladder
        self._told = 0

    def take(self) -> list[str]:
        """Return the lines since the last call."""
        fresh = self._ladder[self._told :]
        self._told = len(self._ladder)
        return [self._line(packet) for packet in fresh]

    def _line(self, packet: Packet) -> str:
        ends = [self.names.get(end[0], end[0]) for end in (packet.source, packet.destination)]
        words = [" -> ".join(ends), _said(packet.data), packet.note]
        if packet.transport != "UDP":
            words.insert(0, packet.transport)
        return " ".join(word for word in words if word)


def _said(data: bytes) -> str:
    words = data.partition(b"\r\n")[0].decode("utf-8", "replace").split(" ")
    if words[0] != "SIP/2.0":
        return words[0]
    cseq = _CSEQ.search(data)
    return words[1] if cseq is None else f"{words[1]} {cseq[1].decode()}"
