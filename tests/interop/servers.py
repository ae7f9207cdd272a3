"""The server under test as a process of its own, and Kamailio as the positive control."""

from __future__ import annotations

__all__ = ["DOMAIN", "PASSWORD", "USERS", "Server", "start"]

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.interop.program import Program, free_port
from tests.interop.user_agent import UserAgent

DOMAIN = "example.test"
USERS = ("alice", "bob", "carol", "dave")
PASSWORD = "secret"

BIN = Path(sys.executable).parent
MISHAP = re.compile(r"#error\]|#critical\]|Traceback|Unhandled|by a bug")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on one UDP and TCP port of 127.0.0.1."""

    address: tuple[str, int]
    program: Program
    sipapp: bool

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self.program.said.text

    @property
    def mishaps(self) -> list[str]:
        """The lines of the log that no input from outside may cause."""
        if not self.sipapp:
            return []
        return [line for line in self.log.splitlines() if MISHAP.search(line)]

    def pss(self) -> int:
        """Its memory in KiB, pages shared with others counted in part (``/proc``, Linux only)."""
        rollup = Path(f"/proc/{self.program.pid}/smaps_rollup").read_text(encoding="ascii")
        found = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
        assert found
        return int(found[1])


def start(
    peer: str,
    directory: Path,
    *,
    auth: str,
    store: str,
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> Server:
    """Start a server and return when it answers OPTIONS.

    Args:
        peer: ``sipapp`` or ``kamailio``.
        directory: where it runs and keeps its state.
        auth: ``digest``, with :data:`USERS`, or ``none``.
        store: ``memory:`` or ``sqlite:PATH``. With digest it must be a file, for the users.
        port: 0 for a free one.
        environment: more variables, of sipapp's configuration.
        config: names sipapp's applications and has their sections.

    Raises:
        AssertionError: it ended or did not answer within 20 seconds.
    """
    address = ("127.0.0.1", port or free_port())
    arguments = (
        sipapp(*address, auth, store, config) if peer == "sipapp" else kamailio(*address, auth)
    )
    if peer == "sipapp" and auth == "digest":
        add_users(store, directory)
    program = Program(arguments, cwd=directory, name=peer, environment=environment)
    server = Server(address, program, peer == "sipapp")
    end = monotonic() + 20
    with UserAgent(address, DOMAIN) as agent:
        while program.running and monotonic() < end:
            if agent.options(seconds=1):
                return server
    program.end()
    raise AssertionError(f"{peer} does not answer; it said:\n{server.log[-4000:]}")


def sipapp(
    host: str, port: int, auth: str, store: str, config: Path | None = None
) -> list[str | Path]:
    """The command of our server, as an operator would type it."""
    chain = ["--app=registrar", "--app=redirect", "--app=proxy"]
    options = [
        f"--listen=udp:{port}:interface={host}",
        f"--listen=tcp:{port}:interface={host}",
        f"--domain={DOMAIN}",
        f"--store={store}",
        f"--auth={auth}",
        *(chain if config is None else [f"--config={config}"]),
    ]
    return [BIN / "twistd", "-n", "--pidfile=", "sipapp", *options]


def add_users(store: str, directory: Path) -> None:
    """Give :data:`USERS` accounts with the ``sipapp`` command."""
    for user in USERS:
        address = f"{user}@{DOMAIN}"
        subprocess.run(
            [BIN / "sipapp", "user", "add", address, "--password-stdin", "--store", store],
            input=f"{PASSWORD}\n",
            text=True,
            cwd=directory,
            check=True,
            timeout=30,
        )


def kamailio(host: str, port: int, auth: str) -> list[str | Path]:
    """The command of the control."""
    sockets = ["-l", f"udp:{host}:{port}", "-l", f"tcp:{host}:{port}"]
    sizes = ["-m", "64", "-M", "8", "-DD", "-E", "-w", ".", "-Y", ".", "-P", "kamailio.pid"]
    define = ["-A", "AUTH"] if auth == "digest" else []
    return ["kamailio", "-f", Path(__file__).with_name("kamailio.cfg"), *sockets, *sizes, *define]
