"""sipp, the load generator: one scenario as the caller, one as the called."""

from __future__ import annotations

__all__ = ["called", "caller"]

from pathlib import Path

from tests.interop.program import Program, free_port

SCENARIOS = Path(__file__).with_name("scenarios")

# No automatic answers to unexpected messages: those are what the tests look for.
ALWAYS = "-i 127.0.0.1 -nostdin -nd -default_behaviors -abortunexp -buff_size 4000000 -trace_err"


def caller(
    directory: Path,
    server: tuple[str, int],
    user: str,
    *,
    scenario: str = "caller",
    calls: int = 1,
    rate: int = 1,
    seconds: int = 30,
) -> Program:
    """Start to call a user over UDP; the exit status is 0 when every call went as written.

    Args:
        directory: where its statistics (``calls.csv``) and errors go.
        server: where requests are sent.
        user: who is called.
        scenario: a file of ``scenarios``.
        calls: how many.
        rate: calls a second.
        seconds: it gives up after so long.
    """
    host, port = server
    load = f"-m {calls} -r {rate} -l {4 * rate + 10} -recv_timeout 33000"
    limit = f"-timeout {seconds}s -timeout_error -trace_stat -stf calls.csv -fd 1"
    place = f"{host}:{port} -s {user} -p {free_port()} -t u1"
    return run(directory, "caller", scenario, f"{place} {load} {limit}")


def called(directory: Path, port: int, *, transport: str = "udp") -> Program:
    """Start to answer calls on a port until it is ended."""
    return run(directory, "called", "called", f"-p {port} -t {transport[0]}1")


def run(directory: Path, name: str, scenario: str, options: str) -> Program:
    """Start sipp with a scenario and options that hold no spaces."""
    path = SCENARIOS / f"{scenario}.xml"
    return Program(
        ["sipp", "-sf", path, *ALWAYS.split(), *options.split()], cwd=directory, name=name
    )
