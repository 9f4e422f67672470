"""Many calls, one after the other: a part of judge.py."""
import asyncio
import logging
import os
import re
import sys

import numpy as np

import signals
from phone import Phone
from service import Service

BINARY = sys.argv[1]
SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


@scenario
async def memory_is_flat_over_many_calls(model):
    """Short calls, forty at a time: 20,000 with --long, 1,000 without. From a quarter of them on, memory stays where it is."""
    calls = 20_000 if "--long" in sys.argv else 1_000
    answer = signals.babble(0.5, 44, 24000)
    model.answer = lambda session, event: (answer, "yes", None)
    # Some hang up while the model is being dialled.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    service = await Service(BINARY, await model.start()).ready()
    told = {}
    try:
        waiting = iter(range(calls))

        async def caller():
            for number in waiting:
                if number in (calls // 4, calls // 2, calls - 40):
                    told[number] = resident_kib(service.process.pid)
                await Phone(np.zeros(1600, dtype=np.int16)).call(service.base, 0.15)
                model.sessions.clear()

        await asyncio.gather(*(caller() for _ in range(40)))
        for _ in range(200):
            written = sum(name.endswith("_queue.json") for name in os.listdir(service.dir + "/calls"))
            if written == calls:
                break
            await asyncio.sleep(0.1)
        assert written == calls, f"{written} records of {calls} calls"
        at_a_quarter, at_the_end = told[calls // 4], told[calls - 40]
        # A leak of 1 KiB a call would be 15 MiB over the long run.
        assert at_the_end < at_a_quarter + 4096 + calls // 10, told
        return f"{calls} calls, each with its record: {at_a_quarter} KiB after a quarter, {told[calls // 2]} after half, {at_the_end} at the end"
    finally:
        service.stop()
