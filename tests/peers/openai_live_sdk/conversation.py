"""Conversations of the official openai SDK with the rehearsal model.

Every frame that the SDK sends is checked as a client event, every frame that it gets as a server event, and the order of
both by the oracle of the order. A scenario fails by an assertion or by a violation.
"""
import asyncio
import base64
import contextlib
import time

from openai import AsyncOpenAI
from openai.lib.live import AsyncTranscriptGrouper
from websockets.exceptions import ConnectionClosed

import watch

PATIENCE = 30
FORMATS = [
    {"type": "audio/pcmu", "rate": 8000},
    {"type": "audio/pcma", "rate": 8000},
    {"type": "audio/pcm", "rate": 16000},
    {"type": "audio/pcm", "rate": 24000},
]
SILENCE = {"audio/pcmu": b"\xff", "audio/pcma": b"\xd5", "audio/pcm": b"\0"}
BYTES_PER_MS = {8000: 8, 16000: 32, 24000: 48}
PCMU = FORMATS[0]
TOOL = {
    "type": "function", "name": "save_answer", "description": "Keeps an answer.", "strict": False,
    "parameters": {"type": "object", "properties": {"key": {"type": "string", "enum": ["age"]}, "value": {"type": "string"}}},
}
HOSTED = {"type": "responses", "acknowledgement_delay_ms": 5000, "responses": {
    "model": "gpt-5.6-luna", "instructions": "Be brief.", "tools": [TOOL], "parallel_tool_calls": False,
    "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}, "max_output_tokens": 600}}


class Line:
    """One connection, watched from both sides, and the caller's audio as its clock."""

    def __init__(self, connection):
        self.c, self.watch = connection, watch.Watch()
        self.events, self.queue, self.feeder, self.grouped = [], b"", None, []
        self.fed = asyncio.Event()
        socket = connection._connection
        send, recv = socket.send, socket.recv

        async def watched_send(data, *a, **k):
            self.watch.client(data)
            return await send(data, *a, **k)

        async def watched_recv(*a, **k):
            data = await recv(*a, **k)
            self.events.append(self.watch.server(data))
            return data

        socket.send, socket.recv = watched_send, watched_recv

    async def start(self, fmt=PCMU, **session):
        self.fmt, self.per_ms = fmt, BYTES_PER_MS[fmt["rate"]]
        await self.c.session.start(event_id="start-1", session={"model": "gpt-live-1.1", "audio": {"format": fmt}, **session})
        started = await self.one("session.started")
        assert started["client_event_id"] == "start-1", started
        assert started["session"]["audio"]["format"] == fmt and started["session"]["input"] == [], started
        self.feeder = asyncio.ensure_future(self.feed())
        # What is appended before any audio has no place on the timeline.
        await self.fed.wait()
        return started["session"]

    async def feed(self):
        """20 ms of the caller every 20 ms, silence where nothing is to be said."""
        began, sent = time.monotonic(), 0
        silence = SILENCE[self.fmt["type"]] * (20 * self.per_ms)
        while True:
            frame, self.queue = self.queue[:len(silence)], self.queue[len(silence):]
            frame += silence[len(frame):]
            await self.c.session.input_audio.append(audio=base64.b64encode(frame).decode())
            self.fed.set()
            sent += 1
            await asyncio.sleep(max(0, began + sent * 0.02 - time.monotonic()))

    def say(self, audio):
        self.queue += audio

    async def until(self, kind, **fields):
        """Takes events up to the first of this kind with these fields; returns all that were taken."""
        taken = []
        while True:
            parsed = await asyncio.wait_for(self.c.recv(), PATIENCE)
            event = self.events[-1]
            taken.append(event)
            assert parsed.type == event["type"]
            if event["type"] == kind and all(event.get(k) == v for k, v in fields.items()):
                return taken

    async def nested(self, kind):
        """Takes events up to this event of the backend; returns it and all that were taken."""
        taken = []
        while True:
            taken += await self.until("response.event")
            if taken[-1]["event"]["type"] == kind:
                return taken[-1]["event"], taken

    async def one(self, kind, **fields):
        return (await self.until(kind, **fields))[-1]

    async def speech(self):
        """Takes events until the model has spoken and was silent for 0.5 s; returns what it said, and its words."""
        audio, quiet, words, silent = b"", 0, "", SILENCE[self.fmt["type"]]
        while quiet < 5:
            event = (await self.until_any("session.output_audio.delta", "session.output_transcript.delta"))[-1]
            if event["type"].endswith("transcript.delta"):
                words += event["delta"]
                continue
            piece = base64.b64decode(event["delta"])
            assert len(piece) == 100 * self.per_ms, len(piece)
            if piece.strip(silent):
                audio, quiet = audio + piece, 0
            elif audio:
                quiet += 1
        return audio.rstrip(silent), words.strip()

    async def until_any(self, *kinds):
        taken = []
        while not taken or taken[-1]["type"] not in kinds:
            await asyncio.wait_for(self.c.recv(), PATIENCE)
            taken.append(self.events[-1])
        return taken

    async def close(self):
        if self.feeder:
            self.feeder.cancel()
        await self.c.session.close(event_id="bye")
        closed = await self.one("session.closed")
        assert (closed["client_event_id"], closed["reason"]) == ("bye", "close_requested"), closed
        return closed

    async def comment(self, content, **more):
        more = {"event_id": f"c-{len(self.events)}", "delegation_id": None} | more
        await self.c.session.commentary.append(content=content, **more)
        return more["event_id"]


async def greeting_and_answer(connect):
    async with connect() as line, AsyncTranscriptGrouper() as grouper:
        segments = []
        grouper.on("segment.closed", lambda closed: segments.append(closed.segment))
        session = await line.start(instructions="Speak English.", delegation=HOSTED, safety_identifier="hash", store=False)
        assert session["id"].startswith("live_") and session["expires_at"] > 1_700_000_000, session
        asked = time.monotonic()
        order = await line.comment("Speak first, now: greet the caller in one sentence. Then stop and listen.")
        greeting, words = await line.speech()
        assert 1.8 < len(greeting) / 8000 < 4 and words.startswith("Hello"), (len(greeting), words)
        ack = next(e for e in line.events if e["type"] == "session.commentary.appended")
        assert ack["client_event_id"] == order and 600 <= ack["start_ms"] + 200 and ack["start_ms"] % 200 == 0, ack
        # The caller says the greeting too, and it comes back as it was.
        line.say(greeting)
        echo, said = await line.speech()
        assert greeting[1600:-1600] in echo, "the caller's own words do not come back byte for byte"
        assert said.startswith("[the caller's own words"), said
        closed = await line.close()
        spent = time.monotonic() - asked
        assert abs(closed["usage"]["seconds"] - spent) <= 3, (closed["usage"], spent)
        for event in line.events:
            await grouper.push(watch.SERVER[event["type"]].model_validate(event))
    speakers = [segment.speaker for segment in segments]
    assert speakers == ["assistant", "user", "assistant"], segments
    assert segments[1].text.strip().startswith("[caller speech, "), segments[1]
    return f"greeting {len(greeting) / 8000:.2f} s"


async def every_format_and_language(connect):
    async def one(fmt, name):
        async with connect() as line:
            await line.start(fmt, instructions=f"Be brief.\n# Language: {name}\n")
            await line.comment("Greet the caller.")
            audio, words = await line.speech()
            assert 1.8 < len(audio) / line.per_ms / 1000 < 4, (name, fmt, len(audio))
            assert words.isascii() == (name == "English"), words
            await line.close()

    names = ["English", "Hindi", "Marathi", "Telugu", "Tamil", "Malayalam"]
    await asyncio.gather(*(one(FORMATS[n % 4], name) for n, name in enumerate(names)))
    return f"{len(names)} languages, {len(FORMATS)} formats"


async def a_hosted_delegation_calls_a_tool(connect):
    async with connect() as line:
        await line.start(delegation=HOSTED)
        await line.c.session.thinking.append(content="The caller pressed 3 on the keypad.", delegation_id=None, event_id="t-1")
        await line.comment("Do what the caller asked for.")
        created = await line.one("session.delegation.created")
        assert created["delegation"]["target"] == "responses", created
        done, taken = await line.nested("response.completed")
        assert done["response"]["output"] == [] and done["response"]["usage"]["total_tokens"] > 0, done
        items = [e["event"]["item"] for e in taken if e["type"] == "response.event" and e["event"]["type"] == "response.output_item.done"]
        assert [item["type"] for item in items] == ["reasoning", "function_call"], items
        call = items[-1]
        assert (call["name"], call["status"]) == ("save_answer", "completed"), call
        # Not before its result.
        line.watch.free = True
        await line.c.response.create(event_id="early")
        early = (await line.one("error"))["error"]
        assert (early["code"], early["client_event_id"]) == ("function_call_outputs_required", "early"), early
        line.watch.free = False
        await line.c.response.item.create(event_id="o-1", item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"ok":true}'})
        await line.c.response.create(event_id="r-1")
        done, taken = await line.nested("response.completed")
        assert any(e["type"] == "response.event" and e["event"]["type"] == "response.output_text.delta" for e in taken)
        audio, words = await line.speech()
        assert words, "the backend's words are spoken"
        assert {e["delegation_id"] for e in line.events if e["type"] == "response.event"} == {created["delegation"]["id"]}
        await line.close()
    return f"{len([e for e in line.events if e['type'] == 'response.event'])} nested events"


async def a_delegation_to_the_client_is_answered_in_words(connect):
    async with connect("delegate_turns:1") as line:
        await line.start()
        await line.comment("Greet the caller.")
        greeting, _ = await line.speech()
        line.say(greeting[:8000])
        created = await line.one("session.delegation.created")
        delegation = created["delegation"]
        assert delegation["target"] == "client" and created["offset_ms"] % 20 == 0, created
        await line.comment("The order ships tomorrow.", delegation_id=delegation["id"])
        words = ""
        while "tomorrow" not in words:
            words += (await line.one("session.output_transcript.delta"))["delta"]
        assert "The order ships tomorrow." in words, words
        line.watch.free = True
        await line.comment("Again.", delegation_id="deleg_unknown")
        error = (await line.one("error"))["error"]
        assert error["param"] == "delegation_id", error
        line.watch.free = False
        await line.close()


async def the_caller_interrupts_and_a_short_sound_does_not(connect):
    async with connect("answer_ms:8000") as line:
        await line.start()
        await line.comment("Greet the caller.")
        loud = b""
        while len(loud) < 1600:
            loud += base64.b64decode((await line.one("session.output_audio.delta"))["delta"]).strip(b"\xff")
        voice = loud[:1600]
        line.say(voice)  # 200 ms, which shows attention
        for _ in range(20):
            delta = await line.one("session.output_audio.delta")
        assert base64.b64decode(delta["delta"]).strip(b"\xff"), "it talks on over a short sound"
        line.say(voice * 5)
        spoke, pieces = time.monotonic(), 0
        while base64.b64decode((await line.one("session.output_audio.delta"))["delta"]).strip(b"\xff"):
            pieces += 1
        assert pieces <= 12, f"{pieces} pieces after the caller began"
        await line.close()
    return f"silent {(time.monotonic() - spoke) * 1000:.0f} ms after the caller's first word"


async def clips_and_mutes(connect):
    async with connect() as line:
        await line.start()
        await line.c.session.input_audio.mute(event_id="m-1")
        assert (await line.one("session.input_audio.muted"))["client_event_id"] == "m-1"
        await line.c.session.input_audio.unmute(event_id="m-2")
        assert (await line.one("session.input_audio.unmuted"))["client_event_id"] == "m-2"
        tone = b"".join(int(8000 * (1 if n // 30 % 2 else -1)).to_bytes(2, "little", signed=True) for n in range(24000))
        await line.c.session.output_audio.fixture.play(audio=base64.b64encode(tone).decode(), event_id="fx-1")
        assert (await line.one("session.output_audio.fixture.playing"))["client_event_id"] == "fx-1"
        line.watch.free = True
        await line.comment("Too early.")
        await line.one("error")
        line.watch.free = False
        played = await line.until("session.output_audio.fixture.played")
        loud = sum(bool(base64.b64decode(e["delta"]).strip(b"\xff")) for e in played if e["type"] == "session.output_audio.delta")
        assert 8 <= loud <= 11, f"{loud} pieces of a clip of one second"
        await line.close()


async def the_backend_is_updated_and_nothing_else(connect):
    async with connect() as line:
        await line.start(delegation=HOSTED)
        await line.c.session.update(event_id="u-1", session={"delegation": {"type": "responses", "responses": {"instructions": "Be kind.", "tools": []}}})
        updated = await line.one("session.updated")
        backend = updated["session"]["delegation"]["responses"]
        assert (updated["client_event_id"], backend["instructions"], backend["tools"], backend["model"]) == ("u-1", "Be kind.", [], "gpt-5.6-luna"), updated
        line.watch.free = True
        for delegation in (None, {"type": "client"}):
            await line.c.send({"type": "session.update", "event_id": "u-2", "session": {"delegation": delegation}})
            error = (await line.one("error"))["error"]
            assert error["code"] == "immutable_field_update", error
        await line.close()


async def mistakes_are_refused_and_the_session_lives_on(connect):
    async with connect() as line:
        await line.start()
        line.watch.free = True
        for event, code, param in [
            ({"type": "session.start", "session": {"model": "gpt-live-1.1"}}, "invalid_event", None),
            ({"type": "session.update", "session": {"voice": "marin"}}, "unknown_parameter", "session.voice"),
            ({"type": "session.commentary.append", "content": "Hello."}, "missing_required_parameter", "delegation_id"),
            ({"type": "session.commentary.append", "content": "word " * 500, "delegation_id": None}, "invalid_value", "content"),
            ({"type": "session.commentary.append", "content": " ", "delegation_id": None}, "invalid_value", "content"),
            ({"type": "session.output_audio.fixture.play", "audio": base64.b64encode(b"odd").decode()}, "invalid_audio", "audio"),
            ({"type": "response.create"}, "invalid_event", None),
            ({"type": "response.cancel"}, None, None),
            ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1}, None, None),
        ]:
            await line.c.send({**event, "event_id": "bad-1"})
            error = (await line.one("error"))["error"]
            assert error["client_event_id"] == "bad-1", error
            assert code is None or (error["code"], error.get("param")) == (code, param), (event, error)
        for audio in ("", "!"):
            await line.c.send({"type": "session.input_audio.append", "audio": audio})
            assert (await line.one("error"))["error"]["code"] == "invalid_audio"
        line.watch.free = False
        await line.comment("Greet the caller.")
        assert (await line.speech())[1].startswith("Hello")
        await line.close()


async def a_bad_start_is_refused_and_the_socket_aborted(connect):
    async def one(rehearse, session, code):
        async with connect(rehearse, ends=False) as line:
            line.watch.free = True
            await line.c.send({"type": "session.start", "event_id": "s-1", "session": session})
            event = await line.one("error")
            error, refused = event["error"], time.monotonic()
            assert error["code"] == code and not error.get("client_event_id") and not event.get("client_event_id"), event
            try:
                await line.one("session.started")
            except ConnectionClosed as closed:
                assert closed.rcvd is None, "aborted without a close frame"
            assert 1.5 < time.monotonic() - refused < 5, time.monotonic() - refused

    good = {"model": "gpt-live-1.1"}
    await asyncio.gather(
        one("", {}, "missing_required_parameter"),
        one("", {**good, "turn_detection": None}, "unknown_parameter"),
        one("", {**good, "audio": {"output": {"voice": "fable"}}}, "forbidden"),
        one("", {**good, "instructions": "word " * 20_000}, "invalid_value"),
        one("reject:3000", good, "invalid_api_key"),
        one("reject:4000", good, "model_not_found"),
        one("reject:1013", good, "credit_balance_exhausted"),
        one("busy:0", good, "rate_limit_exceeded"),
    )


async def usage_and_the_end_of_a_session(connect):
    async with connect("expire_after_ms:4000") as line:
        line.watch.order.lead_ms = 1e9
        await line.start()
        # Sixteen seconds of audio at once: the session's clock is the audio.
        await line.c.session.input_audio.append(audio=base64.b64encode(b"\xff" * 8 * 16_000).decode())
        usage = await line.one("session.usage.updated")
        assert usage["usage"]["seconds"] in (15, 16) and 0 < usage["context_window"]["usage_ratio"] < 1, usage
        closed = await line.one("session.closed")
        line.feeder.cancel()
        assert closed["reason"] == "expired" and closed["usage"]["seconds"] >= 16, closed


async def odd_frames(connect):
    async with connect("fragment_bytes:100,jitter_every:7,unknown_every:5,null_codes:1") as line:
        line.watch.unknown_ok = True
        await line.start()
        await line.comment("Greet the caller.")
        assert (await line.speech())[1].startswith("Hello")
        line.watch.free = True
        await line.c.send({"type": "response.create", "event_id": "bad-1"})
        assert (await line.one("error"))["error"]["code"] is None
        await line.close()


SCENARIOS = [greeting_and_answer, every_format_and_language, a_hosted_delegation_calls_a_tool,
             a_delegation_to_the_client_is_answered_in_words, the_caller_interrupts_and_a_short_sound_does_not, clips_and_mutes,
             the_backend_is_updated_and_nothing_else, mistakes_are_refused_and_the_session_lives_on,
             a_bad_start_is_refused_and_the_socket_aborted, usage_and_the_end_of_a_session, odd_frames]


def connector(url):
    """Connects the SDK to the server at `url`; each connection is judged at its end."""
    client = AsyncOpenAI(api_key="sk-rehearsal", websocket_base_url=url.removesuffix("/live/sessions"))

    @contextlib.asynccontextmanager
    async def connect(rehearse="", ends=True):
        query = {"rehearse": rehearse} if rehearse else {}
        async with client.live.connect(extra_query=query) as connection:
            line = Line(connection)
            try:
                yield line
            finally:
                if line.feeder:
                    line.feeder.cancel()
            line.watch.finish(ends)

    return connect
