"""One server at a time on a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sipapp.errors import StoreError
from sipapp.store.file_lock import FileLock

HOLD = """
import sys
from pathlib import Path
from sipapp.store.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.read()
"""


def test_the_second_does_not_get_it(tmp_path: Path) -> None:
    """Until the first lets go; by another name of the file as well."""
    path, link = tmp_path / "x.db", tmp_path / "link.db"
    path.touch()
    link.symlink_to(path)
    first, second = FileLock(path), FileLock(link)
    assert [first.take(), second.take()] == [True, False]
    first.release()
    assert second.take()
    second.release()
    second.release()
    assert (tmp_path / "x.db-lock").stat().st_mode & 0o777 == 0o600


def test_it_ends_with_its_process(tmp_path: Path) -> None:
    """Also with one that is killed: nothing has to be cleaned up before the next start."""
    lock = FileLock(tmp_path / "x.db")
    words = [sys.executable, "-c", HOLD, str(tmp_path / "x.db")]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not lock.take()
        holder.kill()
    assert lock.take()
    lock.release()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    with pytest.raises(StoreError, match=r"x\.db-lock: No such file"):
        FileLock(tmp_path / "missing" / "x.db").take()
