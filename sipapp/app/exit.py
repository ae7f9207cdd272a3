"""How the server gives up: one line that says what, why and what to do, and an exit code.

``twistd`` knows exit code 1 and tracebacks only. Whoever starts us from a script or from systemd
wants to tell a wrong option from a wrong file from a full disk, so we end the process ourselves.
The codes are those of BSD's ``sysexits.h``.
"""

from __future__ import annotations

__all__ = [
    "CANNOT_CREATE",
    "CONFIG",
    "IO_ERROR",
    "NO_USER",
    "USAGE",
    "code_for",
    "exit_with",
    "leave",
    "lines_for",
    "say",
]

import atexit
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NoReturn, Protocol

from twisted.internet.error import BindError, ReactorNotRunning
from twisted.logger import Logger

from sipapp.app.config.sources import FLAGS
from sipapp.errors import ConfigError, SipError, StoreError

USAGE = 64
"""The command line is wrong."""

NO_USER = 67
"""There is no such user."""

CANNOT_CREATE = 73
"""A file cannot be made."""

IO_ERROR = 74
"""A file or the database cannot be read or written."""

CONFIG = 78
"""The configuration is wrong or does not fit this machine, as with a port in use."""

FAILURES = (SipError, OSError, BindError)
"""What an operator can cause and mend; everything else is a bug and keeps its traceback."""

_log = Logger()


class _Stoppable(Protocol):
    """What ``exit_with`` needs of a reactor."""

    def callWhenRunning(self, call: Callable[..., object], /, *args: object) -> object:
        """Call when running, at once if it does."""

    def stop(self) -> object:
        """Stop, services first."""


def leave(lines: Iterable[str], code: int) -> NoReturn:
    """End the process before the reactor runs.

    Raises:
        SystemExit: always; ``twistd`` lets it pass.
    """
    say(lines)
    raise SystemExit(code)


def exit_with(reactor: _Stoppable, line: str, code: int) -> None:
    """End the process while, or just before, the reactor runs: services stop, then it exits.

    Args:
        reactor: the one that runs.
        line: what happened, why, and what to do, without a line break.
        code: one of the codes of this module.
    """
    say([line])
    # twistd returns from its reactor to a plain exit(0). The hook runs after twistd has removed
    # its pid file, and replaces the code.
    atexit.register(_end, code)
    reactor.callWhenRunning(_stop, reactor)


def lines_for(error: Exception) -> list[str]:
    """Put a failure into words: one line, or one for every mistake of a configuration."""
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename else ""
        return [f"{name}{error.strerror}"]
    return [" ".join(str(error).split()) or type(error).__name__]


def code_for(error: Exception) -> int:
    """Choose the exit code of a failure at start-up."""
    if isinstance(error, ConfigError) and all(one.where in FLAGS for one in error.problems):
        # The command line alone is to blame.
        return USAGE
    return IO_ERROR if isinstance(error, (StoreError, OSError)) else CONFIG


def say(lines: Iterable[str]) -> None:
    """Write to the terminal; a daemon has none, so its lines go to the log."""
    # Not sys.stderr: twistd has put its log there, with a timestamp before each line.
    stream = sys.__stderr__
    for line in lines:
        if stream is None or _goes_nowhere(stream.fileno()):
            _log.critical("{line}", line=line)
        else:
            stream.write(f"sipapp: {line}\n")
    if stream is not None:
        stream.flush()


def _stop(reactor: _Stoppable) -> None:
    # A second failure, or the operator, may have been faster.
    with suppress(ReactorNotRunning):
        reactor.stop()


def _goes_nowhere(descriptor: int) -> bool:
    return os.fstat(descriptor).st_rdev == os.stat(os.devnull).st_rdev


def _end(code: int) -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    os._exit(code)
