"""The ``sipapp`` command: what it prints, and its exit codes."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import sipapp
from sipapp.cli import main


class Terminal:
    """Runs commands in one folder and returns (exit code, stdout, stderr)."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        monkeypatch.chdir(folder)
        monkeypatch.delenv("SIPAPP_CONFIG", raising=False)
        self.monkeypatch = monkeypatch
        self.capfd = capfd

    def __call__(self, *words: str, typed: str = "") -> tuple[object, str, str]:
        """Run one command."""
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        try:
            code: object = main(words)
        except SystemExit as exit_:
            code = exit_.code
        return (code, *self.capfd.readouterr())


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Terminal:
    """A terminal in an empty folder."""
    return Terminal(monkeypatch, capfd, tmp_path)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("frob", "argument COMMAND: invalid choice: 'frob'"),
        ("", "the following arguments are required: COMMAND; see sipapp --help"),
        ("check --list udp:5060", "unrecognized arguments: --list udp:5060; see sipapp --help"),
        ("check --bogus", "unrecognized arguments: --bogus; see sipapp --help"),
        ("user add", "the following arguments are required: user; see sipapp user add --help"),
        ("check", "there is no sipapp.toml here; use -c FILE"),
        ("user list", "there is no sipapp.toml here; use -c FILE or --store sqlite:PATH"),
        ("user list --store memory:", "a memory store keeps no users; use --store sqlite:PATH"),
        (
            "user add alice --generate --store sqlite:x",
            "'alice' is no user; write it like alice@example.com",
        ),
        (
            "user add a@example.com --store sqlite:x",
            "no terminal to ask for a password; use --password-stdin or --generate",
        ),
        ("user add a@example.com --store x", '--store: "x" is no store; use "memory:"'),
    ],
)
def test_a_wrong_command_is_one_line_and_64(terminal: Terminal, words: str, line: str) -> None:
    """No page of help, no traceback."""
    code, out, err = terminal(*words.split())
    assert (code, out, err.count("\n")) == (64, "", 1)
    assert err.startswith(f"sipapp: {line}")


def test_check_has_applications_judge_their_sections(terminal: Terminal, tmp_path: Path) -> None:
    """With file and line, as for all other mistakes."""
    lines = ['listen = ["udp:5060:interface=127.0.0.1"]', 'domains = ["a.test"]', 'auth = "none"']
    lines += ['apps = ["redirect"]', "[app.redirect]", "tabel = 1"]
    (tmp_path / "sipapp.toml").write_text("\n".join(lines))
    assert terminal("check") == (
        78,
        "",
        "sipapp: sipapp.toml:6 app.redirect.tabel: is no key here; use table or prefix\n",
    )


def test_init_writes_what_check_accepts(terminal: Terminal, tmp_path: Path) -> None:
    """And never writes over a file."""
    assert terminal("init") == (
        0,
        "wrote sipapp.toml; next: edit it, then sipapp check -c sipapp.toml\n",
        "",
    )
    assert terminal("check") == (0, f"{tmp_path}/sipapp.toml: no mistakes\n", "")
    text = (tmp_path / "sipapp.toml").read_text()
    assert terminal("init") == (
        73,
        "",
        "sipapp: sipapp.toml: exists already; move it away or name another file\n",
    )
    assert (tmp_path / "sipapp.toml").read_text() == text


def test_init_where_nothing_can_be_written(terminal: Terminal) -> None:
    """The folder is missing."""
    assert terminal("init", "no/such.toml") == (
        73,
        "",
        "sipapp: no/such.toml: No such file or directory; choose a folder you may write to\n",
    )


def test_init_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Half a file would make the next attempt fail as well."""
    command = f"ulimit -f 0; exec {shlex.quote(sys.executable)} -m sipapp init"
    uncovered = {name: os.environ[name] for name in os.environ if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env=uncovered,  # coverage could not write its figures either, and says so
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == "sipapp: sipapp.toml: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_check_lists_all_mistakes(terminal: Terminal, tmp_path: Path) -> None:
    """One line each, exit code 78."""
    (tmp_path / "x.toml").write_text('auth = "basic"\nlissten = []\napps = ["prox"]\n')
    code, out, err = terminal("check", "-c", "x.toml", "--listen", "udp:x")
    assert (code, out) == (78, "")
    assert err.splitlines() == [
        'sipapp: x.toml:1 auth: "basic" is not known; use "digest" or "none"',
        'sipapp: x.toml:2 lissten: is no key of sipapp; did you mean "listen"?',
        "sipapp: x.toml:3 apps: prox: no installed distribution offers it"
        ' (there are: forwarding, proxy, redirect, registrar, screening); did you mean "proxy"?',
        "sipapp: --listen: 'x' is no port; use a number from 0 to 65535",
    ]


def test_check_of_an_unreadable_file(terminal: Terminal) -> None:
    """Exit code 78."""
    assert terminal("check", "-c", "none.toml") == (
        78,
        "",
        "sipapp: none.toml: cannot be read: No such file or directory;"
        " check the path and its permissions\n",
    )


def test_check_show_prints_values_with_origins(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment counts."""
    monkeypatch.setenv("SIPAPP_AUTH", "none")
    code, out, err = terminal("check", "--show", "--store", "memory:")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["auth", "=", '"none"', "#", "SIPAPP_AUTH"] in lines
    assert ["store", "=", '"memory:"', "#", "--store"] in lines


def test_users_come_change_and_go(terminal: Terminal) -> None:
    """Passwords are read from stdin or made up."""
    terminal("init")
    alice = "alice@example.com"
    assert terminal("user", "add", alice, "--password-stdin", typed="secret\n") == (
        0,
        "added alice@example.com\n",
        "",
    )
    code, out, err = terminal("user", "add", "Bob@Example.com", "--generate")
    assert (code, err) == (0, "")
    assert out.startswith("added Bob@example.com, password ")
    assert len(out.split()[-1]) == 14
    assert terminal("user", "list")[1] == "Bob@example.com\nalice@example.com\n"
    assert terminal("user", "passwd", alice, "--password-stdin", typed="other\n")[:2] == (
        0,
        "changed alice@example.com\n",
    )
    assert terminal("user", "del", alice) == (0, "deleted alice@example.com\n", "")
    assert terminal("user", "list", "EXAMPLE.com")[1] == "Bob@example.com\n"


def test_users_that_are_there_or_not(terminal: Terminal, tmp_path: Path) -> None:
    """Codes 73 and 67, one line each. The file of another server here does not matter."""
    (tmp_path / "sipapp.toml").write_text("broken")
    store = ("--store", "sqlite:x.db")
    terminal("user", "add", "alice@example.com", "--generate", *store)
    assert terminal("user", "add", "alice@example.com", "--generate", *store) == (
        73,
        "",
        "sipapp: alice@example.com exists; use sipapp user passwd\n",
    )
    for words in (("passwd", "bob@example.com", "--generate"), ("del", "bob@example.com")):
        assert terminal("user", *words, *store) == (
            67,
            "",
            "sipapp: there is no bob@example.com; sipapp user list shows all\n",
        )


@pytest.mark.parametrize("words", ["list", "del a@example.com", "passwd a@example.com --generate"])
def test_a_database_that_is_not_there_is_not_made(
    terminal: Terminal, tmp_path: Path, words: str
) -> None:
    """A path with a mistake would look like a server without users."""
    path = tmp_path / "typo.sqlite"
    assert terminal("user", *words.split(), "--store", "sqlite:typo.sqlite") == (
        67,
        "",
        f"sipapp: {path} does not exist; the first sipapp user add makes it\n",
    )
    assert not path.exists()


def test_a_user_of_a_foreign_domain_is_remarked_upon(terminal: Terminal) -> None:
    """It may be a typing mistake, or a domain that is added later."""
    terminal("init")
    code, _, err = terminal("user", "add", "alice@example.org", "--generate")
    assert (code, err) == (
        0,
        "sipapp: note: example.org is not among the domains of this server\n",
    )


def test_an_empty_password_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    """Nothing is created."""
    words = ("user", "add", "a@example.com", "--password-stdin", "--store", "sqlite:x.db")
    code, out, err = terminal(*words, typed="\n")
    assert (code, out, err.count("\n")) == (64, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_none(terminal: Terminal, tmp_path: Path) -> None:
    """Exit code 74."""
    (tmp_path / "x.db").write_text("This is a letter, not a database. " * 50)
    assert terminal("user", "list", "--store", "sqlite:x.db") == (
        74,
        "",
        f"sipapp: {tmp_path}/x.db: file is not a database\n",
    )


@pytest.mark.parametrize(
    "words", [["-m", "sipapp", "--version"], ["-m", "sipapp", "run", "--help"]]
)
def test_python_dash_m(words: list[str]) -> None:
    """The module is the command, too; ``run`` takes the options of ``twistd sipapp``."""
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, timeout=60
    )
    expected = "--listen=" if "run" in words else f"sipapp {sipapp.__version__}\n"
    assert (done.returncode, expected in done.stdout) == (0, True), done.stderr
