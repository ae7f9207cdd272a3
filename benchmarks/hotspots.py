"""Profile the server while a load runs, and print where its time went.

    hotspots.py [--top N] COMMAND [ARGUMENT ...]

The command must start the server by serve.sh and end it with SIGTERM, as the load harness does. The
profiler (cProfile) makes Python code two to three times slower and leaves C code alone: believe the
order, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Run the command with the profiler in the server, and print the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--top", type=int, default=45, help="how many functions to print")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what puts the load on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pstats"
        flags = f"--profiler=cprofile --savestats --profile={path}"
        load = subprocess.run(
            options.command, env={**os.environ, "SIPAPP_TWISTD_OPTIONS": flags}, check=False
        )
        if not path.exists():
            print("the server left no profile: was it ended with SIGTERM?", file=sys.stderr)
            return load.returncode or 1
        for order in ("tottime", "cumulative"):
            pstats.Stats(str(path)).strip_dirs().sort_stats(order).print_stats(options.top)
    return load.returncode


if __name__ == "__main__":
    sys.exit(main())
