"""GPT-Live judged by the official SDK, from both sides. Usage: judge.py BINARY [scenario]"""
import asyncio
import subprocess
import sys
import time

import conversation
import mutations
import service

# Conversations share a machine with the server and take their time: more at once make its timers late.
AT_ONCE = 4


async def run(scenario, *arguments):
    began = time.monotonic()
    try:
        told = await asyncio.wait_for(scenario(*arguments), 180)
    except Exception as error:  # every scenario is told, then the exit code
        print(f"FAIL  {scenario.__name__}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok    {scenario.__name__} ({time.monotonic() - began:.1f} s){': ' + told if told else ''}", flush=True)
    return True


async def main(binary, url, chosen):
    wanted = lambda scenario: not chosen or scenario.__name__ in chosen
    results = []
    if wanted(mutations.the_oracle_finds_every_fault):
        results.append(await run(mutations.the_oracle_finds_every_fault))
    connect, places = conversation.connector(url), asyncio.Semaphore(AT_ONCE)

    async def placed(scenario):
        async with places:
            return await run(scenario, connect)

    results += await asyncio.gather(*(placed(scenario) for scenario in conversation.SCENARIOS if wanted(scenario)))
    # One at a time: a busy machine would make holes that are not ours.
    for scenario in filter(wanted, service.SCENARIOS):
        results.append(await run(scenario, binary, url))
    assert results, f"no such scenario: {chosen}"
    return all(results)


if __name__ == "__main__":
    binary, chosen = sys.argv[1], sys.argv[2:]
    server = subprocess.Popen([binary, "rehearse", "--protocol", "live"], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        assert url.startswith("ws://"), f"the first line is no URL: {url!r}"
        sys.exit(0 if asyncio.run(main(binary, url, chosen)) else 1)
    finally:
        server.terminate()
        server.wait(10)
