"""What models send that is no answer, or in no shape that was agreed."""
import asyncio

import numpy as np

from bench import HEARD, PATIENCE, USAGE, Bench, found, hears, hears_the_model, kinds, longest_silence, turn, voice
from losses import check, until

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def ends(status="completed", output=(), details=None, usage=USAGE, **more):
    """A response without a sound that ends so."""

    async def play(session):
        response = await session.begin()
        await session.finish(response, status, output, details, usage)

    return play


def incomplete(reason):
    return ends("incomplete", details={"type": "incomplete", "reason": reason})


def failed(error):
    return ends("failed", details={"type": "failed", "error": error}, usage=None)


def message(*content, status="completed"):
    return {"id": "item_m", "object": "realtime.item", "type": "message", "role": "assistant", "status": status, "content": list(content)}


async def text_only(session):
    response = await session.begin()
    where = {"response_id": response, "item_id": "item_t", "output_index": 0, "content_index": 0}
    item = message(status="in_progress") | {"id": "item_t"}
    await session.raw({"type": "response.output_item.added", "response_id": response, "output_index": 0, "item": item})
    for word in ("We are ", "open."):
        await session.raw({"type": "response.output_text.delta", **where, "delta": word})
    await session.raw({"type": "response.output_text.done", **where, "text": "We are open."})
    await session.finish(response, output=[message({"type": "output_text", "text": "We are open."}) | {"id": "item_t"}])


# What an answer is in place of one, how often, and the incident that says so.
MISSED = [
    ("empty", ends(), 1, "answer_empty"),
    ("empty twice", ends(), 2, "answer_empty"),
    ("a message with nothing in it", ends(output=[message()]), 1, "answer_empty"),
    ("sound of no length", ends(output=[message({"type": "output_audio", "transcript": ""})]), 1, "answer_empty"),
    ("filtered", incomplete("content_filter"), 1, "answer_filtered"),
    ("cut before a word", incomplete("max_output_tokens"), 1, "answer_cut"),
    ("incomplete for no reason", ends("incomplete"), 1, "answer_cut"),
    ("text", text_only, 1, "answer_text_only"),
    ("failed with a number", failed({"type": "server_error", "code": 503, "message": "The server had an error"}), 1, "answer_failed"),
    ("failed with a text", failed("server_error"), 1, "answer_failed"),
    ("failed with another text", failed("overloaded"), 1, "answer_failed"),
    ("failed in a sentence", failed("The engine is overloaded."), 1, "answer_failed"),
    ("failed with a list", failed([{"message": "upstream: EOF"}]), 1, "answer_failed"),
    ("failed for no reason", failed(None), 1, "answer_failed"),
]


@scenario
async def an_answer_without_sound_is_asked_for_again():
    shown = []

    async def one(bench, name, piece, times, kind):
        left = [times]

        def script(session, event):
            left[0] -= 1
            return piece if left[0] >= 0 else None

        caller = await bench.caller(script)
        caller.name = name
        ended = await turn(caller)
        first = await hears(caller, ended)
        check(first < PATIENCE, name, f"the first sound came after {first:.1f} s")
        await hears_the_model(caller, ended)
        await caller.quiet()
        record = await caller.hang_up(bench.service)
        check(kinds(record).get(kind) == times, name, record["incidents"])
        check(caller.asked <= 2 + times, name, caller.asked, "responses were asked for")
        shown.append(f"{name} {first:.1f} s")

    async with Bench() as bench:
        for start in range(0, len(MISSED), 5):
            await asyncio.gather(*[one(bench, *case) for case in MISSED[start : start + 5]])
        for _, _, _, kind in MISSED:
            check(await bench.metrics("switchboard_incidents_total", kind=kind) > 0, "nothing is counted of", kind)
            check(bench.lines("WARN", kind) or bench.lines("WARN", "nothing to hear"), "operators are not told of", kind)
    return "first sound: " + ", ".join(shown)


@scenario
async def a_session_that_never_speaks_is_replaced():
    """Empty from the first turn on: another session answers. Empty everywhere: an end, after a bounded number of requests."""
    shown = []

    async def one(bench, name, piece):
        first = []

        def script(session, event):
            first[:] = first or [session]
            return piece if session is first[0] else None

        caller = await bench.caller(script)
        caller.name = name
        ended = await turn(caller)
        waited = await hears(caller, ended)
        check(waited < PATIENCE, name, f"the first sound came after {waited:.1f} s")
        await hears_the_model(caller, ended)
        check(len(caller.sessions) == 2, name, len(caller.sessions), "sessions")
        check(longest_silence(caller, ended, ended + 5) < 4, name, "a silence of", longest_silence(caller, ended, ended + 5))
        await caller.quiet()
        record = await caller.hang_up(bench.service)
        check({"model_mute", "model_failover"} <= set(kinds(record)), name, record["incidents"])
        shown.append(f"{name} {waited:.1f} s, {caller.asked} requests")

    async def everywhere(bench, name, piece):
        caller = await bench.caller(lambda session, event: piece)
        caller.name = name
        ended = await turn(caller)
        await asyncio.wait_for(asyncio.shield(caller.running), 40)
        record, _ = await bench.service.record(caller.phone.call_sid)
        check(record["ending"]["reason"] == "model_lost", name, record["ending"])
        quiet = longest_silence(caller, ended)
        check(quiet < 4.2, name, "a silence of", quiet)
        check(caller.asked <= 16, name, caller.asked, "responses were asked for")
        shown.append(f"{name} everywhere: {caller.asked} requests in {len(caller.sessions)} sessions, silence {quiet:.1f} s")

    async with Bench() as bench:
        await asyncio.gather(
            one(bench, "empty", ends()),
            one(bench, "filtered", incomplete("content_filter")),
            one(bench, "text", text_only),
            one(bench, "failed", failed("overloaded")),
            everywhere(bench, "empty", ends()),
            everywhere(bench, "failed", failed("overloaded")),
        )
    return "; ".join(shown)


def cut(reason, pcm):
    async def play(session):
        response = await session.begin()
        item = await session.sound(response, pcm, "Our opening hours are from nine")
        await session.finish(response, "incomplete", [item | {"status": "incomplete"}], {"type": "incomplete", "reason": reason} if reason else None)

    return play


@scenario
async def an_answer_that_is_cut_in_its_middle_is_gone_on_with():
    """Once it was heard to where it goes, and not for ever."""
    shown = []

    async def one(bench, name, reason, times):
        left, pcm = [times], voice(1.0, 31)

        def script(session, event):
            left[0] -= 1
            return cut(reason, pcm) if left[0] >= 0 else None

        caller = await bench.caller(script)
        caller.name = name
        ended = await turn(caller)
        if times == 1:
            at = await hears_the_model(caller, ended)
            check(found(caller.phone, pcm)[0] > HEARD, name, "the first half was not heard")
            check(1.0 <= at < 5, name, "gone on with after", at)
        else:
            await until(lambda: left[0] <= times - 3, 12, name, "it was not gone on with twice")
            await asyncio.sleep(3)
            check(times - left[0] == 3, name, times - left[0], "responses, all of them cut")
        await caller.quiet()
        record = await caller.hang_up(bench.service)
        check("answer_cut" in kinds(record), name, record["incidents"])
        shown.append(name)

    async with Bench() as bench:
        await asyncio.gather(one(bench, "by tokens", "max_output_tokens", 1), one(bench, "by the filter", "content_filter", 1), one(bench, "for no reason", None, 1), one(bench, "always", "max_output_tokens", 50))
    return ", ".join(shown)


def faint(peak_, seconds):
    rng = np.random.default_rng(peak_)
    return rng.integers(-peak_, peak_ + 1, int(seconds * 24000)).astype(np.int16)


@scenario
async def sound_that_nobody_can_hear_is_no_answer():
    """Full length, no level: told, counted, not called heard, and the session replaced."""
    shown = []

    async def one(bench, name, pcm):
        first = []

        async def play(session):
            response = await session.begin()
            item = await session.sound(response, pcm, "Hello and welcome, how can I help?")
            await session.finish(response, output=[item])

        def script(session, event):
            first[:] = first or [session]
            return play if session is first[0] else None

        caller = await bench.caller(script)
        caller.name = name
        ended = await turn(caller, "hello? are you there?")
        waited = await hears(caller, ended)
        check(waited < 4.5, name, "the first sound came after", waited)
        await hears_the_model(caller, ended)
        check(len(caller.sessions) == 2, name, len(caller.sessions), "sessions")
        await caller.quiet()
        record = await caller.hang_up(bench.service)
        check("answer_silent" in kinds(record), name, record["incidents"])
        of_it = [entry for entry in record["conversation"] if "Hello and welcome" in entry["text"]]
        check(all(not entry["heard"] for entry in of_it), name, of_it)
        shown.append(f"{name} {waited:.1f} s")

    cases = [("peak 9", faint(9, 3)), ("nothing at all", faint(0, 1.5)), ("peak 60", faint(60, 6)), ("a constant", np.full(72000, 40, np.int16))]
    async with Bench() as bench, Bench(realtime__audio_format="g711") as narrow:
        await asyncio.gather(*[one(bench, *case) for case in cases], one(narrow, "mu-law", faint(3, 3)))
        check(await bench.metrics("switchboard_incidents_total", kind="answer_silent") == len(cases), "the count is", await bench.metrics("switchboard_incidents_total", kind="answer_silent"))
    return "first sound: " + ", ".join(shown)


@scenario
async def twelve_turns_in_a_row_are_missed_and_each_is_answered():
    """What was heard makes a session a good one again: twelve missed answers are no more than one, as long as each comes in the end."""
    kinds_of = [ends(), incomplete("content_filter"), text_only, failed("overloaded")]
    asked, missed = [0], [0]

    def script(session, event):
        asked[0] += 1
        if asked[0] % 2:
            missed[0] += 1
            return kinds_of[missed[0] % len(kinds_of)]
        return None

    async with Bench() as bench:
        caller = await bench.caller(script)
        longest = 0.0
        for _ in range(12):
            ended = await turn(caller)
            longest = max(longest, await hears(caller, ended))
            await hears_the_model(caller, ended)
            await caller.quiet()
        check(longest < PATIENCE, "the first sound came after", longest)
        check(len(caller.sessions) == 1, len(caller.sessions), "sessions")
        check(asked[0] == 24, asked[0], "responses were asked for")
        record = await caller.hang_up(bench.service)
        found_ = kinds(record)
        check(sum(found_.get(kind, 0) for kind in ("answer_empty", "answer_filtered", "answer_text_only", "answer_failed")) == 12, found_)
        return f"12 turns, at most {longest:.1f} s to the first sound"
