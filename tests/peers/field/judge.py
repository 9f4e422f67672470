"""Runs the scenarios of this folder, several side by side, and prints what was seen of each.

A scenario that fails beside others is tried once more by itself, and says so: phones and servers live on the machine of what they
judge, and are sometimes held up themselves. What fails twice has failed."""
import asyncio
import importlib
import os
import pathlib
import shutil
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "oracle")]

from service import HOME  # noqa: E402

# Each is a service of its own with a few callers.
AT_ONCE = int(os.environ.get("FIELD_AT_ONCE", "10"))
LONGEST = 90


async def attempt(work):
    began = time.monotonic()
    try:
        said = await asyncio.wait_for(work(), LONGEST)
        return f"ok    {work.__name__}: {said} ({time.monotonic() - began:.0f} s)", None
    except Exception:
        return None, traceback.format_exc()


async def main():
    wanted = sys.argv[2:]
    scenarios = []
    for path in sorted(HERE.glob("*.py")):
        if path.name != "judge.py":
            scenarios += getattr(importlib.import_module(path.stem), "SCENARIOS", [])
    chosen = [work for work in scenarios if not wanted or any(word in work.__name__ for word in wanted)]
    if not chosen:
        print("no scenario has such a name")
        return 1
    places, doubtful = asyncio.Semaphore(AT_ONCE), []

    async def beside_others(work):
        async with places:
            said, problem = await attempt(work)
        if said:
            print(said, flush=True)
        else:
            doubtful.append(work)
            print(f"AGAIN {work.__name__}\n{problem}", flush=True)

    await asyncio.gather(*(beside_others(work) for work in chosen))
    failed = 0
    for work in doubtful:
        said, problem = await attempt(work)
        failed += said is None
        print(said or f"FAIL  {work.__name__}\n{problem}", flush=True)
    if doubtful:
        print("logs and records:", HOME, flush=True)
    else:
        shutil.rmtree(HOME)
    print(f"{len(chosen) - failed} passed, {failed} failed, {len(doubtful)} tried twice", flush=True)
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
