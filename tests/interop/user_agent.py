"""A user agent of one UDP socket, for what no phone does on request: thousands of REGISTERs.

Written from the RFCs and without a line of sipapp, so that a mistake of ours is not made twice.
"""

from __future__ import annotations

__all__ = ["Answer", "UserAgent", "storm"]

import hashlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

Address = tuple[str, int]

HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {
    "MD5": hashlib.md5,
    "SHA-256": hashlib.sha256,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A final response as far as the tests look at it."""

    status: int
    head: str

    def values(self, name: str) -> list[str]:
        """Every value line of a header."""
        return re.findall(rf"(?im)^{name}[ \t]*:[ \t]*(.*?)\r?$", self.head)


class UserAgent:
    """A UDP socket on loopback that asks one server.

    Args:
        server: its address.
        domain: the domain of the users, and their realm.
        host: the local address.
    """

    def __init__(self, server: Address, domain: str, *, host: str = "127.0.0.1") -> None:
        self.server = server
        self.domain = domain
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.address: Address = self.socket.getsockname()
        self._sent = 0

    def __enter__(self) -> UserAgent:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def request(self, method: str, uri: str, user: str, cseq: int, *lines: str) -> bytes:
        """A request without body, outside of any dialog, from a user to itself."""
        self._sent += 1
        host, port = self.address
        aor = f"<sip:{user}@{self.domain}>"
        head = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{port}n{self._sent}",
            "Max-Forwards: 70",
            f"From: {aor};tag={user}",
            f"To: {aor}",
            f"Call-ID: {user}@{host}-{port}",
            f"CSeq: {cseq} {method}",
            *lines,
            "Content-Length: 0",
        ]
        return ("\r\n".join(head) + "\r\n\r\n").encode()

    def ask(self, request: bytes, *, seconds: float = 8.0) -> Answer | None:
        """Send a request until it is finally answered; None when it never is.

        RFC: 3261 17.1.2, with a fixed interval of half a second.
        """
        branch = re.search(rb"branch=(\S+)", request)
        end = monotonic() + seconds
        self.socket.settimeout(0.5)
        while branch and monotonic() < end:
            try:
                self.socket.sendto(request, self.server)
                while True:
                    data = self.socket.recv(65536)
                    if branch.group() in data and data[8:9] > b"1":
                        return Answer(int(data[8:11]), data.decode("utf-8", "replace"))
            except OSError:  # nothing came, or nobody listens yet
                continue
        return None

    def options(self, *, seconds: float = 8.0) -> Answer | None:
        """Ask the server for its capabilities."""
        host, port = self.server
        return self.ask(self.request("OPTIONS", f"sip:{host}:{port}", "test", 1), seconds=seconds)

    def register(self, user: str, *lines: str, password: str = "", cseq: int = 1) -> Answer | None:
        """Register, or look at the bindings; answers the challenge if there is one."""
        uri = f"sip:{self.domain}"
        answer = self.ask(self.request("REGISTER", uri, user, cseq, *lines))
        if answer is None or answer.status != 401:
            return answer
        credentials = authorization(answer, user, password, uri)
        return self.ask(self.request("REGISTER", uri, user, cseq + 1, *lines, credentials))


def authorization(answer: Answer, user: str, password: str, uri: str) -> str:
    """The Authorization line that the first challenge we understand asks for. RFC 7616 3.4."""
    for line in answer.values("WWW-Authenticate"):
        asked = {k.lower(): v for k, v in re.findall(r'([\w-]+)="?([^",]*)"?', line)}
        algorithm = asked.get("algorithm", "MD5")
        if algorithm not in HASHES:
            continue

        def digest(text: str, algorithm: str = algorithm) -> str:
            return HASHES[algorithm](text.encode()).hexdigest()

        ha1 = digest(f"{user}:{asked['realm']}:{password}")
        ha2 = digest(f"REGISTER:{uri}")
        response = digest(f"{ha1}:{asked['nonce']}:00000001:0a4f113b:auth:{ha2}")
        return (
            f'Authorization: Digest username="{user}",realm="{asked["realm"]}",uri="{uri}",'
            f'nonce="{asked["nonce"]}",algorithm={algorithm},response="{response}",'
            'qop=auth,nc=00000001,cnonce="0a4f113b"'
        )
    raise AssertionError(f"no challenge that we understand:\n{answer.head}")


def storm(agent: UserAgent, prefix: str, users: int, enough: int) -> set[str]:
    """Register new users, 50 at a time, until ``enough`` have 200; return the names of those.

    Every user's contact is ``sip:USER@192.0.2.1``. Nothing is sent twice: a lost answer is not an
    acknowledgement. Up to 49 requests are on their way when this returns.
    """
    acknowledged: set[str] = set()
    waiting = sent = 0
    uri = f"sip:{agent.domain}"
    agent.socket.settimeout(1.0)
    while len(acknowledged) < enough:
        while waiting < 50 and sent < users:
            user = f"{prefix}{sent}"
            contact = f"Contact: <sip:{user}@192.0.2.1>"
            request = agent.request("REGISTER", uri, user, 1, contact, "Expires: 3600")
            agent.socket.sendto(request, agent.server)
            waiting, sent = waiting + 1, sent + 1
        try:
            data = agent.socket.recv(65536).decode("utf-8", "replace")
        except OSError:
            break
        waiting -= 1
        user_of = re.search(rf"(?m)^Call-ID: ({prefix}\d+)@", data)
        if data.startswith("SIP/2.0 200 ") and user_of:
            acknowledged.add(user_of[1])
    return acknowledged
