"""Importing any module of ours installs no reactor: whoever starts the server chooses it."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.source import rooms

PROGRAM = """
import importlib, json, sys
guilty = []
for module in json.load(sys.stdin):
    importlib.import_module(module)
    if "twisted.internet.reactor" in sys.modules:
        guilty.append(module)
        del sys.modules["twisted.internet.reactor"]
print(json.dumps(guilty))
"""


def test_no_module_installs_a_reactor() -> None:
    """All are imported into one fresh interpreter, which names those that brought a reactor in."""
    modules = [name for name in rooms() if not name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == []
