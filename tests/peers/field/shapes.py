"""Events of other shapes than agreed, usage that cannot be read, complaints without end, and calls of tools."""
import asyncio
import json

import websockets

from bench import Bench, hears, hears_the_model, turn, voice
from losses import check, phone_sounds, until

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


@scenario
async def an_odd_event_costs_neither_words_nor_the_session():
    """Fifty-one and more without harm, half a character, errors of every shape, odd numbers: one session all the while."""
    async with Bench() as bench:
        caller = await bench.caller()
        session = caller.session
        for number in range(70):
            await session.raw({"type": "conversation.item.input_audio_transcription.completed", "item_id": f"item_n{number}", "content_index": 0, "transcript": None, "usage": None})
        for error in ("backend send config: EOF", None, 7, ["a", {"message": "b"}], {"error": {"message": "c"}}, {"code": 5, "message": {"text": "d"}}):
            await session.raw({"type": "error", "error": error, "code": "backend_error"})
        await session.raw('{"type":"rate_limits.updated","rate_limits":NaN}')
        item, _ = await session.caller_begins()
        await asyncio.sleep(0.15)
        ended = caller.now()
        await session.caller_ends(item, None)
        await session.raw('{"type":"conversation.item.input_audio_transcription.completed","item_id":"%s","content_index":0.0,"transcript":"what are your hours \\ude00"}' % item)
        await hears_the_model(caller, ended)
        await caller.quiet()
        check(len(caller.sessions) == 1, len(caller.sessions), "sessions")
        record = await caller.hang_up(bench.service)
        said = [entry["text"] for entry in record["conversation"] if entry["speaker"] == "user"]
        check("what are your hours \ufffd" in said, said)
        check(bench.lines("backend send config: EOF"), "the words of an error are not logged")
        return f"one session, {said}"


@scenario
async def usage_is_counted_however_it_is_written():
    """Beside the response, with floats and texts; where there is none it is estimated."""
    counted = {"input_tokens": 6, "input_token_details": {"text_tokens": 6, "audio_tokens": 0, "grok_tokens": 0}, "output_tokens": 87, "output_token_details": {"text_tokens": 7, "audio_tokens": 80}, "total_tokens": 93}
    cases = {
        "beside": ({}, {"usage": counted}),
        "floats": ({"total_tokens": 60, "input_tokens": 40.0, "output_tokens": "20", "input_token_details": {"text_tokens": 20, "audio_tokens": 20, "cached_tokens": None}, "output_token_details": {"text_tokens": 5, "audio_tokens": 15.0}}, {}),
        "none": (None, {}),
        "a text": ("unknown", {}),
    }
    shown = {}

    async def one(bench, name):
        usage, beside = cases[name]

        def script(session, event):
            async def play(session):
                response = await session.begin()
                item = await session.sound(response, voice(), "We are open")
                await session.finish(response, output=[item], usage=usage, beside=beside)

            return play

        caller = await bench.caller(script, greeted=False)
        await hears(caller, 0.0)
        await asyncio.sleep(1.5)
        record = await caller.hang_up(bench.service)
        check(record["cost_usd"] > 0, name, record["usage"], record["cost_usd"])
        shown[name] = record["cost_usd"]

    async with Bench() as bench:
        await asyncio.gather(*(one(bench, name) for name in cases))
        check(await bench.metrics("switchboard_spend_usd_total") > 0, "no spending is counted")
    return ", ".join(f"{name} ${cost}" for name, cost in shown.items())


@scenario
async def complaints_without_end_are_summed_up():
    """One a frame, then each of another code: a few lines of the log, every one counted, no label of the server's making."""
    async with Bench() as bench:
        caller = await bench.caller()
        error = {"type": "invalid_request_error", "code": "missing_required_parameter", "message": "Missing required parameter: 'session.turn_detection.type'.", "param": None, "event_id": None}
        for _ in range(300):
            await caller.session.raw({"type": "error", "error": error})
        for number in range(300):
            await caller.session.raw({"type": "error", "error": error | {"code": f"code_15550100{number:03}", "message": "call +1 555 010 0199"}})
        ended = await turn(caller)
        await hears_the_model(caller, ended)
        await caller.hang_up(bench.service)
        lines = [line for line in bench.lines("WARN") if caller.phone.call_sid in line or "missing_required" in line]
        check(len(lines) < 40, len(lines), "warnings")
        counted = await bench.metrics("switchboard_model_errors_total")
        check(counted >= 600, counted, "complaints are counted")
        check(await bench.metrics("switchboard_model_errors_total", code="other") >= 300, "made-up codes have labels of their own")
        check("0199" not in bench.text(), "a number of a message is logged")
        return f"{counted:.0f} complaints, {len(lines)} warnings"


@scenario
async def tools_are_called_as_they_are_meant():
    """Arguments as an object, a name space, an invented name; and an end without a word has the language's goodbye."""
    async with Bench() as bench:
        calls = []

        def script(session, event):
            async def play(session):
                response = await session.begin()
                calls.append(await session.call(response, "functions.switch_language", {"language": "hi"}))
                calls.append(await session.call(response, "lookup_hours", index=1))
                await session.finish(response, output=calls)

            return None if calls else play

        caller = await bench.caller(script)
        await turn(caller)
        await until(lambda: len(calls) == 2 and all(caller.session.output(call) for call in calls), 6, "a call was not answered")
        check("end_call" in caller.session.output(calls[1]), caller.session.output(calls[1]))
        await caller.quiet()

        def ends(session, event):
            async def play(session):
                response = await session.begin()
                call = await session.call(response, "end_call", {"reason": "caller said bye"})
                await session.finish(response, output=[call])

            return play if event is None else None

        caller.script = ends
        said = len(caller.said)
        ended = await turn(caller, "bye")
        await asyncio.wait_for(asyncio.shield(caller.running), 15)
        record, _ = await bench.service.record(caller.phone.call_sid)
        check(len(caller.said) == said + 1, "no goodbye was asked for")
        await hears_the_model(caller, ended)
        check(record["ending"]["reason"] == "agent_hung_up", record["ending"])
        check([switch["to"] for switch in record["language_switches"]] == ["hi"], record["language_switches"])
        return json.dumps(json.loads(caller.session.outputs[1]["output"]))[:120]


@scenario
async def a_limit_of_spending_acts_on_what_was_estimated():
    """A server that tells no usage, none that can be read, or nothing but zeros: each call is closed all the same, with words."""
    shown = []

    async def one(bench, name, usage):
        def script(session, event):
            async def play(session):
                response = await session.begin()
                item = await session.sound(response, voice(), "We are open")
                await session.finish(response, output=[item], usage=usage)

            return play

        caller = await bench.caller(script)
        turns = 0
        while not caller.running.done() and turns < 12:
            turns += 1
            try:
                ended = await turn(caller)
            except websockets.ConnectionClosed:
                break
            await until(lambda: caller.running.done() or phone_sounds(caller.phone, ended) is not None, 8, name, "nothing is heard in turn", turns)
            await until(lambda: caller.running.done() or not caller.phone.queue, 8, name, "the answer does not end")
            await asyncio.sleep(0.3)
        await asyncio.wait_for(asyncio.shield(caller.running), 15)
        record, _ = await bench.service.record(caller.phone.call_sid)
        check(record["ending"]["reason"] == "spend_limit", name, record["ending"], record["cost_usd"])
        check(0.005 <= record["cost_usd"] < 0.02, name, record["cost_usd"])
        shown.append(f"{name}: {turns} turns, ${record['cost_usd']}")

    async with Bench(spend__call_hard="0.005") as bench:
        await asyncio.gather(one(bench, "none", None), one(bench, "a text", "unknown"), one(bench, "empty", {}), one(bench, "words", {"total_tokens": "many"}))
    return "; ".join(shown)


SESSIONS = {
    "a word": lambda session: session | {"audio": {"input": {"format": "pcm16"}, "output": {"format": "pcm16", "voice": "x"}}},
    "a rate with a point": lambda session: session | {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000.0}}, "output": {"format": {"type": "audio/pcm", "rate": 24000.0}}}},
    "a rate as a text": lambda session: session | {"audio": {"input": {"format": {"type": "audio/pcm", "rate": "24000"}}, "output": {"format": {"type": "audio/pcm"}}}},
    "as the beta had it": lambda session: {"id": "sess_1", "object": "realtime.session", "modalities": ["audio", "text"], "input_audio_format": "pcm16", "output_audio_format": "pcm16", "turn_detection": None},
    "without sound": lambda session: {key: value for key, value in session.items() if key != "audio"},
    "nulls": lambda session: {key: None for key in session},
    "audio as a list": lambda session: session | {"audio": ["pcm16"], "expires_at": "never", "id": 7},
    "empty": lambda session: {},
}


@scenario
async def a_session_is_configured_however_it_is_told():
    """And where what is told of it is no object at all, or the event has nothing but its type."""
    shown = []

    async def one(name, shape):
        async with Bench(shape=shape) as bench:
            caller = await bench.caller()
            ended = await turn(caller)
            await hears_the_model(caller, ended)
            check(len(caller.sessions) == 1, name, len(caller.sessions), "sessions")
            record = await caller.hang_up(bench.service)
            check(record["ending"]["reason"] == "caller_hung_up", name, record["ending"])
            check(not bench.lines("unreadable_event"), name, bench.lines("unreadable_event"))
            shown.append(name)

    cases = [(name, lambda _, session, change=change: {"session": change(session)}) for name, change in SESSIONS.items()]
    cases += [("a text", lambda *_: {"session": "sess_1"}), ("null", lambda *_: {"session": None}), ("nothing", lambda *_: {})]
    for start in range(0, len(cases), 4):
        await asyncio.gather(*(one(*case) for case in cases[start : start + 4]))
    return ", ".join(shown)
