"""``twistd sipapp`` from outside: real processes and real sockets on the loopback interface."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.sockets

BIN = Path(sysconfig.get_path("scripts"))
LOOPBACK = "127.0.0.1"


def command(*words: str) -> list[str]:
    """``twistd`` of this environment, or whatever ``words`` begin with."""
    return [sys.executable, str(BIN / "twistd"), *words]


def environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {name: v for name, v in os.environ.items() if not name.startswith("SIPAPP_")}


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run ``twistd`` to its end; returns exit code, stdout and stderr."""
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def running(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``twistd`` for as long as the block lasts."""
    process = subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], end: str) -> str:
    """Collect output up to some text; fails with what there was when it ends or stalls."""
    assert process.stdout is not None
    text = ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while end not in text:
            assert selector.select(30), f"stalled after: {text}"
            chunk = os.read(process.stdout.fileno(), 65536).decode()
            assert chunk, f"ended after: {text}"
            text += chunk
    return text


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody uses right now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def ask(port: int, message: bytes) -> bytes:
    """Send a datagram and return the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((LOOPBACK, 0))
        phone.settimeout(10)
        local = phone.getsockname()[1]
        phone.sendto(message.replace(b"PORT", str(local).encode()), (LOOPBACK, port))
        return phone.recv(65536)


OPTIONS = b"\r\n".join(
    [
        b"OPTIONS sip:127.0.0.1 SIP/2.0",
        b"Via: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bK1",
        b"Max-Forwards: 70",
        b"From: <sip:probe@127.0.0.1>;tag=1",
        b"To: <sip:127.0.0.1>",
        b"Call-ID: 1@127.0.0.1",
        b"CSeq: 1 OPTIONS",
        b"Content-Length: 0",
        b"",
        b"",
    ]
)


def listen_flags(port: int) -> list[str]:
    """UDP and TCP on one loopback port."""
    return [f"--listen={kind}:{port}:interface={LOOPBACK}" for kind in ("udp", "tcp")]


@pytest.mark.parametrize("reactor", [[], ["--reactor=epoll"]])
def test_the_demonstration_runs_twice_in_a_row(tmp_path: Path, reactor: Sequence[str]) -> None:
    """From a path with a space, on both reactors, with the same users the second time."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    port = free_port()
    screens = []
    for _ in range(2):
        words = ["-n", *reactor, "sipapp", "--demo", *listen_flags(port)]
        with running(folder, *words) as process:
            text = read_until(process, "Read on")
            assert ask(port, OPTIONS).startswith(b"SIP/2.0 ")
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        screens.append([line for line in text.splitlines() if " password " in line])
    assert screens[0] == screens[1]
    assert [line.split()[0] for line in screens[0]] == ["alice@127.0.0.1", "bob@127.0.0.1"]
    assert sorted(path.name for path in folder.iterdir()) == ["var"]


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("foreground", [["-n"], []])
def test_a_port_in_use_is_one_line_and_78(
    tmp_path: Path, kind: socket.SocketKind, foreground: Sequence[str]
) -> None:
    """Also when it would have gone into the background."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((LOOPBACK, 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        name = "udp" if kind == socket.SOCK_DGRAM else "tcp"
        flag = f"{name}:{port}:interface={LOOPBACK}"
        outcome = run(tmp_path, *foreground, "sipapp", "--store", "memory:", "--listen", flag)
    assert outcome == (
        78,
        "",
        f"sipapp: {flag}: the port is in use;"
        " stop the program that has it (ss -lntup shows it) or choose another port\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_two_listeners_in_use_are_still_one_line(tmp_path: Path) -> None:
    """As when the demonstration is started twice."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as also,
    ):
        also.bind((LOOPBACK, 0))
        port = also.getsockname()[1]
        taken.bind((LOOPBACK, port))
        taken.listen()
        code, out, err = run(tmp_path, "-n", "sipapp", "--demo", *listen_flags(port))
    assert (code, out, err.count("\n")) == (78, "", 1)


def test_an_address_of_another_machine_is_one_line_and_78(tmp_path: Path) -> None:
    """192.0.2.1 is for documentation (RFC 5737)."""
    flag = "udp:5060:interface=192.0.2.1"
    assert run(tmp_path, "-n", "sipapp", "--store", "memory:", "--listen", flag) == (
        78,
        "",
        f"sipapp: {flag}: no interface of this machine has the address;"
        " use an address that `ip address` shows, or 0.0.0.0 for all\n",
    )


def test_a_damaged_database_is_one_line_and_74(tmp_path: Path) -> None:
    """Found out when the server starts, after the log was begun."""
    (tmp_path / "x.db").write_text("This is a letter, not a database. " * 50)
    words = ["-n", "--pidfile=my.pid", "sipapp", "--store=sqlite:x.db", *listen_flags(0)]
    code, out, err = run(tmp_path, *words)
    assert (code, err) == (74, f"sipapp: {tmp_path}/x.db: file is not a database\n")
    assert "Traceback" not in out
    assert not (tmp_path / "my.pid").exists()


def test_a_database_in_use_is_one_line_and_78(tmp_path: Path) -> None:
    """Two servers on one file would write over each other's bindings, whatever their ports."""
    with running(tmp_path, "-n", "sipapp", "--demo", *listen_flags(free_port())) as process:
        read_until(process, "Read on")
        words = ["-n", "sipapp", "--demo", *listen_flags(free_port())]
        code, out, err = run(tmp_path, *words)
    cause = f"another server works with {tmp_path}/var/sipapp.sqlite"
    assert (code, err) == (78, f"sipapp: default store: {cause}; stop it or name another file\n")
    assert "Traceback" not in out


def test_in_the_background_it_serves_and_stops(tmp_path: Path) -> None:
    """The writing thread of the database and the reactor live through the fork."""
    port = free_port()
    words = ["--pidfile=my.pid", "sipapp", "--demo", *listen_flags(port)]
    assert run(tmp_path, *words) == (0, "", "")
    pid = int((tmp_path / "my.pid").read_text())
    try:
        assert ask(port, OPTIONS).startswith(b"SIP/2.0 ")
    finally:
        os.kill(pid, signal.SIGTERM)
