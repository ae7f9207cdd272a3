"""What ``twistd sipapp`` and the ``sipapp`` command share: which configuration is meant."""

from __future__ import annotations

__all__ = ["DEFAULT_FILE", "app_check", "is_configured", "load_config", "locate", "placed"]

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sipapp.app.config import Config, Loaded, load
from sipapp.app.config.readers import did_you_mean
from sipapp.app.config.sources import from_environment
from sipapp.app.discovery import application_names, problem_with
from sipapp.errors import ConfigError

DEFAULT_FILE = "sipapp.toml"
"""Read when it lies in the current folder and nobody names another."""


def locate(given: str | None, environ: Mapping[str, str]) -> Path | None:
    """Find the configuration file: the one given, else ``$SIPAPP_CONFIG``, else ./sipapp.toml.

    Returns: None when there is none; a path that was given need not exist.
    """
    named = given or environ.get("SIPAPP_CONFIG")
    if named:
        return Path(named)
    default = Path(DEFAULT_FILE)
    return default if default.exists() else None


def is_configured(
    path: Path | None, flags: Mapping[str, Sequence[str]], environ: Mapping[str, str]
) -> bool:
    """Whether anybody has said anything; a server that nobody described is not started."""
    given, problems = from_environment(environ, Path())
    return path is not None or any(flags.values()) or bool(given or problems)


def load_config(
    path: Path | None,
    flags: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    base: Config | None = None,
) -> Loaded:
    """Load with the applications that are installed here.

    Raises:
        ConfigError: every mistake there is.
    """
    return load(path, environ=environ, flags=flags, known_app=app_check, base=base or Config())


def placed(error: Exception, origins: Mapping[str, str]) -> Exception:
    """Add file and line to what an application says about its own section."""
    if not isinstance(error, ConfigError):
        return error
    return ConfigError(
        [
            replace(problem, where=f"{origins[problem.where]} {problem.where}")
            if problem.where in origins
            else problem
            for problem in error.problems
        ]
    )


def app_check(name: str) -> tuple[str, str] | None:
    """Say why an application cannot be used and what to do about it; None when it can."""
    problem = problem_with(name)
    if problem is None:
        return None
    guess = did_you_mean(name, application_names())
    return problem, guess or "install the distribution that offers it or take the name away"
