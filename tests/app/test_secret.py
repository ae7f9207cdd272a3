"""The signing secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sipapp.app.secret import open_secret
from sipapp.errors import ConfigError


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    """A restart finds the same octets; nobody else may read them."""
    state_dir = tmp_path / "deep" / "var"
    secret = open_secret(state_dir)
    assert len(secret) == 32
    assert open_secret(state_dir, lambda size: b"x" * size) == secret
    assert [path.name for path in state_dir.iterdir()] == ["secret"]
    assert (state_dir / "secret").stat().st_mode & 0o777 == 0o600
    assert state_dir.stat().st_mode & 0o777 == 0o700


def test_two_workers_at_once_share_the_first(tmp_path: Path) -> None:
    """What the other wrote in the meantime is everybody's."""

    def slow(size: int) -> bytes:
        (tmp_path / "secret").touch(mode=0o600)
        (tmp_path / "secret").write_bytes(b"a" * size)
        return b"b" * size

    assert open_secret(tmp_path, slow) == b"a" * 32
    assert os.listdir(tmp_path) == ["secret"]


def test_a_damaged_secret_is_not_used(tmp_path: Path) -> None:
    """A short key signs badly."""
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(ConfigError) as caught:
        open_secret(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/secret: has 5 octets instead of 32; delete it; a new one is made at the start"
    )


def test_a_folder_that_cannot_be_made_is_a_line(tmp_path: Path) -> None:
    """The state folder is a file."""
    (tmp_path / "var").touch()
    with pytest.raises(ConfigError) as caught:
        open_secret(tmp_path / "var")
    assert str(caught.value) == (
        f"{tmp_path}/var/secret: File exists;"
        " give the server's user access, or set state_dir to another folder"
    )


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Whoever has it can sign routes and nonces; ssh is as strict with its keys."""
    open_secret(tmp_path)
    path = tmp_path / "secret"
    path.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        open_secret(tmp_path)
    assert [str(one) for one in caught.value.problems] == [
        f"{path}: others than its owner can read it; run: chmod 600 {path}"
    ]
