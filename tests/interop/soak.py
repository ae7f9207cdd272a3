"""Endurance: ten minutes of calls, no failure, and memory that does not grow. ``make soak``.

Not collected with the other tests for its length; ``--soak-seconds`` and ``--soak-rate`` change it.
"""

from __future__ import annotations

import csv
import faulthandler
import statistics
import sys
from pathlib import Path

import pytest

from tests.interop.program import Program, free_port
from tests.interop.servers import DOMAIN, Server
from tests.interop.sipp import called, caller
from tests.interop.user_agent import UserAgent

pytestmark = pytest.mark.interop

INTERVAL = 10
"""Seconds from one look at the memory to the next."""

WARM = 60
"""Seconds until finished transactions are forgotten as fast as new ones come: Timer H and more."""

LEAK = 24.0
"""Bytes a call from which on something is left behind: no object is as small as that."""


def watch(server: Server, load: Program, seconds: int) -> list[int]:
    """The server's memory in KiB at every interval, until the load has ended."""
    samples = []
    for _ in range(0, seconds + 60, INTERVAL):
        samples.append(server.pss())
        if load.ends_within(INTERVAL):
            break
    return samples


def growth(samples: list[int], rate: int) -> float | None:
    """The slope of the memory after the first minute, in bytes a call, by least squares.

    The level swings by some 5 % with the collector and the allocator; over four minutes or more a
    slope does not. None after a shorter time.
    """
    flat = samples[WARM // INTERVAL :]
    if len(flat) * INTERVAL < 240:
        return None
    slope, _ = statistics.linear_regression(range(len(flat)), flat)
    return round(slope * 1024 / INTERVAL / rate, 1)


def totals(path: Path) -> tuple[int, int, int]:
    """Successful and failed calls, and retransmissions, of the last row of sipp's statistics."""
    with path.open(encoding="ascii") as file:
        *_, last = csv.DictReader(file, delimiter=";")
    names = ("SuccessfulCall(C)", "FailedCall(C)", "Retransmissions(C)")
    successful, failed, retransmissions = (int(last[name]) for name in names)
    return successful, failed, retransmissions


def test_soak(
    open_server: Server,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every call succeeds, and memory is flat after the first minute."""
    faulthandler.cancel_dump_traceback_later()  # pytest's watchdog for tests that hang
    seconds = int(pytestconfig.getoption("--soak-seconds"))
    rate = int(pytestconfig.getoption("--soak-rate"))
    port = free_port()
    with UserAgent(open_server.address, DOMAIN) as agent:
        answer = agent.register("bob", f"Contact: <sip:bob@127.0.0.1:{port}>", "Expires: 3600")
        assert answer is not None
        assert answer.status == 200
    calls, limit, server = rate * seconds, seconds + 60, open_server.address
    with (
        called(tmp_path, port),
        caller(tmp_path, server, "bob", calls=calls, rate=rate, seconds=limit) as sipp,
    ):
        samples = watch(open_server, sipp, seconds)
        assert sipp.wait(60) == 0
    successful, failed, retransmissions = totals(tmp_path / "calls.csv")
    slope = growth(samples, rate)
    with capsys.disabled():
        sys.stdout.write(
            f"\nsoak: {rate} calls/s for {seconds} s: {successful} successful, {failed} failed,"
            f" {retransmissions} retransmissions\n"
            f"memory (PSS, KiB) every {INTERVAL} s: {' '.join(map(str, samples))}\n"
            f"growth after the first minute, bytes a call: {slope}\n"
        )
    assert (successful, failed) == (calls, 0)
    assert slope is None or slope < LEAK
