"""The ``sipapp`` command: check, init, new, user and run.

Mistakes are one line on stderr: what, why, what to do. Exit codes are in ``sipapp.app.exit``.
"""

from __future__ import annotations

__all__ = ["main"]

import argparse
import os
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import Any, NoReturn

from sipapp import __version__
from sipapp.app.config import Config, Loaded
from sipapp.app.config.reference import commented_file, shown
from sipapp.app.exit import CANNOT_CREATE, NO_USER, USAGE, code_for, leave, lines_for
from sipapp.app.launch import DEFAULT_FILE, is_configured, load_config, locate, placed
from sipapp.app.new_package import write_package
from sipapp.app.users import Users, generate_password, split_user
from sipapp.errors import ConfigError, StoreError, UsageError
from sipapp.store.accounts import new_account


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the name of the program; those of the process by default.
    Returns: the exit code.
    Raises:
        SystemExit: for every mistake, with its code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Its options are those of twistd, which parses them itself.
    if words[:1] == ["run"]:
        return _run(words[1:])
    options = _parser().parse_args(words)
    try:
        return int(options.command(options))
    except (ConfigError, StoreError) as error:
        leave(lines_for(error), code_for(error))


class _Parser(argparse.ArgumentParser):
    """Answers a mistake with one line instead of a page; takes no word for another."""

    def __init__(self, **settings: Any) -> None:
        # An abbreviation that works today is ambiguous when the next option comes.
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        leave([f"{message}; see {self.prog} --help"], USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sipapp", description="A SIP application server.")
    parser.add_argument("--version", action="version", version=f"sipapp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser("run", help="start the server: short for twistd -n sipapp")
    check = commands.add_parser("check", help="list every mistake of a configuration")
    _add_flags(check)
    check.add_argument("--show", action="store_true", help="print every value and its origin")
    check.set_defaults(command=_check)
    init = commands.add_parser("init", help="write a commented configuration")
    init.add_argument("file", nargs="?", default=DEFAULT_FILE, help=f"default: {DEFAULT_FILE}")
    init.set_defaults(command=_init)
    new = commands.add_parser("new", help="write a package for an application of your own")
    new.add_argument("name", help="like my_screening; a folder of that name is made here")
    new.set_defaults(command=_new)
    _add_user_commands(commands.add_parser("user", help="who may register and call"))
    return parser


def _add_user_commands(user: argparse.ArgumentParser) -> None:
    verbs = user.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = verbs.add_parser("add", help="create a user; asks for the password")
    passwd = verbs.add_parser("passwd", help="change a password; asks for it")
    delete = verbs.add_parser("del", help="remove a user")
    for one in (add, passwd, delete):
        one.add_argument("user", help="like alice@example.com")
    for one in (add, passwd):
        how = one.add_mutually_exclusive_group()
        how.add_argument("--password-stdin", action="store_true", help="read it from stdin")
        how.add_argument("--generate", action="store_true", help="make one up and print it")
    listing = verbs.add_parser("list", help="print all users")
    listing.add_argument("of", nargs="?", metavar="DOMAIN", help="only those of this domain")
    for one, command in (
        (add, _user_add),
        (passwd, _user_passwd),
        (delete, _user_del),
        (listing, _user_list),
    ):
        _add_store_flags(one)
        one.set_defaults(command=command)


def _add_store_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", help=f"default: ./{DEFAULT_FILE}")
    parser.add_argument("--store", action="append", metavar="STORE", help="sqlite:PATH")


def _add_flags(parser: argparse.ArgumentParser) -> None:
    _add_store_flags(parser)
    parser.add_argument("--listen", action="append", metavar="STRING", help="repeatable")
    parser.add_argument("--domain", action="append", metavar="NAME", help="repeatable")
    parser.add_argument("--app", action="append", metavar="NAME", help="repeatable, in order")
    parser.add_argument("--auth", action="append", metavar="WORD", help="digest or none")


def _run(words: list[str]) -> int:
    from twisted.scripts import twistd

    sys.argv[1:] = ["-n", "sipapp", *words]
    twistd.run()  # type: ignore[no-untyped-call]
    return 0


def _check(options: argparse.Namespace) -> int:
    from sipapp.app.start_check import start_problems  # late: it is the whole server

    loaded = _loaded(options)
    if problems := start_problems(loaded.config):
        raise placed(ConfigError(problems), loaded.origins)
    if options.show:
        print(shown(loaded))
    else:
        print(f"{loaded.config.source or 'the configuration'}: no mistakes")
    return 0


def _new(options: argparse.Namespace) -> int:
    try:
        folder = write_package(options.name, Path())
    except UsageError as error:
        leave([str(error)], USAGE)
    except OSError as error:
        leave([f"{options.name}: {error.strerror}; choose another name or folder"], CANNOT_CREATE)
    print(f"{folder}: an application, its tests, and a README that says how to go on")
    return 0


def _init(options: argparse.Namespace) -> int:
    path = Path(options.file)
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        leave([f"{path}: exists already; move it away or name another file"], CANNOT_CREATE)
    except OSError as error:
        leave([f"{path}: {error.strerror}; choose a folder you may write to"], CANNOT_CREATE)
    try:
        with file:
            file.write(commented_file(options.file))
    except OSError as error:
        path.unlink()  # half a file would be in the way of the next attempt
        leave([f"{path}: {error.strerror}"], CANNOT_CREATE)
    print(f"wrote {path}; next: edit it, then sipapp check -c {path}")
    return 0


def _user_add(options: argparse.Namespace) -> int:
    config, path = _store(options)
    username, domain = _user(options.user)
    if config.domains and domain not in config.domains:
        sys.stderr.write(f"sipapp: note: {domain} is not among the domains of this server\n")
    password = _password(options, username, domain)
    with Users(path) as users:
        if users.has(username, domain):
            leave([f"{username}@{domain} exists; use sipapp user passwd"], CANNOT_CREATE)
        users.add(username, domain, password)
    return _told(options, f"added {username}@{domain}", password)


def _user_passwd(options: argparse.Namespace) -> int:
    path = _filled_store(options)
    username, domain = _user(options.user)
    password = _password(options, username, domain)
    with Users(path) as users:
        _must_exist(users, username, domain)
        users.set_password(username, domain, password)
    return _told(options, f"changed {username}@{domain}", password)


def _user_del(options: argparse.Namespace) -> int:
    path = _filled_store(options)
    username, domain = _user(options.user)
    with Users(path) as users:
        _must_exist(users, username, domain)
        users.delete(username, domain)
    print(f"deleted {username}@{domain}")
    return 0


def _user_list(options: argparse.Namespace) -> int:
    path = _filled_store(options)
    with Users(path) as users:
        for account in users.list(options.of and options.of.lower()):
            print(f"{account.username}@{account.domain}{'' if account.enabled else ' (disabled)'}")
    return 0


def _told(options: argparse.Namespace, what: str, password: str) -> int:
    print(f"{what}, password {password}" if options.generate else what)
    return 0


def _must_exist(users: Users, username: str, domain: str) -> None:
    if not users.has(username, domain):
        leave([f"there is no {username}@{domain}; sipapp user list shows all"], NO_USER)


def _user(text: str) -> tuple[str, str]:
    try:
        return split_user(text)
    except StoreError as error:
        leave(lines_for(error), USAGE)


def _password(options: argparse.Namespace, username: str, domain: str) -> str:
    """Get the new password from where the options say, and check that it is one."""
    if options.generate:
        password = generate_password()
    elif options.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = _asked()
    try:
        new_account(username, domain, password)
    except StoreError as error:
        leave([f"{error}; nothing was changed"], USAGE)
    return password


def _asked() -> str:
    if not sys.stdin.isatty():
        leave(["no terminal to ask for a password; use --password-stdin or --generate"], USAGE)
    password = getpass("Password: ")
    if password != getpass("Again: "):
        leave(["the passwords differ; nothing was changed"], USAGE)
    return password


def _store(options: argparse.Namespace) -> tuple[Config, Path]:
    """Find the database that the server of this configuration uses."""
    # A store that is named needs no ./sipapp.toml, which may describe another server.
    config = _loaded(options, look=not options.store).config
    if config.store.path is None:
        leave(["a memory store keeps no users; use --store sqlite:PATH"], USAGE)
    return config, config.store.path


def _filled_store(options: argparse.Namespace) -> Path:
    """Find the database; not to find it is better than to make one where a path is mistyped."""
    _, path = _store(options)
    if not path.exists():
        leave([f"{path} does not exist; the first sipapp user add makes it"], NO_USER)
    return path


def _loaded(options: argparse.Namespace, *, look: bool = True) -> Loaded:
    words = ("listen", "domain", "app", "store", "auth")
    flags = {f"--{word}": getattr(options, word, None) or [] for word in words}
    path = locate(options.config, os.environ) if look or options.config else None
    if not is_configured(path, flags, os.environ):
        advice = f"use -c FILE or --store sqlite:PATH, or write a {DEFAULT_FILE} with sipapp init"
        leave([f"there is no {DEFAULT_FILE} here; {advice}"], USAGE)
    return load_config(path, flags, os.environ)
