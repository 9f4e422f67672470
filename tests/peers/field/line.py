"""One service with its model and its callers, as the carriers' cases need them. The carrier is the phone, and what asks the webhooks."""
import asyncio
import base64
import glob
import http.server
import json
import os
import re
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as ET

import numpy as np
import websockets

import signals
from model import Model
from phone import Phone
from service import Service

BINARY = os.path.realpath(sys.argv[1])
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
OURS = "+15550100002"


def check(condition, *details):
    if not condition:
        raise AssertionError(" ".join(str(it) for it in details))


async def until(what, seconds, *details):
    """Waits for `what()` to be true, and answers with it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (value := what()):
        check(loop.time() < end, *details)
        await asyncio.sleep(0.02)
    return value


async def apart(work, *arguments):
    """Runs what waits for somebody else beside the phones."""
    return await asyncio.get_running_loop().run_in_executor(None, lambda: work(*arguments))


def request(url, data=None, kind="application/x-www-form-urlencoded"):
    """The status and the body of an answer, whatever it is."""
    asked = urllib.request.Request(url, data=data, headers={"Content-Type": kind} if data is not None else {})
    try:
        with urllib.request.urlopen(asked, timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


class Receiver(http.server.ThreadingHTTPServer):
    """Takes every webhook and keeps its body."""

    def __init__(self):
        self.bodies = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass


class Line:
    """A service, the model it dials and a receiver of its webhooks: `async with Line(limits__goodbye="1s") as line`."""

    def __init__(self, variables=None, speaks=0.4, tell=False, **settings):
        self.model, self.voices, self.speaks = Model(), [], speaks
        self.next, self.calls, self.variables, self.settings = [], [], dict(variables or {}), settings
        self.receiver = Receiver() if tell else None
        self.model.answer = self.answer
        self.dialling = asyncio.Lock()

    def answer(self, session, event):
        """What was laid out for the session's next answer, else a voice of its own for `speaks` seconds."""
        laid = getattr(session, "laid", self.next)
        seconds, call = laid.pop(0) if laid else (self.speaks, None)
        voice = signals.babble(seconds, 300 + len(self.voices), 24000) if seconds else None
        self.voices.append(voice)
        session.voices = getattr(session, "voices", []) + [voice]
        return voice, f"voice {len(self.voices)}", call, 200.0

    async def __aenter__(self):
        url = await self.model.start()
        if self.receiver:
            self.variables["SWITCHBOARD_WEBHOOK_SECRET"] = SECRET
            address = f"http://127.0.0.1:{self.receiver.server_address[1]}/"
            endpoint = f'[{{ name = "all", url = "{address}", allow_private = ["127.0.0.1"] }}]'
            self.settings["webhooks__endpoints"] = endpoint
        self.settings.setdefault("twilio__verify", "off")
        self.service = await Service(BINARY, url, variables=self.variables, **self.settings).ready()
        return self

    async def __aexit__(self, *_):
        for phone in self.calls:
            if not phone.running.done():
                phone.running.cancel()
        await apart(self.service.stop)
        if self.receiver:
            self.receiver.shutdown()
            self.receiver.server_close()

    # What the carrier asks.

    async def ask(self, path, **form):
        """A webhook of the carrier: status and body."""
        return await apart(request, self.service.base + path, urllib.parse.urlencode(form).encode())

    async def get(self, path, **query):
        return await apart(request, f"{self.service.base}{path}?{urllib.parse.urlencode(query)}")

    async def voice(self, sid, path="/twilio/voice", **fields):
        status, body = await self.ask(path, **form_of(sid, **fields))
        return status, (ET.fromstring(body) if body.strip() else ET.Element("Response"))

    # What operators ask.

    async def admin(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        return await apart(request, self.service.admin + path, data, "application/json")

    async def events(self, phone):
        """What a watcher of the call is told from now on until it ends, as server-sent events: a task."""
        told = await apart(urllib.request.urlopen, f"{self.service.admin}/calls/{phone.call_sid}/events")
        return asyncio.ensure_future(apart(lambda: told.read().decode()))

    async def shown(self):
        return json.loads((await self.admin("/calls"))[1])["calls"]

    async def nobody(self, seconds=8):
        for _ in range(int(seconds / 0.1)):
            if not await self.shown():
                return
            await asyncio.sleep(0.1)
        check(False, "still on:", [(call["carrier_call_id"], call["state"]) for call in await self.shown()])

    async def metric(self, name):
        text = (await self.admin("/metrics"))[1]
        return sum(float(row.rsplit(" ", 1)[1]) for row in text.splitlines() if row.startswith(name))

    def log(self):
        with open(self.service.log.name) as log:
            return re.sub(r"\x1b\[[0-9;]*m", "", log.read())

    async def record(self, sid, seconds=8):
        return (await self.service.record(sid, seconds))[0]

    def files(self):
        """Everything that is on disk, journals too, but sound; the service's own log among it."""
        kept = {}
        for path in glob.glob(f"{self.service.dir}/**/*", recursive=True):
            if os.path.isfile(path) and not path.endswith(".wav"):
                try:
                    kept[path] = open(path, errors="replace").read()
                except FileNotFoundError:
                    pass
        return kept

    # Who calls.

    async def call(self, sid=None, parameters=None, laid=None, greeted=True, **fields):
        """A caller whose stream is on and whose model session is ready. One dials at a time, so that each knows its session."""
        phone = Phone()
        phone.call_sid = sid or phone.call_sid
        phone.fields = fields
        async with self.dialling:
            if parameters is None:
                _, document = await self.voice(phone.call_sid, **fields)
                stream = document.find("./Connect/Stream")
                check(stream is not None, "the call was not taken:", ET.tostring(document))
                parameters = parameters_of(document)
            phone.token = parameters.get("token")
            url = self.service.base.replace("http", "ws") + "/ws"
            phone.running = asyncio.ensure_future(phone.stream(url, parameters, 60))
            self.calls.append(phone)
            phone.session = await self.model.session(8)
            if laid:
                phone.session.laid = laid
        await asyncio.wait_for(phone.session.updated.wait(), 8)
        if greeted:
            await until(lambda: phone.received, 8, "no greeting")
        return phone

    async def quiet(self, phone, seconds=12):
        """All that was said has been heard."""
        still = [0]

        def look():
            busy = phone.queue or phone.session.active
            still[0] = 0 if busy else still[0] + 1
            return still[0] > 15

        await until(look, seconds, "the agent does not stop")

    async def back(self, phone, document):
        """The caller's next stream, by a document of the same call."""
        phone.running = asyncio.ensure_future(phone.return_to(document, 60))
        phone.received.clear()
        await asyncio.sleep(0.1)

    async def turn(self, phone, words="and then", **more):
        session = phone.session
        item, _ = await session.caller_begins()
        await asyncio.sleep(0.1)
        await session.caller_ends(item, words, **more)
        return item

    async def hang_up(self, phone):
        await phone.hang_up()
        await asyncio.wait_for(phone.running, 10)
        return await self.record(phone.call_sid)


def form_of(sid, **fields):
    form = {"CallSid": sid, "AccountSid": "AC" + "0" * 32, "From": "+15550100001", "To": OURS, "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01", **fields}
    return {name: value for name, value in form.items() if value is not None}


def parameters_of(document):
    return {it.get("name"): it.get("value") for it in document.findall("./Connect/Stream/Parameter")}


def said_by_carrier(document):
    """What the carrier's own voice says, and in which language."""
    say = document.find(".//Say")
    return (None, None) if say is None else (say.text, say.get("language"))


def new_sid():
    return "CA" + uuid.uuid4().hex


def matches(voice, heard):
    """How much of `voice` (24 kHz) was heard, 0 to 1, and where it began, in samples of 8 kHz."""
    return signals.best_match(signals.resample(voice, 24000, 8000), heard)


async def waybeo(line, ucid, hold, **start):
    """A stream of Waybeo's, or of KooKoo's; `hold` is told the socket once media has come from the agent."""
    url = line.service.base.replace("http", "ws") + "/waybeo/ws"
    async with websockets.connect(url, compression=None) as socket:
        await socket.send(json.dumps({"event": "start", "type": "text", "ucid": ucid, **start}))
        quiet = np.zeros(80, dtype=int).tolist()
        media = {"event": "media", "type": "media", "ucid": ucid, "data": {"samples": quiet, "bitsPerSample": 16, "sampleRate": 8000, "channelCount": 1, "numberOfFrames": 80, "type": "data"}}
        await socket.send(json.dumps(media))
        await asyncio.wait_for(socket.recv(), 8)
        return await hold(socket)
