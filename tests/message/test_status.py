"""`sipapp.message.status`: the registered response codes."""

from __future__ import annotations

import pytest

from sipapp.message.status import REASONS, reason_for

REGISTERED = """
    100 180 181 182 183 199
    200 202 204
    300 301 302 305 380
    400 401 402 403 404 405 406 407 408 410 412 413 414 415 416 417
    420 421 422 423 424 425 428 429 430 433 436 437 438 439 440 469 470
    480 481 482 483 484 485 486 487 488 489 491 493 494
    500 501 502 503 504 505 513 555 580
    600 603 604 606 607 608
"""


def test_exactly_the_registered_codes_have_a_phrase() -> None:
    """[C02] IANA, SIP Parameters, Response Codes: in order, none missing, none invented."""
    assert list(REASONS) == [int(code) for code in REGISTERED.split()]


def test_phrases_can_stand_in_a_status_line() -> None:
    """RFC 3261 25.1: Reason-Phrase; no line ends, no blanks around."""
    assert [
        text for text in REASONS.values() if not text.isprintable() or text != text.strip()
    ] == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (100, "Trying"),
        (180, "Ringing"),
        (200, "OK"),
        (300, "Multiple Choices"),
        (301, "Moved Permanently"),
        (302, "Moved Temporarily"),
        (400, "Bad Request"),
        (440, "Max-Breadth Exceeded"),
        (482, "Loop Detected"),
        (500, "Server Internal Error"),
        (501, "Not Implemented"),
        (603, "Decline"),
        (606, "Not Acceptable"),
    ],
)
def test_the_phrases_of_the_talk(code: int, reason: str) -> None:
    """[C03] [E02] RFC 3261 21: 301 is permanent, 302 is temporary."""
    assert reason_for(code) == reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (199, "Early Dialog Terminated"),
        (150, "Session Progress"),
        (299, "OK"),
        (399, "Multiple Choices"),
        (499, "Bad Request"),
        (599, "Server Internal Error"),
        (699, "Busy Everywhere"),
        (700, ""),
        (99, ""),
    ],
)
def test_an_unknown_code_means_its_class(code: int, reason: str) -> None:
    """[C02] RFC 3261 8.1.3.2: x00, and 183 for an unknown provisional."""
    assert reason_for(code) == reason
