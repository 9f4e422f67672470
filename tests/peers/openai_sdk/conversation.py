"""Conversations of the official openai SDK with the rehearsal model.

Every frame the SDK sends is checked as a client event, every frame it gets as a server event, and the order of both by
the sequence oracle. A scenario is an async function; it fails by an assertion or by a violation.
"""
import asyncio, base64, contextlib, json, pathlib, subprocess, sys

from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosedError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
from oracle import check_client, check_server
from sequence import SequenceOracle

PATIENCE = 20
SILENCE = b"\xff" * 160
TOOLS = [
    {"type": "function", "name": "end_call", "description": "Ends the call.",
     "parameters": {"type": "object", "properties": {"reason": {"type": "string"}}}},
    {"type": "function", "name": "save_answer", "description": "Keeps an answer.",
     "parameters": {"type": "object", "properties": {"key": {"type": "string", "enum": ["age"]}, "value": {"type": "string"}}}},
]


class Line:
    """One connection, watched from both sides."""

    def __init__(self, connection):
        self.c, self.order, self.bad, self.events = connection, SequenceOracle(), [], []
        self.free = False  # set while bad events are sent on purpose
        socket = connection._connection
        send, recv = socket.send, socket.recv

        async def watched_send(data, *a, **k):
            event = json.loads(data)
            if not self.free:
                self.bad += [f"sent {event.get('type')}: {e}" for e in check_client(event)]
                self.order.client(event)
            return await send(data, *a, **k)

        async def watched_recv(*a, **k):
            data = await recv(*a, **k)
            event = json.loads(data)
            self.bad += [f"got {event.get('type')}: {e}" for e in check_server(event)]
            self.order.server(event)
            self.events.append(event)
            return data

        socket.send, socket.recv = watched_send, watched_recv

    async def until(self, kind):
        """Takes events up to the first of this kind; returns all that were taken."""
        taken = []
        while not taken or taken[-1]["type"] != kind:
            parsed = await asyncio.wait_for(self.c.recv(), PATIENCE)
            taken.append(self.events[-1])
            assert parsed.type == taken[-1]["type"]
        return taken

    async def one(self, kind):
        return (await self.until(kind))[-1]

    async def update(self, **session):
        await self.c.session.update(session={"type": "realtime", **session})
        return (await self.one("session.updated"))["session"]

    async def append(self, audio):
        for n in range(0, len(audio), 160):
            await self.c.input_audio_buffer.append(audio=base64.b64encode(audio[n:n + 160]).decode())

    async def say(self, text):
        await self.c.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
        await self.one("conversation.item.done")

    async def response(self, **response):
        if response:
            await self.c.response.create(response=response)
        else:
            await self.c.response.create()
        return await self.until("rate_limits.updated")

    def finish(self):
        self.bad += [f"order: {' '.join(map(str, v))}" for v in self.order.bad]
        assert not self.bad, "\n  ".join(self.bad)


def audio_of(events):
    return b"".join(base64.b64decode(e["delta"]) for e in events if e["type"] == "response.output_audio.delta")


def done(events):
    return next(e["response"] for e in events if e["type"] == "response.done")


def pcmu(**more):
    return {"audio": {"input": {"format": {"type": "audio/pcmu"},
                                "transcription": {"model": "gpt-live-transcribe", "language": "en"}, **more},
                      "output": {"format": {"type": "audio/pcmu"}}}}


async def greeting_and_echo(connect):
    async with connect() as line:
        created = (await line.one("session.created"))["session"]
        assert created["audio"]["output"]["voice"] == "alloy" and created["expires_at"] > 1_700_000_000
        patient = {"type": "server_vad", "silence_duration_ms": 500}
        updated = await line.update(instructions="Be brief.", tools=TOOLS, **pcmu(turn_detection=patient))
        assert updated["audio"]["input"]["format"] == {"type": "audio/pcmu"}, updated["audio"]
        assert updated["instructions"] == "Be brief." and len(updated["tools"]) == 2

        greeting = await line.response(metadata={"client_event_id": "greet-1"})
        voice = audio_of(greeting)
        assert 2.0 < len(voice) / 8000 < 3.5, len(voice)
        assert done(greeting)["metadata"] == {"client_event_id": "greet-1"}

        # The greeting, spoken by the caller, comes back as it was.
        await line.append(SILENCE * 25 + voice + SILENCE * 35)
        turn = await line.until("rate_limits.updated")
        kinds = [e["type"] for e in turn]
        assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.committed") < kinds.index("response.created")
        echo = audio_of(turn)
        assert voice[1600:-1600] in echo, "the caller's own words do not come back byte for byte"
        transcript = await line.one("conversation.item.input_audio_transcription.completed")
        assert transcript["transcript"].startswith("[caller speech, ")
        item = next(e["item_id"] for e in turn if e["type"] == "input_audio_buffer.committed")
        await line.c.conversation.item.retrieve(item_id=item)
        kept = (await line.one("conversation.item.retrieved"))["item"]
        assert kept["content"][0]["transcript"] == transcript["transcript"] and kept["content"][0]["audio"]


async def every_format_and_language(connect):
    formats = [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
    languages = ["en", "hi", "mr", "te", "ta", "ml"]
    for n, language in enumerate(languages):
        async with connect() as line:
            await line.one("session.created")
            out = formats[n % 3]
            audio = {"input": {"format": formats[(n + 1) % 3], "transcription": {"model": "whisper-1", "language": language}},
                     "output": {"format": out, "voice": "marin"}}
            await line.update(audio=audio)
            events = await line.response()
            seconds = len(audio_of(events)) / (48000 if out["type"] == "audio/pcm" else 8000)
            assert 1.8 < seconds < 3.5, (language, seconds)
            text = done(events)["output"][0]["content"][0]["transcript"]
            assert text.isascii() == (language == "en"), text


async def barge_in(connect):
    async with connect("answer_ms:30000,speed_percent:500") as line:
        await line.one("session.created")
        await line.update(**pcmu())
        await line.c.response.create()
        voice = audio_of(await line.until("response.output_audio.delta"))
        while len(voice) < 8000:
            voice += audio_of(await line.until("response.output_audio.delta"))
        await line.append(voice)
        events = await line.until("response.done")
        response = done(events)
        assert response["status"] == "cancelled" and response["status_details"]["reason"] == "turn_detected", response
        item = response["output"][0]
        assert item["status"] == "incomplete"
        have = line.order.audio[item["id"]] // 8
        await line.c.conversation.item.truncate(item_id=item["id"], content_index=0, audio_end_ms=have - 100)
        assert (await line.one("conversation.item.truncated"))["audio_end_ms"] == have - 100
        line.free = True
        await line.c.conversation.item.truncate(item_id=item["id"], content_index=0, audio_end_ms=have)
        error = (await line.one("error"))["error"]
        assert error["message"] == f"Audio content of {have - 100}ms is already shorter than {have}ms", error


async def tools(connect):
    async with connect() as line:
        await line.one("session.created")
        await line.update(tools=TOOLS, **pcmu())
        await line.response()
        await line.say("The caller pressed 9 on the keypad.")
        events = await line.response()
        spoken, call = done(events)["output"]
        assert spoken["type"] == "message" and call["name"] == "end_call", (spoken, call)
        assert json.loads(call["arguments"]) == {"reason": "caller_done"}
        same = next(e for e in events if e["type"] == "response.function_call_arguments.done")
        assert (same["call_id"], same["arguments"]) == (call["call_id"], call["arguments"])
        await line.c.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"ok":true}'})
        await line.one("conversation.item.done")
        await line.response()
        await line.say('Please call tool save_answer with {"key":"age","value":"41"}')
        call = done(await line.response())["output"][0]
        assert json.loads(call["arguments"]) == {"key": "age", "value": "41"}
        await line.say("The caller pressed 5 on the keypad.")
        two = done(await line.response())["output"]
        assert len(two) == 2 and two[0]["call_id"] != two[1]["call_id"]


async def text_and_out_of_band(connect):
    async with connect() as line:
        await line.one("session.created")
        events = await line.response(output_modalities=["text"])
        assert done(events)["output"][0]["content"][0]["text"].startswith("Hello")
        beside = await line.response(conversation="none", input=[], metadata={"topic": "aside"})
        assert done(beside)["conversation_id"] is None
        assert not any(e["type"] == "conversation.item.added" for e in beside)


async def manual_turns(connect):
    async with connect() as line:
        await line.one("session.created")
        await line.update(**pcmu(turn_detection=None))
        voice = audio_of(await line.response())[:8000]
        await line.append(voice)
        await line.c.input_audio_buffer.commit()
        committed = await line.until("conversation.item.done")
        assert [e["type"] for e in committed][0] == "input_audio_buffer.committed"
        assert len(audio_of(await line.response())) > 4000
        await line.append(voice)
        await line.c.input_audio_buffer.clear()
        await line.one("input_audio_buffer.cleared")
        await line.c.input_audio_buffer.commit()
        assert (await line.one("error"))["error"]["code"] == "input_audio_buffer_commit_empty"


async def mistakes(connect):
    async with connect("answer_ms:30000") as line:
        await line.one("session.created")
        line.free = True
        for event, code, param in [
            ({"type": "session.update", "session": {"type": "realtime", "voice": "alloy"}}, "unknown_parameter", "session.voice"),
            ({"type": "session.update", "session": {"voice": "alloy"}}, "missing_required_parameter", "session.type"),
            ({"type": "conversation.item.delete", "item_id": "x"}, "item_delete_invalid_item_id", "item_id"),
            ({"type": "response.cancel"}, "response_cancel_not_active", None),
            ({"type": "nonsense"}, "invalid_value", "type"),
        ]:
            await line.c.send({**event, "event_id": "bad_1"})
            error = (await line.one("error"))["error"]
            assert (error["code"], error["param"], error["event_id"]) == (code, param, "bad_1"), error
        await line.c.response.create()
        await line.one("response.created")
        await line.c.response.create(event_id="again")
        assert (await line.one("error"))["error"]["code"] == "conversation_already_has_active_response"
        await line.c.response.cancel()
        assert done(await line.until("response.done"))["status_details"]["reason"] == "client_cancelled"


async def refusals(connect):
    for code in (3000, 4000, 4004, 1013):
        async with connect(f"reject:{code}", finish=False) as line:
            await line.one("error")
            try:
                await line.one("session.created")
            except ConnectionClosedError as closed:
                assert closed.rcvd.code == code, closed
            else:
                raise AssertionError("not closed")


async def odd_frames(connect):
    async with connect("fragment_bytes:100,big_updated_bytes:200000") as line:
        await line.one("session.created")
        assert len((await line.update(**pcmu()))["instructions"]) > 199_000
        assert len(audio_of(await line.response())) > 8000


SCENARIOS = [greeting_and_echo, every_format_and_language, barge_in, tools, text_and_out_of_band, manual_turns, mistakes,
             refusals, odd_frames]


async def main(url, chosen):
    base = url.removesuffix("/realtime")
    client = AsyncOpenAI(api_key="sk-rehearsal", websocket_base_url=base)

    @contextlib.asynccontextmanager
    async def connect(rehearse="", finish=True):
        query = {"rehearse": rehearse} if rehearse else {}
        async with client.realtime.connect(model="gpt-realtime-2.1", extra_query=query) as connection:
            line = Line(connection)
            yield line
            if finish:
                line.finish()
            else:
                assert not line.bad, line.bad

    failed = 0
    for scenario in SCENARIOS:
        if chosen and scenario.__name__ not in chosen:
            continue
        try:
            await asyncio.wait_for(scenario(connect), 120)
            print(f"ok    {scenario.__name__}")
        except Exception as error:  # every scenario is told, then the exit code
            failed += 1
            print(f"FAIL  {scenario.__name__}: {type(error).__name__}: {error}")
    return failed


if __name__ == "__main__":
    target, chosen = sys.argv[1], sys.argv[2:]
    server = None
    if not target.startswith("ws://"):
        server = subprocess.Popen([target, "rehearse", "--bind", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        target = server.stdout.readline().strip()
        assert target.startswith("ws://"), f"the first line is no URL: {target!r}"
    try:
        sys.exit(1 if asyncio.run(main(target, chosen)) else 0)
    finally:
        if server:
            server.terminate()
            server.wait(10)
