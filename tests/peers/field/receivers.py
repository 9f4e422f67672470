"""Receivers of webhooks: what they ask for, how they answer, and whether what they get is written as others write it."""
import asyncio
import base64
import json

from bench import Bench, hears_the_model, turn
from losses import check, until

SCENARIOS = []
BASIC = "Basic " + base64.b64encode(b"n8n:pa55word").decode()


def scenario(work):
    SCENARIOS.append(work)
    return work


async def large(writer, body):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3000000)


async def endless(writer, body):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def no_length(writer, body):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nthank you")


async def packed(writer, body):
    writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Encoding: zstd\r\nContent-Length: 4\r\n\r\n\0\1\2\3")


async def silent(writer, body):
    """The head, and no more."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(20)


YES = [large, endless, no_length, packed, silent]


@scenario
async def a_receiver_is_told_who_we_are_and_its_yes_is_a_yes():
    """Headers of its own and basic auth; a 2xx takes a delivery whatever its body is; numbers are written as every parser writes them."""
    got = {answer.__name__: [] for answer in YES}

    async def serve(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)}
            body = (await reader.readexactly(int(fields["content-length"]))).decode()
            name = head.split(" ")[1].strip("/")
            got[name].append((fields, body))
            await {answer.__name__: answer for answer in YES}[name](writer, body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoints = "".join(
        f'[[webhooks.endpoints]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}/{name}"\nallow_private = ["127.0.0.1"]\ntimeout = "2s"\nheaders = {{ X-API-Key = "N8N_KEY", Authorization = "N8N_BASIC" }}\n'
        for name in got
    )
    variables = {"N8N_KEY": "key-0123456789", "N8N_BASIC": BASIC, "SWITCHBOARD_WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"1" * 32).decode()}
    config = f'[webhooks.retry]\ninitial = "1s"\n{endpoints}'
    async with Bench(files={"config.toml": config}, variables=variables) as bench:

        async def nothing(session):
            await session.begin()

        free = await bench.caller(lambda session, event: nothing, greeted=False)
        await until(lambda: free.asked, 8, "no greeting was asked for")
        record = await free.hang_up(bench.service)
        check(record["cost_usd"] == 0, record["cost_usd"])
        caller = await bench.caller()
        ended = await turn(caller)
        await hears_the_model(caller, ended)
        await caller.hang_up(bench.service)
        await until(lambda: all(len(taken) >= 6 for taken in got.values()), 10, {name: len(taken) for name, taken in got.items()})
        # A second attempt would have come by now.
        await asyncio.sleep(5)
        for name, taken in got.items():
            kinds = sorted(json.loads(body)["type"] for _, body in taken)
            check(kinds == sorted(2 * ["call.ended", "call.started", "transcript.ready"]), name, kinds)
            for fields, body in taken:
                check(fields.get("x-api-key") == "key-0123456789" and fields.get("authorization") == BASIC, name, "is not told who we are")

                def number(text):
                    check(not text.endswith(".0") and "e" not in text.lower(), name, "a whole number is written", text)
                    return float(text)

                json.loads(body, parse_float=number)
        for secret in (BASIC.split()[1], "key-0123456789", "pa55word"):
            check(secret not in bench.text(), "a secret is logged")
    server.close()
    return f"{sum(map(len, got.values()))} deliveries, each once"
