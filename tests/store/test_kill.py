"""kill -9 in a storm of REGISTERs: what was acknowledged is there after the restart."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from random import Random

from twisted.internet.task import Clock

from sipapp.store.database import Database
from sipapp.store.sqlite import SqliteLocationStore
from tests.source import ROOT
from tests.store.inbox import Inbox
from tests.store.storm import USERS

KILLS = 20


def killed_storm(path: Path, life: str, patience: int) -> dict[str, int]:
    """Run a storm, kill it after ``patience`` acknowledgements; give the last CSeq of each user."""
    command = [sys.executable, "-m", "tests.store.storm", str(path), life]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as storm:
        assert storm.stdout is not None
        lines = [storm.stdout.readline() for _ in range(patience)]
        storm.kill()
        # What was acknowledged until it died counts as well; the last line may be torn.
        rest = storm.stdout.read()
    lines += rest[: rest.rfind(b"\n") + 1].splitlines()
    assert len(lines) >= patience
    return {user: int(cseq) for user, cseq in (line.decode().split() for line in lines)}


def reloaded(path: Path) -> dict[str, tuple[str, int]]:
    """Open the file as a restarted server does; give Call-ID and CSeq of each user's binding."""
    inbox = Inbox()
    database = Database(path, call_from_thread=inbox.call)
    database.start()
    store = SqliteLocationStore(database, clock=Clock(), utc=time.time)
    store.start()
    assert store.skipped == 0
    found = {}
    for user in range(USERS):
        for binding in store.lookup(f"sip:{user}@example.com"):
            found[str(user)] = (binding.call_id, binding.cseq)
    inbox.wait(store.stop())
    inbox.wait(database.stop())
    return found


def test_no_acknowledged_binding_is_lost(tmp_path: Path) -> None:
    """hostile.md F3: 0 acknowledged bindings lost in 20 kills at random moments. [R06]

    A binding may be newer than the last acknowledged one: the commit came through, its
    acknowledgement did not.
    """
    path = tmp_path / "sipapp.db"
    random = Random(3)
    expected: dict[str, tuple[str, int]] = {}
    lost = []
    for life in range(KILLS):
        acknowledged = killed_storm(path, f"life-{life}", random.randrange(1, 3000))
        expected.update((user, (f"life-{life}", cseq)) for user, cseq in acknowledged.items())
        found = reloaded(path)
        for user, (call_id, cseq) in expected.items():
            there = found.get(user, ("", 0))
            newer = there[0] == f"life-{life}" and (there[0] != call_id or there[1] >= cseq)
            if there != (call_id, cseq) and not newer:
                lost.append((life, user, call_id, cseq, there))
        expected = found
    assert lost == []
