"""Try every listener's address before anything is started.

``twistd`` forks into the background before it starts services: a port in use would then be
reported by a process without a terminal. So the sockets are opened once here, and closed again.
"""

from __future__ import annotations

__all__ = ["bind_problems"]

import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack

from sipapp.app.endpoint_strings import ListenAddress
from sipapp.errors import Problem

_REASONS = {
    errno.EADDRINUSE: (
        "the port is in use",
        "stop the program that has it (ss -lntup shows it) or choose another port",
    ),
    errno.EACCES: (
        "this user may not open the port",
        "choose a port above 1023 or give the process CAP_NET_BIND_SERVICE",
    ),
    errno.EADDRNOTAVAIL: (
        "no interface of this machine has the address",
        "use an address that `ip address` shows, or 0.0.0.0 for all",
    ),
}


def bind_problems(listen: Iterable[ListenAddress]) -> list[Problem]:
    """Open all sockets at the same time, as the server will, and close them.

    Returns: one problem for each reason, naming all addresses that cannot be had for it.
    """
    refused: dict[tuple[str, str], list[str]] = {}
    with ExitStack() as opened:
        for one in listen:
            try:
                _open(one, opened)
            except OSError as error:
                reason = _REASONS.get(error.errno or 0, (str(error.strerror), "see errno(3)"))
                refused.setdefault(reason, []).append(str(one))
    return [Problem(", ".join(where), *reason) for reason, where in refused.items()]


def _open(one: ListenAddress, opened: ExitStack) -> None:
    family = socket.AF_INET6 if ":" in one.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if one.transport == "UDP" else socket.SOCK_STREAM
    probe = opened.enter_context(socket.socket(family, kind))
    if one.transport != "UDP":
        # As every TCP server does: connections in TIME_WAIT must not keep us from starting anew.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    probe.bind((one.host, one.port))
    if one.transport != "UDP":
        probe.listen()
