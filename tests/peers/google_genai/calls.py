"""Whole calls through the service, whose every message to the model the types of the official google-genai SDK have to accept.

The service's `gemini` provider dials a proxy that passes everything on to the rehearsal model and judges it. A call is an async
function that places it, with the messages of its connections and its record.
"""
import asyncio
import json
import pathlib
import subprocess
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
import shapes
from service import Service

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
KEY = "AIza-rehearsal"
LARGEST = 16 * 1024 * 1024
TOOLS = '["end_call","switch_language","save_answer"]'


class Proxy:
    """Passes connections on to the model, with what a call rehearses, and judges what the client sends."""

    def __init__(self, upstream):
        self.upstream, self.rehearse, self.bad, self.connections = upstream, "", [], []

    async def carry(self, client):
        sent = []
        self.connections.append(sent)
        if client.request.path != PATH or client.request.headers.get("x-goog-api-key") != KEY:
            self.bad.append(f"the upgrade {client.request.path} with {sorted(client.request.headers)}")
        query = f"?rehearse={self.rehearse}" if self.rehearse else ""
        async with connect(f"{self.upstream}{PATH}{query}", max_size=LARGEST, compression=None) as server:
            await asyncio.gather(self.judge(client, server, sent), self.answer(server, client))

    async def judge(self, client, server, sent):
        try:
            async for data in client:
                message = json.loads(data)
                sent.append(message)
                self.bad += [f"{list(message)}: {problem}" for problem in shapes.of_client(message)]
                await server.send(data)
        except websockets.ConnectionClosed:
            pass
        await server.close()

    async def answer(self, server, client):
        try:
            async for data in server:
                await client.send(data)
        except websockets.ConnectionClosed:
            pass
        code = server.close_code if server.close_code in range(1000, 5000) and server.close_code not in (1005, 1006) else 1000
        await client.close(code, server.close_reason or "")


class Told:
    """What a call has come to."""

    def __init__(self, connections, record):
        self.connections, self.record = connections, record

    def of(self, kind):
        return [message[kind] for sent in self.connections for message in sent if kind in message]

    def texts(self):
        return [part["text"] for content in self.of("clientContent") for turn in content["turns"] for part in turn["parts"]]

    def inputs(self):
        return {name for one in self.of("realtimeInput") for name in one}

    def heard(self, speaker):
        return [entry["heard"] for entry in self.record["conversation"] if entry["speaker"] == speaker and entry["heard"]]


async def is_greeted_and_answered(call):
    told = await call("--hangup-after", "13s")
    [setup] = told.of("setup")
    assert setup["model"] == "models/gemini-3.8-live" and setup["contextWindowCompression"] is not None and "sessionResumption" in setup
    assert told.connections[0][0] == {"setup": setup}, "the setup comes first"
    assert told.heard("assistant")[0].startswith("Hello") and len(told.heard("assistant")) == 2, told.heard("assistant")
    assert told.heard("user")[0].startswith("[caller speech"), told.heard("user")
    assert told.inputs() == {"audio"}, told.inputs()


async def interrupts(call):
    told = await call("--speak-at", "4s", "--hangup-after", "16s", rehearse="answer_ms:15000")
    first = next(entry for entry in told.record["conversation"] if entry["speaker"] == "assistant")
    assert first["interrupted"] and len(first["heard"]) < len(first["text"]), first


async def saves_an_answer(call):
    told = await call("--say", "nothing", "--dtmf", "4s:3", "--hangup-after", "11s")
    assert told.record["answers"] == {"answer": "rehearsed"}, told.record["answers"]
    [[response]] = [answer["functionResponses"] for answer in told.of("toolResponse")]
    assert response["name"] == "save_answer" and response["id"] and response["response"], response


async def ends_the_call(call):
    told = await call("--say", "nothing", "--dtmf", "4s:9", "--hangup-after", "25s")
    assert told.record["ending"]["by"] != "caller" and told.record["ending"]["reason"], told.record["ending"]
    assert "bye" in told.heard("assistant")[-1].lower(), told.heard("assistant")


async def changes_the_language(call):
    told = await call("--say", "nothing", "--dtmf", "4s:2", "--hangup-after", "12s")
    assert [switch["to"] for switch in told.record["language_switches"]] == ["hi"], told.record["language_switches"]
    updates = told.of("contextUpdate")
    assert updates and updates[0]["systemInstruction"]["parts"][0]["text"], "the model has the prompt of the new language"


async def outlives_a_connection(call):
    told = await call("--speak-at", "9s", "--hangup-after", "22s", rehearse="first:1,expire_after_ms:12000,go_away_ms:7000")
    setups = told.of("setup")
    assert len(setups) == 2 and setups[1]["sessionResumption"]["handle"], [setup["sessionResumption"] for setup in setups]
    assert len(told.heard("assistant")) >= 2, told.heard("assistant")


async def loses_its_socket(call):
    told = await call("--hangup-after", "16s", rehearse="first:1,drop_at_turn_end:1")
    assert len(told.of("setup")) == 2, "another session takes over"
    assert len(told.heard("assistant")) >= 2, told.heard("assistant")


async def hangs_up_during_the_answer(call):
    told = await call("--hangup-after", "2s", "--say", "nothing")
    assert told.record["ending"]["by"] == "caller", told.record["ending"]


CALLS = [is_greeted_and_answered, interrupts, saves_an_answer, ends_the_call, changes_the_language, outlives_a_connection, loses_its_socket,
         hangs_up_during_the_answer]


async def main(binary, upstream, chosen):
    proxy, failed, kinds, messages = Proxy(upstream), 0, set(), 0
    async with serve(proxy.carry, "127.0.0.1", 0, max_size=LARGEST, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        service = await Service(binary, f"ws://127.0.0.1:{port}{PATH}", variables={"GEMINI_API_KEY": KEY}, realtime__provider="gemini",
                                twilio__verify="off", agents__default__tools=TOOLS).ready()
        try:
            for number, scenario in enumerate(CALLS):
                if chosen and scenario.__name__ not in chosen:
                    continue

                async def call(*options, rehearse=""):
                    proxy.rehearse, proxy.connections = rehearse, []
                    command = [binary, "call", "--url", f"{service.base}/twilio/voice", "--json", "--from", f"+1555010{number:04}", *options]
                    phone = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    out, err = await asyncio.wait_for(phone.communicate(), 90)
                    assert phone.returncode == 0, (out[-1000:], err[-1000:])
                    record, _ = await service.record(json.loads(out)["call_sid"])
                    return Told(proxy.connections, record)

                try:
                    await scenario(call)
                    assert not proxy.bad, "\n  ".join(proxy.bad[:5])
                    print(f"ok    {scenario.__name__}")
                except Exception as error:  # every call is told, then the exit code
                    failed += 1
                    print(f"FAIL  {scenario.__name__}: {type(error).__name__}: {error}")
                proxy.bad = []
                kinds |= {kind for sent in proxy.connections for message in sent for kind in message}
                messages += sum(len(sent) for sent in proxy.connections)
        finally:
            service.stop()
    print(f"{messages} messages of the service: {', '.join(sorted(kinds))}")
    if not chosen and kinds != shapes.KINDS:
        failed += 1
        print(f"FAIL  these were never sent: {sorted(shapes.KINDS - kinds)}")
    return failed


if __name__ == "__main__":
    model = subprocess.Popen([sys.argv[1], "rehearse", "--protocol", "gemini"], stdout=subprocess.PIPE, text=True)
    try:
        url = model.stdout.readline().strip()
        assert url.startswith("ws://"), f"the first line is no URL: {url!r}"
        sys.exit(1 if asyncio.run(main(sys.argv[1], url.split("/ws/")[0], sys.argv[2:])) else 0)
    finally:
        model.terminate()
        model.wait(10)
