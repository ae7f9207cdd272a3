"""``twistd sipapp``: its options, and the service that they describe."""

from __future__ import annotations

__all__ = ["Options", "makeService"]

import os
import sys
import time
from importlib import import_module
from pathlib import Path
from shutil import which
from typing import Any, cast

from twisted.application.service import IService
from twisted.python import usage

from sipapp import __version__
from sipapp.app.bind_check import bind_problems
from sipapp.app.config import Loaded
from sipapp.app.demo import DEMO, prepare, screen
from sipapp.app.exit import CONFIG, USAGE, code_for, leave, lines_for
from sipapp.app.guarded import GuardedService, Server
from sipapp.app.launch import DEFAULT_FILE, is_configured, load_config, locate, placed
from sipapp.errors import ConfigError

_TRY = f"try --demo, or -c FILE (sipapp init writes {DEFAULT_FILE}), or --listen and --domain"


class Options(usage.Options):
    """What may follow ``twistd sipapp``; once parsed, ``loaded`` holds the result."""

    synopsis = "[options]"
    longdesc = (
        "Runs a SIP application server. Options win over SIPAPP_... variables, these over the "
        f"file of -c, $SIPAPP_CONFIG or ./{DEFAULT_FILE}. More commands: sipapp --help."
    )
    optFlags = (["demo", None, "Start a demonstration on 127.0.0.1, with state in ./var."],)
    optParameters = (
        ["config", "c", None, "Configuration file, TOML."],
        ["store", None, None, "memory: or sqlite:PATH"],
        ["auth", None, None, "digest, or none (loopback only)"],
    )
    loaded: Loaded

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lists: dict[str, list[str]] = {"--listen": [], "--domain": [], "--app": []}

    def opt_listen(self, text: str) -> None:
        """Listen here, for example udp:5060:interface=127.0.0.1. Repeatable."""
        self.lists["--listen"].append(text)

    def opt_domain(self, name: str) -> None:
        """Be responsible for this domain. Repeatable."""
        self.lists["--domain"].append(name)

    def opt_app(self, name: str) -> None:
        """Load this application. Repeatable, in order."""
        self.lists["--app"].append(name)

    def opt_version(self) -> None:
        """Show the version and exit."""
        sys.stdout.write(f"sipapp {__version__}\n")
        raise SystemExit(0)

    def parseOptions(self, options: Any = None) -> None:
        """Parse; a mistake ends the process, since twistd would answer it with a page of help."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            leave([f"{error}; see twistd sipapp --help"], USAGE)

    def postOptions(self) -> None:
        """Choose the reactor and load the configuration."""
        _install_reactor()
        self._keep_no_pid_file()
        path = None if self["demo"] else locate(self["config"], os.environ)
        if self["demo"] and self["config"]:
            leave(["--demo and -c exclude each other; leave one away"], USAGE)
        if not self["demo"] and not is_configured(path, self.flags, os.environ):
            leave([f"nothing says what to serve: no {DEFAULT_FILE} here; {_TRY}"], USAGE)
        try:
            base = DEMO if self["demo"] else None
            self.loaded = load_config(path, self.flags, os.environ, base)
        except ConfigError as error:
            leave(lines_for(error), code_for(error))

    @property
    def flags(self) -> dict[str, list[str]]:
        """What the command line gave, by flag."""
        single = {f"--{name}": [self[name]] if self[name] else [] for name in ("store", "auth")}
        return {**self.lists, **single}

    @property
    def foreground(self) -> bool:
        """Whether the process stays on its terminal."""
        # `twist` has no such option and never leaves it.
        return bool(self._outer.get("nodaemon", True))

    @property
    def _outer(self) -> dict[str, Any]:
        """The options before ``sipapp``: those of ``twistd``, of ``twist`` or none."""
        return {} if self.parent is None else self.parent

    def clean_up(self, line: str) -> None:
        """Do what ``twistd`` leaves undone when the process ends before its reactor runs."""
        if self._outer.get("pidfile"):
            Path(self._outer["pidfile"]).unlink(missing_ok=True)
        if self._outer.get("statusPipe"):
            # The process on the terminal reads up to 100 octets here, prints them and exits.
            os.write(self._outer["statusPipe"], b"1 " + line.encode("ascii", "replace")[:98])

    def _keep_no_pid_file(self) -> None:
        """In the foreground the pid is no secret, and a second server would be refused for it.

        The port tells much better whether two servers are in each other's way; and the
        current folder may be read-only.
        """
        if self.foreground and self._outer.get("pidfile") == "twistd.pid":
            self._outer["pidfile"] = ""


def makeService(options: Options) -> IService:
    """Describe the server; a port that cannot be had ends the process with a line and a code.

    Runs before ``twistd`` goes into the background, so that the line reaches the terminal.
    """
    config = options.loaded.config
    if problems := bind_problems(config.listen):
        leave([str(problem) for problem in problems], CONFIG)
    here, commands = Path.cwd(), _commands()

    def make() -> Server:
        # Late: these modules are most of the server, and the reactor must be chosen before.
        from twisted.internet import reactor

        from sipapp.app.service import SipappService

        if options["demo"]:
            greeting.append(screen(config, prepare(config), here, commands))
        return SipappService(config, cast(Any, reactor))

    def failed(error: Exception) -> None:
        lines = lines_for(placed(error, options.loaded.origins))
        options.clean_up(lines[0])
        leave(lines, code_for(error))

    def started() -> None:
        # Not sys.stdout: twistd has put its log there.
        if greeting and sys.__stdout__ is not None:
            sys.__stdout__.write(greeting[0])
            sys.__stdout__.flush()

    greeting: list[str] = []
    return GuardedService(make, failed, started)


def _install_reactor() -> None:
    """Install asyncio, on uvloop if there is one, unless ``--reactor`` has installed another.

    With asyncio an application may await Deferreds and asyncio libraries alike.
    """
    if "twisted.internet.reactor" not in sys.modules:
        import asyncio

        from twisted.internet import asyncioreactor

        try:
            loop = import_module("uvloop").new_event_loop()
        except ImportError:
            loop = asyncio.new_event_loop()
        # Without this a future made before the start would sit on another loop and never fire.
        asyncio.set_event_loop(loop)
        asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    # Twisted reads the wall clock: when somebody sets it, every timer would fire at once or
    # freeze. Both kinds of reactor ask this attribute for each timer, so it must be exchanged
    # before the first callLater, and that is now.
    cast(Any, reactor).seconds = time.monotonic


def _commands() -> str:
    """What to write before ``sipapp`` in this shell: nothing if it is found anyway."""
    folder = Path(sys.argv[0]).absolute().parent
    found = which("sipapp")
    if not (folder / "sipapp").exists() or (found and Path(found).parent == folder):
        return ""
    relative = Path(os.path.relpath(folder))
    return f"{folder if relative.parts[:1] == ('..',) else relative}/"
