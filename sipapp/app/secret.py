"""The key that signs what we mint and later trust back: branches, nonces, Record-Route."""

from __future__ import annotations

__all__ = ["SECRET_LENGTH", "open_secret"]

import os
from collections.abc import Callable
from pathlib import Path

from sipapp.errors import ConfigError, Problem

SECRET_LENGTH = 32
"""Octets of a secret."""


def open_secret(state_dir: Path, new: Callable[[int], bytes] = os.urandom) -> bytes:
    """Read the secret of a server; the first call makes it, readable by its user only.

    Args:
        state_dir: folder of the file ``secret``; made when it does not exist.
        new: gives that many unpredictable octets.
    Returns: 32 octets, the same after every restart.
    Raises:
        ConfigError: the folder or file cannot be read or written, is open to others, or holds
            something else.
    """
    path = state_dir / "secret"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = path.read_bytes() if path.exists() else _write(path, new(SECRET_LENGTH))
        readable = path.stat().st_mode & 0o077
    except OSError as error:
        fix = "give the server's user access, or set state_dir to another folder"
        raise ConfigError([Problem(str(path), f"{error.strerror}", fix)]) from error
    if readable:
        cause, fix = "others than its owner can read it", f"run: chmod 600 {path}"
        raise ConfigError([Problem(str(path), cause, fix)])
    if len(secret) != SECRET_LENGTH:
        cause = f"has {len(secret)} octets instead of {SECRET_LENGTH}"
        raise ConfigError([Problem(str(path), cause, "delete it; a new one is made at the start")])
    return secret


def _write(path: Path, secret: bytes) -> bytes:
    """Write it whole or not at all: a half-written secret would stay for ever."""
    draft = path.with_name(f".secret.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(secret)
    try:
        # Unlike rename, link fails if another worker was first; then its secret is everybody's.
        os.link(draft, path)
    except FileExistsError:
        secret = path.read_bytes()
    finally:
        draft.unlink()
    return secret
