"""Lets the official Twilio SDK sign, forge and read: who is believed, what the answers say, and what strangers cost."""

import asyncio
import hashlib
import inspect
import random
import re
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from urllib.parse import quote, urlencode

from twilio.rest.api.v2010.account.call import CallList
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus

from carrier import ACCOUNT, FORM, NEW, OLD, PUBLIC, SHARED, SHARED_KEY, STREAM, VOICE
from carrier import Api, Caller, Service, incoming, sid, sign, start_message, token_of

VOICE_URL = PUBLIC + "/twilio/voice"
STATUS_URL = PUBLIC + "/twilio/status"


def check(what, good, detail=""):
    print(f"  {'ok' if good else 'FAILED'}  {what}", flush=True)
    if not good:
        raise SystemExit(f"{what}: {detail}")


# ---- Who is believed ----------------------------------------------------------------------------------------------------


def variants(service):
    """Every way in which the SDK may sign what it sends: all are accepted."""
    pairs = incoming(sid("CA", 1))
    post = lambda url, headers, body=urlencode(pairs): service.ask("POST", url, body, {"content-type": FORM} | headers)
    signed = lambda url, token=OLD: {"X-Twilio-Signature": sign(url, pairs, token)}
    first = post("/twilio/voice", signed(VOICE_URL))
    check("a form is accepted", first[0] == 200, first)
    for what, headers in [
        ("the token of a rotation that is not the first", signed(VOICE_URL)),
        ("the first token", signed(VOICE_URL, NEW)),
        ("a header in lower case", {"x-twilio-signature": sign(VOICE_URL, pairs)}),
        ("a URL signed with its port", signed("https://voice.example.com:443/twilio/voice")),
        (
            "a shared key, SHA-256",
            {
                "X-Twilio-Signature": sign(VOICE_URL, pairs, SHARED, "HMAC_SHA256"),
                "X-Twilio-Webhooks-Signature-Settings": f"key={SHARED_KEY},algorithm=HMAC_SHA256",
            },
        ),
        (
            "a shared key, SHA-1",
            {
                "X-Twilio-Signature": sign(VOICE_URL, pairs, SHARED, "HMAC_SHA1"),
                "X-Twilio-Webhooks-Signature-Settings": f"key={SHARED_KEY}, algorithm=HMAC_SHA1",
            },
        ),
    ]:
        check(f"{what} is accepted, and the same call gets the same answer", post("/twilio/voice", headers) == first)
    repeated = pairs + [("B", "2"), ("B", "1"), ("B", "2"), ("Empty", "")]
    answer = post("/twilio/voice", {"X-Twilio-Signature": sign(VOICE_URL, repeated)}, urlencode(repeated))
    check("repeated and empty parameters are accepted", answer == first, answer)
    query = "?" + urlencode(pairs)
    answer = service.ask("GET", "/twilio/voice" + query, headers={"X-Twilio-Signature": sign(VOICE_URL + query)})
    check("a GET is accepted", answer == first, answer)
    query = "?agent=default&x=%2B1+2"
    answer = post("/twilio/voice" + query, signed(VOICE_URL + query))
    check("a query beside a form is accepted", answer == first, answer)

    body = '{"CallSid":"CA1"}'
    query = "?bodySHA256=" + hashlib.sha256(body.encode()).hexdigest()
    headers = {"content-type": "application/json", "X-Twilio-Signature": sign(STATUS_URL + query)}
    assert RequestValidator(OLD).validate(STATUS_URL + query, body, headers["X-Twilio-Signature"])
    status, _ = service.ask("POST", "/twilio/status" + query, body, headers)
    check("a raw body is believed by its hash, though this door reads forms (400)", status == 400, status)
    status, _ = service.ask("POST", "/twilio/status" + query, body + " ", headers)
    check("another body is not (403)", status == 403, status)

    for url in [STREAM, STREAM + "/", "wss://voice.example.com:443/ws", "wss://voice.example.com:443/ws/"]:
        for token in (OLD, NEW):
            service.upgrade(sign(url, token=token)).close()
    check("an upgrade signed for wss, a slash, a port, either token is accepted", True)
    before = service.counted("switchboard_calls_refused_total")
    for url in ["https://voice.example.com/ws", f"ws://127.0.0.1:{service.public}/ws", "wss://voice.example.com/", ""]:
        check(f"an upgrade signed for {url!r} is refused", refused_upgrade(service, sign(url)))
    check("each refusal is counted", service.counted("switchboard_calls_refused_total") - before == 4)


def refused_upgrade(service, signature, **headers):
    try:
        service.upgrade(signature, **headers).close()
        return False
    except InvalidStatus as error:
        return error.response.status_code == 403


def mutations(service, number):
    """Requests that are nearly right: all are refused."""
    dice, tried, wrong = random.Random(5), Counter(), []
    connection = service.connection()
    pairs = incoming(sid("CA", 1))
    good, length = sign(VOICE_URL, pairs), len(pairs)
    for count in range(number):
        kind = dice.choice(["signature", "url", "parameter", "header", "method"])
        target, body, method, headers = "/twilio/voice", list(pairs), "POST", {"content-type": FORM}
        signature, at = good, dice.randrange(length)
        if kind == "signature":
            place = dice.randrange(len(good) - 2)
            other = dice.choice([letter for letter in "abcXYZ019+/" if letter != good[place]])
            signature = dice.choice(
                [good[:place] + other + good[place + 1 :], good[:place], good + "=", good.swapcase(), "", good[::-1], "=" * 28,
                 sign(VOICE_URL, pairs, "another token"), sign(VOICE_URL, pairs, ""), sign(VOICE_URL, pairs, OLD, "HMAC_SHA256"),
                 sign(VOICE_URL, pairs, SHARED)]
            )
        elif kind == "url":
            target = dice.choice(
                ["/twilio/status", "/twilio/voice?x=%d" % count, "/twilio/voice?", "/twilio/after-stream", "/twilio/dial-result",
                 "/twilio/stream-status", "/twilio/whisper", "/twilio/voice?bodySHA256=" + "0" * 64]
            )
        elif kind == "parameter":
            name, value = body[at]
            change = dice.randrange(6)
            if change == 0:
                body[at] = (name, value + dice.choice("0 aé"))
            elif change == 1:
                body[at] = (name + "x", value)
            elif change == 2:
                del body[at]
            elif change == 3:
                body.append((f"Extra{count}", ""))
            elif change == 4:
                body[at] = (name.lower(), value)
            else:
                body.append((name, value + "2"))
        elif kind == "header":
            change = dice.randrange(5)
            settings = [f"key={SHARED_KEY},algorithm=HMAC_SHA256", "key=none,algorithm=HMAC_SHA1", "algorithm=HMAC_MD5", "algorithm=HMAC_SHA1"]
            if change < 4:
                headers["X-Twilio-Webhooks-Signature-Settings"] = settings[change]
            else:
                headers["content-type"] = dice.choice(["application/json", "text/plain", "multipart/form-data; boundary=x"])
        else:
            method = "GET"
            target += "?" + urlencode(pairs)
        if signature:
            headers["X-Twilio-Signature"] = signature
        status, _ = service.ask(method, target, urlencode(body) if method == "POST" else None, headers, connection)
        tried[kind] += 1
        if status != 403:
            wrong.append((status, kind, method, target, headers, body))
    check(f"{number} mutations are refused: {dict(tried)}", not wrong, wrong[:3])
    status, _ = service.ask("POST", "/twilio/voice", urlencode(pairs), {"content-type": FORM, "X-Twilio-Signature": good}, connection)
    check("and the request they were made of is still accepted", status == 200, status)


def spoofing(service):
    """What a request says of its own address changes nothing."""
    pairs = incoming(sid("CA", 1))
    lies = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80"}
    lies |= {"Forwarded": "host=evil.example.com;proto=http", "X-Original-URL": "/twilio/status", "X-HTTP-Method-Override": "GET"}
    ask = lambda url: service.ask(
        "POST", "/twilio/voice", urlencode(pairs), lies | {"content-type": FORM, "X-Twilio-Signature": sign(url, pairs)}
    )
    status, text = ask(VOICE_URL)
    check("a good request with false addresses is answered with ours", status == 200 and "evil" not in text, text)
    here = f"http://127.0.0.1:{service.public}/twilio/voice"
    spoofed = [ask(url)[0] for url in ("http://evil.example.com/twilio/voice", "https://evil.example.com/twilio/voice", here)]
    check("one signed for the false address is refused", spoofed == [403] * 3, spoofed)


# ---- What the answers say -----------------------------------------------------------------------------------------------


def snake(name):
    return re.sub("([A-Z])", r"_\1", name).lower().strip("_")


def rebuild(ours, theirs):
    """Makes the document anew with the SDK's classes, which know every verb and attribute there is."""
    for element in ours:
        method = getattr(theirs, snake(element.tag), None)
        if method is None:
            raise SystemExit(f"<{ours.tag}> takes no <{element.tag}>")
        known = inspect.signature(method).parameters
        given = {snake(name): value for name, value in element.attrib.items()}
        unknown = [name for name in given if name not in known]
        if unknown:
            raise SystemExit(f"<{element.tag}> has no {unknown}")
        text = (element.text or "").strip()
        if text:
            given[next(iter(known))] = text
        rebuild(element, method(**given))


def same_by_sdk(text):
    """Whether the SDK makes the same document of the same verbs."""
    root = ElementTree.fromstring(text)
    assert root.tag == "Response", root.tag
    response = VoiceResponse()
    rebuild(root, response)
    return ElementTree.canonicalize(text) == ElementTree.canonicalize(str(response)) and text.startswith("<?xml")


def documents(service):
    """Every document of a call's life, read and rebuilt by the SDK."""
    call = sid("CA", 0x700)
    twiml = service.announce(call)
    check("the SDK makes the same <Connect><Stream>", same_by_sdk(twiml), twiml)
    check("whose stream is ours", f'url="{STREAM}"' in twiml, twiml)
    caller = Caller(service, call, twiml)
    check("a caller hears the agent", caller.hears_more())
    time.sleep(1)
    check("an operator sends them to sales", service.order(call, "sales") == 202)
    check("a transfer lets the stream go in order", caller.until_closed() == 1000, caller.closed)
    pairs = incoming(call, CallStatus="in-progress")
    dial = service.post("/twilio/after-stream", pairs)
    check("the SDK makes the same <Dial>", same_by_sdk(dial) and "+14155550100" in dial, dial)
    leg = incoming(sid("CA", 0x7FF), ParentCallSid=call, CallStatus="in-progress")
    whisper = service.post(re.search(r"/twilio/whisper[^\"]*", dial)[0].replace("&amp;", "&"), leg)
    check("the SDK makes the same <Gather>", same_by_sdk(whisper) and "<Gather" in whisper, whisper)
    taken = service.post("/twilio/whisper-taken", leg + [("Digits", "1")])
    check("and the same empty document", same_by_sdk(taken), taken)
    back = service.post("/twilio/dial-result", pairs + [("DialCallStatus", "busy"), ("DialBridged", "false")])
    check("a busy line brings the caller back by the same <Connect>", same_by_sdk(back) and token_of(back) != caller.token, back)
    again = Caller(service, call, back)
    check("who hears the agent again", again.hears_more())
    again.hang_up()
    over = service.post("/twilio/after-stream", pairs)
    check("the SDK makes the same <Hangup>", same_by_sdk(over) and "<Hangup" in over, over)


def warm(service, api):
    """A transfer through a conference: what the API is asked, and every document of caller and person."""
    call = sid("CA", 0x800)
    caller = Caller(service, call)
    check("another caller hears the agent", caller.hears_more())
    check("an operator sends them to a person", service.order(call, "desk") == 202)
    check("the stream is let go in order", caller.until_closed() == 1000, caller.closed)
    pairs = incoming(call, CallStatus="in-progress")
    wait = service.post("/twilio/after-stream", pairs)
    check("the SDK makes the same <Conference> for the caller", same_by_sdk(wait) and "<Conference" in wait, wait)
    form = api.until_begun()
    known = inspect.signature(CallList.create).parameters
    check("the SDK knows every field of the call to the person", all({"from": "from_"}.get(snake(name), snake(name)) in known for name, _ in form), form)
    begun = dict(form)
    check("who is called from a number of ours", (begun["To"], begun["From"]) == ("+14155550101", "+15550100002"), begun)
    person = incoming(sid("CA", 0xA1), CallStatus="in-progress", Direction="outbound-api")
    path = begun["Url"].removeprefix(PUBLIC)
    briefing = service.post(path, person)
    check("the SDK makes the same briefing", same_by_sdk(briefing) and "Press any key" in briefing, briefing)
    path = re.search(r'action="([^"]*)', briefing)[1].replace("&amp;", "&").removeprefix(PUBLIC)
    join = service.post(path, person + [("Digits", "5")])
    room = lambda twiml: ElementTree.fromstring(twiml).findtext("Dial/Conference")
    check("and the same <Conference> for the person, which is the caller's", same_by_sdk(join) and room(join) == room(wait), join)
    again = service.post(path, person + [("Digits", "5")])
    check("whoever else presses a key joins nobody", same_by_sdk(again) and "<Hangup" in again, again)
    over = service.post("/twilio/dial-result", pairs + [("DialCallStatus", "answered")])
    check("when the person has left, the call is over", same_by_sdk(over) and "<Hangup" in over, over)


def full(service):
    """The polite refusal of a call for which there is no place."""
    answers = [service.announce(sid("CA", 0x900 + number)) for number in range(41)]
    check("the SDK makes the same <Say> of a refusal", same_by_sdk(answers[-1]) and "<Say" in answers[-1], answers[-1])


# ---- What strangers cost ------------------------------------------------------------------------------------------------


async def stranger(service, signature, messages):
    """What becomes of one: `403`, or the code its socket was closed with."""
    headers = {"x-twilio-signature": signature} if signature else {}
    try:
        url = f"ws://127.0.0.1:{service.public}/ws"
        async with connect_async(url, additional_headers=headers, compression=None) as socket:
            for message in messages:
                await socket.send(message)
            async for message in socket:
                return f"spoken to: {message[:60]}"
    except InvalidStatus as error:
        return error.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
    return socket.close_code


def strangers(service, number):
    live = [Caller(service, sid("CA", 0x500 + count)) for count in range(2)]
    check("two callers hear the agent", all(caller.hears_more() for caller in live))
    stale, fresh = sid("CA", 0x600), sid("CA", 0x601)
    expired = token_of(service.announce(stale))
    time.sleep(5.5)
    good = token_of(service.announce(fresh))
    connects, frames = service.counted("switchboard_model_connects_total"), [caller.sent for caller in live]
    upgrade, call = sign(STREAM), lambda count: sid("CA", 0x10000 + count)
    kinds = {
        "no signature": lambda n: (None, [start_message(fresh, good)], 403),
        "a foreign signature": lambda n: (sign(STREAM, token=f"guess {n}"), [start_message(fresh, good)], 403),
        "a webhook's signature": lambda n: (sign(VOICE_URL, incoming(fresh)), [start_message(fresh, good)], 403),
        "no token": lambda n: (upgrade, [start_message(call(n))], 1008),
        "a guessed token": lambda n: (upgrade, [start_message(fresh, good[:-1] + "-_"[n % 2] + str(n))], 1008),
        "a replayed token": lambda n: (upgrade, [start_message(live[n % 2].call, live[n % 2].token)], 1008),
        "an expired token": lambda n: (upgrade, [start_message(stale, expired)], 1008),
        "a token of another call": lambda n: (upgrade, [start_message(call(n), good)], 1008),
        "another account": lambda n: (upgrade, [start_message(fresh, good, "AC" + "9" * 32)], 1008),
        "two megabytes": lambda n: (upgrade, ["x" * 2_000_000], 1009),
    }

    async def again():
        # The webhook of the call that strangers try for is repeated meanwhile, and keeps its place.
        while True:
            await asyncio.sleep(2)
            assert token_of(await asyncio.to_thread(service.announce, fresh)) == good

    async def all_of_them():
        room, seen = asyncio.Semaphore(48), Counter()
        repeating = asyncio.create_task(again())

        async def one(count):
            kind = list(kinds)[count % len(kinds)]
            signature, messages, expected = kinds[kind](count)
            async with room:
                outcome = await asyncio.wait_for(stranger(service, signature, messages), 20)
            seen[kind, outcome == expected or outcome] += 1

        await asyncio.gather(*(one(count) for count in range(number)))
        repeating.cancel()
        return seen

    seen = asyncio.run(all_of_them())
    odd = {key: times for key, times in seen.items() if key[1] is not True}
    check(f"{number} strangers are turned away as they should be ({number // len(kinds)} of each of {len(kinds)} kinds)", not odd, odd)
    cost = service.counted("switchboard_model_connects_total") - connects
    check("0 connections to the model were made for them", cost == 0, cost)
    check("the live calls' sockets stood all the time", all(caller.closed is None for caller in live), [it.closed for it in live])
    on = {it["carrier_call_id"]: it["state"] for it in service.calls()}
    check("they are on, and nobody else", set(on) == {caller.call for caller in live}, on)
    check("and carried every frame", all(caller.sent > before for caller, before in zip(live, frames)))
    dropped = [call["dropped_frames"] for call in service.calls()]
    check("of which none was dropped", dropped == [0, 0], dropped)
    heard = [caller.heard for caller in live]
    for caller in live:
        caller.voice.extend(VOICE)
    check("they speak, and the agent answers", all(caller.hears_more(before) for caller, before in zip(live, heard)))
    late = Caller(service, fresh, token=good)
    check("the token that strangers borrowed is still good for its own call, once", late.hears_more())
    for caller in [*live, late]:
        caller.hang_up()


# ---- What does not start ------------------------------------------------------------------------------------------------


def starting(binary, folder):
    serve = lambda name, settings, variables: Service(binary, folder / name, settings, variables).refuses_to_start()
    code, said = serve("unready", '[twilio]\nverify = "require"', {})
    check("`require` without a token does not start", code == 2 and "TWILIO_AUTH_TOKEN" in said, (code, said))
    code, said = serve("open", '[twilio]\nverify = "off"', None)
    check("`off` at a public address does not start", code == 2 and "twilio.verify" in said, (code, said))
    code, said = serve("unsaid", "", {})
    check("nor does a public address without a token and a word on it", code == 2 and "TWILIO_AUTH_TOKEN" in said, (code, said))


def main():
    binary, began = sys.argv[1], time.monotonic()
    settings = """
[twilio]
verify = "require"
token_lifetime = "5s"
api_url = "API"
[limits]
start_timeout = "2s"
idle_after = "5m"
idle_prompts = ["5m"]
sockets_per_address = 64
[transfers.desk]
number = "+14155550101"
warm = true
[transfers.sales]
number = "+14155550100"
whisper = "A caller for you: {reason}. Press any key."
"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        starting(binary, folder)
        api = Api()
        service = Service(binary, folder / "required", settings.replace("API", api.url)).start()
        try:
            variants(service)
            spoofing(service)
            documents(service)
            warm(service, api)
            strangers(service, 1000)
            mutations(service, 10_000)
            full(service)
        except BaseException:
            print("\n".join(service.log().splitlines()[-20:]))
            raise
        finally:
            service.stop()
    print(f"  {time.monotonic() - began:.0f} s")


main()
