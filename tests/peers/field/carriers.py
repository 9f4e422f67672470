"""What carriers ask and are told: webhooks, documents, numbers. Each case is played with others of its kind."""
import asyncio
import glob
import json
import subprocess
import xml.etree.ElementTree as ET

from line import BINARY, OURS, Line, apart, check, form_of, new_sid, parameters_of, said_by_carrier, until, waybeo

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def connects(document):
    return document.find("./Connect/Stream") is not None


def hangs_up(document):
    return [it.tag for it in document] == ["Hangup"]


@scenario
async def news_at_the_voice_address_takes_no_place():
    """Callbacks of every kind where a call is expected: no place, no stream, one hint in the log; a caller still gets in."""
    kinds = {
        "completed": dict(CallStatus="completed", CallDuration="31", CallbackSource="call-progress-events", SequenceNumber="0"),
        "busy": dict(CallStatus="busy"),
        "no-answer": dict(CallStatus="no-answer"),
        "canceled": dict(CallStatus="canceled"),
        "failed": dict(CallStatus="failed", SipResponseCode="487"),
        "ringing, told": dict(CallStatus="ringing", CallbackSource="call-progress-events", SequenceNumber="1"),
        "answered, told": dict(CallStatus="in-progress", CallbackSource="call-progress-events", SequenceNumber="2"),
        "recording": dict(CallStatus=None, RecordingSid="RE1", RecordingStatus="completed", RecordingUrl="https://api.example.com/RE1"),
        "recording of a live call": dict(CallStatus="in-progress", RecordingSid="RE1", RecordingStatus="in-progress"),
        "detection": dict(CallStatus=None, AnsweredBy="human", MachineDetectionDuration="4000"),
        "stream": dict(CallStatus=None, StreamSid="MZ1", StreamEvent="stream-started", StreamName="s"),
        "conference": dict(CallStatus=None, ConferenceSid="CF1", StatusCallbackEvent="participant-join"),
        "transcription": dict(CallStatus=None, TranscriptionSid="GT1", TranscriptionEvent="transcription-content"),
        "voicemail's words": dict(CallStatus="completed", TranscriptionSid="TR1", TranscriptionText="hello", TranscriptionStatus="completed"),
    }
    async with Line(server__max_calls=1) as line:
        taken = []
        for name, fields in kinds.items():
            status, document = await line.voice(new_sid(), **fields)
            if status not in (200, 204) or connects(document) or said_by_carrier(document)[0]:
                taken.append((name, status, ET.tostring(document)))
        check(not taken, "took a place or led somewhere:", taken)
        check(line.log().count("/twilio/voice received a status callback") == 1, line.log())
        _, document = await line.voice("CAthird")
        check(connects(document), "the caller is told that all places are taken")
        # Of a call that is expected: what it holds is freed.
        await line.voice("CAthird", CallStatus="completed", CallDuration="3")
        phone = await line.call()
        await line.voice(phone.call_sid, CallStatus="completed", CallDuration="3")
        await line.nobody()
        _, document = await line.voice(phone.call_sid, CallStatus="in-progress")
        check(hangs_up(document), "a call that is over got a second life:", ET.tostring(document))
        check(await line.metric("switchboard_calls_refused_total{reason=\"full\"}") == 0, "places were taken")
    return f"{len(kinds)} kinds of news took no place, one hint"


@scenario
async def a_stream_that_never_came_tells_the_caller_why():
    """The apology in the call's language, then the line is closed and the place is free."""
    routes = f'[{{ to = "{OURS}", language = "en" }}, {{ to = "+15550100003", language = "hi" }}, {{ to = "+15550100004", language = "ta" }}]'
    async with Line(server__max_calls=1, routes=routes) as line:
        shown = []
        for to, language, error in [(OURS, "en-US", "31920"), ("+15550100003", "hi-IN", "31901"), ("+15550100004", "ta-IN", None)]:
            sid = new_sid()
            _, document = await line.voice(sid, To=to)
            check(connects(document), to, "was refused: the place before it is not free")
            if error:
                status, _ = await line.ask("/twilio/stream-status", CallSid=sid, AccountSid="AC1", StreamSid="MZ1", StreamEvent="stream-error", StreamError=error)
                check(status == 204 and sid in line.log(), "the log does not name the call")
            _, document = await line.voice(sid, "/twilio/after-stream", To=to, CallStatus="in-progress")
            words, tag = said_by_carrier(document)
            check(words and tag == language and document[-1].tag == "Hangup", ET.tostring(document))
            shown.append(tag)
        # Whoever has hung up meanwhile is told nothing.
        sid = new_sid()
        await line.voice(sid)
        _, document = await line.voice(sid, "/twilio/after-stream", CallStatus="completed")
        check(hangs_up(document), ET.tostring(document))
        check(connects((await line.voice(new_sid()))[1]), "its place is not free")
    return "told in " + ", ".join(shown)


@scenario
async def a_live_call_that_is_asked_again_goes_on():
    """The webhook comes again while the call is on: its stream is taken, once, twice, and before the first one is gone."""
    async with Line() as line:
        sid = new_sid()
        first = parameters_of((await line.voice(sid))[1])
        check(parameters_of((await line.voice(sid))[1]) == first, "repeated before its stream: another token")
        phone = await line.call(sid)
        for early in (False, True):
            _, document = await line.voice(sid, CallStatus="in-progress")
            check(connects(document) and parameters_of(document) != first, "the used token again:", ET.tostring(document))
            if early:
                await asyncio.sleep(0.02)
                old, old_running = phone.socket, phone.running
                await line.back(phone, document)
                old_running.cancel()
                await old.close(1000)
            else:
                await phone.hang_up()
                await asyncio.sleep(0.02)
                await line.back(phone, document)
            await asyncio.sleep(0.5)
            check(not phone.running.done(), "the second stream was refused:", phone.closed)
            check(len(await line.shown()) == 1, await line.shown())
            phone.session = line.model.sessions[-1]
            await until(lambda: phone.session.updated.is_set(), 5, "no session")
            before = len(phone.received)
            await line.turn(phone)
            await until(lambda: len(phone.received) > before, 5, "nobody answers on the new stream")
        record = await line.hang_up(phone)
        check(record["ending"]["reason"] == "caller_hung_up", record["ending"])
    return "three streams, one call, one record"


@scenario
async def machines_that_answer_calls_begun_elsewhere():
    """AnsweredBy of a customer's own dialler: a machine is hung up on, a person is connected, and the model is told where we speak."""
    out = dict(Direction="outbound-api", CallStatus="in-progress", From=OURS)
    async with Line(server__max_calls=1) as line:
        for by in ("machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"):
            _, document = await line.voice(new_sid(), To="+15550177001", AnsweredBy=by, **out)
            check(hangs_up(document), by, ET.tostring(document))
        for by in ("human", "unknown", None):
            sid = new_sid()
            _, document = await line.voice(sid, To="+15550177001", AnsweredBy=by, **out)
            check(connects(document), by, ET.tostring(document))
            await line.voice(sid, "/twilio/status", CallStatus="completed")
    async with Line(outbound__voicemail="speak") as line:
        phone = await line.call(To="+15550177001", AnsweredBy="machine_end_beep", **out)
        check("answering machine" in json.dumps(phone.session.updates), "the model does not know that nobody listens")
        shown = (await line.shown())[0]
        check(shown["direction"] == "outbound" and shown["to"] == "+15550177001", shown)
        other = await line.call(To="+15550177002", AnsweredBy="human", **out)
        check("answering machine has answered" not in json.dumps(other.session.updates), "a person is taken for a machine")
    return "5 machines left, 3 people connected, a voicemail told"


@scenario
async def each_person_has_one_budget_however_they_are_written():
    """A dear call each: the same person in another spelling is refused, another person and a withheld one are not."""
    out = lambda to: dict(Direction="outbound-api", CallStatus="in-progress", From=OURS, To=to)
    people = [
        [out("+15550177001"), out("15550177001"), out("sip:+15550177001@pbx.example.com;user=phone")],
        [out("+15550177002"), out("tel:+1-555-017-7002"), dict(From="+15550177002")],
        [out("+15550177003") | {"Direction": "outbound-dial"}, out("0015550177003")],
        [dict(From="+919800000001"), dict(From="919800000001"), dict(From="+91 98000 00001"), dict(From="00919800000001")],
        [dict(From="sip:bob@pbx.example.com"), dict(From="sip:bob@PBX.example.com:5060;transport=udp"), dict(From='"Bob" <sip:bob@pbx.example.com>')],
        [dict(From="client:alice"), dict(From="client:alice")],
    ]
    withheld = ["sip:anonymous@anonymous.invalid", "sip:anonymous@192.0.2.7", "266696687", "client:anonymous", "anonymous", "+266696687", "", "Restricted", "sip:restricted@x.example.com", "sip:c8f2@anonymous.invalid", "tel:anonymous", "+7378742833", "<sip:Anonymous@Anonymous.Invalid>;tag=1", "unknown"]
    async with Line(spend__caller_hard="0.001", limits__goodbye="1s") as line:
        seen = {}

        async def dear(fields):
            phone = await line.call(**fields)
            asyncio.ensure_future(asyncio.wait([phone.running], timeout=10))
            return phone.session.caller_id

        identities = [await dear(spellings[0]) for spellings in people]
        hidden = [await dear(dict(From=number)) for number in withheld]
        check(all(identities) and len(set(identities)) == len(people), "safety identifiers:", identities)
        told = [number for number, identity in zip(withheld, hidden) if identity]
        check(not told, "withheld numbers have an identifier:", told)
        # Their calls end by themselves; those of nobody go on.
        await until(lambda: all(phone.running.done() for phone in line.calls[: len(people)]), 20, "a call beyond its budget goes on")
        check(not any(phone.running.done() for phone in line.calls[len(people) :]), "a withheld caller has a budget")
        for phone in line.calls[len(people) :]:
            await phone.hang_up()
        await line.nobody()
        for spellings in people:
            for fields in spellings:
                _, document = await line.voice(new_sid(), **fields)
                seen[str(fields.get("To", "") or "") + str(fields.get("From"))] = connects(document)
        again = [key for key, taken in seen.items() if taken]
        check(not again, "somebody else's budget:", again)
        refused = [number for number in withheld if not connects((await line.voice(new_sid(), From=number))[1])]
        check(not refused, "withheld callers share a budget:", refused)
        _, document = await line.voice(new_sid(), **out("+15550177009"))
        check(connects(document), "a person whom we call pays for others")
    return f"{len(people)} people in {len(seen)} spellings, {len(withheld)} withheld ones are nobody"


@scenario
async def a_dialled_number_is_one_number_in_every_spelling():
    """Routes by what was dialled, over both carriers."""
    routes = '[{ to = "+912250000000", language = "hi" }, { to = "+14155550100", language = "ta" }]'
    spellings = ["912250000000", "00912250000000", "+91 22 5000 0000", "+91-22-50000000", "+91 (0)22 5000 0000", "tel:+912250000000", "０２２５０００００００", "02250000000", "2250000000"]
    async with Line(routes=routes, waybeo__enabled="true", waybeo__did="dialled", numbers__country="IN") as line:

        async def language(_):
            return {call["language"] for call in await line.shown()}

        for n, spelling in enumerate(spellings):
            found = await waybeo(line, f"U{n}", language, did=spelling)
            check(found == {"hi"}, "waybeo", spelling, found)
            await line.nobody()
        for to, expected in [("14155550100", "ta"), ("+1 (415) 555-0100", "ta"), ("sip:+14155550100@trunk.example.com", "ta"), ("0014155550100", "ta"), ("+14155550101", "en")]:
            phone = await line.call(To=to)
            found = {call["language"] for call in await line.shown()}
            check(found == {expected}, "twilio", to, found)
            await line.hang_up(phone)
    return f"{len(spellings) + 5} spellings find their routes"


@scenario
async def kookoo_asks_again_and_its_caller_is_kept():
    """Its events after the stream end the call; who called is kept, each caller with their own call."""
    end = "<response><hangup/></response>"
    async with Line(waybeo__enabled="true", waybeo__did="dialled") as line:
        ask = lambda sid, **more: line.get("/waybeo/answer", sid=sid, **more)
        new = lambda n: dict(event="NewCall", cid=f"0980000000{n}", called_number="918012345678")
        for n in (1, 2, 1):
            check("<stream" in (await ask(f"1234567890{n}", **new(n)))[1], "a new call is not connected")

        async def on(socket):
            shown = {call["carrier_call_id"]: (call["from"], call["to"]) for call in await line.shown()}
            late = (await ask("12345678901", event="Stream", status="completed"))[1]
            return shown, late

        async def both(socket):
            return await waybeo(line, "12345678902", on, did="918012345678")

        shown, late = await waybeo(line, "12345678901", both, did="918012345678")
        expected = {f"1234567890{n}": (f"0980000000{n}", "918012345678") for n in (1, 2)}
        check(shown == expected, shown)
        check(late == end, "asked while our side still ends:", late)
        await line.nobody()
        for event in (dict(event="Stream", status="completed"), dict(event="GotDTMF", data="1"), dict(event="Dial", status="answered"), new(1), {}):
            answer = (await ask("12345678901", **event))[1]
            check(answer == end, event, answer)
        check("hangup" not in (await ask("12345678903", event="Hangup"))[1], "an end is answered with nothing")
        for n in (1, 2):
            record = await line.record(f"1234567890{n}")
            check(record["from"] == f"0980000000{n}", record["from"])
    return "five events end the call, two callers kept"


@scenario
async def whoever_is_erased_is_found_in_every_spelling():
    """Four calls of one person, written in four ways, and one of somebody else's, through the command."""
    spellings = ["+919800000001", "919800000001", "09800000001", "00919800000001"]
    async with Line(waybeo__enabled="true", waybeo__did="caller") as line:

        async def gone(_):
            return None

        for n, number in enumerate([*spellings, "+919800000002"]):
            await waybeo(line, f"E{n}", gone, did=number, vmn="+912250000000")
        await line.nobody()
        for n in range(5):
            await line.record(f"E{n}")

        def erase(number, country="", *more):
            environment = {"PATH": "/usr/bin:/bin", "SWITCHBOARD__RECORDS__DIR": line.service.dir + "/calls"}
            environment |= {"SWITCHBOARD__NUMBERS__COUNTRY": country} if country else {}
            command = [BINARY, "records", "erase", "--caller", number, *more]
            done = subprocess.run(command, env=environment, cwd=line.service.dir, capture_output=True, text=True, timeout=30)
            return done.returncode, done.stdout + done.stderr

        code, told = await apart(erase, "+919800000001", "", "--dry-run")
        named = [n for n in range(4) if f"call_E{n}_" in told]
        check(code != 0 or named == [0, 1, 2, 3], "passed over in silence:", code, told)
        check("call_E2_" in told or "09800000001" in told or "may be" in told, "the national one is not named:", told)
        check("call_E4_" not in told, "somebody else:", told)
        for number in ("+919800000001", "09800000001", "9800000001", "+91 98000-00001"):
            code, told = await apart(erase, number, "IN", "--dry-run")
            named = [n for n in range(5) if f"call_E{n}_" in told]
            check(code == 0 and named == [0, 1, 2, 3], number, code, told)
        code, told = await apart(erase, "09800000001", "IN")
        left = glob.glob(f"{line.service.dir}/calls/call_E*_transcript.json")
        check(code == 0 and len(left) == 1 and "call_E4_" in left[0], code, told, left)
    return "four spellings found and erased, another person left"


@scenario
async def documents_say_what_the_carrier_takes():
    """Transfers of callers without a number, what the person hears in which language, and any key that takes the call."""
    transfers = dict(
        transfers__sales='{ number = "+15550199001", description = "Sales" }',
        transfers__own='{ number = "+15550199001", caller_id = "+15550199009", description = "Own" }',
        transfers__desk='{ number = "+15550199002", whisper = "A caller: {reason}. Press any key.", description = "Desk" }',
        routes='[{ to = "+15550100003", language = "hi" }, { to = "+15550100004", language = "te" }]',
    )
    async with Line(limits__goodbye="1s", **transfers) as line:

        async def transferred(destination, reason="They ask for a person", **fields):
            arguments = json.dumps({"destination": destination, "reason": reason}, ensure_ascii=False)
            phone = await line.call(laid=[(0.3, None), (0.3, ("transfer_call", arguments))], **fields)
            await line.quiet(phone)
            await line.turn(phone, "a person please")
            await asyncio.wait_for(phone.running, 15)
            _, document = await line.voice(phone.call_sid, "/twilio/after-stream", **{**fields, "CallStatus": "in-progress"})
            dial = document.find("./Dial")
            check(dial is not None, fields, ET.tostring(document))
            return phone, dial.get("callerId")

        expected = [
            (dict(From="client:alice", Caller="client:alice"), "sales", OURS),
            (dict(From="sip:bob@pbx.example.com"), "sales", OURS),
            (dict(From="anonymous"), "sales", OURS),
            (dict(From="+266696687"), "sales", OURS),
            (dict(From=""), "sales", OURS),
            (dict(From="client:alice"), "own", "+15550199009"),
            (dict(From="client:alice", To="15550100002"), "sales", OURS),
            (dict(From=OURS, To="client:alice", Direction="outbound-api"), "sales", OURS),
            (dict(From="+15550100001"), "own", "+15550199009"),
        ]
        wrong = []
        for (fields, destination, number), (_, got) in zip(expected, await asyncio.gather(*(transferred(it[1], **it[0]) for it in expected))):
            if got != number:
                wrong.append((fields, destination, got))
        check(not wrong, "callerId:", wrong)
        _, own = await transferred("sales", From="+15550100001")
        check(own in (None, "+15550100001"), "a caller's own number is shown:", own)
        reasons = [
            ("+15550100003", "ग्राहक को बिल में गड़बड़ी की शिकायत है", "hi-IN"),
            ("+15550100003", "billing", "hi-IN"),
            ("+15550100004", "బిల్లులో తప్పు", "te-IN"),
            (OURS, "ग्राहक को शिकायत है", "hi-IN"),
            (OURS, "billing", "en-US"),
        ]
        for to, reason, language in reasons:
            phone, _ = await transferred("desk", reason, To=to)
            leg = dict(ParentCallSid=phone.call_sid, CallStatus="in-progress", Direction="outbound-dial", To="+15550199002")
            _, document = await line.voice(new_sid(), "/twilio/whisper?destination=desk", **leg)
            gather = document.find("./Gather")
            check(gather is not None and gather.get("finishOnKey") == "", ET.tostring(document))
            words, tag = said_by_carrier(document)
            check(reason in words and tag == language, to, reason, words, tag)
        for key in ("#", "*", "0", "7"):
            _, document = await line.voice(new_sid(), "/twilio/whisper-taken", Digits=key, **leg)
            check(not hangs_up(document), "does not take the call:", key)
        for nothing in (dict(Digits=""), {}):
            _, document = await line.voice(new_sid(), "/twilio/whisper-taken", **nothing, **leg)
            check(hangs_up(document), "nobody took it:", nothing)
    return f"{len(expected) + 1} caller ids, {len(reasons)} whispers, any key"
