"""A server in a process of its own, and phones that are registered there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.interop.baresip import Baresip
from tests.interop.linphone import Linphone
from tests.interop.servers import DOMAIN, PASSWORD, Server, start

Baresips = Callable[[str, str], Baresip]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Who is tested, and how long the endurance run takes."""
    parser.addoption("--peer", default="sipapp", choices=["sipapp", "kamailio"])
    parser.addoption("--soak-seconds", type=int, default=600)
    parser.addoption("--soak-rate", type=int, default=200)


@pytest.fixture(scope="session")
def peer(pytestconfig: pytest.Config) -> str:
    """The name of the server under test."""
    return str(pytestconfig.getoption("--peer"))


@pytest.fixture(scope="module")
def server(peer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with digest for all tests of a file; fails when it logged a mishap."""
    directory = tmp_path_factory.mktemp("server")
    server = start(peer, directory, auth="digest", store=f"sqlite:{directory}/sipapp.sqlite")
    try:
        yield server
        assert server.program.running
    finally:
        server.program.end()
    assert server.mishaps == []


@pytest.fixture(scope="module")
def open_server(peer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same without authentication, bindings in memory."""
    server = start(peer, tmp_path_factory.mktemp("server"), auth="none", store="memory:")
    try:
        yield server
        assert server.program.running
    finally:
        server.program.end()
    assert server.mishaps == []


@pytest.fixture(scope="module")
def baresip(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baresips]:
    """Make baresip phones by user name and transport; all are ended with the module."""
    with ExitStack() as phones:

        def make(user: str, transport: str) -> Baresip:
            directory = tmp_path_factory.mktemp(f"baresip-{user}")
            phone = Baresip(
                directory,
                server.address,
                user,
                domain=DOMAIN,
                transport=transport,
                password=PASSWORD,
            )
            phones.callback(phone.close)
            return phone

        yield make


@pytest.fixture(scope="module")
def linphone(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linphone]:
    """Carol's Linphone, registered over TCP."""
    phone = Linphone(
        tmp_path_factory.mktemp("linphone-carol"),
        server.address,
        "carol",
        domain=DOMAIN,
        transport="tcp",
        password=PASSWORD,
    )
    try:
        yield phone
    finally:
        phone.close()
