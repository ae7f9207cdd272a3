"""The process that test_kill.py kills: registers as fast as it can and says what was acknowledged.

Usage: ``python -m tests.store.storm FILE ROUND``; one line per acknowledged binding on stdout.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

from twisted.internet.task import Clock

from sipapp.core.location import Binding, Bindings
from sipapp.store.database import Database
from sipapp.store.sqlite import SqliteLocationStore
from tests.store.inbox import Inbox

USERS = 100


def storm(path: str, life: str) -> None:
    """Keep one update of each user under way until killed."""
    inbox = Inbox()
    database = Database(path, call_from_thread=inbox.call)
    database.start()
    store = SqliteLocationStore(database, clock=Clock(), utc=time.time)
    store.start()

    def register(user: int, cseq: int) -> None:
        binding = Binding(f"sip:{user}@192.0.2.{cseq % 250}", life, cseq, expires_at=3600.0)
        done = store.update(f"sip:{user}@example.com", lambda _: (binding,))
        done.addCallback(acknowledged, user, cseq)

    def acknowledged(_: Bindings, user: int, cseq: int) -> None:
        os.write(sys.stdout.fileno(), f"{user} {cseq}\n".encode())
        inbox.call(partial(register, user, cseq + 1))

    for user in range(USERS):
        register(user, 1)
    while True:
        inbox.turn()


if __name__ == "__main__":
    storm(*sys.argv[1:])
