"""Rules between keys: what each value alone cannot know.

A rule is skipped when a value it needs could not be read: that mistake is reported already,
and judging the default in its place would invent a second one.
"""

from __future__ import annotations

__all__ = ["Merged", "cross_check"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

from sipapp.app.config.readers import closest
from sipapp.app.config.sources import Given
from sipapp.app.config.values import keys
from sipapp.app.endpoint_strings import ListenAddress
from sipapp.errors import Problem


@dataclass(slots=True)
class Merged:
    """The values after precedence, before they become a ``Config``.

    Attributes:
        values: dotted key to the value that was read.
        app_sections: name of an application to its own keys.
        writers: dotted key to who wrote its value; absent for a default.
        broken: dotted keys whose winning value could not be read.
    """

    values: dict[str, object]
    app_sections: dict[str, dict[str, object]]
    writers: dict[str, Given]
    broken: set[str]

    def where(self, name: str, index: int | None = None) -> str:
        """Name the place that a reader must change."""
        writer = self.writers.get(name)
        return writer.where(index) if writer else f"{name} (default)"

    def origins(self) -> dict[str, str]:
        """Say for every key where its value was written."""
        names = [key.name for key in keys()] + [
            name for name in self.writers if name.startswith("app.")
        ]
        return {
            name: self.writers[name].origin if name in self.writers else "default" for name in names
        }


def cross_check(
    merged: Merged, known_app: Callable[[str], tuple[str, str] | None]
) -> list[Problem]:
    """Apply every rule; returns what they found, in the order of the rules."""
    problems: list[Problem] = []
    for needs, rule in _RULES:
        if not merged.broken.intersection(needs):
            problems += rule(merged)
    if "apps" not in merged.broken:
        problems += _unknown_apps(merged, known_app)
    return problems


def _same_listener_twice(merged: Merged) -> Iterator[Problem]:
    listen = _listen(merged)
    for index, one in enumerate(listen):
        for earlier in listen[:index]:
            if _collide(one, earlier):
                cause = f"{one} collides with {earlier}"
                yield Problem(
                    merged.where("listen", index), cause, "remove one or give it another port"
                )
                break


def _open_server(merged: Merged) -> Iterator[Problem]:
    """Without authentication anybody who reaches us can make calls at our cost."""
    reachable = [str(one) for one in _listen(merged) if not one.loopback]
    if merged.values["auth"] == "none" and reachable:
        cause = f'"none" would open {", ".join(reachable)} to everybody'
        yield Problem(merged.where("auth"), cause, 'use "digest", or listen on 127.0.0.1 only')


def _nobody_to_admit(merged: Merged) -> Iterator[Problem]:
    """Accounts belong to domains; without any, an address stands in, but 0.0.0.0 is none."""
    everywhere = [i for i, one in enumerate(_listen(merged)) if ip_address(one.host).is_unspecified]
    if merged.values["auth"] == "digest" and everywhere and not merged.values["domains"]:
        cause = "nobody could log in there: users belong to a domain, and none is named"
        fix = 'name it: domains = ["example.com"] or --domain example.com'
        yield Problem(merged.where("listen", everywhere[0]), cause, fix)


def _named_twice(merged: Merged) -> Iterator[Problem]:
    for name in ("domains", "apps"):
        if name in merged.broken:
            continue
        words = cast("tuple[str, ...]", merged.values[name])
        for index, word in enumerate(words):
            if word in words[:index]:
                yield Problem(merged.where(name, index), f'"{word}" is named twice', "remove one")


def _durations_in_order(merged: Merged) -> Iterator[Problem]:
    for smaller, larger in _ORDERED:
        if merged.broken.intersection((smaller, larger)):
            continue
        low, high = cast(float, merged.values[smaller]), cast(float, merged.values[larger])
        if low > high:
            # Blame the one that somebody wrote.
            name = smaller if smaller in merged.writers else larger
            cause = f"{smaller} is {low:.15g}, more than {larger}, which is {high:.15g}"
            yield Problem(merged.where(name), cause, f"raise {larger} or lower {smaller}")


def _unknown_apps(
    merged: Merged, known_app: Callable[[str], tuple[str, str] | None]
) -> Iterator[Problem]:
    apps = cast("tuple[str, ...]", merged.values["apps"])
    for index, name in enumerate(apps):
        if name not in apps[:index] and (wrong := known_app(name)):
            yield Problem(merged.where("apps", index), *wrong)
    for name, table in merged.app_sections.items():
        # The table of an application that is installed but switched off may stay.
        if name not in apps and known_app(name):
            guess = closest(name, apps)
            fix = f"did you mean [app.{guess}]?" if guess else "add it to apps or remove the table"
            yield Problem(
                merged.where(f"app.{name}.{next(iter(table))}"),
                f'no application "{name}" is in use',
                fix,
            )


def _collide(one: ListenAddress, other: ListenAddress) -> bool:
    if (one.transport, one.port) != (other.transport, other.port) or one.port == 0:
        return False
    here, there = ip_address(one.host), ip_address(other.host)
    return here == there or (
        here.version == there.version and (here.is_unspecified or there.is_unspecified)
    )


def _listen(merged: Merged) -> tuple[ListenAddress, ...]:
    return cast("tuple[ListenAddress, ...]", merged.values["listen"])


_ORDERED = (
    ("registrar.min_expires", "registrar.default_expires"),
    ("registrar.default_expires", "registrar.max_expires"),
    ("timers.t1", "timers.t2"),
)

_RULES: tuple[tuple[tuple[str, ...], Callable[[Merged], Iterator[Problem]]], ...] = (
    (("listen",), _same_listener_twice),
    (("listen", "auth"), _open_server),
    (("listen", "auth", "domains"), _nobody_to_admit),
    ((), _named_twice),
    ((), _durations_in_order),
)
