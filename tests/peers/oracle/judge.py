"""Whole calls through the built binary between a strict phone and a strict model server, neither of them ours. Usage: judge.py BINARY"""
import asyncio
import os
import sys
import time

import numpy as np

import crowd
import losses
import runner
import signals
import trouble
from model import Model
from phone import Phone
from service import HOME, Service

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
    unused = [signals.babble(2.5, 100 + n, 24000) for n in range(20)]
    voices = {}

    def answer(session, event):
        if id(session) not in voices:
            voices[id(session)] = unused.pop()
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


TRANSFERS = {"transfers__sales__number": "+15550100003", "transfers__sales__timeout": "20s"}


def transfers_once(farewell):
    """Says its farewell and asks for a transfer; after that it only speaks."""
    return lambda session, event: (farewell, "I put you through now", ("transfer_call", '{"destination":"sales","reason":"a quote"}') if len(session.creates) == 1 else None)


@scenario
async def a_caller_is_handed_on_after_the_last_word_and_comes_back(model):
    """By fall-through: the farewell is heard whole, <Dial> follows the stream, and a busy line brings the caller back within 2 s."""
    farewell = signals.babble(3, 41, 24000)
    model.answer = transfers_once(farewell)
    service = await Service(BINARY, await model.start(), **TRANSFERS).ready()
    try:
        said = []
        for status, extra in (("busy", {}), ("no-answer", {}), ("failed", {}), ("completed", {"DialBridged": "false"}), ("completed", {"DialBridged": "true"})):
            phone = Phone()
            session, running = await a_call(model, service, phone, 20)
            await asyncio.wait_for(running, 20)
            match, _ = signals.best_match(signals.resample(farewell, 24000, 8000), phone.heard())
            check(match >= 0.98, "the last words before the transfer were cut:", match)
            check(phone.closed[0] == 1000, phone.closed)
            root = await phone.ask(service.base, "/twilio/after-stream")
            number = root.find("./Dial/Number")
            check(number is not None and number.text == "+15550100003" and root.find("./Dial").get("timeout") == "20", "no <Dial>", root[0].tag)
            check(service.calls()["calls"][0]["state"] == "transferring", service.calls())
            root = await phone.ask(service.base, "/twilio/dial-result", DialCallStatus=status, DialCallSid="CA" + "1" * 32, **extra)
            if extra.get("DialBridged") == "true":
                check(root[0].tag == "Hangup", "after the person the call is over", root[0].tag)
                transcript, _ = await service.record(phone.call_sid)
                check(transcript["ending"]["reason"] == "transferred", transcript["ending"])
                check([t["outcome"] for t in transcript["transfers"]] == ["dialled", "answered"], transcript["transfers"])
                continue
            asked = time.monotonic()
            before = len(session.creates)
            running = asyncio.ensure_future(phone.return_to(root, 20))
            while len(session.creates) == before:
                await asyncio.sleep(0.01)
                check(time.monotonic() - asked < 5, "nobody speaks to the caller who came back")
            while not phone.queue and not phone.played:
                await asyncio.sleep(0.01)
            said.append(time.monotonic() - asked)
            check(len(model.sessions) == len(said), "the caller came back to another model", len(model.sessions))
            told = [item["content"][0]["text"] for item in session.texts if item["role"] == "system"]
            check(any("sales" in text for text in told), "the model is not told why", told)
            await asyncio.sleep(0.3)
            transcript, _ = await finish(session, phone, running, service)
            check(transcript["ending"]["reason"] == "caller_hung_up", transcript["ending"])
            check(len(transcript["transfers"]) == 2 and transcript["transfers"][0]["outcome"] == "dialled", transcript["transfers"])
        check(max(said) < 2, "back with the agent after", said)
        return f"5 transfers, farewell whole each time; back after {1000 * max(said):.0f} ms at most"
    finally:
        service.stop()


@scenario
async def a_word_into_the_farewell_calls_off_what_the_agent_wished(model):
    """Barge-in during the goodbye of a hang-up and of a transfer: the call goes on."""
    farewell = signals.babble(4, 42, 24000)
    calls = [("end_call", '{"reason":"done"}'), ("transfer_call", '{"destination":"sales"}')]
    service = await Service(BINARY, await model.start(), **TRANSFERS).ready()
    try:
        for call in calls:
            once = [call]
            model.answer = lambda session, event, once=once: (farewell, "good bye", once.pop() if once else None)
            phone = Phone()
            session, running = await a_call(model, service, phone, 20)
            await asyncio.sleep(1.5)
            check(service.calls()["calls"][0]["state"] in ("closing", "transferring"), service.calls())
            item, _ = await session.caller_begins()
            await asyncio.sleep(0.3)
            await session.caller_ends(item, "one more thing")
            await asyncio.sleep(6)
            check(service.calls()["active"] == 1, call[0], "was carried out although the caller spoke")
            transcript, _ = await finish(session, phone, running, service)
            check(transcript["ending"]["reason"] == "caller_hung_up", transcript["ending"])
        return "hang-up and transfer called off"
    finally:
        service.stop()


@scenario
async def the_goodbye_is_whole_in_every_one_of_forty_ends(model):
    """Twenty hang-ups and twenty transfers, farewells of 0.3 to 4 s, marks up to 300 ms late."""
    # Made before: what keeps this process busy keeps its phones from playing.
    voices = [signals.babble(0.3 + 0.2 * (n % 20), 200 + n, 24000) for n in range(40)]
    service = await Service(BINARY, await model.start(), **TRANSFERS).ready()
    try:
        def answer(session, event):
            n = model.sessions.index(session)
            return voices[n], "good bye now", ("end_call", "{}") if n < 20 else ("transfer_call", '{"destination":"sales"}')

        model.answer = lambda session, event: answer(session, event) if len(session.creates) == 1 else (None, "", None)
        phones = [Phone(mark_delay=(0.0, 0.1, 0.3)[n % 3], talk=n % 2 == 0) for n in range(40)]
        for part in (phones[:20], phones[20:]):
            await asyncio.gather(*(phone.call(service.base, 20) for phone in part))
        # Looking for the farewells keeps this process busy, and the model with it: the transferred calls would take it for lost.
        service.stop()
        worst = 1.0
        for phone in phones:
            heard = phone.heard()
            worst = min(worst, max(signals.best_match(signals.resample(voice, 24000, 8000), heard)[0] for voice in voices))
            check(phone.closed and phone.closed[0] == 1000, "the service did not close the line", phone.closed)
        check(worst >= 0.98, "a goodbye was cut:", worst)
        return f"40 of 40 heard to the last word, least correlation {worst:.4f}"
    finally:
        service.stop()


@scenario
async def barge_in_anywhere_in_an_answer(model):
    """Every 20 ms of a 10 s answer, mark echoes 0, 100 and 300 ms late: 1,500 interruptions, sixteen calls at a time. Every 200 ms without --long."""
    step = 0.02 if "--long" in sys.argv else 0.2
    answer = signals.babble(10, 3, 24000)
    model.answer = lambda session, event: (answer, " ".join(f"w{n}" for n in range(40)), None)
    service = await Service(BINARY, await model.start()).ready()
    errors, late, rejected, added, repeated = [], 0, 0, [], 0
    held_up = []

    async def watch():
        """When this process itself was held up: its phones hear late then, and their clocks run on."""
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            if time.monotonic() - due > 0.012:
                held_up.append(time.monotonic())

    watching = asyncio.ensure_future(watch())
    try:
        async def one(delay, at, session, phone, running):
            """Whether it counts."""
            nonlocal late, rejected
            await asyncio.wait_for(session.updated.wait(), 10)
            while phone.position == 0:
                await asyncio.sleep(0.002)
            await asyncio.sleep(max(0, at - phone.position / 8000))
            item, began = await session.caller_begins()
            for _ in range(1000):
                if phone.clears and (session.truncations or session.deletions):
                    break
                await asyncio.sleep(0.005)
            check(phone.clears, "no clear at", at)
            position = phone.clears[0][1]
            # A mark that was echoed late because of us counts as well.
            counts = not any(began - 0.5 < when < phone.clears[0][0] + 0.05 for when in held_up)
            await asyncio.sleep(0.25)
            late += len(phone.media_after_clear)
            rejected += len([p for p in session.problems if "truncate" in p])
            if counts:
                added.append(phone.clears[0][0] - began)
                end = session.truncations[0][2] if session.truncations else 0
                errors.append(abs(end - position / 8))
            await phone.hang_up()
            await asyncio.wait_for(running, 10)
            return counts

        tasks = [(delay, n * step) for delay in (0.0, 0.1, 0.3) for n in range(int(10 / step))]
        asked = len(tasks)
        while tasks:
            batch, tasks = tasks[:16], tasks[16:]
            started = []
            for delay, at in batch:
                phone = Phone(mark_delay=delay)
                running = asyncio.ensure_future(phone.call(service.base, 40))
                started.append((delay, at, await model.session(), phone, running))
            counted = await asyncio.gather(*(one(*call) for call in started))
            again = [case for case, counts in zip(batch, counted) if not counts]
            repeated += len(again)
            check(repeated <= 2 * asked, "this machine is too busy to judge anything")
            tasks += again
        errors.sort()
        p99 = errors[int(len(errors) * 0.99)]
        check(len(errors) == asked and p99 <= 40, "audio_end_ms is off by", errors[-5:])
        check(late == 0, late, "frames of the cancelled answer after clear")
        check(rejected == 0, rejected, "truncates rejected")
        return f"{len(errors)} interruptions: off by {np.median(errors):.0f} ms at the median, {p99:.0f} at p99, {errors[-1]:.0f} at worst; 0 frames after clear, 0 rejected; to clear {1000 * float(np.median(added)):.1f} ms; {repeated} repeated because this process was held up"
    finally:
        watching.cancel()
        service.stop()


@scenario
async def fifty_calls_are_cleared_at_once(model):
    """speech_started at the service's socket to clear on the phone's, fifty calls talking both ways."""
    answer = signals.babble(20, 43, 24000)
    model.answer = lambda session, event: (answer, "long", None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        phones = [Phone(mark_delay=0.05) for _ in range(50)]
        calls = []
        for phone in phones:
            running = asyncio.ensure_future(phone.call(service.base, 60))
            calls.append((await model.session(), phone, running))
        await asyncio.sleep(4)
        added = []
        for session, phone, _ in calls:
            _, began = await session.caller_begins()
            while not phone.clears:
                await asyncio.sleep(0)
            added.append(phone.clears[0][0] - began)
        await asyncio.gather(*(phone.hang_up() for phone in phones))
        await asyncio.gather(*(running for _, _, running in calls))
        added.sort()
        p99 = added[int(len(added) * 0.99)] * 1000
        # Everything here shares two cores with the service and the rig is Python: the figure says most about the rig.
        return f"50 calls: median {1000 * float(np.median(added)):.1f} ms, p99 {p99:.1f} ms"
    finally:
        service.stop()


@scenario
async def an_operator_s_tool_is_asked_once_and_followed_nowhere(model):
    """[tools]: arguments judged, headers from the environment, private addresses refused, redirects not followed, a filler on the wait."""
    asked = []

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")), 0)
        body = (await reader.readexactly(length)).decode()
        asked.append((head, body))
        path = head.split(" ")[1]
        if path.startswith("/slow"):
            await asyncio.sleep(3)
        answer = {"/moved": "HTTP/1.1 302 Found\r\nLocation: /stock\r\nContent-Length: 0\r\n\r\n", "/never": None}.get(path.split("?")[0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"stock\": 4}")
        if answer is None:
            await asyncio.sleep(30)
            return writer.close()
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    schema = '{ type = "object", properties = { model = { type = "string" } }, required = ["model"], additionalProperties = false }'
    settings = {}
    for name, path, extra in (("stock", "/stock", {}), ("slow", "/slow", {"timeout": "8s"}), ("moved", "/moved", {}), ("never", "/never", {"timeout": "1s"})):
        settings |= {f"tools__{name}__url": f"http://127.0.0.1:{port}{path}", f"tools__{name}__description": name, f"tools__{name}__parameters": schema, f"tools__{name}__allowed_private": '["127.0.0.1"]'}
        settings |= {f"tools__{name}__{key}": value for key, value in extra.items()}
    settings |= {"tools__private__url": f"http://localhost:{port}/stock", "tools__private__description": "private"}
    settings["agents__default__tools"] = '["end_call","stock","slow","moved","never","private"]'
    line = signals.babble(0.5, 44, 24000)
    wanted = [("stock", '{"model":"x"}'), ("stock", '{"wrong":1}'), ("moved", '{"model":"x"}'), ("never", '{"model":"x"}'), ("private", "{}"), ("slow", '{"model":"x"}')]
    model.answer = lambda session, event: (line, "let me see", wanted[session.turn] if getattr(session, "turn", None) is not None and session.fresh() else None)
    service = await Service(BINARY, await model.start(), **settings).ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone, 60)
        await asyncio.sleep(1)
        results = []
        for turn in range(len(wanted)):
            session.turn, once = turn, [True]
            session.fresh = lambda once=once: once and once.pop()
            before, outputs = len(session.creates), len(session.outputs)
            item, _ = await session.caller_begins()
            await asyncio.sleep(0.2)
            await session.caller_ends(item, "how many are there")
            for _ in range(1200):
                if len(session.outputs) > outputs:
                    break
                await asyncio.sleep(0.01)
            check(len(session.outputs) == outputs + 1, wanted[turn], "was not answered")
            results.append(session.outputs[-1]["output"])
            await asyncio.sleep(1.2)
            if wanted[turn][0] == "slow":
                purposes = [(c.get("response") or {}).get("metadata", {}).get("purpose") for c in session.creates[before:]]
                check("notice" in purposes, "no filler while the tool is waited for", purposes)
        check(results[0] == '{"stock": 4}', results[0])
        check(all('"ok":false' in result for result in results[1:5]), results)
        check(results[5] == '{"stock": 4}', results[5])
        check("private" in results[4] and str(port) not in results[4], results[4])
        paths = [head.split(" ")[1] for head, _ in asked]
        check(paths == ["/stock", "/moved", "/never", "/slow"], "asked", paths)
        check(all("idempotency-key: call_" in head.lower() for head, _ in asked), asked[0][0])
        transcript, _ = await finish(session, phone, running, service)
        check([tool["name"] for tool in transcript["tools"]] == [name for name, _ in wanted], transcript["tools"])
        return "answered, bad arguments, redirect, time-out, private address, filler: " + " | ".join(results[1:5])
    finally:
        service.stop()
        server.close()


@scenario
async def keys_do_as_configured_and_a_notice_is_heard_to_its_end(model):
    line = signals.babble(1.2, 45, 24000)
    model.answer = lambda session, event: (line, "certainly", None)
    keys = '{ "1" = "transfer sales", "2" = "say We are open from nine.", "3" = "language hi", "0" = "hang up" }'
    settings = {**TRANSFERS, "agents__default__keypad": keys, "agents__default__notice": "This call may be recorded.", "keypad__inter_digit": "300ms"}
    service = await Service(BINARY, await model.start(), **settings).ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone, 30)
        await asyncio.sleep(0.5)
        item, _ = await session.caller_begins(interrupt=False)
        await asyncio.sleep(0.2)
        await session.caller_ends(item, "hello", respond=False)
        await asyncio.sleep(3)
        check(not phone.clears, "the notice was interrupted")
        first = session.creates[0]["response"]["instructions"]
        check("This call may be recorded." in first, first)
        await phone.press("2")
        await asyncio.sleep(2)
        check("We are open from nine." in session.creates[-1]["response"]["instructions"], session.creates[-1])
        await phone.press("3")
        await asyncio.sleep(2)
        check(service.calls()["calls"][0]["language"] == "hi", service.calls())
        await phone.press("7")
        await asyncio.sleep(2)
        check(any("pressed 7" in item["content"][0]["text"] for item in session.texts), session.texts)
        await phone.press("1")
        await asyncio.wait_for(running, 15)
        root = await phone.ask(service.base, "/twilio/after-stream")
        check(root.find("./Dial/Number") is not None, root[0].tag)
        await phone.ask(service.base, "/twilio/dial-result", CallStatus="completed", DialCallStatus="canceled")
        transcript, _ = await service.record(phone.call_sid)
        check(transcript["ending"]["reason"] == "caller_hung_up", transcript["ending"])
        return "notice, say, language, model, transfer"
    finally:
        service.stop()


@scenario
async def a_recorded_greeting_does_not_wait_for_the_model(model):
    """[languages.en] greeting_audio: heard although the model takes two seconds, its words in the model's context."""
    import wave, os
    greeting = signals.babble(2, 46)
    path = os.path.join(HOME, "hello.wav")
    with wave.open(path, "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(8000), out.writeframes(greeting.astype("<i2").tobytes())
    model.created_delay = 2.0
    model.answer = lambda session, event: (None, "", None)
    service = await Service(BINARY, await model.start(), languages__en__greeting_audio=path, languages__en__greeting="Hello, this is Example Motors.").ready()
    try:
        phone = Phone()
        session, running = await a_call(model, service, phone, 20)
        await asyncio.sleep(2)
        match, at = signals.best_match(greeting, phone.heard())
        check(match >= 0.98, "the greeting was not heard:", match)
        check(phone.first_sound < 0.1, "first sound after", phone.first_sound)
        said = [item["content"][0]["text"] for item in session.texts if item["role"] == "assistant"]
        check(said == ["Hello, this is Example Motors."], said)
        check(not session.creates, "the model greets as well")
        await finish(session, phone, running, service)
        return f"first sound {1000 * phone.first_sound:.0f} ms after start, the model 2 s later"
    finally:
        service.stop()


@scenario
async def shuffled_words_are_in_order(model):
    """Ten turns whose transcriptions come late and in any order, the last after the caller has gone."""
    line = signals.babble(0.3, 47, 24000)
    model.answer = lambda session, event: (line, "go on", None)
    service = await Service(BINARY, await model.start()).ready()
    try:
        rng = np.random.default_rng(7)
        for _ in range(3):
            phone = Phone()
            session, running = await a_call(model, service, phone, 40)
            await asyncio.sleep(0.8)
            items = []
            for turn in range(10):
                item, _ = await session.caller_begins()
                await asyncio.sleep(0.08)
                await session.caller_ends(item, None, respond=turn < 9)
                items.append(item)
                await asyncio.sleep(0.5)
            order = rng.permutation(10)

            async def transcribe(n):
                await session.send("conversation.item.input_audio_transcription.completed", item_id=items[n], content_index=0, transcript=f"turn {n}", usage={"type": "duration", "seconds": 1.0})

            for n in order[:6]:
                await transcribe(n)
            await phone.hang_up()
            for n in order[6:]:
                await asyncio.sleep(0.2)
                await transcribe(n)
            await asyncio.wait_for(running, 10)
            transcript, _ = await service.record(phone.call_sid)
            said = [entry["text"] for entry in transcript["conversation"] if entry["speaker"] == "user"]
            check(said == [f"turn {n}" for n in range(10)], said)
            check(len(transcript["rich_transcript"]) == len(transcript["conversation"]), "rich_transcript is out of step")
        return "3 calls of 10 turns, all in order, none lost"
    finally:
        service.stop()


SCENARIOS += losses.SCENARIOS + trouble.SCENARIOS + crowd.SCENARIOS


# Their figures are shares of the machine, or percentiles of a load: each has the machine to itself.
ALONE = (
    twenty_callers_hear_only_their_own,
    every_loss_ends_once_with_its_record,
    the_goodbye_is_whole_in_every_one_of_forty_ends,
    barge_in_anywhere_in_an_answer,
    fifty_calls_are_cleared_at_once,
    losses.a_call_outlives_its_session_wherever_that_is_lost,
    losses.a_session_that_expires_is_replaced_and_nobody_hears_it,
    crowd.memory_is_flat_over_many_calls,
)
# Each is a service, a model server and a few callers.
AT_ONCE = int(os.environ.get("ORACLE_AT_ONCE", "4"))
LONGEST = 1800


def on_its_own_model(work):
    return work.__name__, lambda: work(Model()), work in ALONE


WANTED = [word for word in sys.argv[2:] if not word.startswith("--")]
# Only those that may run beside other judges, or only those that need the machine to themselves.
if "--beside" in sys.argv:
    SCENARIOS = [work for work in SCENARIOS if work not in ALONE]
elif "--alone" in sys.argv:
    SCENARIOS = [work for work in SCENARIOS if work in ALONE]
sys.exit(asyncio.run(runner.run([on_its_own_model(work) for work in SCENARIOS], WANTED, AT_ONCE, LONGEST)))
