"""baresip, a phone that is steered by JSON over TCP."""

from __future__ import annotations

__all__ = ["Baresip"]

import json
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

from tests.interop.program import Program, Transcript, free_port

MODULES = Path("/usr/lib/baresip/modules")

# The tone generator gives 48 kHz stereo only; baresip converts. What is heard is kept nowhere: that
# something is heard is seen from the event CALL_RTPESTAB.
CONFIG = """\
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
audio_player aufile,/dev/null
audio_source ausine,440
audio_alert aufile,/dev/null
ausrc_srate 48000
ausrc_channels 2
auplay_srate 8000
auplay_channels 1
module_path {modules}
module g711.so
module ausine.so
module aufile.so
module uuid.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""

ACCOUNT = (
    "<sip:{user}@{domain};transport={transport}>;auth_user={user};auth_pass={password};"
    'outbound="sip:{host}:{server_port};transport={transport}";regint={expires};'
    "answermode=manual;audio_codecs=PCMU\n"
)


class Baresip:
    """One phone with one account, registered when the constructor returns.

    What it says on the wire is in :attr:`trace`, its events in :attr:`events`, one a line:
    ``CALL_ESTABLISHED sip:alice@example.test``.

    Args:
        directory: an empty directory for its files.
        server: address of the registrar, which is its outbound proxy too.
        user: user part of the account.
        domain: domain of the account.
        transport: ``udp`` or ``tcp``, towards the server. It listens on both.
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
        # baresip takes the port above its own for TLS.
        self.port = free_port(count=3)
        control = self.port + 2
        config = CONFIG.format(port=self.port, control=control, modules=MODULES)
        account = ACCOUNT.format(
            user=user,
            domain=domain,
            transport=transport,
            password=password,
            host=server[0],
            server_port=server[1],
            expires=120,
        )
        for name, text in (("config", config), ("accounts", account), ("contacts", "")):
            (directory / name).write_text(text, encoding="utf-8")
        self.program = Program(
            ["baresip", "-f", directory, "-v", "-s"], cwd=directory, name=f"baresip-{user}"
        )
        self.trace = self.program.said
        self.events = Transcript(f"{user}'s baresip")
        with ExitStack() as failed:
            failed.callback(self.program.end)
            self.trace.expect("baresip is ready")
            self._control = socket.create_connection(("127.0.0.1", control), 5)
            failed.callback(self._control.close)
            self._control.settimeout(None)
            self._reader = Thread(target=self._read, daemon=True)
            self._reader.start()
            self.trace.expect(rf"{user}@{domain}: .* 200 OK")
            failed.pop_all()

    def command(self, name: str, parameter: str = "") -> None:
        """Give a command: ``dial URI``, ``accept``, ``hangup``."""
        text = json.dumps({"command": name, "params": parameter}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def close(self) -> None:
        """Unregister and quit."""
        with suppress(OSError):
            self.command("quit")
            self.program.ends_within(10)
        self.program.end()
        self._reader.join(10)
        self._control.close()

    def _read(self) -> None:
        """Take netstrings of JSON apart: ``12:{"a": "b"},``."""
        pending = b""
        while data := self._receive():
            pending += data
            while (colon := pending.find(b":")) > 0:
                size = int(pending[:colon])
                if len(pending) < colon + size + 2:
                    break
                fields = json.loads(pending[colon + 1 : colon + 1 + size])
                pending = pending[colon + size + 2 :]
                if "type" in fields:
                    self.events.append(f"{fields['type']} {fields.get('param', '')}\n")
        self.events.close()

    def _receive(self) -> bytes:
        try:
            return self._control.recv(65536)
        except OSError:
            return b""
