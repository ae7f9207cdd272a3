"""The configuration: precedence, every kind of mistake, and what is written from the keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from sipapp.app.config import Config, Loaded, load
from sipapp.app.config.reference import commented_file, shown
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.config.values import ProxySettings, RegistrarSettings, keys
from sipapp.app.endpoint_strings import ListenAddress
from sipapp.errors import ConfigError, Problem

INSTALLED = ("registrar", "proxy", "redirect", "voicemail")


def check_app(name: str) -> tuple[str, str] | None:
    """Stand for the search of installed applications."""
    return None if name in INSTALLED else (f'no application "{name}"', "install it")


def written(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "sipapp.toml"
    path.write_text(dedent(text))
    return path


def loaded(path: Path | None = None, /, **sources: dict[str, str] | dict[str, list[str]]) -> Loaded:
    """Load with the installed applications of this test."""
    return load(path, known_app=check_app, **sources)  # type: ignore[arg-type]


def problems(
    path: Path | None = None, /, **sources: dict[str, str] | dict[str, list[str]]
) -> list[str]:
    """Load and return every mistake, without the folder of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(path, **sources)
    assert all(isinstance(problem, Problem) for problem in caught.value.problems)
    prefix = f"{path.parent}/" if path else ""
    return [str(problem).replace(prefix, "") for problem in caught.value.problems]


def test_nothing_written_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server on loopback that asks for passwords, with its state in ./var."""
    monkeypatch.chdir(tmp_path)
    outcome = loaded()
    state_dir = tmp_path / "var"
    assert outcome.config == replace(
        Config(), state_dir=state_dir, store=StoreAddress("sqlite", state_dir / "sipapp.sqlite")
    )
    assert set(outcome.origins.values()) == {"default"}


def test_a_file_is_read_into_values(tmp_path: Path) -> None:
    """Paths are relative to the file, not to the current folder."""
    path = written(
        tmp_path,
        """\
        listen = ["udp:5060:interface=127.0.0.1:advertise=sip.example.com"]
        domains = ["Example.COM", "192.0.2.1"]
        apps = ["registrar", "voicemail"]
        state_dir = "state"
        auth = "none"
        outbound_proxy = "sip:edge.example.net:5070;lr"
        [registrar]
        min_expires = 30
        [proxy]
        record_route = false
        timer_c = 200
        [app.voicemail]
        greeting = "hello.wav"
        """,
    )
    assert loaded(path).config == Config(
        listen=(ListenAddress("UDP", "127.0.0.1", 5060, ("sip.example.com", 5060)),),
        domains=("example.com", "192.0.2.1"),
        apps=("registrar", "voicemail"),
        state_dir=tmp_path / "state",
        store=StoreAddress("sqlite", tmp_path / "state" / "sipapp.sqlite"),
        auth="none",
        outbound_proxy="sip:edge.example.net:5070;lr",
        registrar=RegistrarSettings(min_expires=30),
        proxy=ProxySettings(record_route=False, timer_c=200.0),
        app_sections={"voicemail": {"greeting": "hello.wav"}},
        source=path,
    )


def test_command_line_over_environment_over_file_over_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source wins over those below it, and the origin of every value is known."""
    monkeypatch.chdir(tmp_path)
    path = written(
        tmp_path,
        """\
        apps = ["proxy"]
        domains = ["file.example"]
        store = "memory:"
        [registrar]
        min_expires = 10
        """,
    )
    outcome = loaded(
        path,
        environ={
            "SIPAPP_DOMAINS": "env.example, other.example",
            "SIPAPP_APPS": '["registrar"]',
            "SIPAPP_REGISTRAR__MAX_EXPIRES": "4000",
            "SIPAPP_PROXY__RECORD_ROUTE": "false",
            "SIPAPP_APP__VOICEMAIL__SECONDS": "30",
            "SIPAPP_APP__VOICEMAIL__GREETING": "hello.wav",
            "SIPAPP_PORT": "tcp://10.0.0.1:80",
            "PATH": "/bin",
        },
        flags={"--app": ["registrar", "redirect"], "--listen": [], "--store": ["sqlite:x.db"]},
    )
    config = outcome.config
    assert (config.apps, config.domains) == (
        ("registrar", "redirect"),
        ("env.example", "other.example"),
    )
    assert config.store == StoreAddress("sqlite", tmp_path / "x.db")
    assert config.registrar == RegistrarSettings(min_expires=10, max_expires=4000)
    assert config.proxy == ProxySettings(record_route=False)
    assert config.app_sections == {"voicemail": {"seconds": 30, "greeting": "hello.wav"}}
    assert {name: o for name, o in outcome.origins.items() if o != "default"} == {
        "apps": "--app",
        "domains": "SIPAPP_DOMAINS",
        "store": "--store",
        "registrar.min_expires": f"{path}:5",
        "registrar.max_expires": "SIPAPP_REGISTRAR__MAX_EXPIRES",
        "proxy.record_route": "SIPAPP_PROXY__RECORD_ROUTE",
        "app.voicemail.seconds": "SIPAPP_APP__VOICEMAIL__SECONDS",
        "app.voicemail.greeting": "SIPAPP_APP__VOICEMAIL__GREETING",
    }


MISTAKEN = """\
listen = [
  "udp:5060:interface=127.0.0.1",
  "upd:5060",
  5060,
]
domians = ["example.com"]
domains = "example.com"
apps = []
auth = "basic"
store = "sqllite:x"
outbound_proxy = "edge.example.net"
state_dir = ""
timer_c = 200
proxy = true
[registrar]
min_expires = "60"
max_expires = 0
default_expires = 1.5
[limits]
connection_idle = nan
message_bytes = true
[digest]
algorithms = ["sha-256", "SHA-512-256"]
[limts]
[app]
voicemail = 1
"""


def test_all_mistakes_of_a_file_are_listed_in_its_order(tmp_path: Path) -> None:
    """One run shows everything, each with line and key, cause and fix."""
    assert problems(written(tmp_path, MISTAKEN)) == [
        "sipapp.toml:3 listen: 'upd' is no transport; did you mean udp:?",
        "sipapp.toml:4 listen: 5060 is a number, not text; put it in quotes",
        'sipapp.toml:6 domians: is no key of sipapp; did you mean "domains"?',
        'sipapp.toml:7 domains: "example.com" is text, not a list; put it in square brackets',
        "sipapp.toml:8 apps: the list is empty; name at least one",
        'sipapp.toml:9 auth: "basic" is not known; use "digest" or "none"',
        'sipapp.toml:10 store: "sqllite:x" is no store; did you mean "sqlite:"?',
        'sipapp.toml:11 outbound_proxy: "edge.example.net" is no sip: URI;'
        ' write it like "sip:proxy.example.com;lr"',
        "sipapp.toml:12 state_dir: it is empty; give a value or leave the key out",
        "sipapp.toml:13 timer_c: is no key of sipapp; put it below [proxy]",
        "sipapp.toml:14 proxy: is a value, not a table; write its keys below a line [proxy]",
        'sipapp.toml:16 registrar.min_expires: "60" is text;'
        " use a whole number of seconds, 1 to 86400",
        "sipapp.toml:17 registrar.max_expires: 0 is out of range;"
        " use a whole number of seconds, 1 to 604800",
        "sipapp.toml:18 registrar.default_expires: 1.5 is a number;"
        " use a whole number of seconds, 1 to 604800",
        "sipapp.toml:20 limits.connection_idle: nan is out of range;"
        " use a number of seconds, 10 to 86400",
        "sipapp.toml:21 limits.message_bytes: true is a true/false value;"
        " use a whole number of bytes, 2048 to 1048576",
        'sipapp.toml:23 digest.algorithms: "sha-256" is not known; did you mean "SHA-256"?',
        'sipapp.toml:23 digest.algorithms: "SHA-512-256" is not known; did you mean "SHA-256"?',
        'sipapp.toml:24 limts: is no key of sipapp; did you mean "limits"?',
        "sipapp.toml:26 app.voicemail: is a value, not a table;"
        " write its keys below a line [app.voicemail]",
    ]


def test_mistakes_of_variables_and_flags_name_them() -> None:
    """A strange variable is a mistake only if it resembles one of ours."""
    assert problems(
        environ={
            "SIPAPP_AUHT": "none",
            "SIPAPP_REGISTRAR__MIN": "5",
            "SIPAPP_VOICE__BOX": "5",
            "SIPAPP_PROXY__RECURSE": "perhaps",
            "SIPAPP_TIMERS__T1": "fast",
            "SIPAPP_DIR": "/srv",
        },
        flags={"--listen": ["tls:5061", "udp:x"], "--auth": ["digets"]},
    ) == [
        "SIPAPP_AUHT: is no variable of sipapp; did you mean SIPAPP_AUTH?",
        "SIPAPP_REGISTRAR__MIN: is no variable of sipapp;"
        " did you mean SIPAPP_REGISTRAR__MIN_EXPIRES?",
        "SIPAPP_VOICE__BOX: is no variable of sipapp;"
        " unset it, or see the reference for all variables",
        'SIPAPP_PROXY__RECURSE: "perhaps" is text; use true or false, without quotes',
        'SIPAPP_TIMERS__T1: "fast" is text; use a number of seconds, 0.05 to 10',
        "--listen: tls: is not in this version; listen on udp: or tcp:",
        "--listen: 'x' is no port; use a number from 0 to 65535",
        '--auth: "digets" is not known; did you mean "digest"?',
    ]


def test_combinations_are_judged_where_they_were_written(tmp_path: Path) -> None:
    """Colliding listeners, an open server, double and unknown names, durations out of order."""
    path = written(
        tmp_path,
        """\
        listen = [
          "udp:5060:interface=192.0.2.1", "tcp:5060:interface=127.0.0.1",
          "udp:5060",
          "udp:0", "udp:0",
        ]
        domains = ["a.example", "A.example."]
        apps = [
          "registrar",
          "prxy",
          "registrar",
        ]
        auth = "none"
        [registrar]
        min_expires = 4000
        [timers]
        t2 = 0.1
        [app.voicemail]
        installed_but_off = true
        [app.registrat]
        x = 1
        """,
    )
    assert problems(path) == [
        "sipapp.toml:3 listen: udp:5060:interface=0.0.0.0 collides with"
        " udp:5060:interface=192.0.2.1; remove one or give it another port",
        'sipapp.toml:6 domains: "a.example" is named twice; remove one',
        'sipapp.toml:9 apps: no application "prxy"; install it',
        'sipapp.toml:10 apps: "registrar" is named twice; remove one',
        'sipapp.toml:12 auth: "none" would open udp:5060:interface=192.0.2.1,'
        " udp:5060:interface=0.0.0.0, udp:0:interface=0.0.0.0, udp:0:interface=0.0.0.0"
        ' to everybody; use "digest", or listen on 127.0.0.1 only',
        "sipapp.toml:14 registrar.min_expires: registrar.min_expires is 4000, more than"
        " registrar.default_expires, which is 3600;"
        " raise registrar.default_expires or lower registrar.min_expires",
        "sipapp.toml:16 timers.t2: timers.t1 is 0.5, more than timers.t2, which is 0.1;"
        " raise timers.t2 or lower timers.t1",
        'sipapp.toml:20 app.registrat.x: no application "registrat" is in use;'
        " did you mean [app.registrar]?",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "[::1]"])
def test_auth_none_is_for_loopback(host: str) -> None:
    """Only what this machine alone can reach may go without authentication."""
    flags = {"--auth": ["none"], "--listen": [f"udp:5060:interface={host}"]}
    assert loaded(flags=flags).config.auth == "none"


def test_auth_none_is_refused_elsewhere() -> None:
    """One listener that others can reach is enough."""
    flags = {"--auth": ["none"], "--listen": ["udp:5060:interface=127.0.0.1", "tcp:5060"]}
    assert problems(flags=flags) == [
        '--auth: "none" would open tcp:5060:interface=0.0.0.0 to everybody;'
        ' use "digest", or listen on 127.0.0.1 only'
    ]


def test_digest_needs_a_domain_to_have_users_in() -> None:
    """An address of ours stands in for one, but 0.0.0.0 is no address of anybody."""
    everywhere = {"--listen": ["tcp:5060:interface=192.0.2.1", "udp:5060"]}
    assert problems(flags=everywhere) == [
        "--listen: nobody could log in there: users belong to a domain, and none is named;"
        ' name it: domains = ["example.com"] or --domain example.com'
    ]
    assert loaded(flags={**everywhere, "--domain": ["example.com"]}).config.auth == "digest"
    assert loaded(flags={"--listen": everywhere["--listen"][:1]}).config.domains == ()


def test_a_broken_value_hides_no_other_mistake_and_makes_none(tmp_path: Path) -> None:
    """Rules that need a value nobody can read are not applied to its default."""
    path = written(tmp_path, 'auth = "none"\nlisten = ["x:1"]\n[registrar]\nmin_expires = -1\n')
    assert problems(path) == [
        "sipapp.toml:2 listen: 'x' is no transport; write it like udp:5060:interface=127.0.0.1",
        "sipapp.toml:4 registrar.min_expires: -1 is out of range;"
        " use a whole number of seconds, 1 to 86400",
    ]


def test_an_overridden_mistake_is_reported_too(tmp_path: Path) -> None:
    """It would wake up on the day the variable is gone."""
    path = written(tmp_path, 'auth = "no"\n')
    assert problems(path, environ={"SIPAPP_AUTH": "digest"}) == [
        'sipapp.toml:1 auth: "no" is not known; did you mean "none"?'
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"a = 1\nb == 2\n",
            "sipapp.toml:2: is not TOML: invalid value; texts need quotes, lists need brackets",
        ),
        (
            b"a = [1\n\n",
            "sipapp.toml:1: is not TOML: unclosed array; texts need quotes, lists need brackets",
        ),
        (b"a = 1\nb = '\xff'\n", "sipapp.toml:2: is not UTF-8 text; save the file as UTF-8"),
        (
            None,
            "sipapp.toml: cannot be read: No such file or directory;"
            " check the path and its permissions",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_one_problem(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """Syntax errors carry their line."""
    path = tmp_path / "sipapp.toml"
    if content is not None:
        path.write_bytes(content)
    assert problems(path) == [expected]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors write it unasked, and nobody can see it."""
    path = tmp_path / "sipapp.toml"
    path.write_bytes(b'\xef\xbb\xbfauth = "basic"\n')
    assert problems(path) == ['sipapp.toml:1 auth: "basic" is not known; use "digest" or "none"']


def test_the_commented_file_is_a_configuration(tmp_path: Path) -> None:
    """It loads as it stands, and with every line of it switched on."""
    text = commented_file("sipapp.toml")
    plain = loaded(written(tmp_path, text)).config
    assert plain == replace(
        Config(),
        domains=("example.com",),
        state_dir=tmp_path / "var",
        store=StoreAddress("sqlite", tmp_path / "var/sipapp.sqlite"),
        source=tmp_path / "sipapp.toml",
    )
    every = "\n".join(
        line.removeprefix("#") if line.startswith("#") and line[1:2] != " " else line
        for line in text.splitlines()
    )
    full = loaded(written(tmp_path, every))
    assert {name for name, origin in full.origins.items() if origin == "default"} == set()
    assert full.config.registrar.service_route == ("sip:proxy.example.com;lr",)
    assert replace(
        full.config,
        registrar=replace(full.config.registrar, service_route=()),
        outbound_proxy=None,
        digest=plain.digest,
        app_sections={},
    ) == replace(plain, app_sections={})


def test_every_key_is_documented_and_its_sample_reads() -> None:
    """The reference is made from the keys, so no key may be without words."""
    assert [key.name for key in keys() if not (key.doc.endswith(".") and key.sample)] == []


def test_show_lists_every_value_with_its_origin(tmp_path: Path) -> None:
    """``sipapp check --show`` answers: why does it do that?"""
    path = written(tmp_path, '[app.voicemail]\nlist = [1, "a\\"b"]\ntable = {x = true}\n')
    lines = shown(loaded(path, flags={"--domain": ["example.com"]})).splitlines()
    names = [line.partition(" = ")[0] for line in lines]
    assert names == [key.name for key in keys()] + ["app.voicemail.list", "app.voicemail.table"]
    values = {line.partition(" = ")[0]: line.partition(" = ")[2].split() for line in lines}
    assert values["domains"] == ['["example.com"]', "#", "--domain"]
    assert values["proxy.record_route"] == ["true", "#", "default"]
    assert values["outbound_proxy"] == ["(none)", "#", "default"]
    assert values["app.voicemail.list"] == ["[1,", '"a\\"b"]', "#", f"{path}:2"]
    assert values["app.voicemail.table"] == ["{x", "=", "true}", "#", f"{path}:3"]
