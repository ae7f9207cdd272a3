"""Cut a byte stream into SIP messages, without any I/O.

Content-Length is the only thing that says where a message ends (RFC 3261 18.3), so it is
where request smuggling starts: two elements that read it differently see different messages
in the same octets. The rule here is that a header section whose Content-Length leaves any
choice is refused and nothing behind it is ever looked at. That also means two equal values,
an empty one, ``+5`` and more than ten digits.

What is kept is bounded: the octets of one header section of at most ``max_head``, or one
message of at most ``max_body`` more, and no octet is searched twice.
"""

from __future__ import annotations

__all__ = ["Broken", "Event", "Frame", "Ping", "Pong", "StreamLimits", "StreamParser"]

import re
from dataclasses import dataclass

from sipapp.errors import MessageError

# Every way to write the field that some peer might read as one: any case, compact, blanks or a
# fold around the colon, folds in the value. Wider than the grammar on purpose; what this finds
# and the grammar does not is refused by the message parser.
_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)(?>(?:[ \t]|\r\n[ \t])*):((?>(?:[^\r\n]|\r\n[ \t]|\r(?!\n)|\n)*))",
    re.IGNORECASE,
)
_DIGITS = re.compile(rb"(?>(?:[ \t]|\r\n[ \t])*)([0-9]{1,10})(?>(?:[ \t]|\r\n[ \t])*)")
_LINE_ENDS = re.compile(rb"(?>(?:\r\n)*)")


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What one message on a stream may take, in bytes.

    Attributes:
        max_head: start line and header fields with their line ends; the 64 KiB that a datagram
            can have at most, so that a message is not legal on one transport only.
        max_line: one physical line.
        max_body: a larger Content-Length is refused when it is read, before any octet of body.
    """

    max_head: int = 64 * 1024
    max_line: int = 8 * 1024
    max_body: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole message, head and body, ready for ``parse_message``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """At least one double CRLF between messages; one single CRLF answers (RFC 5626 4.4.1)."""


@dataclass(frozen=True, slots=True)
class Pong:
    """A CRLF between messages: the answer to a ping of ours, or noise."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Framing is lost: answer if possible, then close. The parser takes nothing any more.

    Attributes:
        error: what is wrong, with the status that answers it (400, 413 or 513).
        head: the header section as far as it was read in whole lines, with the empty line, for
            ``parse_message`` to find out whom to answer. Its Content-Length, if any, is wrong.
    """

    error: MessageError
    head: bytes


Event = Frame | Ping | Pong | Broken


class StreamParser:
    """Turns the octets of one connection into events.

    RFC: 3261 7.5 (CRLF before a start line), 18.3; 5626 3.5.1, 4.4.1 (keep-alive); 4475 3.1.2.2,
    3.1.2.3, 3.3.9.
    """

    __slots__ = ("_broken", "_buffer", "_end", "_half_ping", "_limits", "_line_at", "_searched")

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0  # no empty line begins before this offset
        self._line_at = 0  # where the last, unfinished line of the header section begins
        self._end = 0  # where the message ends; 0 until its header section is complete
        self._half_ping = False
        self._broken = False

    @property
    def pending(self) -> bool:
        """Whether part of a message has come and the rest is awaited."""
        return bool(self._buffer) and self._buffer != b"\r"

    def feed(self, data: bytes) -> list[Event]:
        """Take octets as they come; return what they complete, in wire order.

        After ``Broken`` everything is ignored.
        """
        events: list[Event] = []
        if not self._broken:
            self._buffer += data
            while self._step(events):
                pass
        return events

    def _step(self, events: list[Event]) -> bool:
        """Take one thing off the buffer; tell whether to try again."""
        if not self._end:
            self._take_line_ends(events)
            if not self._find_end(events):
                return False
        if len(self._buffer) < self._end:
            return False
        events.append(Frame(bytes(self._buffer[: self._end])))
        del self._buffer[: self._end]
        self._searched = self._line_at = self._end = 0
        return bool(self._buffer)

    def _take_line_ends(self, events: list[Event]) -> None:
        """Drop the CRLFs in front of a message.

        A run of them that was read at once makes one event: the pongs to an endless run would be
        half as endless. A single one is reported at once, for nothing may follow a pong; with a
        second one, later, it turns out to have been half a ping.
        """
        match = _LINE_ENDS.match(self._buffer)
        size = match.end() if match else 0
        if size:
            del self._buffer[:size]
            count = size // 2 + self._half_ping
            events.append(Ping() if count > 1 else Pong())
            self._half_ping = count % 2 == 1
        if self.pending:
            self._half_ping = False

    def _find_end(self, events: list[Event]) -> bool:
        """Look for the empty line; then say where the message ends, or that it is broken."""
        blank = self._buffer.find(b"\r\n\r\n", self._searched)
        try:
            if blank < 0:
                self._measure_unfinished()
                return False
            self._line_at = blank + 2
            self._end = blank + 4 + self._body_length(bytes(self._buffer[: blank + 4]))
        except MessageError as error:
            head = bytes(self._buffer[: min(self._line_at, self._limits.max_head)])
            error.__traceback__ = None  # it holds this frame, the frame the event: a cycle
            events.append(Broken(error, head.rpartition(b"\r\n")[0] + b"\r\n\r\n"))
            self._broken = True
            self._buffer = bytearray()
            return False
        return True

    def _measure_unfinished(self) -> None:
        buffer, limits = self._buffer, self._limits
        line_end = buffer.rfind(b"\r\n", self._searched)
        if line_end >= 0:
            self._line_at = line_end + 2
        # A peer that ends its lines with LF would wait for us, and we for its empty line.
        new = max(0, self._searched - 1)
        if buffer.count(b"\n", new + bool(new)) != buffer.count(b"\r\n", new):
            raise MessageError("message", "has a LF alone")
        self._searched = max(0, len(buffer) - 3)
        if len(buffer) > limits.max_head or len(buffer) - self._line_at > limits.max_line:
            raise _too_large()

    def _body_length(self, head: bytes) -> int:
        limits = self._limits
        if len(head) > limits.max_line and (
            len(head) > limits.max_head or max(map(len, head.split(b"\r\n"))) > limits.max_line
        ):
            raise _too_large()
        values = _LENGTH.findall(head)
        if len(values) != 1:
            fault = "stands more than once" if values else "is missing on a stream"
            raise MessageError("Content-Length", fault)
        digits = _DIGITS.fullmatch(values[0])
        if digits is None:
            raise MessageError("Content-Length", "is not a number of at most 10 digits")
        length = int(digits[1])
        if length > limits.max_body:
            raise MessageError("Content-Length", "is larger than we take", 413)
        return length


def _too_large() -> MessageError:
    return MessageError("message", "header section is too large", 513)
