"""Connections that mean no good, against a server in a process of its own."""

from __future__ import annotations

import random
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from select import select
from time import monotonic

import pytest

from tests.interop.servers import DOMAIN, Server
from tests.interop.user_agent import UserAgent

pytestmark = pytest.mark.interop

# Each breaks the length of a message whose body is "hello", or of 5 octets in whatever wording.
LENGTHS = {
    "negative": "Content-Length: -5",
    "hexadecimal": "Content-Length: 0x5",
    "word": "Content-Length: five",
    "empty": "Content-Length:",
    "float": "Content-Length: 5.0",
    "two numbers": "Content-Length: 5 6",
    "list": "Content-Length: 5, 5",
    "sign": "Content-Length: +5",
    "2**32 + 5": "Content-Length: 4294967301",
    "2**64 + 5": "Content-Length: 18446744073709551621",
    "100 digits": f"Content-Length: {'9' * 100}",
    "two that differ": "Content-Length: 5\r\nContent-Length: 0",
    "two names": "Content-Length: 5\r\nl: 0",
    "two alike": "Content-Length: 5\r\nContent-Length: 5",
}


@pytest.fixture(autouse=True)
def sipapp_only(peer: str) -> None:
    """The control lets most of this happen."""
    if peer != "sipapp":
        pytest.skip("the control is known to fail")


def options(number: int, length: str = "Content-Length: 0", body: str = "") -> bytes:
    """An OPTIONS to the server, told apart by its number."""
    return (
        "OPTIONS sip:example.test SIP/2.0\r\n"
        f"Via: SIP/2.0/TCP 127.0.0.1:5;branch=z9hG4bKhostile{number}\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:eve@example.test>;tag=1\r\n"
        f"To: <sip:eve@example.test>\r\nCall-ID: hostile{number}\r\nCSeq: 1 OPTIONS\r\n"
        f"{length}\r\n\r\n{body}"
    ).encode()


def connect(server: Server) -> socket.socket:
    """A connection that waits for 2 s at most."""
    return socket.create_connection(server.address, timeout=2)


def read(connection: socket.socket, *, seconds: float = 2.0, until: int = -1) -> tuple[str, bool]:
    """Give what comes until so many answers are in, and whether the server closed."""
    text, end = "", monotonic() + seconds
    while text.count("SIP/2.0 ") != until and (left := end - monotonic()) > 0:
        connection.settimeout(left)
        try:
            data = connection.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            return text, True
        if not data:
            return text, True
        text += data.decode()
    return text, False


def serves(server: Server) -> bool:
    """Whether a new connection is answered within a second."""
    with connect(server) as new:
        new.sendall(options(0))
        return "z9hG4bKhostile0" in read(new, seconds=1, until=1)[0]


def descriptors(server: Server) -> int:
    """How many files and sockets the server has open (Linux)."""
    return len(list(Path(f"/proc/{server.program.pid}/fd").iterdir()))


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Closes the connections that a test opened."""
    with ExitStack() as stack:
        yield stack


def test_three_hundred_requests_in_one_write(server: Server) -> None:
    """Each is answered, in order (RFC 3261 18.3, hostile.md P5)."""
    with connect(server) as connection:
        connection.sendall(b"".join(options(number) for number in range(300)))
        answers, closed = read(connection, seconds=5, until=300)
        numbers = [int(number) for number in re.findall(r"z9hG4bKhostile(\d+)", answers)]
        assert (numbers, closed) == (list(range(300)), False)


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_nothing_is_smuggled_behind_a_broken_length(server: Server, length: str) -> None:
    """Answered 400 or 413 and closed; what follows is never read (hostile.md P3)."""
    with connect(server) as connection:
        connection.sendall(options(1, length, "hello") + options(2))
        answers, closed = read(connection)
        assert [line[8:11] for line in re.findall("SIP/2.0 .*", answers)] in (["400"], ["413"])
        assert ("z9hG4bKhostile2" in answers, closed) == (False, True)


def test_idle_connections_keep_nobody_out(server: Server, crowd: ExitStack) -> None:
    """250 from one address, and the next one is served (hostile.md E5)."""
    for _ in range(250):
        crowd.enter_context(connect(server))
    assert serves(server)


def test_resets_in_the_middle_of_messages(server: Server) -> None:
    """150 requests cut anywhere; no descriptor is left behind (hostile.md P6)."""
    before, rng = descriptors(server), random.Random(3261)
    for number in range(150):
        data = options(number).replace(b"OPTIONS", b"INVITE")
        with connect(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(data[: rng.randrange(len(data) + 1)])
    end = monotonic() + 5
    with UserAgent(server.address, DOMAIN) as agent:
        assert agent.options(seconds=1)
        while descriptors(server) > before and monotonic() < end:
            agent.options()
    assert descriptors(server) <= before


def test_a_message_that_trickles_is_given_up(server: Server, crowd: ExitStack) -> None:
    """60 connections, an octet each half second: closed after 20 s at most (hostile.md E5)."""
    trickling = {crowd.enter_context(connect(server)): options(number) for number in range(60)}
    start, served = monotonic(), []
    while trickling and monotonic() < start + 20:
        for connection, rest in list(trickling.items()):
            connection.setblocking(False)
            try:
                connection.send(rest[:1])
                closed = connection.recv(4096) == b""
            except BlockingIOError:
                closed = False
            except ConnectionError:
                closed = True
            trickling[connection] = rest[1:]
            if closed:
                del trickling[connection]
        served.append(serves(server))
        select(trickling, [], [], 0.5)
    assert (len(trickling), set(served)) == (0, {True})
    assert monotonic() > start + 10, "a slow peer is not a hostile one yet"
