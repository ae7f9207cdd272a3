"""How one value of the configuration is read: its type, its bounds and the words for its mistakes.

Every key owns one ``Reader``. Files and environment variables, commands and the reference
page all go through it, so that a key means the same wherever it is written.
"""

from __future__ import annotations

__all__ = [
    "Choice",
    "Domain",
    "Folder",
    "ListOf",
    "Listen",
    "Mistake",
    "Mistakes",
    "Number",
    "Reader",
    "SipUriText",
    "Store",
    "Switch",
    "Text",
    "closest",
    "did_you_mean",
]

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from sipapp.app.config.store_address import StoreAddress
from sipapp.app.endpoint_strings import ListenAddress, ListenStringError, is_host, parse_listen
from sipapp.errors import MessageError
from sipapp.message.uri import SipUri, parse_uri


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a value, without saying where it stands.

    Attributes:
        cause: what is wrong.
        fix: what to do about it.
        index: position in the list when it is about one element, else None.
    """

    cause: str
    fix: str
    index: int | None = None


class Mistakes(Exception):
    """A value cannot be read; carries every mistake in it."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(mistake.cause for mistake in mistakes))
        self.mistakes = mistakes


class Reader(Protocol):
    """Turns what a file or a variable says into the value that the server works with."""

    @property
    def shape(self) -> str:
        """What may be written, in a few words, for the reference."""

    def from_text(self, text: str) -> object:
        """Give an environment variable or a flag the type that TOML would have given it."""

    def read(self, value: object, folder: Path) -> object:
        """Check and convert.

        Args:
            value: as TOML typed it.
            folder: what relative paths are relative to.
        Raises:
            Mistakes: everything that is wrong with it.
        """


class _Quoted:
    """What readers of texts share: in a variable or a flag the quotes may be left out."""

    __slots__ = ()

    def from_text(self, text: str) -> object:
        """Take the text as it is, less its quotes."""
        return _unquoted(text)


@dataclass(frozen=True, slots=True)
class Text(_Quoted):
    """Any text that is not empty."""

    shape: str = "text"

    def read(self, value: object, folder: Path) -> str:
        """Accept any text but an empty one."""
        return _text(value)


@dataclass(frozen=True, slots=True)
class Choice(_Quoted):
    """One word out of a few."""

    words: tuple[str, ...]

    @property
    def shape(self) -> str:
        """Say what may be written."""
        return " or ".join(f'"{word}"' for word in self.words)

    def read(self, value: object, folder: Path) -> str:
        """Accept one of the words."""
        if isinstance(value, str) and value in self.words:
            return value
        guess = did_you_mean(value, self.words) or f"use {self.shape}"
        raise Mistakes(Mistake(f"{_shown(value)} is not known", guess))


@dataclass(frozen=True, slots=True)
class Switch:
    """Yes or no."""

    shape: str = "true or false"

    def from_text(self, text: str) -> object:
        """Type it as TOML would."""
        return _toml_typed(text)

    def read(self, value: object, folder: Path) -> bool:
        """Accept a truth value, not a number or a text that looks like one."""
        if isinstance(value, bool):
            return value
        raise Mistakes(
            Mistake(f"{_shown(value)} is {_kind(value)}", "use true or false, without quotes")
        )


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds.

    Attributes:
        least: smallest value allowed.
        most: largest value allowed.
        unit: for example "seconds"; empty when it counts things.
        whole: whether only whole numbers will do.
    """

    least: float
    most: float
    unit: str = ""
    whole: bool = False

    @property
    def shape(self) -> str:
        """Say what may be written."""
        noun = "whole number" if self.whole else "number"
        of = f" of {self.unit}" if self.unit else ""
        return f"{noun}{of}, {self.least:.15g} to {self.most:.15g}"

    def from_text(self, text: str) -> object:
        """Type it as TOML would."""
        return _toml_typed(text)

    def read(self, value: object, folder: Path) -> float:
        """Accept a number within the bounds."""
        wanted = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise Mistakes(Mistake(f"{_shown(value)} is {_kind(value)}", f"use a {self.shape}"))
        # Written so that nan, which is neither smaller nor larger, is refused too.
        if not self.least <= value <= self.most:
            raise Mistakes(Mistake(f"{value} is out of range", f"use a {self.shape}"))
        return value if self.whole else float(value)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose elements are read one by one."""

    element: Reader
    least: int = 0

    @property
    def shape(self) -> str:
        """Say what may be written."""
        return f"list: {self.element.shape}"

    def from_text(self, text: str) -> object:
        """Type it as TOML would."""
        if text.lstrip().startswith("["):
            return _toml_typed(text)
        return [self.element.from_text(part.strip()) for part in text.split(",") if part.strip()]

    def read(self, value: object, folder: Path) -> tuple[object, ...]:
        """Read every element; report the mistakes of all."""
        if not isinstance(value, list):
            raise Mistakes(
                Mistake(
                    f"{_shown(value)} is {_kind(value)}, not a list", "put it in square brackets"
                )
            )
        if len(value) < self.least:
            raise Mistakes(Mistake("the list is empty", "name at least one"))
        read: list[object] = []
        wrong: list[Mistake] = []
        for index, element in enumerate(value):
            try:
                read.append(self.element.read(element, folder))
            except Mistakes as found:
                wrong += [Mistake(one.cause, one.fix, index) for one in found.mistakes]
        if wrong:
            raise Mistakes(*wrong)
        return tuple(read)


@dataclass(frozen=True, slots=True)
class Listen(_Quoted):
    """A listen string (``sipapp.app.endpoint_strings``)."""

    shape: str = '"udp:PORT" or "tcp:PORT", then :interface=ADDRESS and :advertise=HOST[:PORT]'

    def read(self, value: object, folder: Path) -> ListenAddress:
        """Read a listen string."""
        text = _text(value)
        try:
            return parse_listen(text)
        except ListenStringError as wrong:
            raise Mistakes(Mistake(wrong.cause, wrong.fix)) from wrong


@dataclass(frozen=True, slots=True)
class Domain(_Quoted):
    """A host name or IP address that the server is responsible for."""

    shape: str = "host name"

    def read(self, value: object, folder: Path) -> str:
        """Accept a host, in lower case and without the root's dot."""
        text = _text(value)
        bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        if not is_host(bare):
            raise Mistakes(
                Mistake(
                    f"{_shown(value)} is no host name",
                    'write it like "example.com", without sip: and port',
                )
            )
        return bare.lower().rstrip(".")


@dataclass(frozen=True, slots=True)
class Store(_Quoted):
    """Where bindings and accounts are kept."""

    shape: str = '"memory:" or "sqlite:PATH"'

    def read(self, value: object, folder: Path) -> StoreAddress:
        """Read the name of a store; its path becomes absolute."""
        text = _text(value)
        kind, _, path = text.partition(":")
        if kind == "memory" and not path:
            return StoreAddress("memory")
        if kind == "sqlite" and path:
            return StoreAddress("sqlite", (folder / path).absolute())
        if kind == "sqlite":
            raise Mistakes(
                Mistake(f"{_shown(value)} names no file", "write it like sqlite:var/sipapp.sqlite")
            )
        guess = did_you_mean(kind, ("memory:", "sqlite:")) or f"use {self.shape}"
        raise Mistakes(Mistake(f"{_shown(value)} is no store", guess))


@dataclass(frozen=True, slots=True)
class Folder(_Quoted):
    """A folder; it need not exist."""

    shape: str = "path of a folder"

    def read(self, value: object, folder: Path) -> Path:
        """Make the path absolute."""
        return (folder / _text(value)).absolute()


@dataclass(frozen=True, slots=True)
class SipUriText(_Quoted):
    """The SIP URI of a next hop."""

    shape: str = "SIP URI"

    def read(self, value: object, folder: Path) -> str:
        """Accept a URI a request could be sent to."""
        text = _text(value)
        wrong = Mistakes(
            Mistake(f"{_shown(value)} is no sip: URI", 'write it like "sip:proxy.example.com;lr"')
        )
        try:
            uri = parse_uri(text.encode())
        except MessageError as error:
            raise wrong from error
        if not isinstance(uri, SipUri) or uri.scheme != "sip":
            raise wrong
        return text


def closest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Find the known word most like ``word``, whatever its case; an empty text when none is.

    Args:
        cutoff: how alike they must be, 0 to 1, as ``difflib`` counts it.
    """
    by_lower = {one.lower(): one for one in known}
    guess = get_close_matches(str(word).lower(), by_lower, 1, cutoff)
    return by_lower[guess[0]] if guess else ""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Ask whether the closest known word was meant; an empty text when none is close."""
    guess = closest(word, known)
    return f'did you mean "{guess}"?' if guess else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Mistakes(Mistake(f"{_shown(value)} is {_kind(value)}, not text", "put it in quotes"))
    if not value.strip():
        raise Mistakes(Mistake("it is empty", "give a value or leave the key out"))
    return value


def _toml_typed(text: str) -> object:
    """Type a bare text as TOML would; what TOML cannot read stays text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    # A line break in the text could smuggle in a second key.
    return parsed["value"] if len(parsed) == 1 else text


def _unquoted(text: str) -> object:
    """Take the quotes off a text that has them; all else is the text itself."""
    return _toml_typed(text) if text[:1] in "\"'" and text else text


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a true/false value"
    kinds = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")
