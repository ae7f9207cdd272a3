"""The Via header field: the way back of a response, and the name of a transaction.

RFC: 3261 20.42, 18.2; 3581.
"""

from __future__ import annotations

__all__ = ["Via", "split_via"]

from sipapp.errors import MessageError, UsageError
from sipapp.message.grammar import (
    GEN_PARAMS,
    GEN_VALUE,
    HOST,
    LWS,
    QUOTED_STRING,
    SWS,
    TOKEN,
    canonical_address,
    canonical_host,
    decode_wire,
    is_token,
    rule,
    unfold,
    wire_rule,
)
from sipapp.message.memo import Memo
from sipapp.message.params import NO_PARAMS, Params

# RFC 3261 25.1: via-parm up to the comma or the end. Group 1 is the text without the blanks around.
_VIA = rule(
    rf"{SWS}((?:{TOKEN}{SWS}/{SWS}{TOKEN}{SWS}/{SWS})({TOKEN}){LWS}"
    rf"({HOST})(?>(?:{SWS}:{SWS}([0-9]{{1,5}}+))?))({GEN_PARAMS}){SWS}(?:,|$)"
)
_VIA_PARAMS = rule(rf";{SWS}({TOKEN})(?>(?:{SWS}={SWS}({GEN_VALUE}))?)")

# How nearly every phone and proxy spells it. What a peer says of itself is remembered, and only
# the branch is new in each Via.
_USUAL = wire_rule(
    rf"(SIP/2\.0/[A-Z]++ [A-Za-z0-9.:]++)((?>(;rport)?);branch=({TOKEN})(?>(;rport)?))"
)

# What the receiving transport writes. A quoted string is matched first and put back, so that
# nothing inside one is taken for a parameter.
_SOURCE = rule(
    rf"({QUOTED_STRING})|;{SWS}(?i:rport|received)"
    rf"(?>(?:{SWS}={SWS}{GEN_VALUE})?)(?=[ \t]*(?:;|$))"
)


class Via:
    """One Via value.

    RFC: 3261 20.42, 25.1; 3581 (rport).

    Attributes:
        transport: upper case.
        host, port: sent-by, as in a ``SipUri``; port None if not given.
        sent_by: canonical ``host[:port]``, lower case, IPv6 in brackets; for matching.
        branch: None for an RFC 2543 peer.
        received: canonical address without brackets, or None.
        rport: None if absent, "" without value, else digits.
    """

    __slots__ = (
        "_head",
        "_params",
        "branch",
        "host",
        "port",
        "received",
        "rport",
        "sent_by",
        "transport",
    )

    def __init__(
        self,
        transport: str,
        host: str,
        port: int | None,
        params: Params | str = NO_PARAMS,
        head: str = "",
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        bracketed = f"[{host}]" if ":" in host else host
        self.sent_by = bracketed if port is None else f"{bracketed}:{port}"
        self._head = head or _via_head(transport, bracketed, self.sent_by)
        self._params = params
        self.branch: str | None = None
        self.received: str | None = None
        self.rport: str | None = None
        if params:
            self._read(params if isinstance(params, str) else str(params))

    def _read(self, text: str) -> None:
        """Take the three parameters that transport and transaction layer look at."""
        for spelled, value in _VIA_PARAMS.findall(text):
            name = spelled.lower()
            if name == "branch":
                if self.branch is not None or not value or value[0] == '"':
                    raise MessageError("Via", "bad branch")
                self.branch = value
            elif name == "rport":
                if self.rport is not None or not _is_rport(value):
                    raise MessageError("Via", "bad rport")
                self.rport = value
            elif name in _CHECKED:
                self._read_address(name, value)

    def _read_address(self, name: str, value: str) -> None:
        """Check received, maddr and ttl. Brackets around received: RFC 5118 4.5."""
        if name == "received":
            address = canonical_address(value) if 0 < len(value) <= 60 else None
            if address is None or self.received is not None:
                raise MessageError("Via", "bad received")
            self.received = address
        elif name == "maddr":
            if len(value) > 255 or canonical_host(value) is None:
                raise MessageError("Via", "bad maddr")
        elif not (value.isdigit() and len(value) <= 3 and int(value) <= 255):
            raise MessageError("Via", "bad ttl")

    @property
    def params(self) -> Params:
        """All parameters, those with an attribute of their own included."""
        params = self._params
        if isinstance(params, str):
            params = self._params = Params(params, field="Via")
        return params

    def with_params(self, params: Params) -> Via:
        """Copy with other parameters."""
        return Via(self.transport, self.host, self.port, params, self._head)

    def with_source(self, host: str, port: int) -> Via:
        """Copy that says where the request came from, for the server side of a transport.

        ``received`` is added if the sender's host differs or it asked for ``rport``, which is
        then filled in. What the sender itself wrote into either is replaced.

        RFC: 3261 18.2.1; 3581 4.

        Args:
            host: source address, without brackets.
            port: source port.
        """
        if self.rport is None and self.received is None:
            return self if host == self.host else self._received(host, str(self._params))
        text = self._sourceless()
        if self.rport is None:
            return self._received(host, text)
        return self._received(host, f"{text};rport={port}", str(port))

    def _sourceless(self) -> str:
        """The parameters without rport and received."""
        text = str(self._params)
        before, bare, after = f"{text};".partition(";rport;")
        if bare and self.received is None and '"' not in text:  # a tenth of the time
            return f"{before};{after}"[:-1]
        return _SOURCE.sub(r"\1", text)

    def _received(self, host: str, text: str, rport: str | None = None) -> Via:
        if rport is not None or host != self.host:
            text = f"{text};received={host}"
        via = self._with(text, self.branch, rport)
        via.received = host if rport is not None or host != self.host else None
        return via

    def _with(self, params: str, branch: str | None, rport: str | None) -> Via:
        """Copy with other parameters, which were read already."""
        via = Via.__new__(Via)
        via.transport = self.transport
        via.host = self.host
        via.port = self.port
        via.sent_by = self.sent_by
        via._head = self._head
        via._params = params
        via.branch = branch
        via.received = None
        via.rport = rport
        return via

    def __str__(self) -> str:
        return f"{self._head}{self._params}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Via) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


_CHECKED = frozenset(("received", "maddr", "ttl"))


def _via_head(transport: str, host: str, sent_by: str) -> str:
    if not is_token(transport) or canonical_host(host) is None:
        raise UsageError("not a transport and a host")
    return f"SIP/2.0/{transport} {sent_by}"


def _is_rport(value: str) -> bool:
    return not value or (value.isdigit() and len(value) <= 5 and int(value) <= 65535)


def split_via(value: bytes) -> tuple[Via, bytes | None]:
    """Parse the first value of a Via line and give the rest of the line.

    RFC: 3261 20.42, 25.1; 7.3.1 (a comma is the same as another line).

    Args:
        value: field body, at most 64 KiB; blanks around separators and folding are allowed.
    Returns: the value, and what follows its comma without blanks around it, or None.
    Raises:
        MessageError: the first value breaks the grammar, or nothing follows a comma.
    """
    text, comma, rest = value.partition(b",")
    usual = _USUAL.fullmatch(text)  # no usual one has a comma of its own
    if usual is not None:
        sender, params, first, branch, last = usual.groups()
        rest = rest.strip(b" \t")
        if not (first and last) and (rest or not comma):
            rport = "" if first or last else None
            return _SENDERS[sender]._with(params.decode(), branch.decode(), rport), rest or None
    return _split(value)


def _split(value: bytes) -> tuple[Via, bytes | None]:
    # latin-1 keeps one character per octet, so that the end of the match counts octets.
    octets = unfold(value) if b"\n" in value else value
    text = octets.decode("latin-1")
    match = _VIA.match(text)
    if match is None:
        raise MessageError("Via", "not a valid Via value")
    head, transport, spelled, digits, params = match.groups()
    host = canonical_host(spelled)
    if host is None:
        raise MessageError("Via", "bad host")
    port = None
    if digits is not None and (port := int(digits)) > 65535:
        raise MessageError("Via", "port out of range")
    if not params.isascii():
        params = decode_wire(params.encode("latin-1"))
    via = Via(transport.upper(), host, port, params, head)
    end = match.end()
    if end == len(text) and text[-1] != ",":
        return via, None
    rest = octets[end:].strip(b" \t")
    if not rest:
        raise MessageError("Via", "empty value after a comma")
    return via, rest


_SENDERS = Memo(lambda sender: _split(sender)[0])
