"""What would stop a server from starting, found without starting one."""

from __future__ import annotations

__all__ = ["start_problems"]

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from twisted.internet.task import Clock

from sipapp.app.application import Application
from sipapp.app.config import Config
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.discovery import load_application
from sipapp.app.interfaces import ISIPApplication, ISIPServer
from sipapp.app.server import Server
from sipapp.app.testing.network import VirtualNetwork
from sipapp.app.world import World
from sipapp.errors import ConfigError, PluginError, Problem
from sipapp.transport.zone import Zone

_MAGIC = b"SQLite format 3\0"


def start_problems(config: Config) -> list[Problem]:
    """Judge what only the applications and the database file can tell.

    Every application is made, with its section, on a server that nobody starts. What it does
    when it is made it does here as well.

    Args:
        config: loaded, so that its applications can be found.
    Returns: all mistakes; ``where`` is the key.
    """
    problems = [] if config.store.path is None else _file_problems(config.store.path)

    def load(name: str, sip: ISIPServer, section: Mapping[str, object]) -> ISIPApplication:
        try:
            return load_application(name, sip, section)
        except ConfigError as error:
            problems.extend(error.problems)
        except PluginError as error:
            problems.append(Problem("apps", str(error), "mend its section or take the name away"))
        return Application(sip, section)

    Server(replace(config, store=StoreAddress("memory")), _nowhere(), bytes(32), load)
    return problems


def _nowhere() -> World:
    clock = Clock()
    return World(
        network=VirtualNetwork(clock).host("192.0.2.1"),
        clock=clock,
        utc=clock.seconds,
        dns=Zone(clock),
        random_bytes=bytes,
        uniform=lambda: 0.0,
        call_from_thread=lambda call, *arguments: call(*arguments),
    )


def _file_problems(path: Path) -> list[Problem]:
    """Look at the first octets; a file that is not there yet will be made."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) in (b"", _MAGIC):
                return []
        cause = "is no SQLite database"
    except FileNotFoundError:
        return []
    except OSError as error:
        cause = error.strerror or str(error)
    return [Problem("store", f"{path}: {cause}", "name another file or mend this one")]
