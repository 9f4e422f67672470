"""Whole calls through the built binary between a strict phone and a strict model server, neither of them ours. Usage: judge.py BINARY"""
import asyncio
import itertools
import sys
import time
import traceback

import numpy as np

import signals
from model import Model
from phone import Phone
from service import Service

BINARY = sys.argv[1]
SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def check(condition, *details):
    if not condition:
        raise AssertionError(" ".join(str(d) for d in details))


async def a_call(model, service, phone, hold=40):
    """Rings; gives the model's session and the running call."""
    running = asyncio.ensure_future(phone.call(service.base, hold))
    session = await model.session()
    await asyncio.wait_for(session.updated.wait(), 10)
    return session, running


async def finish(session, phone, running, service):
    await phone.hang_up()
    await asyncio.wait_for(running, 10)
    record = await service.record(phone.call_sid)
    await asyncio.wait_for(session.closed.wait(), 10)
    check(not session.problems, "the SDK's types refuse:", session.problems[:5])
    check(not phone.problems, "Twilio would refuse:", phone.problems[:5])
    return record


@scenario
async def speech_arrives_at_both_ends(model):
    """Both directions at correlation 0.98, nothing before session.updated (200 KB), pings answered."""
    model.created_delay, model.updated_delay, model.updated_padding = 0.3, 0.3, 200_000
    spoken = signals.babble(6, 1)
    answer = signals.babble(8, 2, 24000)
    model.answer = lambda session, event: (answer, "one two three four five", None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        phone = Phone(spoken)
        session, running = await a_call(model, service, phone)
        check(session.updates[0]["session"]["audio"]["input"]["turn_detection"] is not None, "no explicit turn detection")
        await asyncio.sleep(10)
        pcm = np.frombuffer(bytes(session.caller), dtype="<i2")
        up, at = signals.best_match(signals.resample(spoken, 8000, 24000), pcm)
        down, _ = signals.best_match(signals.resample(answer, 24000, 8000), phone.heard())
        check(up >= 0.98, "caller to model:", up)
        check(at <= 0.03 * 24000, "caller audio was lost before the session was ready: it starts", at / 24000, "s late")
        check(down >= 0.98, "model to caller:", down)
        check(len(session.creates) == 1, "the greeting was asked for", len(session.creates), "times")
        live = service.calls()
        check(live["active"] == 1 and live["calls"][0]["carrier_call_id"] == phone.call_sid, live)
        transcript, queue = await finish(session, phone, running, service)
        check(transcript["ending"] == {"reason": "caller_hung_up", "by": "caller"}, transcript["ending"])
        check("one two three four five" in transcript["transcripts"], transcript["transcripts"])
        check(queue["status"] == "pending" and transcript["ucid"] == phone.call_sid, queue)
        return f"up {up:.4f}, down {down:.4f}, first sound {phone.first_sound * 1000:.0f} ms after start"
    finally:
        check(service.stop() == 0, "exit code", service.process.returncode)


@scenario
async def twenty_callers_hear_only_their_own(model):
    service = await Service(BINARY, await model.start()).ready()
    seeds = itertools.count(100)
    voices = {}

    def answer(session, event):
        if id(session) not in voices:
            seed = next(seeds)
            voices[id(session)] = signals.babble(2.5, seed, 24000)
        return voices[id(session)], "mine", None

    model.answer = answer
    try:
        phones = [Phone(signals.babble(3, n)) for n in range(20)]
        calls = [asyncio.ensure_future(p.call(service.base, 5)) for p in phones]
        await asyncio.gather(*calls)
        sessions = model.sessions
        check(len(sessions) == 20, len(sessions), "sessions")
        pairs = []
        for phone in phones:
            own = [signals.best_match(signals.resample(phone.pcm, 8000, 24000), np.frombuffer(bytes(s.caller), dtype="<i2"))[0] for s in sessions]
            mine = int(np.argmax(own))
            check(own[mine] > 0.97 and sum(x > 0.5 for x in own) == 1, "a model hears another's caller", sorted(own)[-3:])
            heard = [signals.best_match(signals.resample(voices[id(s)], 24000, 8000), phone.heard())[0] for s in sessions]
            check(int(np.argmax(heard)) == mine and heard[mine] > 0.97, "a caller hears another's answer", sorted(heard)[-3:])
            check(sum(x > 0.5 for x in heard) == 1, "a caller hears two answers", sorted(heard)[-3:])
            pairs.append(mine)
        check(sorted(pairs) == list(range(20)), "two callers share a model", pairs)
        for phone in phones:
            await service.record(phone.call_sid)
        check(all(not s.problems for s in sessions), [s.problems for s in sessions if s.problems][:1])
        return "20 calls, each with its own audio"
    finally:
        service.stop()


@scenario
async def barge_in_truncates_to_what_was_heard(model):
    answer = signals.babble(10, 3, 24000)
    model.answer = lambda session, event: (answer, " ".join(f"w{n}" for n in range(40)), None)
    service = await Service(BINARY, await model.start()).ready()
    errors = []
    try:
        async def one(delay, at):
            phone = Phone(signals.babble(1, 5), mark_delay=delay)
            running = asyncio.ensure_future(phone.call(service.base, 30))
            while not any(s for s in model.sessions if not getattr(s, "taken", False)):
                await asyncio.sleep(0.01)
            session = next(s for s in model.sessions if not getattr(s, "taken", False))
            session.taken = True
            await asyncio.wait_for(session.updated.wait(), 10)
            while phone.position == 0:
                await asyncio.sleep(0.002)
            await asyncio.sleep(at)
            item, began = await session.caller_begins()
            for _ in range(400):
                if phone.clears and session.truncations:
                    break
                await asyncio.sleep(0.005)
            check(phone.clears, "no clear")
            check(session.truncations, "no truncate", session.deletions)
            clear_at, position = phone.clears[0]
            _, _, end, have = session.truncations[0]
            errors.append(abs(end - position / 8))
            await asyncio.sleep(0.3)
            check(not phone.media_after_clear, "audio of the cancelled answer after clear:", len(phone.media_after_clear))
            await finish(session, phone, running, service)
            return clear_at - began

        added = []
        for delay in (0.0, 0.1, 0.3):
            for at in (0.1, 0.73, 2.2, 5.01):
                added.append(await one(delay, at))
        worst = sorted(errors)[-1]
        check(worst <= 40, "audio_end_ms is off by", sorted(errors)[-4:])
        return f"{len(errors)} interruptions: off by {np.median(errors):.0f} ms at the median, {worst:.0f} at worst; speech_started to clear {1000 * np.median(added):.1f} ms"
    finally:
        service.stop()


@scenario
async def the_goodbye_is_heard_before_the_line_closes(model):
    farewell = signals.babble(3, 7, 24000)
    model.answer = lambda session, event: (farewell, "good bye now", ("end_call", '{"reason":"done"}')) if len(session.creates) == 1 else (None, "", None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone)
        await asyncio.wait_for(running, 20)
        match, _ = signals.best_match(signals.resample(farewell, 24000, 8000), phone.heard())
        check(match >= 0.98, "the goodbye was cut:", match)
        transcript, _ = await service.record(phone.call_sid)
        check(transcript["ending"] == {"reason": "agent_hung_up", "by": "agent"}, transcript["ending"])
        check(len(session.outputs) == 1, "the tool was answered", len(session.outputs), "times")
        check(phone.closed[0] == 1000, phone.closed)
        return f"goodbye heard at {match:.3f}, closed by us"
    finally:
        service.stop()


@scenario
async def every_loss_ends_once_with_its_record(model):
    speech = signals.babble(2, 9, 24000)
    model.answer = lambda session, event: (speech, "hello", None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        # the caller's connection drops
        phone = Phone()
        session, running = await a_call(model, service, phone)
        await asyncio.sleep(0.3)
        phone.socket.transport.abort()
        await asyncio.wait([running], timeout=10)
        transcript, _ = await service.record(phone.call_sid)
        check(transcript["ending"]["reason"] == "line_lost", transcript["ending"])
        await asyncio.wait_for(session.closed.wait(), 10)
        # nonsense, binary, unknown events: the call goes on
        phone = Phone()
        session, running = await a_call(model, service, phone)
        for rubbish in ("{", '{"event":7}', '{"event":"media","media":{"payload":"!!!"}}', "[]", '{"event":"new"}', b"\x00\x01"):
            await phone.socket.send(rubbish)
        await asyncio.sleep(1)
        transcript, _ = await finish(session, phone, running, service)
        check(transcript["ending"]["reason"] == "caller_hung_up", transcript["ending"])
        # a wrong stranger costs no model
        before = len(model.sessions)
        stranger = Phone()
        try:
            await asyncio.wait_for(stranger.stream(service.base.replace("http", "ws") + "/ws", {"token": "wrong"}, 5), 8)
        except Exception:
            pass
        await asyncio.sleep(0.3)
        check(len(model.sessions) == before, "a stranger's stream opened a model session")
        # the model's socket drops
        phone = Phone()
        session, running = await a_call(model, service, phone)
        await asyncio.sleep(0.3)
        session.socket.transport.abort()
        done, _ = await asyncio.wait([running], timeout=30)
        if not done:
            await phone.hang_up()
            await asyncio.wait([running], timeout=10)
        await service.record(phone.call_sid)
        check(service.calls()["active"] == 0, service.calls())
        return "phone dropped, garbage, stranger, model dropped"
    finally:
        service.stop()


@scenario
async def each_language_has_its_own_session_and_is_switched_in_mid_call(model):
    hello = signals.babble(1, 20, 24000)
    model.answer = lambda session, event: (hello, "hello", ("switch_language", '{"language":"ta"}') if len(session.creates) == 1 and session.switch else None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        seen = {}
        for code in ("en", "hi", "mr", "te", "ta", "ml"):
            phone = Phone()
            phone.query = f"?language={code}"
            running = asyncio.ensure_future(phone.call(service.base, 20))
            session = await model.session()
            session.switch = code == "ml"
            await asyncio.wait_for(session.updated.wait(), 10)
            config = session.updates[0]["session"]
            check(config["audio"]["input"]["transcription"]["language"] == code, code, config["audio"]["input"])
            seen[code] = config["instructions"]
            if session.switch:
                for _ in range(200):
                    if len(session.updates) > 1:
                        break
                    await asyncio.sleep(0.02)
                change = session.updates[1]["session"]
                check(change["instructions"] == seen["ta"], "the switched session has other instructions")
                check(change["audio"]["input"]["transcription"]["language"] == "ta", change)
                check("voice" not in change["audio"].get("output", {}) and "format" not in change["audio"]["input"], change)
                check(service.calls()["calls"][0]["language"] == "ta", service.calls())
            transcript, _ = await finish(session, phone, running, service)
            check(transcript["language"] == code or session.switch, transcript["language"])
        check(len(set(seen.values())) == 6, "two languages share their instructions")
        return "six languages by route, one by switch"
    finally:
        service.stop()


@scenario
async def a_cough_leaves_the_answer_alone(model):
    answer = signals.babble(6, 21, 24000)
    model.answer = lambda session, event: (answer, "a b c d e f", None)
    settings = {"interruption__min_speech": "400ms", "realtime__turn_detection__interrupt_response": "false", "realtime__turn_detection__create_response": "false"}
    service = await Service(BINARY, await model.start(), **settings).ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone)
        while phone.position == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        item, _ = await session.caller_begins(interrupt=False)
        await asyncio.sleep(0.2)
        await session.caller_ends(item, "", respond=False)
        await asyncio.sleep(6.5)
        check(not phone.clears, "the cough cleared the answer")
        match, _ = signals.best_match(signals.resample(answer, 24000, 8000), phone.heard())
        check(match >= 0.98, "the answer was not heard whole:", match)
        check(len(session.creates) == 1, "the cough was answered")
        await finish(session, phone, running, service)
        return f"answer heard whole at {match:.3f}"
    finally:
        service.stop()


@scenario
async def a_paused_answer_goes_on_where_it_stopped(model):
    answer = signals.babble(6, 22, 24000)
    model.answer = lambda session, event: (answer, "a b c d e f", None)
    settings = {"interruption__policy": "pause", "interruption__resume_after": "500ms", "realtime__turn_detection__interrupt_response": "false", "realtime__turn_detection__create_response": "false"}
    service = await Service(BINARY, await model.start(), **settings).ready()
    try:
        phone = Phone(mark_delay=0.1)
        session, running = await a_call(model, service, phone)
        while phone.position == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.5)
        item, _ = await session.caller_begins(interrupt=False)
        await asyncio.sleep(0.25)
        check(len(phone.clears) == 1, "the answer was not paused")
        at = phone.clears[0][1]
        await session.caller_ends(item, "", respond=False)
        await asyncio.sleep(7.5)
        whole, heard = signals.resample(answer, 24000, 8000), np.concatenate([s for _, s in phone.played])
        before, _ = signals.best_match(whole[400 : at - 800], heard)
        after, _ = signals.best_match(whole[at + 800 :], heard)
        check(before >= 0.98 and after >= 0.98, "not everything was heard:", before, after)
        off = (len(heard) - len(whole)) / 8
        check(abs(off) <= 60, "heard", off, "ms more or less than there was")
        check(not session.truncations and not session.deletions, "a pause is no truncation")
        await finish(session, phone, running, service)
        return f"both halves heard, {off:+.0f} ms at the seam"
    finally:
        service.stop()


@scenario
async def silence_is_asked_about_and_then_ended(model):
    line = signals.babble(0.5, 23, 24000)
    model.answer = lambda session, event: (line, "still there", None)
    service = await Service(BINARY, await model.start(), limits__idle_after="2s").ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone)
        await asyncio.wait_for(running, 30)
        transcript, _ = await service.record(phone.call_sid)
        check(transcript["ending"]["reason"] == "caller_silent", transcript["ending"])
        purposes = [(c.get("response") or {}).get("metadata", {}).get("purpose") for c in session.creates]
        check(purposes[0] == "greeting" and purposes[-1] == "goodbye" and "idle_prompt" in purposes, purposes)
        check(not session.problems, session.problems[:3])
        return " → ".join(purposes)
    finally:
        service.stop()


@scenario
async def late_words_are_in_the_record(model):
    line = signals.babble(0.5, 24, 24000)
    model.answer = lambda session, event: (line, "go on", None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone)
        await asyncio.sleep(1)
        item, _ = await session.caller_begins()
        await asyncio.sleep(0.3)
        await session.caller_ends(item, None)
        await asyncio.sleep(1.2)
        last, _ = await session.caller_begins()
        await asyncio.sleep(0.2)
        await session.caller_ends(last, None, respond=False)
        await phone.hang_up()
        await asyncio.sleep(0.8)
        for which, words in ((last, "second"), (item, "first")):
            await session.send("conversation.item.input_audio_transcription.completed", item_id=which, content_index=0, transcript=words, usage={"type": "duration", "seconds": 1.0})
        await asyncio.wait_for(running, 10)
        transcript, _ = await service.record(phone.call_sid)
        said = [entry["text"] for entry in transcript["conversation"] if entry["speaker"] == "user"]
        check(said == ["first", "second"], transcript["transcripts"])
        check(transcript["latency"] and transcript["latency"][0]["total_ms"] is not None or transcript["latency"][0]["first_heard_ms"] is not None, transcript.get("latency"))
        await asyncio.wait_for(session.closed.wait(), 5)
        return f"both turns, in order; latency {transcript['latency'][0]}"
    finally:
        service.stop()


async def main():
    failed = 0
    chosen = [work for work in SCENARIOS if len(sys.argv) < 3 or sys.argv[2] in work.__name__]
    for work in chosen:
        began = time.monotonic()
        try:
            said = await asyncio.wait_for(work(Model()), 240)
            print(f"ok    {work.__name__}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {work.__name__}", flush=True)
            traceback.print_exc()
    print(f"{len(chosen) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
