"""``--demo``: a server that works at once on this machine, and a screen that says how to use it."""

from __future__ import annotations

__all__ = ["DEMO", "prepare", "screen"]

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote

from sipapp.app.config import Config
from sipapp.app.users import Users, generate_password
from sipapp.errors import ConfigError, Problem

# The address itself serves as domain: every phone can resolve that.
DEMO = Config(domains=("127.0.0.1",), apps=("registrar", "redirect", "proxy"))
"""The defaults of a demonstration; flags and the environment may change them."""

_NAMES = ("alice", "bob")

_SCREEN = """
sipapp is running, on this machine only, for the domain {domain}:
{listen}

Two users are set up:
{users}

 1. Enter one user into a SIP phone on this machine (Linphone, baresip ...):
    user name, password, domain {domain}, proxy {proxy}.
    Enter the other into a second phone.
 2. Call one from the other:  {callee}

 More users   {bin}sipapp user add carol@{domain} --generate --store {store}
 Your server  {bin}sipapp init && {bin}sipapp check
              {bin}twistd -n sipapp
 Stop         Ctrl-C. Users and registrations are kept in {state_dir}
 Read on      README.rst and docs/
"""


def prepare(config: Config, new_password: Callable[[], str] = generate_password) -> dict[str, str]:
    """Set up the two users; a second start finds them as they were, so that phones stay valid.

    The server stores hashes only. The passwords of the demonstration are to be shown again, so
    they are kept beside the database in ``demo-users.txt``, readable by its owner only.

    Args:
        config: with a SQLite store and at least one domain.
        new_password: makes a password.
    Returns: user to password, ``{"alice@127.0.0.1": ...}``.
    Raises:
        ConfigError: the store is not SQLite, or the file of the passwords cannot be used.
        StoreError: the database refused.
    """
    if config.store.path is None:
        fix = "leave --store away or use sqlite:PATH"
        raise ConfigError([Problem("--demo", "keeps its users in SQLite, not in memory", fix)])
    domain = config.domains[0]
    passwords = _passwords(
        config.state_dir / "demo-users.txt", [f"{name}@{domain}" for name in _NAMES], new_password
    )
    with Users(config.store.path) as users:
        for user, password in passwords.items():
            users.put(user.partition("@")[0], domain, password)
    return passwords


def screen(config: Config, passwords: Mapping[str, str], folder: Path, commands: str) -> str:
    """Write the text that greets: what runs, who may call, what to do next.

    Args:
        config: what the server runs with.
        passwords: what ``prepare`` returned.
        folder: where the shell is; paths below it are shown relative to it.
        commands: what this shell must write before ``sipapp`` and ``twistd``: nothing, or a
            folder with a slash at its end.
    """
    first = config.listen[0]
    host = f"[{first.host}]" if ":" in first.host else first.host
    return _SCREEN.format(
        domain=config.domains[0],
        listen="\n".join(f"   {one.transport} {one.host} port {one.port}" for one in config.listen),
        users="\n".join(f"   {user:24} password {word}" for user, word in passwords.items()),
        proxy=f"sip:{host}:{first.port}",
        callee=f"sip:{list(passwords)[-1]}",
        bin=commands.replace(" ", "\\ "),
        store=quote(f"sqlite:{_seen_from(folder, config.store.path or Path())}"),
        state_dir=_seen_from(folder, config.state_dir),
    )


def _seen_from(folder: Path, path: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _passwords(path: Path, users: list[str], new_password: Callable[[], str]) -> dict[str, str]:
    """Read the file; make what is missing and write it back."""
    try:
        known = dict(_pairs(path.read_text(encoding="utf-8"))) if path.exists() else {}
        wanted = {user: known.get(user) or new_password() for user in users}
        if wanted.items() - known.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(path, {**known, **wanted})
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is not a list of users and passwords"
        raise ConfigError([Problem(str(path), reason, "delete it or change its owner")]) from error
    return wanted


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return [(user, password) for user, password in lines]


def _write_private(path: Path, passwords: Mapping[str, str]) -> None:
    text = "".join(f"{user} {password}\n" for user, password in passwords.items())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
