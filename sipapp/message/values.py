"""The smaller header field values that a registrar, a proxy and their applications read.

Everything here is asked for once per call or less, so clearness goes before speed.
"""

from __future__ import annotations

__all__ = [
    "EventType",
    "MediaType",
    "RetryAfter",
    "WarningValue",
    "parse_delta_seconds",
    "parse_event",
    "parse_media_type",
    "parse_qvalue",
    "parse_retry_after",
    "parse_tokens",
    "parse_warnings",
]

from dataclasses import dataclass

from sipapp.errors import MessageError, UsageError
from sipapp.message.fields import split_list
from sipapp.message.grammar import (
    GEN_PARAMS,
    QUOTED_STRING,
    SWS,
    TOKEN,
    TOKEN_CHARS,
    decode_wire,
    is_token,
    quote,
    rule,
    unfold,
    unquote,
)
from sipapp.message.params import NO_PARAMS, Params

_MOST_SECONDS = 2**32 - 1

# RFC 3261 25.1: delta-seconds and Max-Forwards; leading zeros are legal and do not count.
_SECONDS = rule(r"0*([0-9]{1,10})")

# RFC 3261 25.1: qvalue.
_QVALUE = rule(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")

# RFC 3261 25.1: Retry-After. A comment within the comment is not looked into.
_RETRY_AFTER = rule(
    rf"{SWS}([0-9]++){SWS}(?>(?:\(((?>(?:[^()\\\x00-\x08\x0a-\x1f\x7f]++|\\[^\r\n])*))\))?)"
    rf"({GEN_PARAMS}){SWS}"
)

# RFC 3261 25.1: warning-value. The agent is a hostport or a token, to be shown and nothing else.
_WARNING = rule(rf"([0-9]{{3}}) ([{TOKEN_CHARS}\[\]:]++) ({QUOTED_STRING})")

# RFC 3261 25.1: media-type. RFC 6665 8.4: event-type.
_MEDIA_TYPE = rule(rf"{SWS}({TOKEN}){SWS}/{SWS}({TOKEN})({GEN_PARAMS}){SWS}")
_EVENT = rule(rf"{SWS}({TOKEN})({GEN_PARAMS}){SWS}")


def parse_delta_seconds(text: str | bytes, field: str) -> int:
    """Parse a number of seconds (Expires, Min-Expires, the ``expires`` parameter) or hops.

    RFC: 3261 20.19, 25.1.

    Args:
        text: blanks around it are allowed.
        field: named in the error.
    Returns: seconds, 0 to 2**32 - 1.
    Raises:
        MessageError: no number, or too large a one. For ``expires`` of a Contact the answer is
            not 400 but to take 3600 (RFC 3261 20.10); that is the registrar's to do.
    """
    match = _SECONDS.fullmatch(_plain(text).strip(" \t"))
    if match is None or int(match[1]) > _MOST_SECONDS:
        raise MessageError(field, "not a number below 2**32")
    return int(match[1])


def parse_qvalue(text: str | bytes, field: str = "Contact") -> float:
    """Parse a preference, 0.0 to 1.0 with at most three decimals.

    RFC: 3261 20.10, 25.1.

    Raises:
        MessageError: not such a number.
    """
    plain = _plain(text)
    if not _QVALUE.fullmatch(plain):
        raise MessageError(field, "q is not a number from 0 to 1")
    return float(plain)


def parse_tokens(value: bytes, field: str, *, limit: int = 64) -> list[str]:
    """Parse a list of tokens: Supported, Require, Proxy-Require, Unsupported, Allow, Allow-Events.

    RFC: 3261 20.5, 20.32, 20.37, 25.1.

    Args:
        value: one line, or several joined by commas.
        field: named in the error.
    Returns: as on the wire. Methods are case-sensitive, option tags are not.
    Raises:
        MessageError: something else than tokens, or more than ``limit`` (hint 513).
    """
    elements = split_list(unfold(value), limit=limit, field=field)
    tokens = [decode_wire(element) for element in elements]
    if not all(is_token(token) for token in tokens):
        raise MessageError(field, "not a list of tokens")
    return tokens


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """When to try again. RFC: 3261 20.33.

    Attributes:
        seconds: delay from now.
        comment: text within the parentheses, escapes kept; empty if there is none.
        params: may hold ``duration``, seconds.
    """

    seconds: int
    comment: str = ""
    params: Params = NO_PARAMS

    def __str__(self) -> str:
        comment = f" ({self.comment})" if self.comment else ""
        return f"{self.seconds}{comment}{self.params}"


def parse_retry_after(value: bytes) -> RetryAfter:
    """Parse Retry-After. RFC: 3261 20.33.

    Raises:
        MessageError: breaks the grammar.
    """
    match = _RETRY_AFTER.fullmatch(_plain(value))
    if match is None:
        raise MessageError("Retry-After", "not a delay")
    seconds = parse_delta_seconds(match[1], "Retry-After")
    return RetryAfter(seconds, match[2] or "", Params(match[3], field="Retry-After"))


@dataclass(frozen=True, slots=True)
class WarningValue:
    """One Warning value. RFC: 3261 20.43.

    Attributes:
        code: 100 to 999; 3xx is what RFC 3261 defines.
        agent: host[:port] or name of who warns.
        text: for people, without its quotes.
    """

    code: int
    agent: str
    text: str

    def __str__(self) -> str:
        value = f"{self.code} {self.agent} {quote(self.text)}"
        if not _WARNING.fullmatch(value):
            raise UsageError("not a legal Warning")
        return value


def parse_warnings(value: bytes, *, limit: int = 16) -> list[WarningValue]:
    """Parse a Warning line. RFC: 3261 20.43.

    Raises:
        MessageError: breaks the grammar, or holds more than ``limit`` values (hint 513).
    """
    warnings = []
    for element in split_list(unfold(value), limit=limit, field="Warning"):
        match = _WARNING.fullmatch(decode_wire(element))
        if match is None:
            raise MessageError("Warning", "not a code, an agent and a quoted text")
        warnings.append(WarningValue(int(match[1]), match[2], unquote(match[3])))
    return warnings


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type, type and subtype in lower case since they compare so. RFC: 3261 20.15, 7.4.1.

    Attributes:
        params: such as ``charset`` and ``boundary``; names without regard to case.
    """

    type: str
    subtype: str
    params: Params = NO_PARAMS

    @property
    def name(self) -> str:
        """``type/subtype``, for comparing."""
        return f"{self.type}/{self.subtype}"

    def __str__(self) -> str:
        return f"{self.name}{self.params}"


def parse_media_type(value: bytes, field: str = "Content-Type") -> MediaType:
    """Parse a media type, or a media range of Accept. RFC: 3261 20.1, 20.15, 25.1.

    Raises:
        MessageError: breaks the grammar.
    """
    match = _MEDIA_TYPE.fullmatch(_plain(value))
    if match is None:
        raise MessageError(field, "not a media type")
    return MediaType(match[1].lower(), match[2].lower(), Params(match[3], field=field))


@dataclass(frozen=True, slots=True)
class EventType:
    """An Event value: the package, its template parts included, and its ``id``.

    RFC: 6665 8.2.1, 8.4. Packages compare by case.
    """

    package: str
    params: Params = NO_PARAMS

    @property
    def id(self) -> str | None:
        """Tells subscriptions of one dialog apart; compared by case. None without."""
        return self.params.get("id")

    def __str__(self) -> str:
        return f"{self.package}{self.params}"


def parse_event(value: bytes) -> EventType:
    """Parse an Event value. RFC: 6665 8.4.

    Raises:
        MessageError: breaks the grammar (hint 400; an unknown package is 489, elsewhere).
    """
    match = _EVENT.fullmatch(_plain(value))
    if match is None:
        raise MessageError("Event", "not an event package")
    return EventType(match[1], Params(match[2], field="Event"))


def _plain(text: str | bytes) -> str:
    return decode_wire(unfold(text)) if isinstance(text, bytes) else text
