"""Giving up: one line, one exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest
from twisted.internet.error import CannotListenError

from sipapp.app.exit import CONFIG, IO_ERROR, USAGE, code_for, leave, lines_for
from sipapp.errors import ConfigError, Problem, StoreError, TransportError

IN_FILE = Problem("sipapp.toml:1 auth", "wrong", "mend it")
IN_USE = OSError(98, "Address already in use")
BIND_ERROR = CannotListenError("127.0.0.1", 5060, IN_USE)  # type: ignore[no-untyped-call]
IN_FLAG = Problem("--auth", "wrong", "mend it")


@pytest.mark.parametrize(
    ("error", "lines", "code"),
    [
        (
            ConfigError([IN_FILE, IN_FLAG]),
            ["sipapp.toml:1 auth: wrong; mend it", "--auth: wrong; mend it"],
            CONFIG,
        ),
        (ConfigError([IN_FLAG]), ["--auth: wrong; mend it"], USAGE),
        (StoreError("x.db: file is not\n a database"), ["x.db: file is not a database"], IO_ERROR),
        (OSError(28, "No space left on device", "x.db"), ["x.db: No space left on device"], 74),
        (OSError("odd"), ["odd"], IO_ERROR),
        (TransportError(), ["TransportError"], CONFIG),
        (
            BIND_ERROR,
            ["Couldn't listen on 127.0.0.1:5060: [Errno 98] Address already in use."],
            CONFIG,
        ),
    ],
)
def test_every_failure_has_its_words_and_code(
    error: Exception, lines: list[str], code: int
) -> None:
    """A line never breaks; a configuration shows all of its mistakes."""
    assert (lines_for(error), code_for(error)) == (lines, code)


def test_leaving_writes_to_the_terminal_and_names_the_program(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The real stderr, since twistd puts its log where ``sys.stderr`` was."""
    with pytest.raises(SystemExit) as caught:
        leave(["a port is in use; choose another"], CONFIG)
    assert caught.value.code == CONFIG
    assert capfd.readouterr() == ("", "sipapp: a port is in use; choose another\n")


LATE = """
import sys
from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
observer = textFileLogObserver(sys.stdout)
globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
from sipapp.app.exit import exit_with
reactor.addSystemEventTrigger("before", "shutdown", print, "services stop")
for line in "first", "second":
    reactor.callLater(0, exit_with, reactor, line, 74)
reactor.run()
print("cleaned up")
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_late_failure_stops_the_services_then_exits(terminal: bool) -> None:
    """What ``twistd`` does after its reactor still happens; a daemon's lines go to the log."""
    done = subprocess.run(
        [sys.executable, "-c", LATE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if terminal else subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=False,
    )
    logged = [line for line in done.stdout.splitlines() if "sipapp.app.exit#critical" in line]
    printed = [line for line in done.stdout.splitlines() if line.endswith(("stop", "up"))]
    assert (done.returncode, printed) == (74, ["services stop", "cleaned up"])
    if terminal:
        assert (done.stderr, logged) == ("sipapp: first\nsipapp: second\n", [])
    else:
        assert [line.split("] ")[1] for line in logged] == ["first", "second"]
