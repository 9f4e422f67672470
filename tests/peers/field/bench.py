"""A service with a model server that may send anything, and callers on it, each with a model that does as its script says."""
import asyncio
import base64
import json
import re
import sys
import time
import urllib.request

import numpy as np

import signals
from losses import Caller, check, phone_sounds, silences, until
from model import Model, Session
from service import Service
from trouble import plain

BINARY = sys.argv[1]
USAGE = {"total_tokens": 60, "input_tokens": 40, "output_tokens": 20, "input_token_details": {"text_tokens": 20, "audio_tokens": 20, "cached_tokens": 0}, "output_token_details": {"text_tokens": 5, "audio_tokens": 15}}
# Longest silence of a caller who is owed a word, in seconds: about three, and what a loaded machine adds.
PATIENCE = 3.6


class Odd(Session):
    """A session whose responses are pieces of a script: each takes the session and sends what it likes. Where the model has `shape`, it
    makes what is told of the session."""

    async def send(self, type_, **fields):
        shape = getattr(self.world, "shape", None)
        if shape and type_ in ("session.created", "session.updated"):
            await self.raw({"type": type_, "event_id": f"event_{next(self.ids)}"} | shape(type_, fields["session"]))
        else:
            await super().send(type_, **fields)

    async def respond(self, *what):
        if callable(what[0]):
            self.responses += 1
            await what[0](self)
        else:
            await super().respond(*what)

    async def raw(self, event):
        """Sends what no type allows: a dictionary, or a text as it stands."""
        self.log.append((time.monotonic(), "server", event.get("type") if isinstance(event, dict) else "?"))
        await self.socket.send(event if isinstance(event, str) else json.dumps(event))

    async def begin(self, **extra):
        """A response of the script's begins; its id."""
        response = f"resp_{next(self.ids)}"
        self.active = {"id": response, "cancelled": None, "items": []}
        shape = self.response(response, "in_progress", []) | extra
        await self.raw({"type": "response.created", "event_id": f"event_{next(self.ids)}", "response": shape})
        return response

    async def finish(self, response, status="completed", output=(), details=None, usage=USAGE, beside=None):
        """It ends; `beside` stands beside the response."""
        self.active = None
        shape = self.response(response, status, list(output), details, usage)
        await self.raw({"type": "response.done", "event_id": f"event_{next(self.ids)}", "response": shape} | (beside or {}))

    async def sound(self, response, pcm, words, said=None):
        """Sound of 24 kHz with its words, as a server sends them; the item that says it. `said` is what its transcript says."""
        item_id = f"item_a{next(self.ids)}"
        where = {"response_id": response, "item_id": item_id, "output_index": 0, "content_index": 0}
        item = {"id": item_id, "object": "realtime.item", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        await self.raw({"type": "response.output_item.added", "response_id": response, "output_index": 0, "item": item})
        await self.raw({"type": "conversation.item.added", "item": item, "previous_item_id": None})
        data = pcm.astype("<i2").tobytes() if self.format == "audio/pcm" else self.world.encode(pcm)
        step = 9600 if self.format == "audio/pcm" else 1600
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self.items[item_id] = self.items.get(item_id, 0) + len(piece)
            await self.raw({"type": "response.output_audio.delta", **where, "delta": base64.b64encode(piece).decode()})
            await asyncio.sleep(0.01)
        await self.raw({"type": "response.output_audio_transcript.delta", **where, "delta": words})
        await self.raw({"type": "response.output_audio.done", **where})
        await self.raw({"type": "response.output_audio_transcript.done", **where, "transcript": said or words})
        done = {**item, "status": "completed", "content": [{"type": "output_audio", "transcript": words}]}
        await self.raw({"type": "response.output_item.done", "response_id": response, "output_index": 0, "item": done})
        return done

    async def call(self, response, name, arguments="{}", index=0, item=None):
        """A function call of the script's; what stands in the response of it."""
        call_id = f"call_{next(self.ids)}"
        done = {"id": f"item_f{next(self.ids)}", "object": "realtime.item", "type": "function_call", "status": "completed", "name": name, "call_id": call_id, "arguments": arguments}
        done |= item or {}
        await self.raw({"type": "response.output_item.done", "response_id": response, "output_index": index, "item": done})
        return done

    def output(self, call):
        """What a call was answered with, or nothing yet."""
        return next((item["output"] for item in self.outputs if item["call_id"] == call["call_id"]), None)


def voice(seconds=1.0, seed=77):
    return signals.babble(seconds, seed, 24000)


def found(phone, voice_, since=-1.0):
    """How much of a voice of the model's a caller has heard after `since`, 0 to 1, and when its first word was, in seconds of the call.

    The pauses that a held-up machine makes do not count, nor that the frame before each is filled up: tenths of a second are looked
    for, and whatever lies between them is the machine's."""
    pieces = [(at, samples) for at, samples in phone.played if len(samples) and at / 8000 > since]
    narrow = signals.resample(voice_, 24000, 8000)
    if sum(len(samples) for _, samples in pieces) < len(narrow):
        return 0.0, 0.0
    whole = np.concatenate([samples for _, samples in pieces])
    match, place = signals.best_match(narrow, whole)
    if match < 0.95:
        tenths = [signals.best_match(narrow[start : start + 800], whole) for start in range(0, len(narrow) - 799, 800)]
        places = [place for match, place in tenths if match > 0.9]
        match, place = (len(places) / len(tenths), places[0]) if places and places == sorted(places) else (0.0, 0)
    for at, samples in pieces:
        if place < len(samples):
            break
        place -= len(samples)
    return match, (at + place) / 8000


# How much of an answer has to be there: a pause in the middle of a tenth of a second spoils that one.
HEARD = 0.7


class Bench:
    """One service. Each caller has a script: from the session and what it was asked, a piece to play, or nothing to speak as ever."""

    def __init__(self, files=None, variables=None, shape=None, **settings):
        self.model = Model()
        self.model.kind, self.model.shape = Odd, shape
        plain(self.model, 1.0)
        speak = self.model.answer

        def answer(session, event):
            caller = self.model.meet(session.caller_id)
            caller.asked += 1
            piece = caller.script(session, event) if caller.script else None
            return (piece,) if piece else speak(session, event)

        self.model.answer = answer
        self.callers, self.files, self.variables, self.settings = [], files, variables, settings
        self.ringing = asyncio.Lock()

    async def __aenter__(self):
        self.service = Service(BINARY, await self.model.start(), self.files, self.variables, **self.settings)
        await self.service.ready()
        return self

    async def __aexit__(self, *_):
        for caller in self.callers:
            caller.running.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self.service.stop)
        self.model.server.close()

    async def caller(self, script=None, greeted=True, hold=50):
        """Calls, and hears the greeting to its end."""
        caller = Caller(self.model)
        caller.script, caller.asked = None if greeted else script, 0
        self.callers.append(caller)
        # Whose session it is that arrives, is known by who has rung last.
        async with self.ringing:
            await caller.ring(self.service, hold)
        if greeted:
            await caller.ready()
            await until(lambda: caller.said, 8, "no greeting was asked for")
            await hears_the_model(caller, 0.0)
            await caller.quiet()
            caller.script = script
        return caller

    def text(self):
        """The log so far, without colours."""
        with open(self.service.log.name) as log:
            return re.sub(r"\x1b\[[0-9;]*m", "", log.read())

    def lines(self, *words):
        """Lines of the log that hold all of these."""
        return [line for line in self.text().splitlines() if all(word in line for word in words)]

    async def metrics(self, name, **labels):
        """The sum of a metric over the series that have these labels."""

        def get():
            with urllib.request.urlopen(self.service.admin + "/metrics", timeout=5) as answer:
                return answer.read().decode().splitlines()

        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = await asyncio.get_running_loop().run_in_executor(None, get)
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(name + r"[{ ]", line) and all(one in line for one in wanted))

    async def shown(self, caller):
        """The call as `GET /calls/{id}` has it."""

        def get():
            with urllib.request.urlopen(f"{self.service.admin}/calls/{caller.phone.call_sid}", timeout=5) as answer:
                return json.load(answer)

        return await asyncio.get_running_loop().run_in_executor(None, get)


async def turn(caller, words="hello?", respond=True, long=0.15):
    """The caller says something; when they have, on their clock."""
    item, _ = await caller.session.caller_begins()
    await asyncio.sleep(long)
    ended = caller.now()
    await caller.session.caller_ends(item, words, respond)
    return ended


async def hears(caller, since, seconds=8):
    """Waits until the caller hears something after `since`; how long they waited."""
    end = time.monotonic() + seconds
    while phone_sounds(caller.phone, since) is None:
        if caller.running.done():
            caller.running.result()
        check(time.monotonic() < end, getattr(caller, "name", ""), f"nothing was heard for {seconds} s, silences {silences(caller.phone, since)}", caller.asked, caller.phone.closed, caller.phone.problems)
        await asyncio.sleep(0.01)
    return phone_sounds(caller.phone, since) - since


async def hears_the_model(caller, since, seconds=12):
    """Waits until the newest answer of the model's is heard whole; how long after `since` its last word was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if caller.said:
            # The phone plays a message where its clock stood before that came.
            match, at = found(caller.phone, caller.said[-1][1], since - 0.2)
            if match > HEARD:
                return at - since
        await asyncio.sleep(0.15)
    check(False, getattr(caller, "name", ""), "no answer of the model's was heard after", since, "silences", silences(caller.phone, since), len(caller.said), caller.asked, len(caller.sessions))


def longest_silence(caller, since, until_=None):
    return max([b - a for a, b in silences(caller.phone, since) if until_ is None or a < until_] or [0.0])


def kinds(record):
    return {incident["kind"]: incident["times"] for incident in record["incidents"]}


def peak(pcm):
    return int(np.abs(pcm.astype(int)).max(initial=0))
