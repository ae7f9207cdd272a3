"""From names to applications: what is found, and how what is wrong is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from zope.interface import implementer

from sipapp.app.application import Application
from sipapp.app.discovery import application_names, load_application, problem_with
from sipapp.app.interfaces import ISIPApplication, ISIPServer
from sipapp.errors import ConfigError, PluginError, Problem

SIP = cast(ISIPServer, object())
HERE = "tests.app.test_discovery"


class Nothing:
    """Does not even say that it is an application."""


@implementer(ISIPApplication)
class Lame:  # type: ignore[misc]  # as strangers write it, without a type checker
    """Says that it is an application, and provides nothing."""

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        """Take what a factory is given."""


def broken(sip: ISIPServer, section: Mapping[str, object]) -> Application:
    """Fail to be made."""
    raise RuntimeError("no disk")


def picky(sip: ISIPServer, section: Mapping[str, object]) -> Application:
    """Refuse every section."""
    raise ConfigError([Problem("app.picky", "is wrong", "mend it")])


def test_the_bundled_applications_are_found() -> None:
    """By entry point, so that installing is all their users do."""
    assert {"registrar", "proxy", "redirect", "forwarding", "screening"} <= set(application_names())


@pytest.mark.parametrize("name", ["registrar", "proxy", "redirect", "forwarding", "screening"])
def test_a_bundled_application_loads(name: str) -> None:
    """And provides the interface."""
    assert problem_with(name) is None
    assert isinstance(load_application(name, SIP, {}), Application)


def test_a_module_and_attribute_will_do() -> None:
    """For what is not installed, or lives inside a class."""
    loaded = load_application("sipapp.app.application:Application", SIP, {"a": 1})
    assert isinstance(loaded, Application)
    assert loaded.section == {"a": 1}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nosuch", "nosuch: no installed distribution offers it (there are: "),
        ("no.such.module:App", "no.such.module:App: does not import: ModuleNotFoundError("),
        (f"{HERE}:Nobody", f"{HERE}:Nobody: does not import: AttributeError("),
        (f"{HERE}:Nothing", f"{HERE}:Nothing: is a class, but no ISIPApplication"),
        (f"{HERE}:HERE", f"{HERE}:HERE: is neither class nor function"),
    ],
)
def test_what_cannot_be_found(name: str, reason: str) -> None:
    """One line that says why."""
    assert (problem_with(name) or "").startswith(reason)


def test_what_is_no_application() -> None:
    """Checked before the first call, not during it."""
    with pytest.raises(PluginError, match=f"{HERE}:Lame: is no ISIPApplication: The object"):
        load_application(f"{HERE}:Lame", SIP, {})


def test_what_cannot_be_made() -> None:
    """The reason of the application is shown."""
    with pytest.raises(PluginError, match=r"could not be made: RuntimeError\('no disk'\)"):
        load_application(f"{HERE}:broken", SIP, {})


def test_a_refused_section_stays_a_list_of_problems() -> None:
    """So that all of them are shown, with their lines."""
    with pytest.raises(ConfigError) as caught:
        load_application(f"{HERE}:picky", SIP, {})
    assert [str(one) for one in caught.value.problems] == ["app.picky: is wrong; mend it"]
