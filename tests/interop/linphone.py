"""linphone-daemon, Linphone without a window, steered by lines on its standard input."""

from __future__ import annotations

__all__ = ["Linphone"]

from contextlib import ExitStack
from pathlib import Path

from tests.interop.program import Program, free_port

# Without ipv6_migration_done it forgets use_ipv6=0, offers IPv6 media, and nobody can answer.
# With network monitoring it finds that a loopback interface is no network, and stays silent.
CONFIG = """\
[sip]
sip_port={port}
sip_tcp_port={port}
sip_tls_port=-1
use_ipv6=0
ipv6_migration_done=1
auto_net_state_mon=0
register_only_when_network_is_up=0
default_proxy=0

[proxy_0]
reg_proxy=sip:{host}:{server_port};transport={transport}
reg_route=sip:{host}:{server_port};transport={transport}
reg_identity=sip:{user}@{domain}
reg_expires=120
reg_sendregister=1

[auth_info_0]
username={user}
passwd={password}
realm={domain}
"""


class Linphone:
    """One phone with one account, registered when the constructor returns.

    What it says, its events and all messages on the wire are in :attr:`trace`.

    Args:
        directory: an empty directory for its files.
        server: address of the registrar, which is its outbound proxy too.
        user: user part of the account.
        domain: domain of the account.
        transport: ``udp`` or ``tcp``.
        password: for the digest.
    """

    def __init__(
        self,
        directory: Path,
        server: tuple[str, int],
        user: str,
        *,
        domain: str,
        transport: str,
        password: str,
    ) -> None:
        self.aor = f"sip:{user}@{domain}"
        text = CONFIG.format(
            port=free_port(),
            host=server[0],
            server_port=server[1],
            transport=transport,
            user=user,
            domain=domain,
            password=password,
        )
        (directory / "rc").write_text(text, encoding="utf-8")
        for folder in (".local/share/linphone", ".config/linphone"):
            (directory / folder).mkdir(parents=True)
        self.program = Program(
            ["linphone-daemon", "--config", "rc", "--log", "/dev/stdout"],
            cwd=directory,
            name=f"linphone-{user}",
            environment={"HOME": str(directory)},
        )
        self.trace = self.program.said
        with ExitStack() as failed:
            failed.callback(self.program.end)
            self.trace.expect(r"to \[LinphoneRegistrationOk\]")
            failed.pop_all()

    def command(self, line: str) -> None:
        """Give a command: ``call URI``, ``answer``, ``terminate``."""
        self.program.type(line)

    def close(self) -> None:
        """Unregister and quit."""
        if self.program.running:
            self.command("quit")
        self.program.end()
