"""The other side of a challenge: credentials for a server that asks for ours."""

from __future__ import annotations

__all__ = ["Login", "answer_challenge"]

from collections.abc import Iterable
from dataclasses import dataclass, field

from sipapp.message.algorithm import Algorithm, ha1
from sipapp.message.digest import Credentials, answer, parse_challenges


@dataclass(frozen=True, slots=True)
class Login:
    """What we may tell one server about ourselves.

    A realm is any text that the asker likes, so a realm alone does not make an asker the right
    one: whoever keeps logins gives one only to the destination that it belongs to (hostile.md
    A6). With both bound, nobody else gets a hash to work on.

    Attributes:
        username: as the server knows us.
        realm: the only realm that is answered.
        password: plain text, as every algorithm needs another hash of it.
    """

    username: str
    realm: str
    password: str = field(repr=False)

    def secret(self, algorithm: Algorithm) -> str:
        """The hash that stands for the password with this algorithm (RFC 7616 3.4.2)."""
        return ha1(algorithm, self.username, self.realm, self.password)


def answer_challenge(
    values: Iterable[bytes],
    login: Login,
    method: str,
    uri: str,
    *,
    cnonce: str,
    count: int = 1,
    body: bytes = b"",
) -> Credentials | None:
    """Answer the topmost challenge for our realm that we understand.

    RFC: 8760 2.4 (the server has sorted them), 3261 22.2, 22.3. How often one request is
    answered is the caller's to limit: once, and once more if the challenge says stale (A7).

    Args:
        values: WWW-Authenticate or Proxy-Authenticate, one per header line, in order.
        login: ours for the server that was asked.
        uri: the Request-URI of the request that will carry the credentials.
        cnonce: random text, new for every challenge.
        count: how often this nonce is answered, this time included.
        body: of that request, in case the server wants ``auth-int`` only.
    Returns: None when there is nothing that we can or may answer.
    """
    for challenge in parse_challenges(values):
        if challenge.realm == login.realm:
            secret = login.secret(challenge.algorithm or Algorithm.MD5)
            return answer(
                challenge,
                login.username,
                secret,
                method,
                uri,
                cnonce=cnonce,
                count=count,
                body=body,
            )
    return None
