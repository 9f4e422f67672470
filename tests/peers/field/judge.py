"""Runs the scenarios of this folder, several side by side, and prints what was seen of each."""
import asyncio
import importlib
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "oracle")]

import runner  # noqa: E402

# Each is a service of its own with a few callers.
AT_ONCE = int(os.environ.get("FIELD_AT_ONCE", "10"))
LONGEST = 90

scenarios = []
for path in sorted(HERE.glob("*.py")):
    if path.name != "judge.py":
        scenarios += getattr(importlib.import_module(path.stem), "SCENARIOS", [])
sys.exit(asyncio.run(runner.run([(work.__name__, work, False) for work in scenarios], sys.argv[2:], AT_ONCE, LONGEST)))
