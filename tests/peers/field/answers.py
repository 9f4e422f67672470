"""Operators' tools that answer as HTTP allows, or nearly, byte for byte: what the model is told of each."""
import asyncio
import gzip

from bench import Bench, turn
from losses import check, until

SCENARIOS = []
BODY = b'{"status":"shipped"}'
PACKED = gzip.compress(BODY)
REASON = b'{"error":"slot taken","free":["10:00","11:30"]}'


def http(head, body=b""):
    return f"HTTP/1.1 {head}\r\n\r\n".encode() + body


# What a server answers, what the model has to be told, and what it must not.
CASES = [
    (http("200 OK\r\nConnection: close", BODY), "shipped", None),
    (b"HTTP/1.0 200 OK\r\n\r\n" + BODY, "shipped", None),
    (http("103 Early Hints\r\nLink: </a.css>") + http("200 OK\r\nContent-Length: 20", BODY), "shipped", None),
    (http("100 Continue") + http("200 OK\r\nContent-Length: 20", BODY), "shipped", None),
    (http(f"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(PACKED)}", PACKED), "shipped", None),
    (http("200 OK\r\nContent-Length: 400", BODY), "cut short", "shipped"),
    (http("200 OK\r\nTransfer-Encoding: chunked", b"40\r\n" + BODY), "cut short", "shipped"),
    (http("200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 20", BODY), "zstd", "shipped"),
    (http("204 No Content\r\nContent-Length: 20"), '"ok":true', None),
    (http(f"409 Conflict\r\nContent-Length: {len(REASON)}", REASON), "slot taken", '"ok":true'),
    (http("422 Unprocessable\r\nConnection: close", REASON), "422", '"ok":true'),
    (http("200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Length: 6", "Zürich".encode("latin-1")), "Zürich", None),
    (None, "did not answer within", "could not be"),
]


async def what_a_tool_answers_reaches_the_model_and_half_of_it_never():
    pending = list(CASES)

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        answer = CASES[int(head.split(b"/", 2)[1].split()[0])][0]
        if answer is None:
            await asyncio.sleep(8)
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    names = [f"look_{number}" for number in range(len(CASES))]
    tools = "".join(
        f'[tools.{name}]\ndescription = "look"\nurl = "http://127.0.0.1:{port}/{number}"\nallowed_private = ["127.0.0.1"]\ntimeout = "2s"\n'
        for number, name in enumerate(names)
    )
    listed = ", ".join(f'"{name}"' for name in ["end_call", *names])
    async with Bench(files={"config.toml": f"[agents.default]\ntools = [{listed}]\n{tools}"}) as bench:
        calls = []

        def script(session, event):
            async def play(session):
                name = names[len(calls)]
                response = await session.begin()
                calls.append(await session.call(response, name))
                await session.finish(response, output=calls[-1:])

            return play if event is None and len(calls) < len(names) else None

        caller = await bench.caller(script)
        for number, (_, told, hidden) in enumerate(pending):
            await turn(caller)
            await until(lambda: len(calls) > number and caller.session.output(calls[number]), 6, names[number], "was not answered")
            output = caller.session.output(calls[number])
            check(told.replace('"', "") in output.replace('"', "").replace("\\", ""), number, output, "does not say", told)
            check(not hidden or hidden.replace('"', "") not in output.replace('"', "").replace("\\", ""), number, output, "says", hidden)
            await asyncio.sleep(0.2)
    server.close()
    return f"{len(CASES)} answers"


SCENARIOS.append(what_a_tool_answers_reaches_the_model_and_half_of_it_never)
