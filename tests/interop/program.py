"""Other people's programs as the tests see them: started, read, waited for, ended by pid."""

from __future__ import annotations

__all__ = ["Program", "Transcript", "free_port"]

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from threading import Condition, Thread
from typing import IO

PATIENCE = 15.0
"""Seconds until something that should have happened counts as missing."""

_FIRST = 5062 + os.getpid() * 30 % 4000
PORTS = chain(range(_FIRST, 9990, 10), range(5062, _FIRST, 10))


class Transcript:
    """What a program has said so far, read from front to back.

    Each :meth:`expect` goes on behind the text that the one before it has found, so the same words
    of an earlier call are not taken for those of the present one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._text = ""
        self._read = 0
        self._closed = False
        self._more = Condition()

    @property
    def text(self) -> str:
        """All of it."""
        with self._more:
            return self._text

    def append(self, text: str) -> None:
        """Add what was said; any thread may do so."""
        with self._more:
            self._text += text
            self._more.notify_all()

    def close(self) -> None:
        """Say that nothing will follow, so that nobody waits for it."""
        with self._more:
            self._closed = True
            self._more.notify_all()

    def expect(self, *patterns: str, seconds: float = PATIENCE) -> None:
        """Wait until every pattern was said, in any order, and read on behind them.

        Raises:
            AssertionError: one was not said in time, or the program has ended without saying it.
        """
        with self._more:
            self._more.wait_for(lambda: self._closed or None not in self._find(patterns), seconds)
            ends = self._find(patterns)
            said = self._text[self._read :][-4000:]
            missing = [pattern for pattern, end in zip(patterns, ends, strict=True) if end is None]
            assert not missing, f"{self.name} did not say {missing}; it said:\n{said}"
            self._read = max(end for end in ends if end is not None)

    def _find(self, patterns: Sequence[str]) -> list[int | None]:
        """Where the first match of each pattern ends, behind what is read."""
        found = [
            re.compile(pattern, re.MULTILINE).search(self._text, self._read) for pattern in patterns
        ]
        return [match.end() if match else None for match in found]


class Program:
    """A child process whose output is read into a :class:`Transcript` as it comes.

    Args:
        arguments: the program, by name or path, and its arguments.
        cwd: where it runs, and where its output is kept as ``NAME.log`` when it has ended.
        name: what failures call it; the file name of the program when not given.
        environment: replaces the variables of the same names.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        cwd: Path,
        name: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name or Path(arguments[0]).name
        self.said = Transcript(self.name)
        self._log = cwd / f"{self.name}.log"
        self._process = subprocess.Popen(
            [program(str(arguments[0])), *map(str, arguments[1:])],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input = self._process.stdin
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def type(self, line: str) -> None:
        """Write one line to its standard input."""
        self._input.write(line.encode() + b"\n")
        self._input.flush()

    def ends_within(self, seconds: float) -> bool:
        """Wait so long at most, and say whether it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.running

    def wait(self, seconds: float) -> int:
        """Wait for its own end and return the exit status.

        Raises:
            AssertionError: it still runs after so many seconds.
        """
        ended = self.ends_within(seconds)
        assert ended, f"{self.name} runs after {seconds} s:\n{self.said.text[-2000:]}"
        self._finish()
        return self._process.returncode

    def end(self) -> None:
        """Ask it to end, insist after ten seconds, and keep what it said."""
        if self.running:
            self._process.terminate()
            if not self.ends_within(10):
                self._process.kill()
        self._finish()

    def kill(self) -> None:
        """End it as a power cut would, with SIGKILL."""
        self._process.kill()
        self._finish()

    def _read(self, output: IO[bytes]) -> None:
        with output:
            while data := output.read1(65536):  # type: ignore[attr-defined]  # of BufferedReader
                self.said.append(data.decode("utf-8", "replace"))
        self.said.close()

    def _finish(self) -> None:
        self._process.wait()
        self._reader.join(10)
        if not self._input.closed:
            self._input.close()
        self._log.write_text(self.said.text, encoding="utf-8")


def program(name: str) -> str:
    """The path of an installed program.

    Raises:
        AssertionError: it is not installed; ``make interop`` run by root installs all.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert path is not None, f"{name} is not installed: see requirements/debian-interop.txt"
    return path


def free_port(host: str = "127.0.0.1", *, count: int = 1) -> int:
    """The first of some adjoining ports that nobody has, neither of UDP nor of TCP.

    Between 5062 and 9999: sipsak cuts longer numbers, and the system gives them to nobody else. No
    port is given twice, for a program takes a while until it has opened its own.
    """
    for port in PORTS:
        with ExitStack() as sockets:
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    for offset in range(count):
                        one = sockets.enter_context(socket.socket(socket.AF_INET, kind))
                        one.bind((host, port + offset))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port on {host}")
