"""An answer that ends the work on a request, carried as an exception inside the core."""

from __future__ import annotations

__all__ = ["Refusal"]

from sipapp.errors import SipError


class Refusal(SipError):
    """The request is understood and will not be carried out.

    Attributes:
        status_hint: the final status.
        reason: the phrase; None for the registered one.
        extra: header fields that go with it.
    """

    def __init__(
        self, status: int, reason: str | None = None, extra: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        super().__init__(f"{status} {reason or ''}".rstrip())
        self.status_hint = status
        self.reason = reason
        self.extra = extra
