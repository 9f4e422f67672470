"""What happens to a caller in the middle of a call: keys into an answer, lost sockets, signals."""
import asyncio
import glob
import json
import os
import re
import signal
import tempfile
import xml.etree.ElementTree as ET

import numpy as np

from line import Line, check, matches, new_sid, parameters_of, until
from service import HOME

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def spoken(record):
    return [(entry["text"], entry["heard"], entry["interrupted"]) for entry in record["conversation"] if entry["speaker"] != "user"]


@scenario
async def a_key_is_the_callers_word():
    """Pressed into a long answer: cleared at once, cut at what was heard, and the answer to it is what comes next."""
    keypad = '{ "2" = "say We are open.", "3" = "language hi", "*" = "repeat", "45" = "say Two keys." }'
    async with Line(agents__default__keypad=keypad) as line:

        async def one(keys):
            phone = await line.call(laid=[(0.3, None), (15.0, None)])
            await line.quiet(phone)
            session = phone.session
            await line.turn(phone, "tell me everything")
            await until(lambda: len(phone.session.voices) > 1 and phone.queue, 5, "no answer")
            await asyncio.sleep(1.5)
            before, pressed = phone.position, asyncio.get_running_loop().time()
            for key in keys:
                await phone.press(key)
                await asyncio.sleep(0.1)
            await until(lambda: phone.clears, 3, keys, "the old answer plays on")
            took = asyncio.get_running_loop().time() - pressed
            await until(lambda: session.truncations or session.closed.is_set(), 3, keys, "the item was not cut")
            if session.truncations:
                _, _, end, have = session.truncations[0]
                check(500 < end < 4000 and have > 10000, keys, f"cut at {end} of {have} ms")
            await until(lambda: phone.queue or phone.position > before + 9000, 6, keys, "no answer to the key")
            record = await line.hang_up(phone)
            check([press["key"] for press in record["keys"]] == list(keys), record["keys"])
            check(spoken(record)[1][2] is True, keys, spoken(record))
            return took

        took = await asyncio.gather(*(one(keys) for keys in ("1", "#", "2", "3", "*", "45", "123#")))
    return f"cleared within {max(took):.2f} s"


@scenario
async def a_call_outlives_its_socket():
    """Reset without a word under a call in progress: another stream, the same call, one record; twice; in an answer; in the notice."""
    async with Line(server__max_calls=9, limits__goodbye="1s") as line:

        def cut(phone):
            phone.socket.transport.abort()

        async def again(phone, expected=True):
            _, document = await line.voice(phone.call_sid, "/twilio/after-stream", CallStatus="in-progress")
            check((document.find("./Connect/Stream") is not None) == expected, ET.tostring(document))
            return document

        async def goes_on(when, times=1):
            phone = await line.call(laid=[(0.3 if when != "greeting" else 4.0, None), (6.0, None)])
            identity = (await line.shown())[0]["id"]
            if when != "greeting":
                await line.quiet(phone)
            if when == "answer":
                await line.turn(phone, "tell me")
                await until(lambda: phone.queue, 5, "no answer")
                await asyncio.sleep(0.7)
            for _ in range(times):
                cut(phone)
                await asyncio.wait([phone.running], timeout=5)
                await asyncio.sleep(0.3)
                document = await again(phone)
                check(parameters_of(await again(phone)) == parameters_of(document), "asked again: another token")
                await line.back(phone, document)
                await asyncio.sleep(0.3)
            check(not phone.running.done(), when, "the stream was refused", phone.closed)
            if when == "idle":
                await line.turn(phone, "are you there")
            await until(lambda: phone.received, 6, when, "nobody speaks on the other stream")
            mine = [call["id"] for call in await line.shown() if call["carrier_call_id"] == phone.call_sid]
            record = await line.hang_up(phone)
            check(len(mine) == 1 and record["call_id"] == mine[0] or record.get("id") == mine[0], mine, record["call_id"])
            check(record["ending"]["reason"] == "caller_hung_up", when, record["ending"])
            return identity

        async def over(how):
            phone = await line.call()
            await line.quiet(phone)
            if how == "clean close":
                await phone.hang_up()
            else:
                cut(phone)
            await asyncio.wait([phone.running], timeout=5)
            if how == "status":
                await asyncio.sleep(0.3)
                await line.voice(phone.call_sid, "/twilio/status", CallStatus="completed")
            elif how == "asked, completed":
                _, document = await line.voice(phone.call_sid, "/twilio/after-stream", CallStatus="completed")
                check(document.find("./Connect") is None, ET.tostring(document))
            record = await line.record(phone.call_sid, 3 if how != "never asked" else 9)
            wanted = {"never asked": ("line_lost",)}.get(how, ("caller_hung_up", "carrier_ended", "line_lost"))
            check(record["ending"]["reason"] in wanted, how, record["ending"])
            return record["ending"]["reason"]

        ways = ["clean close", "status", "asked, completed", "never asked"]
        endings = await asyncio.gather(*(goes_on(when) for when in ("idle", "answer", "greeting")), goes_on("idle", 2), *(over(how) for how in ways))
        await line.nobody()
    return "4 calls went on; " + ", ".join(f"{how}: {end}" for how, end in zip(ways, endings[4:]))


@scenario
async def every_line_names_the_carriers_call_and_signals_drop_none():
    """Hang-ups, refusals, losses: the log has the CallSid; SIGHUP and others leave calls alone; ended calls can still be looked up."""
    async with Line(server__max_calls=1, waybeo__enabled="true") as line:
        phone = await line.call()
        await line.quiet(phone)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            line.service.process.send_signal(number)
        await asyncio.sleep(0.3)
        before = len(phone.received)
        await line.turn(phone)
        await until(lambda: len(phone.received) > before, 5, "a signal has dropped the call")
        refused = new_sid()
        await line.voice(refused)
        check(any(refused in row and "full" in row for row in line.log().splitlines()), "a refusal without its call")
        record = await line.hang_up(phone)
        for row in line.log().splitlines():
            if record["call_id"] in row or (record.get("id") or "-") in row:
                check(phone.call_sid in row, "a line about a call without the carrier's id:", row)
        status, body = await line.admin(f"/calls/{phone.call_sid}")
        check(status == 200 and json.loads(body)["carrier_call_id"] == phone.call_sid, status, body)
        check(json.loads((await line.admin("/calls"))[1])["active"] == 0, "an ended call counts as active")
    return "four signals, one refusal, every line named"


@scenario
async def a_survivor_files_the_records_of_a_node_that_was_killed():
    """Two services over one folder of records, one of them killed: the other files its calls within a minute or so, each once, and takes its own."""
    shared = tempfile.mkdtemp(dir=HOME)
    async with Line(records__dir=shared) as lost, Line(records__dir=shared) as survivor:
        gone = [await lost.call() for _ in range(2)]
        await lost.turn(gone[0], "these words survive the service")
        await asyncio.sleep(1)
        lost.service.process.kill()

        def filed():
            return [path for phone in gone for path in glob.glob(f"{shared}/call_{phone.call_sid}_*.json")]

        await until(lambda: len(filed()) >= 4, 75, "no record:", [path for _, _, names in os.walk(shared) for path in names])
        await asyncio.sleep(0.5)
        records = {path: json.load(open(path)) for path in filed()}
        check(len(records) == 4, list(records))
        check(any("these words survive" in json.dumps(record) for record in records.values()), records)
        endings = {record["ending"]["reason"] for record in records.values() if "ending" in record}
        check(endings == {"interrupted"}, endings)
        mine = await survivor.call()
        await mine.hang_up()
        await asyncio.wait_for(mine.running, 10)
        await until(lambda: len(glob.glob(f"{shared}/call_{mine.call_sid}_*.json")) == 2, 8, "no record of the survivor's own")
        check(not glob.glob(f"{shared}/journal/*/*.journal"), "journals stay behind")
    return "two calls of the dead, one of the living"


@scenario
async def a_card_number_behind_the_pausing_key_is_kept_nowhere():
    """By key, fast and slow, behind another key, behind the notice; by an operator. Not in the record, journals, the log, webhooks, events."""
    card = "4111111111111111#"
    pauses = {"agents__default__keypad": '{ "7" = "pause recording", "8" = "resume recording", "*7" = "pause recording", "75" = "repeat" }'}
    settings = {"recording__enabled": "true", "log__level": "trace", "records__journal_commit": "0ms", "server__max_calls": 9}
    ways = {"37 fast": ("37", 0.2), "3, 7": ("3_7", 0.2), "37 faster": ("37", 0.02), "slow": ("3_7", 2.0), "*7": ("3*7", 0.1), "operator": ("3_!", 0.1)}

    async def one(line, way, noticed):
        before, wait = ways[way]
        phone = await line.call(laid=[(4.0 if noticed else 0.3, None)])
        watched = await line.events(phone)
        if not noticed:
            await line.quiet(phone)
        for key in before:
            if key == "_":
                await asyncio.sleep(2)
            elif key == "!":
                check((await line.admin(f"/calls/{phone.call_sid}/recording", {"paused": True}))[0] == 200, "no pause")
            else:
                await phone.press(key)
        await asyncio.sleep(wait)
        for key in card:
            await phone.press(key)
        await asyncio.sleep(0.2)
        await phone.press("8")
        await until(lambda: not phone.queue, 12, "the notice does not end")
        await asyncio.sleep(2)
        await phone.press("5")
        await asyncio.sleep(0.5)
        kept = line.files()
        record = await line.hang_up(phone)
        written = "".join(press["key"] for press in record["keys"])
        check(written == re.sub("[_!]", "", before) + "5", way, noticed, "keys in the record:", written)
        check(record["analytics"]["keys_withheld"] == len(card) + 1, way, noticed, record["analytics"])
        told = re.findall(r'"key":"(.)"', await asyncio.wait_for(watched, 5))
        check("".join(told) == written, way, noticed, "keys in the events:", told)
        return [*kept.values(), *line.files().values(), *line.receiver.bodies, *map(str, phone.session.texts)]

    async with Line(tell=True, **pauses, **settings) as line, Line(tell=True, agents__default__notice='"Recorded."', **pauses, **settings) as noticing:
        kept = await asyncio.gather(*(one(line, way, False) for way in ways), *(one(noticing, way, True) for way in ways if "_" not in ways[way][0]))
        for text in sum(kept, []):
            check("4111111" not in text, "a card number is kept:", text[:2000])
            check(not re.search(r"KeyPressed\W+[41#]|key_pressed\W+[41#]", text), "a key is kept:", text[:2000])
    return f"{len(kept)} calls"


@scenario
async def a_notice_is_heard_to_its_end_whatever_is_pressed():
    """The notice of an agent and the consent to a recording: whole, uncut, cleared by no key; what the key does follows."""
    keypad = {"agents__default__keypad": '{ "1" = "say We are open.", "3" = "hang up", "*" = "repeat" }', "server__max_calls": 9}

    async def one(line, keys, early=False):
        phone = await line.call(laid=[(4.0, None), (1.0, None), (1.2, None)], greeted=not early)
        for key in keys:
            await asyncio.sleep(0.0 if early else 1.0 if key == keys[0] else 0.2)
            await phone.press(key)
        await until(lambda: phone.running.done() or not keys or len(getattr(phone.session, "voices", [])) > 1, 12, keys, "nothing follows the notice")
        await asyncio.wait([phone.running, asyncio.ensure_future(line.quiet(phone, 16))], return_when=asyncio.FIRST_COMPLETED)
        voices, heard = phone.session.voices, np.concatenate([samples for _, samples in phone.played])
        score, at = matches(voices[0], heard)
        check(score > 0.9, keys, f"the notice was not heard to its end: {score:.4f} at {at}", phone.clears)
        check(not phone.clears or min(at for _, at in phone.clears) >= 31900, keys, "the notice was cleared", phone.clears)
        record = await line.record(phone.call_sid) if phone.running.done() else await line.hang_up(phone)
        check(spoken(record)[0][2] is False, keys, spoken(record))
        return score

    async with Line(agents__default__notice='"Recorded."', **keypad) as noticing, Line(recording__enabled="true", recording__consent='"Recorded."', **keypad) as recording:
        scores = await asyncio.gather(*(one(line, keys) for line in (noticing, recording) for keys in ("", "1", "3", "*", "5", "42#", "11")))
        scores += await asyncio.gather(*(one(line, keys, True) for line in (noticing, recording) for keys in ("1", "3", "5#")))
    return f"worst match {min(scores):.4f}"


@scenario
async def a_caller_whose_words_fail_is_no_silent_caller():
    """Turns whose transcription fails, or never comes, count; empty ones are noise. Longer than the shortest `longest_without_words`."""
    async with Line(limits__longest_without_words="10s", limits__goodbye="1s", server__max_calls=9) as line:

        async def one(how):
            phone = await line.call()
            for number in range(8):
                if phone.running.done():
                    break
                item = await line.turn(phone, {"empty": "", "right": f"word {number}"}.get(how))
                if how == "failed":
                    error = {"type": "server_error", "code": None, "message": f"Input transcription failed for item '{item}'.", "param": None}
                    await phone.session.send("conversation.item.input_audio_transcription.failed", item_id=item, content_index=0, error=error)
                await asyncio.wait([phone.running], timeout=2.5)
            record = await line.record(phone.call_sid) if phone.running.done() else await line.hang_up(phone)
            wanted = "caller_silent" if how == "empty" else "caller_hung_up"
            check(record["ending"]["reason"] == wanted, how, record["ending"])
            missing = record["analytics"]["turns_without_words"]
            check((missing > 0) == (how in ("failed", "never")), how, "turns without words:", missing)
            if how == "failed":
                check(any(phone.call_sid in row and "transcri" in row.lower() for row in line.log().splitlines()), "nothing in the log")
            return f"{how}: {record['ending']['reason']}, {missing}"

        return "; ".join(await asyncio.gather(*(one(how) for how in ("failed", "never", "empty", "right"))))
