"""Runs scenarios, several side by side, and prints what was seen of each.

A scenario that fails beside others is tried once more by itself, and says so: phones and servers live on the machine of what they
judge, and are sometimes held up themselves. What fails twice has failed."""
import asyncio
import shutil
import time
import traceback

from service import HOME


async def attempt(work, longest):
    """What is said of it, or the problem; it may take `longest` seconds."""
    began = time.monotonic()
    try:
        said = await asyncio.wait_for(work(), longest)
        return f"{said} ({time.monotonic() - began:.0f} s)", None
    except Exception:
        return None, traceback.format_exc()


async def run(scenarios, wanted, at_once, longest):
    """Each of `scenarios` is a name, a coroutine function, and whether it has the machine to itself: those come last, one by one.
    `wanted` are parts of names; without any, all are run. Gives the exit code."""
    chosen = [entry for entry in scenarios if not wanted or any(word in entry[0] for word in wanted)]
    if not chosen:
        print("no scenario has such a name")
        return 1
    places, doubtful, failed = asyncio.Semaphore(at_once), [], 0

    async def once(name, work):
        said, problem = await attempt(work, longest)
        if said:
            print(f"ok    {name}: {said}", flush=True)
        else:
            doubtful.append((name, work))
            print(f"AGAIN {name}\n{problem}", flush=True)

    async def beside_others(name, work):
        async with places:
            await once(name, work)

    await asyncio.gather(*(beside_others(name, work) for name, work, alone in chosen if not alone))
    for name, work, alone in chosen:
        if alone:
            await once(name, work)
    for name, work in doubtful:
        said, problem = await attempt(work, longest)
        failed += said is None
        print(f"ok    {name}: {said}" if said else f"FAIL  {name}\n{problem}", flush=True)
    if doubtful:
        print("logs and records:", HOME, flush=True)
    else:
        shutil.rmtree(HOME)
    print(f"{len(chosen) - failed} passed, {failed} failed, {len(doubtful)} tried twice", flush=True)
    return 1 if failed else 0
