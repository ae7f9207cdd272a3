"""One server at a time on a database file, whatever else reads and writes it."""

from __future__ import annotations

__all__ = ["FileLock"]

import fcntl
import os
from pathlib import Path

from sipapp.errors import StoreError


class FileLock:
    """Tells other servers that one works with a file; ends with the process, however that ends.

    SQLite lets several processes write, and commands do. A second server is another matter: each
    answers from its memory, would never see what phones register at the other, and would write
    its own list over it.

    The lock is on an empty file beside the database. On the database itself it could be the kind
    of lock that SQLite uses (network file systems know no other), and a process loses those on a
    file as soon as it closes any of its descriptors. The empty file stays: by the time it was
    deleted the next server may have locked it.

    Args:
        path: the file that is shared, by any of its names.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(f"{path.resolve()}-lock")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock unless somebody has it, this process included; never waits.

        Raises:
            StoreError: the system refused.
        """
        try:
            # For the owner only: who can open it can lock it.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise StoreError(f"{self.path}: {error.strerror}") from error
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the next one have it; nothing happens without a lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
