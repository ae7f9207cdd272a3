"""``twistd sipapp``: its options, and the reactor it chooses.

Every test is a fresh interpreter, since a process has one reactor and choosing is the subject.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sipapp

PARSE = """
import sys
from sipapp.tap import Options
options = Options()
options.parseOptions(sys.argv[1:])
config = options.loaded.config
print(*config.listen, *config.domains, *config.apps, config.store, config.auth)
"""

# A wall clock that can be set stands in for the one that Twisted reads. The first call must not
# be fired by it, the second must fire all the same.
TIMERS = """
import sys, time
from twisted.internet.base import ReactorBase
ahead = [0.0]
ReactorBase.seconds = staticmethod(lambda: time.time() + ahead[0])
if sys.argv[1] == "epoll":
    from twisted.internet import epollreactor
    epollreactor.install()
from sipapp.tap import Options
Options().parseOptions(["--store", "memory:"])
from twisted.internet import reactor
fired = []
reactor.callLater(3000, fired.append, "too early")
def step():
    ahead[0] = {step}
    reactor.callLater(0.01, reactor.stop)
reactor.callWhenRunning(step)
reactor.run()
print(type(reactor).__name__, reactor.seconds is time.monotonic, fired)
"""


def run(
    program: str, folder: Path, *words: str, **environ: str
) -> tuple[int, list[str], list[str]]:
    """Run a program; returns exit code and the lines of stdout and stderr."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIPAPP_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_flags_become_the_configuration(tmp_path: Path) -> None:
    """Lists keep their order; flags win over the environment, which wins over ./sipapp.toml."""
    (tmp_path / "sipapp.toml").write_text('auth = "none"\ndomains = ["file.example"]\n')
    words = (
        "--listen=udp:0:interface=127.0.0.1 --listen tcp:0:interface=127.0.0.1 --domain b.example"
        " --domain a.example --app proxy --app registrar --store memory:"
    ).split()
    assert run(PARSE, tmp_path, *words, SIPAPP_AUTH="digest", SIPAPP_STORE="sqlite:x") == (
        0,
        [
            "udp:0:interface=127.0.0.1 tcp:0:interface=127.0.0.1 b.example a.example"
            " proxy registrar memory: digest"
        ],
        [],
    )


@pytest.mark.parametrize("words", [["-c", "my.toml"], ["--config=my.toml"], []])
def test_the_file_is_given_by_flag_or_variable(tmp_path: Path, words: list[str]) -> None:
    """Its store is beside it, wherever the server is started."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/my.toml").write_text('listen = ["udp:0:interface=127.0.0.1"]\n')
    environ = {} if words else {"SIPAPP_CONFIG": "etc/my.toml"}
    code, out, err = run(PARSE, tmp_path / ("etc" if words else ""), *words, **environ)
    store = f"sqlite:{tmp_path}/etc/var/sipapp.sqlite"
    assert (code, out, err) == (
        0,
        [f"udp:0:interface=127.0.0.1 registrar proxy {store} digest"],
        [],
    )


def test_the_demonstration_needs_nothing(tmp_path: Path) -> None:
    """Loopback, three applications, SQLite in ./var; it does not read ./sipapp.toml."""
    (tmp_path / "sipapp.toml").write_text("broken")
    assert run(PARSE, tmp_path, "--demo") == (
        0,
        [
            "udp:5060:interface=127.0.0.1 tcp:5060:interface=127.0.0.1 127.0.0.1"
            f" registrar redirect proxy sqlite:{tmp_path}/var/sipapp.sqlite digest"
        ],
        [],
    )


@pytest.mark.parametrize(
    ("words", "code", "lines"),
    [
        (
            "",
            64,
            [
                "sipapp: nothing says what to serve: no sipapp.toml here; try --demo, or -c FILE"
                " (sipapp init writes sipapp.toml), or --listen and --domain"
            ],
        ),
        ("--bogus", 64, ["sipapp: option --bogus not recognized; see twistd sipapp --help"]),
        ("extra", 64, ["sipapp: Wrong number of arguments.; see twistd sipapp --help"]),
        ("--demo -c x", 64, ["sipapp: --demo and -c exclude each other; leave one away"]),
        (
            "-c none.toml",
            78,
            [
                "sipapp: none.toml: cannot be read: No such file or directory;"
                " check the path and its permissions"
            ],
        ),
        (
            "--listen udp:5060 --auth none",
            64,
            [
                'sipapp: --auth: "none" would open udp:5060:interface=0.0.0.0 to everybody;'
                ' use "digest", or listen on 127.0.0.1 only'
            ],
        ),
        (
            "--listen udp:x --app prox",
            64,
            [
                "sipapp: --listen: 'x' is no port; use a number from 0 to 65535",
                "sipapp: --app: prox: no installed distribution offers it"
                " (there are: forwarding, proxy, redirect, registrar, screening);"
                ' did you mean "proxy"?',
            ],
        ),
    ],
)
def test_a_mistake_is_a_line_and_a_code(
    tmp_path: Path, words: str, code: int, lines: list[str]
) -> None:
    """Not twistd's page of help with exit code 1."""
    assert run(PARSE, tmp_path, *words.split()) == (code, [], lines)


def test_version(tmp_path: Path) -> None:
    """Ours, not Twisted's."""
    assert run(PARSE, tmp_path, "--version") == (0, [f"sipapp {sipapp.__version__}"], [])


@pytest.mark.parametrize("step", [3600, -3600])
@pytest.mark.parametrize(
    ("asked", "chosen"), [("", "AsyncioSelectorReactor"), ("epoll", "EPollReactor")]
)
def test_timers_do_not_follow_the_wall_clock(
    tmp_path: Path, asked: str, chosen: str, step: int
) -> None:
    """A clock set by an hour fires nothing early and delays nothing, on either reactor."""
    program = TIMERS.replace("{step}", str(step))
    assert run(program, tmp_path, asked) == (0, [f"{chosen} True []"], [])
