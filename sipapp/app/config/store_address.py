"""The value that names a store."""

from __future__ import annotations

__all__ = ["StoreAddress"]

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where bindings and accounts are kept.

    Attributes:
        kind: ``"memory"`` or ``"sqlite"``.
        path: absolute path of the database; None for memory.
    """

    kind: str
    path: Path | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.path or ''}"
