"""From the name of an application to a verified provider.

Applications are found by entry point, so that ``pip install`` is all their users do; a
config may also say ``module:attribute``. What is found is checked before it is used, and
what is wrong with it is told with the distribution it came from.
"""

from __future__ import annotations

__all__ = ["application_names", "load_application", "problem_with"]

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from sipapp.app.interfaces import APPLICATIONS, ISIPApplication, ISIPServer
from sipapp.errors import ConfigError, PluginError


def application_names() -> list[str]:
    """Return the names that installed distributions offer, sorted."""
    return sorted({entry.name for entry in entry_points(group=APPLICATIONS)})


def problem_with(name: str) -> str | None:
    """Return why ``name`` cannot be loaded, None when it can."""
    try:
        _factory(name)
    except PluginError as error:
        return str(error)
    return None


def load_application(name: str, sip: ISIPServer, section: Mapping[str, object]) -> ISIPApplication:
    """Make the application ``name`` and check that it is one.

    Args:
        name: of an entry point, or ``module:attribute``.
        sip: given to the factory.
        section: the table ``[app.NAME]``.
    Raises:
        PluginError: there is none, it does not import, or it does not provide the interface.
        ConfigError: the application refused its section.
    """
    factory, distribution = _factory(name)
    try:
        application = factory(sip, section)
    except ConfigError:
        raise
    except Exception as error:  # the plug-in border
        raise PluginError(name, f"could not be made: {error!r}", distribution) from error
    try:
        verifyObject(ISIPApplication, application)
    except Invalid as error:
        reason = " ".join(str(error).split())
        raise PluginError(name, f"is no ISIPApplication: {reason}", distribution) from error
    return cast(ISIPApplication, application)


def _factory(name: str) -> tuple[Any, str]:
    """Find what makes the application, and its distribution."""
    factory, distribution = _found(name)
    # Seen before it is made: a class can say what it is, a function cannot.
    if isinstance(factory, type) and not ISIPApplication.implementedBy(factory):
        raise PluginError(name, "is a class, but no ISIPApplication", distribution)
    if not callable(factory):
        raise PluginError(name, "is neither class nor function", distribution)
    return factory, distribution


def _found(name: str) -> tuple[Any, str]:
    if ":" in name:
        return _attribute(name), ""
    found = [entry for entry in entry_points(group=APPLICATIONS) if entry.name == name]
    if not found:
        known = ", ".join(application_names()) or "none"
        raise PluginError(name, f"no installed distribution offers it (there are: {known})")
    origins = {_distribution(entry) for entry in found}
    if len({entry.value for entry in found}) > 1:
        raise PluginError(name, f"offered more than once, by {', '.join(sorted(origins))}")
    entry = found[0]
    try:
        return entry.load(), _distribution(entry)
    except Exception as error:  # a broken distribution must not stop the others
        raise PluginError(name, f"does not import: {error!r}", _distribution(entry)) from error


def _attribute(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    try:
        found: Any = import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever the module does at import
        raise PluginError(name, f"does not import: {error!r}") from error
    return found


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
