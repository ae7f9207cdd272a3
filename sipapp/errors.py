"""The one exception hierarchy of sipapp.

Facts are attributes, text is for people. Where an error has an obvious answer on the
wire, ``status_hint`` names it. A 4xx that somebody sent us is a value, never an exception.
"""

from __future__ import annotations

__all__ = [
    "CallEnded",
    "ConfigError",
    "ConnectFailed",
    "MessageError",
    "PluginError",
    "Problem",
    "ResolveFailed",
    "SendFailed",
    "SipError",
    "StoreError",
    "TransportError",
    "UsageError",
    "WrongState",
]

from dataclasses import dataclass


class SipError(Exception):
    """Base of everything that sipapp raises on purpose."""

    status_hint = 500


class MessageError(SipError):
    """The peer broke the grammar or a rule about a header field.

    Attributes:
        field: name of the header field (or part) that is wrong, for the reason phrase.
        reason: what is wrong with it, plain ASCII, without any octet the peer sent.
        status_hint: the final status that answers it, 400 unless the RFC names another.
    """

    def __init__(self, field: str, reason: str, status_hint: int = 400) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.status_hint = status_hint


class UsageError(SipError):
    """The caller broke the contract of a function: a bug in our code or in an application."""


class WrongState(UsageError):
    """The object cannot do this any more, or not yet."""


class TransportError(SipError):
    """A message could not be carried."""

    status_hint = 503


class ConnectFailed(TransportError):
    """No connection to the next hop came about."""


class SendFailed(TransportError):
    """The flow broke, or its queue was full, before the octets were gone."""


class ResolveFailed(TransportError):
    """RFC 3263 gave no address to send to."""


class CallEnded(SipError):
    """The caller gave up (CANCEL), or the application took too long; raised at its ``await``."""

    status_hint = 487


class StoreError(SipError):
    """A location, account or journal store could not do what was asked; nothing was changed."""

    status_hint = 503


class PluginError(SipError):
    """Something found by entry point or named in the config cannot be used.

    Attributes:
        name: the name it was asked for by.
        distribution: "name version" of the distribution that ships it, or "" if unknown.
    """

    def __init__(self, name: str, reason: str, distribution: str = "") -> None:
        origin = f" (from {distribution})" if distribution else ""
        super().__init__(f"{name}{origin}: {reason}")
        self.name = name
        self.distribution = distribution


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration: where it is, what is wrong and what to do about it."""

    where: str
    cause: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.cause}; {self.fix}"


class ConfigError(SipError):
    """A configuration cannot be used; ``problems`` lists every mistake that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
