"""Conversations of the official google-genai SDK with the rehearsal model, over TLS with the model's own certificate.

A scenario is an async function; it fails by an assertion, or by a message that the SDK's types refuse, whoever sent it.
"""
import asyncio
import contextlib
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

PATIENCE = 20
MODEL = "gemini-3.8-live"


def voice(seconds, rate=16_000):
    """A tone that rises and falls as words do."""
    wave = (0.4 * math.sin(2 * math.pi * 440 * n / rate) * abs(math.sin(2 * math.pi * 2 * n / rate)) for n in range(int(seconds * rate)))
    return b"".join(struct.pack("<h", int(32_000 * sample)) for sample in wave)


def silence(seconds, rate=16_000):
    return bytes(2 * int(seconds * rate))


class Line:
    """One connection."""

    def __init__(self, session):
        self.s = session

    async def until(self, found):
        """Takes messages up to the first that is `found`; returns all that were taken."""
        taken = []
        async with asyncio.timeout(PATIENCE):
            while not taken or not found(taken[-1]):
                taken.append(await self.s._receive())
        return taken

    async def turn(self):
        """Takes messages up to the end of a turn."""
        return await self.until(lambda m: m.server_content and m.server_content.turn_complete)

    async def ask(self, text):
        await self.s.send_client_content(turns=types.Content(role="user", parts=[types.Part(text=text)]), turn_complete=True)

    async def tell(self, *texts):
        turns = [types.Content(role=role, parts=[types.Part(text=text)]) for role, text in texts]
        await self.s.send_client_content(turns=turns, turn_complete=False)

    async def speak(self, sound, rate=16_000, pace=0.0):
        """Sends audio in pieces of 20 ms."""
        size = rate // 50 * 2
        for at in range(0, len(sound), size):
            await self.s.send_realtime_input(audio=types.Blob(data=sound[at:at + size], mime_type=f"audio/pcm;rate={rate}"))
            await asyncio.sleep(pace)


def contents(taken):
    return [m.server_content for m in taken if m.server_content]


def audio_of(taken):
    parts = [part for c in contents(taken) if c.model_turn for part in c.model_turn.parts]
    return b"".join(part.inline_data.data for part in parts if part.inline_data)


def spoken(taken):
    return "".join(c.output_transcription.text for c in contents(taken) if c.output_transcription)


def heard(taken):
    return "".join(c.input_transcription.text for c in contents(taken) if c.input_transcription)


def calls(taken):
    return [call for m in taken if m.tool_call for call in m.tool_call.function_calls]


def place(taken, found):
    return next((n for n, c in enumerate(contents(taken)) if found(c)), None)


def usage(taken):
    return next(m.usage_metadata for m in taken if m.usage_metadata)


def handle(taken):
    updates = [m.session_resumption_update for m in taken if m.session_resumption_update]
    return next((u.new_handle for u in reversed(updates) if u.resumable), None)


def tool(name, behavior=None, **properties):
    schema = {"type": "object", "properties": properties}
    return types.Tool(function_declarations=[
        types.FunctionDeclaration(name=name, description="A tool.", parameters_json_schema=schema, behavior=behavior)])


async def greeting_and_answer(connect):
    async with connect(system_instruction="Be brief.") as line:
        assert line.s.session_id
        await line.ask("[The call has begun. Greet the caller and add nothing:\n\nDeccan Motors, good day.]")
        greeting = await line.turn()
        assert spoken(greeting) == "Deccan Motors, good day.", spoken(greeting)
        seconds = len(audio_of(greeting)) / 48_000
        assert 1.8 < seconds < 3.5, seconds
        generated = place(greeting, lambda c: c.generation_complete)
        assert generated is not None and generated < place(greeting, lambda c: c.turn_complete)
        used = usage(greeting)
        assert used.response_tokens_details[0].modality == "AUDIO" and used.total_token_count == used.prompt_token_count + used.response_token_count
        assert abs(used.response_token_count - seconds * 25) < 2, used

        # The caller's own words come back, and their transcript before them.
        await line.speak(silence(0.4) + voice(2) + silence(1.2))
        answer = await line.turn()
        assert abs(len(audio_of(answer)) / 48_000 - 2) < 0.4, len(audio_of(answer)) / 48_000
        assert heard(answer).startswith("[caller speech, 3."), heard(answer)
        assert usage(answer).prompt_token_count > used.prompt_token_count, "each turn has the whole context"


async def barge_in(connect):
    async with connect("answer_ms:9000,speed_percent:400") as line:
        await line.ask("Talk for long.")
        await line.until(lambda m: m.server_content and m.server_content.model_turn)
        asyncio.get_running_loop().create_task(line.speak(voice(1) + silence(1.2), pace=0.02))
        rest = await line.turn()
        stopped = place(rest, lambda c: c.interrupted)
        assert stopped is not None and stopped < place(rest, lambda c: c.turn_complete)
        assert not any(c.generation_complete for c in contents(rest)), "what is interrupted is not complete"
        assert len(audio_of(rest)) / 48_000 < 8
        assert contents(await line.turn()), "and the interrupting words are answered"


async def own_detection(connect):
    detection = types.AutomaticActivityDetection(disabled=True)
    async with connect(realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=detection)) as line:
        await line.speak(voice(1))  # is thrown away
        await line.s.send_realtime_input(activity_start=types.ActivityStart())
        await line.speak(voice(2))
        await line.s.send_realtime_input(activity_end=types.ActivityEnd())
        answer = await line.turn()
        assert abs(len(audio_of(answer)) / 48_000 - 2) < 0.3, "only what is inside the activity counts"


async def tools(connect):
    keys = {"key": {"type": "string", "enum": ["age"]}, "value": {"type": "string"}}
    async with connect(tools=[tool("save_answer", **keys)]) as line:
        await line.ask('Please call tool save_answer with {"key":"age","value":"41"}')
        called = await line.turn()
        [call] = calls(called)
        assert (call.name, call.args) == ("save_answer", {"key": "age", "value": "41"}) and call.id
        response = types.FunctionResponse(id=call.id, name=call.name, response={"output": {"saved": True}}, scheduling="WHEN_IDLE")
        await line.s.send_tool_response(function_responses=response)
        assert len(audio_of(await line.turn())) > 8_000, "the result is spoken about"
        await line.ask('Please call tool save_answer with {"key":"age","value":"42"}')
        [again] = calls(await line.turn())
        assert again.id != call.id
        silent = types.FunctionResponse(id=again.id, name=again.name, response={"output": "ok"}, scheduling="SILENT")
        await line.s.send_tool_response(function_responses=silent)
        await line.ask("Hello?")
        assert len(audio_of(await line.turn())) > 8_000


async def a_call_that_is_taken_back(connect):
    async with connect(tools=[tool("check_table", "BLOCKING")]) as line:
        await line.ask("Please call tool check_table with {}")
        called = await line.until(lambda m: m.tool_call)
        await line.speak(silence(0.2) + voice(1) + silence(1.2), pace=0.01)
        rest = await line.turn()
        cancelled = [id for m in rest if m.tool_call_cancellation for id in m.tool_call_cancellation.ids]
        assert cancelled == [calls(called)[0].id], cancelled
        # A result that was on its way does no harm.
        late = types.FunctionResponse(id=cancelled[0], name="check_table", response={"output": "free"})
        await line.s.send_tool_response(function_responses=late)
        assert len(audio_of(await line.turn())) > 8_000


async def another_prompt(connect):
    async with connect(system_instruction="Speak English.", tools=[tool("end_call")]) as line:
        instruction = types.Content(parts=[types.Part(text="Answer in Hindi.")])
        await line.s.send_context_update(system_instruction=instruction, tools=[tool("save_answer")])
        await line.ask("Please call tool save_answer with {}")
        assert calls(await line.turn())[0].name == "save_answer"


async def a_connection_that_ends(connect):
    async with connect("expire_after_ms:9000,go_away_ms:4000") as line:
        await line.ask("Hello.")
        first = await line.turn()
        first += await line.until(lambda m: m.session_resumption_update)
        assert handle(first), "a session can be resumed once its turn is over"
        warned = (await line.until(lambda m: m.go_away))[-1].go_away
        assert warned.time_left == "4s", warned
    async with connect(session_resumption=types.SessionResumptionConfig(handle=handle(first))) as line:
        await line.ask("Are you there?")
        again = await line.turn()
        assert usage(again).prompt_token_count > usage(first).prompt_token_count, "it remembers"
        assert spoken(again) != spoken(first), "it does not greet again"
    await refused(connect(session_resumption=types.SessionResumptionConfig(handle="no-handle")), 1008, "not found")


async def compression(connect):
    window = types.ContextWindowCompressionConfig(trigger_tokens=300, sliding_window=types.SlidingWindow(target_tokens=150))
    async with connect("speed_percent:0,answer_ms:100", context_window_compression=window) as line:
        counts = []
        for number in range(12):
            await line.ask(f"Sentence {number}: " + "so and so, " * 12)
            counts.append(usage(await line.turn()).prompt_token_count)
        rises = sum(after > before for before, after in zip(counts, counts[1:]))
        assert rises and rises < len(counts) - 1 and max(counts) < 420, counts


async def history(connect):
    told = types.HistoryConfig(initial_history_in_client_content=True)
    async with connect(history_config=told) as line:
        turns = [types.Content(role=role, parts=[types.Part(text=text)]) for role, text in [("user", "A table?"), ("model", "At eight.")]]
        await line.s.send_client_content(turns=turns, turn_complete=True)
        await line.s.send_realtime_input(text="Thank you.")
        answer = await line.turn()
        assert len([c for c in contents(answer) if c.turn_complete]) == 1, "the history itself is not answered"


async def mistakes(connect):
    await refused(connect(model="gemini-9-live-nowhere", rehearse="reject:4000"), 1008, "is not found for API version")
    await refused(connect(rehearse="reject:3000"), 1007, "API key not valid")
    await refused(connect(proactivity=types.ProactivityConfig(proactive_audio=True)), 1007, "invalid argument")
    await refused(connect(response_modalities=["TEXT", "AUDIO"]), 1007, "invalid argument")
    async with connect() as line:
        response = types.FunctionResponse(id="never-called", name="nothing", response={"output": "x"})
        await line.s.send_tool_response(function_responses=response)
        try:
            await line.turn()
        except errors.APIError as error:
            assert error.code == 1007, error
        else:
            raise AssertionError("a result without a call is taken")


async def versions_and_tokens(connect):
    for version, key in [("v1beta", "AIza-rehearsal"), ("v1", "AIza-rehearsal"), ("v1alpha", "auth_tokens/rehearsal")]:
        async with connect(version=version, key=key) as line:
            await line.ask("Hello.")
            assert len(audio_of(await line.turn())) > 8_000, version


async def refused(connection, code, words):
    try:
        async with connection:
            pass
    except errors.APIError as error:
        assert error.code == code and words in str(error), error
    else:
        raise AssertionError(f"no close with {code}")


SCENARIOS = [greeting_and_answer, barge_in, own_detection, tools, a_call_that_is_taken_back, another_prompt, a_connection_that_ends,
             compression, history, mistakes, versions_and_tokens]


class Watch:
    """Judges every message of a connection, in both directions."""

    def __init__(self):
        self.bad, self.sent, self.got = [], [], []

    def over(self, socket):
        send, recv = socket.send, socket.recv

        async def watched_send(data, *a, **k):
            message = json.loads(data)
            self.sent.append(message)
            self.bad += [f"sent {list(message)}: {problem}" for problem in shapes.of_client(message)]
            return await send(data, *a, **k)

        async def watched_recv(*a, **k):
            data = await recv(*a, **k)
            if not isinstance(data, bytes):
                self.bad.append("a text frame, where the service sends binary ones")
            message = json.loads(data)
            self.got.append(message)
            self.bad += [f"got {list(message)}: {problem}" for problem in shapes.of_server(message)]
            return data

        socket.send, socket.recv = watched_send, watched_recv


async def main(url, chosen):
    base, dial = url.replace("wss://", "https://").split("/ws/")[0], live.ws_connect

    @contextlib.asynccontextmanager
    async def connect(rehearse="", model=MODEL, version="v1beta", key="AIza-rehearsal", **config):
        watch = Watch()

        @contextlib.asynccontextmanager
        async def watched(uri, **more):
            async with dial(f"{uri}?rehearse={rehearse}" if rehearse else uri, **more) as socket:
                watch.over(socket)
                yield socket

        live.ws_connect = watched
        client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base, api_version=version))
        full = {"response_modalities": ["AUDIO"], "input_audio_transcription": {}, "output_audio_transcription": {}, "session_resumption": {},
                "context_window_compression": types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow())} | config
        async with client.aio.live.connect(model=model, config=full) as session:
            yield Line(session)
        assert not watch.bad, "\n  ".join(watch.bad[:5])

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
    with tempfile.TemporaryDirectory() as folder:
        certificate = os.path.join(folder, "model.pem")
        command = [sys.argv[1], "rehearse", "--protocol", "gemini", "--certificate", certificate]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            target = server.stdout.readline().strip()
            assert target.startswith("wss://"), f"the first line is no URL: {target!r}"
            # The SDK reads it when it is asked for its first connection.
            os.environ["SSL_CERT_FILE"] = certificate
            import shapes
            from google import genai
            from google.genai import errors, live, types
            sys.exit(1 if asyncio.run(main(target, sys.argv[2:])) else 0)
        finally:
            server.terminate()
            server.wait(10)
